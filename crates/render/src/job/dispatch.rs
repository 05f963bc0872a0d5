//! Which node gets which unit in a block.
//!
//! [`plan`] reads the state and says what happens; [`begin_block`] does it, before anything else of the block has changed the
//! state. So the state after the last block alone decides, and whoever reads it can plan again ([`super::explain`]).
//!
//! The work is bounded whatever waits: a block looks at a bounded number of idle nodes, longest idle first, and per lane
//! (engine wish and tier) at a bounded number of jobs: those with least power at work on them, and a few more from a place
//! that moves on with each block, so that nothing starves. When not all nodes were looked at, the next block goes on where
//! this one stopped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Bill, Job, JobState, Node, NodeId as WireNode, Tier};
use store::{Key, PageQuery};

use super::flow::{FAILURES, assign};
use super::matching::{Offer, Taker, Verdict, Why, choose};
use super::money;
use super::state::{FAULTS, FRAMES, JOBS, LANE_CURSORS, Lane, NODE_CURSOR, OPEN, PENDING, require, tier_number};
use crate::ids::{JobId, NodeId, UnitId};
use crate::node::state::{in_hand, scenes};
use crate::{engine, epoch, node};

/// Jobs with least power of a lane that are looked at.
const FRONT: usize = 24;
/// Jobs of a lane that are looked at from the place that moves on.
const TURNING: usize = 8;
/// Ranges of waiting units of a job that are looked at, from the first; the last one is as well, where the units are that
/// nobody has failed at.
const RANGES: usize = 12;
/// Idle nodes that are looked at, for each assignment of a block.
const NODES_PER_ASSIGNMENT: usize = 2;

/// What a plan says of one look of a node at the jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The node.
    pub node: NodeId,
    /// The jobs that it looked at.
    pub looked_at: Vec<(JobId, Verdict)>,
    /// What it takes.
    pub taken: Option<Taken>,
}

/// A unit that a node takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The unit.
    pub unit: UnitId,
    /// What is reserved for it.
    pub price: Bill,
    /// Why this job.
    pub why: Why,
}

/// What a block will hand out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Looks of nodes, in order.
    pub choices: Vec<Choice>,
    /// Jobs that money stops.
    pub stops: Vec<(JobId, JobState, String)>,
    /// Whether all that may be handed out in a block is.
    pub full: bool,
    /// Where the next block's look at nodes begins.
    node_cursor: Option<Vec<u8>>,
    /// Where the next block's look at jobs begins, by lane that was not looked at whole.
    lane_cursors: Vec<(Lane, Option<Vec<u8>>)>,
}

/// A job as the plan goes on.
struct Open {
    job: Job,
    price: Bill,
    /// First and last index, and the nodes that failed at the first.
    ranges: VecDeque<(u32, u32, Vec<WireNode>)>,
    stop: Option<(JobState, String)>,
}

struct Planner<'a> {
    ctx: &'a Context,
    jobs: BTreeMap<JobId, Open>,
    lanes: BTreeMap<Lane, Vec<JobId>>,
    plan: Plan,
}

