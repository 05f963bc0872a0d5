//! Audits: as an auditor, tiles rendered again, committed to and revealed; as the audited, drawn tiles opened with their proofs.

use std::io::Cursor;
use std::sync::Arc;

use client::gateway::{Auth, Gateway, Trust};
use client::render::UnitPath;
use farm::Digest;
use farm::engine::{RenderEngine, Work};
use farm::estimate::frame_size;
use farm::pixels::{Buffers, compare, merkle, read_exr, tile_digest};
use ledger::capacity::HostKey;
use proto::ToAny;
use proto::tetra::render::v1 as wire;
use proto::tetra::render::v1::AuditStage;

use super::chain::{digest, job_id, path_of, unit_id};
use super::cut::Cut;
use super::node::RenderNode;
use super::records::{Attempt, Found, FoundTile};
use super::tools::Tools;
use super::trouble::Trouble;
use super::work::{frame_number, options};

/// Bytes of a tile's file.
const TILE_BYTES: usize = 512 << 20;

impl RenderNode {
    /// This node's part in the running round of an audit.
    fn part<'a>(&self, audit: &'a wire::Audit) -> Option<&'a wire::AuditorPart> {
        let own = Some(self.id());
        audit.auditors.iter().find(|part| part.auditor == own && part.round == audit.round)
    }

    /// Whether this node as an auditor has something to do now.
    pub(super) fn is_due(&self, audit: &wire::Audit) -> bool {
        self.part(audit).is_some_and(|part| match audit.stage() {
            AuditStage::Committing => part.commitment.is_empty() && part.declined.is_empty(),
            AuditStage::Opening => !audit.opened.is_empty() && !part.commitment.is_empty() && part.tiles.is_empty(),
            _ => false,
        })
    }

    /// Does what an auditor has to do now.
    pub(super) async fn audit(self: Arc<Self>, tools: Arc<Tools>, unit: UnitPath, audit: wire::Audit) {
        let attempt = audit.attempt;
        let commits = audit.stage() == AuditStage::Committing;
        let done = match commits {
            true => self.commit_audit(&tools, &unit, &audit).await,
            false => self.reveal(&unit, &audit).await,
        };
        match done {
            Ok(()) => {
                self.metrics.audits.one(&[if commits { "committed" } else { "revealed" }]);
                let phase = if commits { "committed" } else { "revealed" };
                tracing::info!(unit = %unit, attempt, phase, "audited a render");
            }
            Err(trouble) => {
                self.trouble(Some(&unit), &trouble);
                // What is no matter of the chain's stops the auditor alone, and the audited is not to wait for it.
                if let (true, Some(code)) = (commits, trouble.code()) {
                    self.metrics.audits.one(&["declined"]);
                    let reason = format!("{code}: {}", trouble.text()).chars().take(120).collect();
                    let (auditor, id) = (Some(self.id()), Some(unit_id(&unit)));
                    let message = wire::MsgDeclineAudit { auditor, unit: id, attempt, reason };
                    if let Err(error) = self.chain.send(vec![message.to_any()]).await {
                        self.trouble(Some(&unit), &error.into());
                    }
                }
            }
        }
    }

    async fn commit_audit(&self, tools: &Tools, unit: &UnitPath, audit: &wire::Audit) -> Result<(), Trouble> {
        let found = match self.records.found(unit, audit.attempt, audit.round)? {
            Some(found) => found,
            None => {
                let found = self.look(tools, unit, audit).await?;
                self.records.save_found(unit, audit.attempt, audit.round, &found)?;
                workload::crash::at("audit-kept");
                found
            }
        };
        let salt = hex::decode(&found.salt).map_err(|error| Trouble::Odd(error.to_string()))?;
        let tiles: Vec<wire::AuditedTile> = found.tiles.iter().map(plain).collect();
        let id = self.id();
        let wrong = |error: String| Trouble::Odd(error);
        let owner = self.chain.facts().prefix.parse(&id.owner).map_err(|error| wrong(error.to_string()))?;
        let host: HostKey = id.host_key.as_slice().try_into().map_err(|_| wrong("the host key has 32 bytes".into()))?;
        let own = ::render::ids::NodeId { owner, host };
        let commitment = ::render::proof::commitments::audit(&salt, &own, &tiles).to_vec();
        let (auditor, unit, attempt) = (Some(id), Some(unit_id(unit)), audit.attempt);
        let message = wire::MsgCommitAudit { auditor, unit, attempt, commitment };
        self.chain.send(vec![message.to_any()]).await?;
        Ok(())
    }

    /// Renders the drawn tiles.
    async fn look(&self, tools: &Tools, unit: &UnitPath, audit: &wire::Audit) -> Result<Found, Trouble> {
        let job = self.chain.render_job(&job_id(unit)).await?;
        let job = job.ok_or_else(|| Trouble::Odd("the chain has no such job".to_owned()))?;
        let frame = self.chain.render_frame(unit).await?;
        let frame = frame.ok_or_else(|| Trouble::Odd("the chain has no such unit".to_owned()))?;
        let scene = job.scene.clone().unwrap_or_default();
        let (manifest, _pin) = self.fetch(&scene, &|_| {}).await?;
        let _turn = self.turn.acquire().await.map_err(|error| Trouble::Odd(error.to_string()))?;
        let begin = std::time::Instant::now();
        let scene = self.scene_file(&scene, &manifest).await?;
        let (number, options) = (frame_number(&frame)?, options(&job)?);
        let work = Work { scene, frame: number, options, device: tools.device, threads: Some(tools.threads) };
        let cut = Cut::of(audit.grid.as_ref(), frame_size(&tools.engine, &work).await?, frame.tile)?;
        let mut tiles = Vec::new();
        for index in &audit.tiles {
            let rect = cut.rect(*index);
            let rect = rect.ok_or_else(|| Trouble::Odd(format!("tile {index} was drawn and is not there")))?;
            let rendered = tools.engine.render(&work, Some(rect), &|_| {}).await?;
            let elapsed_ms = (rendered.seconds * 1000.0).ceil().max(1.0) as u64;
            tiles.push(FoundTile { index: *index, hash: tile_digest(&rendered.buffers), elapsed_ms });
            let file = self.records.audited_tile(unit, audit.attempt, *index);
            std::fs::write(file, super::records::as_exr(&rendered.buffers)?)?;
        }
        self.metrics.busy_seconds.observe(&["audit"], begin.elapsed());
        Ok(Found { salt: hex::encode(rand::random::<[u8; 32]>()), cut, tiles })
    }

    async fn reveal(&self, unit: &UnitPath, audit: &wire::Audit) -> Result<(), Trouble> {
        let found = self.records.found(unit, audit.attempt, audit.round)?;
        let found = found.ok_or_else(|| Trouble::Odd("what was committed to is not on disk any more".to_owned()))?;
        let mut tiles = Vec::new();
        for tile in &found.tiles {
            let mut audited = plain(tile);
            let opened = audit.opened.iter().find(|opened| opened.index == tile.index);
            let other = opened.and_then(|opened| digest(&opened.hash)).filter(|opened| *opened != tile.hash);
            if let Some(other) = other {
                match self.compare(unit, audit, tile.index, other, found.cut).await {
                    Ok((differing, values, error_micros)) => {
                        (audited.differing, audited.values, audited.error_micros) = (differing, values, error_micros);
                    }
                    // The digests alone tell that they differ; how much does not matter within one class.
                    Err(trouble) => self.trouble(Some(unit), &trouble),
                }
            }
            tiles.push(audited);
        }
        let salt = hex::decode(&found.salt).map_err(|error| Trouble::Odd(error.to_string()))?;
        let (auditor, id, attempt) = (Some(self.id()), Some(unit_id(unit)), audit.attempt);
        let message = wire::MsgRevealAudit { auditor, unit: id, attempt, tiles, salt };
        self.chain.send(vec![message.to_any()]).await?;
        Ok(())
    }

    /// How far this node's tile is from that which the audited opened: values that differ, of how many, and the relative error in
    /// millionths, rounded up.
    async fn compare(
        &self,
        unit: &UnitPath,
        audit: &wire::Audit,
        index: u32,
        opened: Digest,
        cut: Cut,
    ) -> Result<(u64, u64, u64), Trouble> {
        let node = audit.node.clone().unwrap_or_default();
        let known = self.chain.render_node(&node).await?.ok_or_else(|| Trouble::Odd("no such node".to_owned()))?;
        let trust = Trust::on_chain(self.chain.node(), &node.owner).await?;
        let gateway = Gateway::new(&known.endpoint, trust, Auth::Token(self.chain.token()));
        let gateway = gateway.map_err(|error| Trouble::Fetch(error.to_string()))?;
        let theirs = gateway.tile(unit, audit.attempt, index, TILE_BYTES).await;
        let theirs = theirs.map_err(|error| Trouble::Fetch(error.to_string()))?;
        let own = std::fs::read(self.records.audited_tile(unit, audit.attempt, index))?;
        let rect = cut.rect(index).ok_or_else(|| Trouble::Odd(format!("the unit has no tile {index}")))?;
        let read =
            |bytes: Vec<u8>| read_exr(Cursor::new(bytes), cut.frame.0, cut.frame.1, rect).map(|(buffers, _)| buffers);
        let (own, theirs): (Buffers, Buffers) = (read(own)?, read(theirs)?);
        if tile_digest(&theirs) != opened {
            return Err(Trouble::Odd(format!("the audited shows another tile {index} than it opened")));
        }
        let compared = compare(&theirs, &own)?;
        let values = 3 * rect.area();
        let differing = (compared.differing_8bit * values as f64).ceil() as u64;
        let error = (compared.relative_rmse * 1e6).ceil().min(1e15) as u64;
        Ok((differing.min(values), values, error))
    }

    /// Opens every audit of this node's own renders that waits for it.
    pub(super) async fn open_all(&self, duties: &[wire::Audit]) {
        let own = Some(self.id());
        for audit in duties {
            let waits = audit.stage() == AuditStage::Opening && audit.node == own && audit.opened.is_empty();
            let (true, Some(unit)) = (waits, audit.unit.as_ref().map(path_of)) else { continue };
            match self.open_frame(&unit, audit).await {
                Ok(()) => {
                    self.metrics.audits.one(&["opened"]);
                    tracing::info!(unit = %unit, attempt = audit.attempt, "opened the drawn tiles of a render");
                }
                Err(trouble) => self.trouble(Some(&unit), &trouble),
            }
        }
    }

    async fn open_frame(&self, unit: &UnitPath, audit: &wire::Audit) -> Result<(), Trouble> {
        let known = self.records.attempt(unit, audit.attempt)?;
        let known = known.ok_or_else(|| Trouble::Odd("what was committed to is not on disk any more".to_owned()))?;
        let (plants, salt) = match audit.plants.is_empty() {
            true => (Vec::new(), Vec::new()),
            false => {
                let salt = hex::decode(&known.salt).map_err(|error| Trouble::Odd(error.to_string()))?;
                (self.planted(&known)?, salt)
            }
        };
        let tiles = opened(&known, &audit.tiles)?;
        let (node, id, attempt) = (Some(self.id()), Some(unit_id(unit)), audit.attempt);
        let message = wire::MsgOpenFrame { node, unit: id, attempt, tiles, plants, salt };
        self.chain.send(vec![message.to_any()]).await?;
        Ok(())
    }
}

/// Drawn tiles with their ways to the root.
fn opened(known: &Attempt, drawn: &[u32]) -> Result<Vec<wire::OpenedTile>, Trouble> {
    let leaves: Vec<Digest> = known.tiles.iter().map(|tile| merkle::leaf_hash(&tile.0)).collect();
    let one = |index: &u32| {
        let at = *index as usize;
        let proof = merkle::prove(&leaves, at)?;
        let path = proof.aunts.iter().map(|aunt| aunt.0.to_vec()).collect();
        Some(wire::OpenedTile { index: *index, hash: known.tiles.get(at)?.0.to_vec(), path })
    };
    let missing = || Trouble::Odd("a tile was drawn that the frame does not have".to_owned());
    drawn.iter().map(|index| one(index).ok_or_else(missing)).collect()
}

fn plain(tile: &FoundTile) -> wire::AuditedTile {
    wire::AuditedTile {
        index: tile.index,
        hash: tile.hash.0.to_vec(),
        elapsed_ms: tile.elapsed_ms,
        ..wire::AuditedTile::default()
    }
}
