//! What creators and auditors ask, answered from disk and by the chain's word.

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use client::render::{Offered, RenderStatus, Trial, TrialAsk, UnitPath};
use farm::Digest;
use farm::pixels::read_image;
use farm::preview::{fit, jpeg, watermark};

use super::desk::{Finished, RenderDesk, RenderRefusal};
use super::node::RenderNode;
use super::records::{Attempt, as_exr, decoy};
use super::rights;
use crate::agent::lock;

pub(super) fn internal(error: impl ToString) -> RenderRefusal {
    RenderRefusal::Internal(error.to_string())
}

/// Does what blocks where blocking is right.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RenderRefusal> + Send + 'static,
) -> Result<T, RenderRefusal> {
    tokio::task::spawn_blocking(work).await.map_err(internal)?
}

impl RenderNode {
    /// This node as its gateway sees it; none while it is not to be enabled.
    pub(crate) fn desk(self: &Arc<Self>) -> Option<Arc<dyn RenderDesk>> {
        lock(&self.board).enabled.then(|| Arc::new(Counter(Arc::clone(self))) as Arc<dyn RenderDesk>)
    }
}

struct Counter(Arc<RenderNode>);

impl Counter {
    fn newest(&self, unit: &UnitPath) -> Result<Attempt, RenderRefusal> {
        let none = || RenderRefusal::NotFound("this node has no finished picture of that unit (yet)".to_owned());
        self.0.records.newest(unit).map_err(internal)?.ok_or_else(none)
    }
}

#[async_trait]
impl RenderDesk for Counter {
    async fn offer(&self, _: &str, manifest: &[u8]) -> Result<Offered, RenderRefusal> {
        let (node, manifest) = (Arc::clone(&self.0), manifest.to_vec());
        aside(move || node.scenes.offer(&manifest)).await
    }

    async fn put_chunk(&self, manifest: Digest, chunk: Digest, bytes: &[u8]) -> Result<(), RenderRefusal> {
        let (node, bytes) = (Arc::clone(&self.0), bytes.to_vec());
        aside(move || node.scenes.put(&manifest, &chunk, &bytes)).await
    }

    async fn trial(&self, caller: &str, manifest: Digest, ask: TrialAsk) -> Result<Trial, RenderRefusal> {
        self.0.trial(caller, manifest, ask).await
    }

    async fn scene(&self, caller: &str, manifest: Digest) -> Result<Vec<u8>, RenderRefusal> {
        self.0.rights.scene(&self.0.chain, caller, manifest).await?;
        let none = || RenderRefusal::NotFound(format!("the scene {manifest} is not here"));
        Ok(self.0.scenes.manifest(&manifest).ok_or_else(none)?.encode())
    }

    async fn chunk(&self, caller: &str, manifest: Digest, chunk: Digest) -> Result<Vec<u8>, RenderRefusal> {
        self.0.rights.scene(&self.0.chain, caller, manifest).await?;
        let node = Arc::clone(&self.0);
        aside(move || node.scenes.chunk(&manifest, &chunk)).await
    }

    async fn preview(&self, caller: &str, unit: &UnitPath, width: u32) -> Result<Vec<u8>, RenderRefusal> {
        rights::creator(caller, unit)?;
        let newest = match self.newest(unit) {
            Err(none @ RenderRefusal::NotFound(_)) => {
                let stages = lock(&self.0.board).stage_of(unit);
                return Err(stages.map_or(none, |stage| {
                    RenderRefusal::NotFound(format!("there is no picture of that unit yet; it is {stage}"))
                }));
            }
            other => other?,
        };
        let path = self.0.records.folder(unit, newest.attempt).join("file");
        if newest.name.ends_with(".tar") {
            let text = "the scene writes several files, of which there is no single picture".to_owned();
            return Err(RenderRefusal::NotFound(text));
        }
        aside(move || {
            let image = read_image(File::open(path).map_err(internal)?).map_err(internal)?;
            let mut small = fit(&image.to_rgb8().map_err(internal)?, width, u32::MAX);
            watermark(&mut small);
            jpeg(&small).map_err(internal)
        })
        .await
    }

    async fn file(&self, caller: &str, unit: &UnitPath) -> Result<Finished, RenderRefusal> {
        rights::creator(caller, unit)?;
        let newest = self.newest(unit)?;
        let frame = self.0.chain.render_frame(unit).await.map_err(rights::unavailable)?;
        rights::file(frame.as_ref(), &self.0.id(), newest.attempt)?;
        Ok(Finished { path: self.0.records.folder(unit, newest.attempt).join("file"), name: newest.name })
    }

    async fn tile(&self, caller: &str, unit: &UnitPath, attempt: u32, tile: u32) -> Result<Vec<u8>, RenderRefusal> {
        let audit = self.0.chain.render_audit(unit, attempt).await.map_err(rights::unavailable)?;
        let none = || RenderRefusal::NotFound("the chain has no audit of that attempt".to_owned());
        let is_open = rights::tile(&audit.ok_or_else(none)?, caller, tile)?;
        let known = self.0.records.attempt(unit, attempt).map_err(internal)?;
        let known = known.ok_or_else(|| RenderRefusal::NotFound("that attempt was not rendered here".to_owned()))?;
        // Before the opening nobody is to see what must be found by rendering.
        if !is_open && !known.planted.contains(&tile) {
            let text = "tiles are shown once they are opened; render them and commit first".to_owned();
            return Err(RenderRefusal::Forbidden(text));
        }
        let records = self.0.records.clone();
        aside(move || {
            let buffers = records.tile(&known, tile).map_err(internal)?;
            let shown = if is_open { buffers } else { decoy(&buffers).map_err(internal)? };
            as_exr(&shown).map_err(internal)
        })
        .await
    }

    async fn status(&self, caller: &str) -> Result<RenderStatus, RenderRefusal> {
        if caller != self.0.chain.address() {
            return Err(RenderRefusal::Forbidden(format!("this is for the node's owner, not for {caller}")));
        }
        Ok(lock(&self.0.board).show(self.0.cache()))
    }
}