/// What the next block will hand out, by the state as it is.
///
/// # Errors
/// When the state fails.
pub fn plan(ctx: &Context) -> Result<Plan, Failure> {
    let mut planner = Planner { ctx, jobs: BTreeMap::new(), lanes: BTreeMap::new(), plan: Plan::default() };
    if OPEN.first(&ctx.state, &(), 1)?.is_empty() {
        return Ok(planner.plan);
    }
    let most = usize::try_from(epoch::params(ctx)?.assignments_per_block).unwrap_or(usize::MAX);
    let looked_at = most.saturating_mul(NODES_PER_ASSIGNMENT);
    let (nodes, cursor) = node::idle(ctx, NODE_CURSOR.get(&ctx.state)?, looked_at)?;
    planner.plan.node_cursor = cursor;
    let mut queue: VecDeque<(NodeId, Node, u32)> = VecDeque::new();
    for id in nodes {
        let found = node::require(ctx, &id)?;
        let hands = found.hands.saturating_sub(in_hand(&found));
        queue.push_back((id, found, hands));
    }
    let (mut given, mut not_asked) = (0usize, queue.len());
    while let Some((id, taker, hands)) = queue.pop_front() {
        if given >= most {
            planner.plan.full = true;
            if not_asked > 0 {
                planner.plan.node_cursor = Some((taker.idle_since_height, id).to_bytes());
            }
            break;
        }
        not_asked = not_asked.saturating_sub(1);
        let choice = planner.look(&id, &taker)?;
        let took = choice.taken.is_some();
        planner.plan.choices.push(choice);
        if took {
            given += 1;
            if hands > 1 {
                queue.push_back((id, taker, hands - 1));
            }
        }
    }
    let stops = planner.jobs.iter().filter_map(|(id, open)| open.stop.clone().map(|(state, why)| (*id, state, why)));
    planner.plan.stops = stops.collect();
    Ok(planner.plan)
}

