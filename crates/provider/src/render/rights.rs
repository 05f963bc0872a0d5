//! Who may have what, by the chain's word alone.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use client::NodeError;
use client::render::UnitPath;
use farm::Digest;
use proto::tetra::render::v1 as wire;

use super::chain::{digest, job_id, path_of};
use super::desk::RenderRefusal;
use crate::agent::lock;
use crate::chain::Chain;

/// How long a right to a scene is believed, so that each of its chunks does not cost a look at the chain.
const BELIEVED: Duration = Duration::from_secs(60);
/// The most rights that are remembered.
const MOST: usize = 4096;

/// Rights to scenes that the chain named lately.
#[derive(Default)]
pub(crate) struct Rights(Mutex<BTreeMap<(String, Digest), Instant>>);

pub(crate) fn unavailable(error: NodeError) -> RenderRefusal {
    RenderRefusal::Unavailable(format!("the chain cannot be asked: {error}"))
}

impl Rights {
    /// Whether an account may have a scene: as the creator of a job with it, or as the owner of a node that is assigned a unit of
    /// such a job, or takes part in an audit of one.
    pub(crate) async fn scene(&self, chain: &Chain, caller: &str, scene: Digest) -> Result<(), RenderRefusal> {
        let name = (caller.to_owned(), scene);
        if lock(&self.0).get(&name).is_some_and(|since| since.elapsed() < BELIEVED) {
            return Ok(());
        }
        if !named(chain, caller, scene).await.map_err(unavailable)? {
            return Err(RenderRefusal::Forbidden(format!(
                "the chain names no job of {caller} with the scene {scene}, and no node of it that renders or audits one"
            )));
        }
        let mut known = lock(&self.0);
        if known.len() >= MOST {
            known.retain(|_, since| since.elapsed() < BELIEVED);
        }
        if known.len() < MOST {
            known.insert(name, Instant::now());
        }
        Ok(())
    }
}

fn has(job: &wire::Job, scene: Digest) -> bool {
    job.scene.as_ref().and_then(|of| digest(&of.manifest)) == Some(scene)
}

async fn named(chain: &Chain, caller: &str, scene: Digest) -> Result<bool, NodeError> {
    if chain.render_jobs(caller).await?.iter().any(|job| has(job, scene)) {
        return Ok(true);
    }
    let mut asked = std::collections::BTreeSet::new();
    for node in chain.render_nodes(caller, &[]).await? {
        let Some(id) = &node.id else { continue };
        let audited = chain.render_duties(id).await?.into_iter().filter_map(|audit| audit.unit);
        for unit in node.working.iter().cloned().chain(audited) {
            let job = job_id(&path_of(&unit));
            if asked.insert((job.creator.clone(), job.jseq))
                && chain.render_job(&job).await?.is_some_and(|job| has(&job, scene))
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Only the creator of a unit's job.
pub(crate) fn creator(caller: &str, unit: &UnitPath) -> Result<(), RenderRefusal> {
    match caller == unit.creator {
        true => Ok(()),
        false => {
            Err(RenderRefusal::Forbidden(format!("only its creator {} may have this, not {caller}", unit.creator)))
        }
    }
}

/// Whether the finished file of a unit may be had: this node's newest attempt must be the one that is approved.
pub(crate) fn file(frame: Option<&wire::Frame>, node: &wire::NodeId, attempt: u32) -> Result<(), RenderRefusal> {
    let Some(frame) = frame else { return Err(RenderRefusal::NotFound("the chain has no such unit".to_owned())) };
    if frame.node.as_ref() != Some(node) || frame.attempt != attempt {
        let text =
            format!("the chain has this unit with another node or attempt (now {}) than this one", frame.attempt);
        return Err(RenderRefusal::NotFound(text));
    }
    if frame.state() != wire::FrameState::Approved {
        let state = frame.state().as_str_name();
        return Err(RenderRefusal::Unpaid(format!(
            "the unit is {state} and not paid for; look at its preview and approve it: tetra render approve"
        )));
    }
    Ok(())
}

/// Whether an account audits an attempt with a node of its own, and whether the audited has opened: only then tiles are shown as
/// they are.
pub(crate) fn tile(audit: &wire::Audit, caller: &str, index: u32) -> Result<bool, RenderRefusal> {
    let owner = |part: &wire::AuditorPart| part.auditor.as_ref().is_some_and(|auditor| auditor.owner == caller);
    if !audit.auditors.iter().any(owner) {
        return Err(RenderRefusal::Forbidden(format!("{caller} has no node among the auditors of this attempt")));
    }
    if !audit.tiles.contains(&index) {
        return Err(RenderRefusal::Forbidden(format!("tile {index} was not drawn; those are {:?}", audit.tiles)));
    }
    Ok(!audit.opened.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(owner: &str) -> wire::NodeId {
        wire::NodeId { owner: owner.to_owned(), host_key: vec![1; 32] }
    }

    #[test]
    fn files_are_had_once_the_chain_says_approved() {
        let frame = |state: wire::FrameState| wire::Frame {
            node: Some(node("a")),
            attempt: 2,
            state: state.into(),
            ..wire::Frame::default()
        };
        let ask = |frame: &wire::Frame, by: &str, attempt| file(Some(frame), &node(by), attempt);
        let approved = frame(wire::FrameState::Approved);
        assert_eq!(ask(&approved, "a", 2), Ok(()));
        assert!(matches!(ask(&approved, "a", 1), Err(RenderRefusal::NotFound(_))));
        assert!(matches!(ask(&approved, "b", 2), Err(RenderRefusal::NotFound(_))));
        for state in [wire::FrameState::Review, wire::FrameState::Auditing, wire::FrameState::Committed] {
            assert!(matches!(ask(&frame(state), "a", 2), Err(RenderRefusal::Unpaid(_))));
        }
        assert!(matches!(file(None, &node("a"), 1), Err(RenderRefusal::NotFound(_))));
    }

    #[test]
    fn drawn_tiles_are_for_auditors() {
        let part = wire::AuditorPart { auditor: Some(node("b")), ..wire::AuditorPart::default() };
        let audit = wire::Audit { auditors: vec![part], tiles: vec![3, 5], ..wire::Audit::default() };
        assert_eq!(tile(&audit, "b", 5), Ok(false));
        assert!(tile(&audit, "b", 4).is_err() && tile(&audit, "a", 5).is_err());
        let opened = wire::Audit { opened: vec![wire::OpenedTile::default()], ..audit };
        assert_eq!(tile(&opened, "b", 5), Ok(true));
    }
}
