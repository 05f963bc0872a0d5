//! Scenes from their origins, then from nodes that hold them. Each gateway is known by the certificate that its owner published
//! on the chain; every manifest and chunk is checked against its name.

use std::path::PathBuf;

use client::gateway::{Auth, Gateway, Trust};
use farm::Digest;
use farm::chunks::{MAX_CHUNK_BYTES, Manifest, Pin, StoreError};
use proto::tetra::render::v1 as wire;

use super::chain::digest;
use super::node::RenderNode;
use super::trouble::Trouble;

/// Bytes of a manifest.
const MANIFEST_BYTES: usize = 16 << 20;

impl RenderNode {
    /// A scene's manifest, with all of its chunks here and kept until the pin is dropped. `told` hears of thousandths.
    pub(super) async fn fetch(
        &self,
        scene: &wire::Scene,
        told: &(dyn Fn(u32) + Send + Sync),
    ) -> Result<(Manifest, Pin), Trouble> {
        let id = digest(&scene.manifest).ok_or_else(|| Trouble::Odd("the scene's name has not 32 bytes".to_owned()))?;
        let mut failures = Vec::new();
        if let Some(whole) = self.whole(id) {
            return Ok(whole);
        }
        for (endpoint, owner) in self.sources(scene).await? {
            let from = async || {
                let trust = Trust::on_chain(self.chain.node(), &owner).await.map_err(|error| error.to_string())?;
                let auth = Auth::Token(self.chain.token());
                let gateway = Gateway::new(&endpoint, trust, auth).map_err(|error| error.to_string())?;
                self.fetch_from(&gateway, id, told).await
            };
            // A token ends after a quarter of an hour, and connections break: it goes on as long as something comes.
            let mut left = usize::MAX;
            loop {
                let why = match from().await {
                    Ok(()) => match self.whole(id) {
                        Some(whole) => return Ok(whole),
                        None => "chunks were thrown away for want of room".to_owned(),
                    },
                    Err(why) => why,
                };
                let missing = self.scenes.manifest(&id).map(|manifest| self.scenes.store().missing(&manifest).len());
                match missing.filter(|missing| *missing < left) {
                    Some(missing) => left = missing,
                    None => {
                        failures.push(format!("{endpoint}: {why}"));
                        break;
                    }
                }
            }
        }
        let why = if failures.is_empty() {
            format!("no node of the chain offers it (origins: {})", scene.origins.join(", "))
        } else {
            failures.join("; ")
        };
        Err(Trouble::Fetch(why))
    }

    /// The file of a scene whose chunks were fetched. Where the disk has spoilt some since, all of those are fetched anew, once.
    pub(super) async fn scene_file(&self, scene: &wire::Scene, manifest: &Manifest) -> Result<PathBuf, Trouble> {
        match self.scenes.assemble(manifest) {
            Ok(file) => return Ok(file),
            Err(StoreError::Mismatch { .. } | StoreError::Missing(_)) => {
                let chunks = self.scenes.store().weed(manifest)?;
                tracing::warn!(scene = %manifest.id(), chunks, "chunks of a scene were spoilt on disk; they are fetched anew");
            }
            Err(error) => return Err(error.into()),
        }
        let (manifest, _pin) = self.fetch(scene, &|_| {}).await?;
        Ok(self.scenes.assemble(&manifest)?)
    }

    fn whole(&self, id: Digest) -> Option<(Manifest, Pin)> {
        let manifest = self.scenes.manifest(&id)?;
        let pin = self.scenes.store().pin(&manifest);
        self.scenes.store().missing(&manifest).is_empty().then_some((manifest, pin))
    }

    /// Gateways that may have it, and their owners: the origins first. An origin that is no node's gateway is left out, for
    /// nobody vouches for its certificate.
    async fn sources(&self, scene: &wire::Scene) -> Result<Vec<(String, String)>, Trouble> {
        let own = Some(self.id());
        let all = self.chain.render_nodes("", &[]).await?;
        let holding = self.chain.render_nodes("", &scene.manifest).await?;
        let mut found: Vec<(String, String)> = Vec::new();
        let origins = scene.origins.iter().filter_map(|origin| all.iter().find(|node| node.endpoint == *origin));
        for node in origins.chain(&holding).filter(|node| node.id != own) {
            let owner = node.id.as_ref().map(|id| id.owner.clone()).unwrap_or_default();
            if !found.iter().any(|(endpoint, _)| *endpoint == node.endpoint) {
                found.push((node.endpoint.clone(), owner));
            }
        }
        Ok(found)
    }

    async fn fetch_from(
        &self,
        gateway: &Gateway,
        id: Digest,
        told: &(dyn Fn(u32) + Send + Sync),
    ) -> Result<(), String> {
        let name = id.to_string();
        let manifest = match self.scenes.manifest(&id) {
            Some(known) => known,
            None => {
                let bytes = gateway.scene(&name, MANIFEST_BYTES).await.map_err(|error| error.to_string())?;
                if Digest::of(&bytes) != id {
                    return Err("it gave another manifest".to_owned());
                }
                self.scenes.remember(&bytes).map_err(|error| error.to_string())?
            }
        };
        let _pin = self.scenes.store().pin(&manifest);
        let missing = self.scenes.store().missing(&manifest);
        for (number, chunk) in missing.iter().enumerate() {
            let most = MAX_CHUNK_BYTES as usize;
            let bytes = gateway.chunk(&name, &chunk.id.to_string(), most).await.map_err(|error| error.to_string())?;
            self.scenes.store().put(&chunk.id, &bytes).map_err(|error| error.to_string())?;
            let permille = (number + 1) * 1000 / missing.len();
            told(u32::try_from(permille).unwrap_or(1000));
        }
        Ok(())
    }
}