impl Planner<'_> {
    fn look(&mut self, id: &NodeId, taker: &Node) -> Result<Choice, Failure> {
        let facts =
            Taker { memory: taker.window.as_ref().map_or(0, |window| window.memory), power_milli: taker.power_milli };
        let (wishes, scenes) = (engine::wishes(&taker.engine.clone().unwrap_or_default()), scenes(taker));
        let mut choice = Choice { node: *id, looked_at: Vec::new(), taken: None };
        for tier in tier_number(taker.tier)..=tier_number(Tier::Economy.into()) {
            let mut offers = Vec::new();
            for wish in wishes {
                for job in self.lane(&(wish, tier))? {
                    offers.extend(self.offer(&job, id, &scenes)?);
                }
            }
            let (verdicts, taken) = choose(&facts, &offers);
            choice.looked_at.extend(offers.iter().map(|offer| offer.job).zip(verdicts));
            let taken = taken.and_then(|(place, why)| Some((offers.get(place)?, why)));
            if let Some((offer, why)) = taken
                && let Some(unit) = offer.unit
            {
                choice.taken = self.take(&offer.job, unit, taker, why);
                break;
            }
        }
        Ok(choice)
    }

    /// The jobs of a lane that are looked at in this block.
    fn lane(&mut self, lane: &Lane) -> Result<Vec<JobId>, Failure> {
        if let Some(known) = self.lanes.get(lane) {
            return Ok(known.clone());
        }
        let state = &self.ctx.state;
        let front = OPEN.page(state, lane, &PageQuery { limit: FRONT, ..PageQuery::default() })?;
        let mut found: Vec<JobId> = front.entries.into_iter().map(|((_, _, id), ())| id).collect();
        if let Some(next) = front.next {
            let from = LANE_CURSORS.get(state, lane)?.map_or(next.clone(), |cursor| cursor.max(next));
            let turning = OPEN.page(state, lane, &PageQuery { from: Some(from), limit: TURNING, reverse: false })?;
            found.extend(turning.entries.into_iter().map(|((_, _, id), ())| id));
            self.plan.lane_cursors.push((*lane, turning.next));
        } else if LANE_CURSORS.has(state, lane)? {
            self.plan.lane_cursors.push((*lane, None));
        }
        self.lanes.insert(*lane, found.clone());
        Ok(found)
    }

    fn load(&self, id: &JobId) -> Result<Option<Open>, Failure> {
        let Some(job) = JOBS.get(&self.ctx.state, id)? else { return Ok(None) };
        let mut ranges = VecDeque::new();
        let mut found = PENDING.first(&self.ctx.state, id, RANGES)?;
        if found.len() == RANGES {
            let last = PageQuery { from: None, limit: 1, reverse: true };
            let last = PENDING.page(&self.ctx.state, id, &last)?.entries;
            found.extend(last.into_iter().filter(|last| found.last() != Some(last)).collect::<Vec<_>>());
        }
        for (first, last) in found {
            let failed_on = FRAMES.get(&self.ctx.state, &first)?.map_or_else(Vec::new, |frame| frame.failed_on);
            ranges.push_back((first.index, last, failed_on));
        }
        let price = money::next_price(self.ctx, &job)?;
        let stop = money::stop(&job, &price);
        Ok(Some(Open { job, price, ranges, stop }))
    }

    fn offer(&mut self, id: &JobId, taker: &NodeId, scenes: &BTreeSet<[u8; 32]>) -> Result<Option<Offer>, Failure> {
        if !self.jobs.contains_key(id) {
            let Some(open) = self.load(id)? else { return Ok(None) };
            self.jobs.insert(*id, open);
        }
        let Some(open) = self.jobs.get(id) else { return Ok(None) };
        let wire = taker.to_wire(&self.ctx.chain.prefix);
        let fault = if open.job.faulty_nodes > 0 { FAULTS.get(&self.ctx.state, &(*id, *taker))? } else { None };
        let scene = open.job.scene.as_ref().map(|scene| scene.manifest.as_slice());
        Ok(Some(Offer {
            job: *id,
            power_milli: open.job.power_milli,
            min_memory: open.job.options.as_ref().map_or(0, |options| options.min_memory),
            holds_scene: scene.is_some_and(|scene| scenes.iter().any(|held| held == scene)),
            blocked: fault.is_some_and(|fault| fault.forfeited || fault.failures >= FAILURES),
            waits: !open.ranges.is_empty(),
            unit: open.ranges.iter().find(|(_, _, failed)| !failed.contains(&wire)).map(|(first, ..)| *first),
            paid: open.stop.is_none(),
        }))
    }

    /// Takes a unit out of the plan's own books.
    fn take(&mut self, id: &JobId, unit: u32, taker: &Node, why: Why) -> Option<Taken> {
        let open = self.jobs.get_mut(id)?;
        let place = open.ranges.iter().position(|(first, ..)| *first == unit)?;
        let (first, last, _) = open.ranges.remove(place)?;
        if first < last {
            // What follows in a range was never assigned, so that nobody has failed at it.
            open.ranges.insert(place, (first + 1, last, Vec::new()));
        }
        let price = open.price;
        open.job.power_milli = open.job.power_milli.saturating_add(taker.power_milli);
        open.job.reserved_ucredits = open.job.reserved_ucredits.saturating_add(price.ucredits);
        if !open.ranges.is_empty() {
            open.stop = money::stop(&open.job, &price);
        }
        Some(Taken { unit: id.unit(unit), price, why })
    }
}

/// Hands units out.
///
/// # Errors
/// When the state fails.
pub fn begin_block(ctx: &mut Context) -> Result<(), Failure> {
    let plan = plan(ctx)?;
    for choice in &plan.choices {
        if let Some(taken) = &choice.taken {
            assign(ctx, &taken.unit, &choice.node, &taken.price)?;
        }
    }
    for (id, state, why) in &plan.stops {
        let mut job = require(ctx, id)?;
        let code = if *state == JobState::PausedCeiling { "ceiling" } else { "funds" };
        if job.pending > 0 {
            money::decree(ctx, id, &mut job, *state, (code, why))?;
        }
    }
    for (lane, cursor) in &plan.lane_cursors {
        match cursor {
            Some(cursor) => LANE_CURSORS.set(&mut ctx.state, lane, cursor),
            None => LANE_CURSORS.remove(&mut ctx.state, lane),
        }
    }
    let before = NODE_CURSOR.get(&ctx.state)?;
    match plan.node_cursor {
        Some(cursor) if before.as_ref() != Some(&cursor) => NODE_CURSOR.set(&mut ctx.state, &cursor),
        None if before.is_some() => NODE_CURSOR.remove(&mut ctx.state),
        _ => {}
    }
    Ok(())
}
