//! The market's part of genesis: messages of `tetra.render.v1`, in protobuf JSON with the names of the `.proto` files.
//! Indexes are not part of it; they follow from the records.

use std::collections::BTreeSet;

use ledger::{Context, Failure, Rejection, protobuf_json};
use proto::tetra::render::v1::{
    Frame, FrameState, GenesisJobs, GenesisNodes, GenesisProofs, IndexRange, LaneCursor, PendingUnits,
};
use serde::{Deserialize, Serialize};
use store::Key;

use crate::ids::{JobId, NodeId, UnitId};
use crate::job::state::{FAULTS, FRAMES, JOBS, LANE_CURSORS, Lane, NODE_CURSOR, PENDING, import_unit, put_job};
use crate::node::state::{NODES, TRUSTED};
use crate::proof::state::{AUDITS, PARAMS};
use crate::{credit, epoch, node, proof};

/// Everything of this market. A new network gives parameters alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// Credits and what they were paid with.
    pub credit: credit::Genesis,
    /// Epochs, prices and parameters.
    pub epoch: epoch::Genesis,
    /// Nodes, and which of them are trusted.
    #[serde(with = "protobuf_json")]
    pub nodes: GenesisNodes,
    /// Jobs, units, and where dispatch goes on.
    #[serde(with = "protobuf_json")]
    pub jobs: GenesisJobs,
    /// Audits and their parameters.
    #[serde(with = "protobuf_json")]
    pub proofs: GenesisProofs,
}

fn refuse(why: impl std::fmt::Display) -> Failure {
    Rejection::invalid_request(format!("genesis render: {why}")).into()
}

/// Puts a genesis into an empty state, after that of the bank, the oracle and capacity: windows of nodes and the money behind
/// credits are there. [`crate::invariants`] tells whether all of it fits together.
///
/// # Errors
/// `sdk` 18 when something is named twice, belongs to nothing or breaks a promise.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    credit::genesis::import(ctx, &genesis.credit)?;
    epoch::genesis::import(ctx, &genesis.epoch)?;
    import_nodes(ctx, &genesis.nodes)?;
    import_jobs(ctx, &genesis.jobs)?;
    import_proofs(ctx, &genesis.proofs)?;
    match crate::invariants::check(ctx)?.first() {
        Some(broken) => Err(refuse(broken)),
        None => Ok(()),
    }
}

fn import_nodes(ctx: &mut Context, genesis: &GenesisNodes) -> Result<(), Failure> {
    let mut slots = BTreeSet::new();
    for found in &genesis.nodes {
        let id = NodeId::from_wire(ctx, found.id.as_ref())?;
        let engine = found.engine.clone().unwrap_or_default();
        if NODES.has(&ctx.state, &id)? || (found.slot > 0 && !slots.insert((crate::engine::class(&engine), found.slot)))
        {
            return Err(refuse(format!("node {} or its slot is there twice", id.text(&ctx.chain.prefix))));
        }
        if !node::kept::is_well_formed(found) {
            return Err(refuse(format!("what node {} is kept back is no amount", id.text(&ctx.chain.prefix))));
        }
        node::state::import(ctx, &id, found);
    }
    for id in &genesis.trusted {
        let id = NodeId::from_wire(ctx, Some(id))?;
        TRUSTED.set(&mut ctx.state, &id, &());
    }
    Ok(())
}

fn import_jobs(ctx: &mut Context, genesis: &GenesisJobs) -> Result<(), Failure> {
    for job in &genesis.jobs {
        let id = JobId::from_wire(ctx, job.id.as_ref())?;
        if JOBS.has(&ctx.state, &id)? {
            return Err(refuse(format!("job {} is there twice", id.text(&ctx.chain.prefix))));
        }
        put_job(ctx, &id, job)?;
    }
    for frame in &genesis.frames {
        let id = UnitId::from_wire(ctx, frame.id.as_ref())?;
        if FRAMES.has(&ctx.state, &id)? || !JOBS.has(&ctx.state, &id.job)? {
            return Err(refuse(format!("unit {} is there twice, or has no job", id.text(&ctx.chain.prefix))));
        }
        import_unit(ctx, &id, frame);
    }
    for pending in &genesis.pending {
        let id = JobId::from_wire(ctx, pending.id.as_ref())?;
        let range = pending.indexes.unwrap_or_default();
        if range.first > range.last {
            return Err(refuse("a range of units ends before it begins"));
        }
        PENDING.set(&mut ctx.state, &id.unit(range.first), &range.last);
    }
    for fault in &genesis.faults {
        let id = JobId::from_wire(ctx, fault.id.as_ref())?;
        let by = NodeId::from_wire(ctx, fault.node.as_ref())?;
        FAULTS.set(&mut ctx.state, &(id, by), fault);
    }
    if !genesis.node_cursor.is_empty() {
        NODE_CURSOR.set(&mut ctx.state, &genesis.node_cursor);
    }
    for cursor in &genesis.lanes {
        let mut rest = cursor.lane.as_slice();
        let lane = Lane::read(&mut rest).filter(|_| rest.is_empty());
        let lane = lane.ok_or_else(|| refuse("a lane of dispatch has 33 bytes"))?;
        LANE_CURSORS.set(&mut ctx.state, &lane, &cursor.from);
    }
    Ok(())
}

fn import_proofs(ctx: &mut Context, genesis: &GenesisProofs) -> Result<(), Failure> {
    if let Some(params) = &genesis.params {
        proof::params::check(params)?;
        PARAMS.set(&mut ctx.state, params);
    }
    for audit in &genesis.audits {
        let id = (UnitId::from_wire(ctx, audit.unit.as_ref())?, audit.attempt);
        if AUDITS.has(&ctx.state, &id)? {
            return Err(refuse(format!("an audit of unit {} is there twice", id.0.text(&ctx.chain.prefix))));
        }
        proof::state::put(ctx, &id, audit)?;
    }
    Ok(())
}

/// The genesis that [`import`] makes the present state of.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let (state, prefix) = (&ctx.state, &ctx.chain.prefix);
    let pending = |(first, last): (UnitId, u32)| PendingUnits {
        id: Some(first.job.to_wire(prefix)),
        indexes: Some(IndexRange { first: first.index, last }),
    };
    let lane = |(lane, from): (Lane, Vec<u8>)| LaneCursor { lane: lane.to_bytes(), from };
    Ok(Genesis {
        credit: credit::genesis::export(ctx)?,
        epoch: epoch::genesis::export(ctx)?,
        nodes: GenesisNodes {
            nodes: NODES.all(state)?.into_iter().map(|(_, node)| node).collect(),
            trusted: TRUSTED.all(state)?.into_iter().map(|(id, ())| id.to_wire(prefix)).collect(),
        },
        jobs: GenesisJobs {
            jobs: JOBS.all(state)?.into_iter().map(|(_, job)| job).collect(),
            frames: FRAMES.all(state)?.into_iter().map(|(_, frame)| frame).collect(),
            pending: PENDING.all(state)?.into_iter().map(pending).collect(),
            faults: FAULTS.all(state)?.into_iter().map(|(_, fault)| fault).collect(),
            node_cursor: NODE_CURSOR.get(state)?.unwrap_or_default(),
            lanes: LANE_CURSORS.all(state)?.into_iter().map(lane).collect(),
        },
        proofs: GenesisProofs {
            params: PARAMS.get(state)?,
            audits: AUDITS.all(state)?.into_iter().map(|(_, audit)| audit).collect(),
        },
    })
}

/// Whether a stored unit waits for a node.
pub(crate) fn is_pending(frame: &Frame) -> bool {
    frame.state() == FrameState::Pending
}
