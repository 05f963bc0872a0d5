//! Who looks at a unit: ready nodes of its engine build and device class, drawn by lot; where these are too few, of classes
//! that were measured against it. Never the node itself, nor another of its owner or host, nor two of one owner, except on
//! development networks whose parameters say so.

use std::collections::BTreeSet;

use ledger::{Context, Failure};
use primitives::Address;
use proto::tetra::render::v1::{Audit, AuditorPart, Engine, Params, ProofParams};

use super::lots::Lots;
use super::params::partners;
use crate::engine::class;
use crate::ids::NodeId;
use crate::node::{self, pool, power};

/// Classes up to this size are looked at whole; of larger ones, slots are drawn.
const WHOLE: u32 = 64;
/// How many slots are drawn at most for each auditor that is wanted.
const TRIES: u32 = 32;

/// Who may not be drawn.
struct Excluded {
    nodes: BTreeSet<NodeId>,
    owners: BTreeSet<Address>,
    hosts: BTreeSet<[u8; 32]>,
    same_host: bool,
}

impl Excluded {
    fn admits(&self, id: &NodeId) -> bool {
        let apart = !self.owners.contains(&id.owner) && !self.hosts.contains(&id.host);
        !self.nodes.contains(id) && (self.same_host || apart)
    }

    fn add(&mut self, id: &NodeId) {
        self.nodes.insert(*id);
        self.owners.insert(id.owner);
        self.hosts.insert(id.host);
    }
}

/// Draws up to `wanted` auditors; fewer when there are no more.
///
/// # Errors
/// When the state fails.
pub fn draw(
    ctx: &Context,
    (params, proof): (&Params, &ProofParams),
    audit: &Audit,
    lots: &mut Lots,
    wanted: u32,
) -> Result<Vec<AuditorPart>, Failure> {
    let same_host = params.same_host_audits && ctx.chain.dev;
    let mut excluded = Excluded { nodes: BTreeSet::new(), owners: BTreeSet::new(), hosts: BTreeSet::new(), same_host };
    excluded.add(&NodeId::from_wire(ctx, audit.node.as_ref())?);
    for part in &audit.auditors {
        excluded.add(&NodeId::from_wire(ctx, part.auditor.as_ref())?);
    }
    let own = audit.engine.clone().unwrap_or_default();
    let mut drawn = Vec::new();
    let others = partners(proof, &own.device_class);
    let classes = [own.device_class.as_str()]
        .into_iter()
        .chain(others)
        .map(|device_class| Engine { device_class: device_class.to_owned(), ..own.clone() });
    for engine in classes {
        let missing = wanted.saturating_sub(u32::try_from(drawn.len()).unwrap_or(u32::MAX));
        if missing > 0 {
            draw_of(ctx, &engine, &mut excluded, lots, missing, &mut drawn)?;
        }
    }
    let round = audit.round;
    let part = |id: NodeId| -> Result<AuditorPart, Failure> {
        let node = node::require(ctx, &id)?;
        let auditor = Some(id.to_wire(&ctx.chain.prefix));
        let power_milli = power::clock(&node);
        Ok(AuditorPart { auditor, engine: node.engine, power_milli, round, ..AuditorPart::default() })
    };
    drawn.into_iter().map(part).collect()
}

fn draw_of(
    ctx: &Context,
    engine: &Engine,
    excluded: &mut Excluded,
    lots: &mut Lots,
    wanted: u32,
    drawn: &mut Vec<NodeId>,
) -> Result<(), Failure> {
    let class = class(engine);
    let count = pool::count(ctx, &class)?;
    let mut left: Vec<u32> = if count <= WHOLE { (1..=count).collect() } else { Vec::new() };
    let mut found = 0;
    for _ in 0..wanted.saturating_mul(TRIES).max(WHOLE) {
        let slot = if count > WHOLE {
            lots.below(count).saturating_add(1)
        } else {
            let size = u32::try_from(left.len()).unwrap_or(0);
            if size == 0 {
                break;
            }
            left.swap_remove(usize::try_from(lots.below(size)).unwrap_or(0))
        };
        if let Some(id) = pool::at(ctx, &class, slot)?.filter(|id| excluded.admits(id)) {
            excluded.add(&id);
            drawn.push(id);
            found += 1;
            if found == wanted {
                break;
            }
        }
    }
    Ok(())
}
