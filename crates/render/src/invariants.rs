//! What must hold after every block.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Context, Failure, capacity};
use primitives::Address;
use proto::tetra::render::v1::{AuditStage, Frame, FrameState, Job, JobState, Node, NodeState};
use store::{Key, Map, Value};

use crate::engine::class;
use crate::genesis::is_pending;
use crate::ids::{JobId, NodeId, UnitId};
use crate::job::state::{
    ASSIGNED, BY_STATE, DEADLINES, FAULTS, FRAMES, JOBS, OPEN, PENDING, REVIEWS, SWEEPS, TIMERS as UNIT_TIMERS,
    has_ended, is_open, lane,
};
use crate::node::state::{BY_SCENE, IDLE, NODES, SLOT_COUNTS, SLOTS, TIMERS as NODE_TIMERS, id_bytes, is_idle, scenes};
use crate::node::window::MARKET;
use crate::proof::state::{AUDITS, BEACONS, DUTIES, TIMERS as AUDIT_TIMERS};
use crate::time::some_ms;
use crate::{credit, epoch};

/// Broken promises, those of credits and epochs included; none when all is well.
///
/// - A node that is ready, asleep or offline holds its window, no other does; its hands hold the units that are assigned to it.
/// - Ready nodes of a class stand in dense slots.
/// - The counts of a job are those of its units; what is reserved is the sum of theirs, and covered by what is set aside. An
///   ended job has set aside what it owes and no more. The power at work is the sum of its assigned units'.
/// - Ranges of waiting units are those that no record says otherwise of, each once.
/// - The credits that jobs have set aside are locked for their creators.
/// - A unit that is committed or audited has an audit that goes on, and no other unit has one, but for appeals.
/// - Indices name what the records say, each once.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let mut broken = credit::invariants::check(ctx)?;
    broken.extend(epoch::invariants::check(ctx)?);
    match promises(ctx) {
        Ok(promises) => broken.extend(promises),
        Err(Failure::Broken(error)) => return Err(error),
        Err(Failure::Rejected(rejection)) => broken.push(rejection.message),
    }
    Ok(broken)
}

fn promises(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = nodes(ctx)?;
    broken.extend(jobs(ctx)?);
    broken.extend(audits(ctx)?);
    Ok(broken)
}

/// Compares the keys of an index with those that the records ask for.
fn same_keys<K: Key, V: Value>(
    ctx: &Context,
    index: &Map<K, V>,
    wanted: BTreeSet<Vec<u8>>,
    what: &str,
) -> Result<Option<String>, Failure> {
    let found: BTreeSet<Vec<u8>> = index.all(&ctx.state)?.into_iter().map(|(key, _)| key.to_bytes()).collect();
    let differ = found.symmetric_difference(&wanted).count();
    Ok((differ > 0).then(|| format!("{what}: {differ} index entries are missing or too many")))
}

fn keys<K: Key>(keys: impl IntoIterator<Item = K>) -> BTreeSet<Vec<u8>> {
    keys.into_iter().map(|key| key.to_bytes()).collect()
}

fn nodes(ctx: &Context) -> Result<Vec<String>, Failure> {
    let nodes = NODES.all(&ctx.state)?;
    let mut broken = Vec::new();
    let mut working: BTreeSet<(NodeId, UnitId)> = BTreeSet::new();
    let mut slots: BTreeMap<[u8; 32], BTreeSet<u32>> = BTreeMap::new();
    for (id, node) in &nodes {
        let name = id.text(&ctx.chain.prefix);
        let holds = !capacity::held(ctx, MARKET, &name)?.is_empty();
        if holds != matches!(node.state(), NodeState::Ready | NodeState::Asleep | NodeState::Offline) {
            broken.push(format!("node {name} is {}; holds a window: {holds}", node.state().as_str_name()));
        }
        if (node.state() == NodeState::Ready) != (node.slot > 0) {
            broken.push(format!("node {name} is {} in slot {}", node.state().as_str_name(), node.slot));
        }
        if node.slot > 0 {
            let class = class(&node.engine.clone().unwrap_or_default());
            slots.entry(class).or_default().insert(node.slot);
            if SLOTS.get(&ctx.state, &(class, node.slot))? != Some(id_bytes(id)) {
                broken.push(format!("slot {} of node {name} holds another", node.slot));
            }
        }
        for unit in &node.working {
            working.insert((*id, UnitId::from_wire(ctx, Some(unit))?));
        }
    }
    for (class, slots) in &slots {
        let count = SLOT_COUNTS.get(&ctx.state, class)?.unwrap_or(0);
        let dense = slots.iter().copied().eq(1..=count);
        if !dense {
            broken.push(format!("slots of a class are {slots:?}, counted are {count}"));
        }
    }
    let mut assigned = BTreeSet::new();
    for (unit, frame) in FRAMES.all(&ctx.state)? {
        if frame.state() == FrameState::Assigned {
            assigned.insert((NodeId::from_wire(ctx, frame.node.as_ref())?, unit));
        }
    }
    if assigned != working {
        broken.push(format!("{} units are assigned, nodes have {} in hand", assigned.len(), working.len()));
    }
    let ready = |(_, node): &&(NodeId, Node)| is_idle(node);
    let idle = keys(nodes.iter().filter(ready).map(|(id, node)| (node.idle_since_height, *id)));
    let timers = keys(nodes.iter().filter(|(_, node)| node.wakes_ms > 0).map(|(id, node)| (node.wakes_ms, *id)));
    let held = keys(nodes.iter().flat_map(|(id, node)| scenes(node).into_iter().map(|scene| (scene, *id))));
    broken.extend(same_keys(ctx, &IDLE, idle, "idle nodes")?);
    broken.extend(same_keys(ctx, &NODE_TIMERS, timers, "timers of nodes")?);
    broken.extend(same_keys(ctx, &BY_SCENE, held, "scenes of nodes")?);
    Ok(broken)
}

fn deadline(job: &Job) -> Option<u64> {
    some_ms(job.options.as_ref()?.deadline.as_ref()).filter(|_| !has_ended(job.state()))
}

fn jobs(ctx: &Context) -> Result<Vec<String>, Failure> {
    let jobs = JOBS.all(&ctx.state)?;
    let mut broken = Vec::new();
    let mut locked: BTreeMap<Address, u64> = BTreeMap::new();
    for (id, job) in &jobs {
        broken.extend(job_is_sound(ctx, id, job)?);
        let sum = locked.entry(id.creator).or_default();
        *sum = sum.saturating_add(job.locked_ucredits);
    }
    for (creator, sum) in locked {
        let has = credit::balance(ctx, &creator)?.locked_ucredits;
        if has != sum {
            broken.push(format!("{} has {has} locked, its jobs {sum}", ctx.text(&creator)));
        }
    }
    let state = |job: &Job| u8::try_from(job.state).unwrap_or(u8::MAX);
    let by_state = keys(jobs.iter().map(|(id, job)| (state(job), *id)));
    let open = jobs.iter().filter(|(_, job)| is_open(job));
    let open = keys(open.map(|(id, job)| (lane(job), job.power_milli, *id)));
    let deadlines = keys(jobs.iter().filter_map(|(id, job)| Some((deadline(job)?, *id))));
    let swept = jobs.iter().filter(|(_, job)| has_ended(job.state()) && job.running > 0);
    let swept = keys(swept.map(|(id, _)| *id));
    broken.extend(same_keys(ctx, &BY_STATE, by_state, "jobs by state")?);
    broken.extend(same_keys(ctx, &OPEN, open, "open jobs")?);
    broken.extend(same_keys(ctx, &DEADLINES, deadlines, "deadlines")?);
    broken.extend(same_keys(ctx, &SWEEPS, swept, "sweeps")?);
    let frames = FRAMES.all(&ctx.state)?;
    let of = |state: FrameState| {
        let there = frames.iter().filter(move |(_, frame)| frame.state() == state);
        keys(there.map(|(id, _)| *id))
    };
    let timed = frames.iter().filter(|(_, f)| matches!(f.state(), FrameState::Assigned | FrameState::Review));
    let timers = keys(timed.filter_map(|(id, frame)| Some((some_ms(frame.due.as_ref())?, *id))));
    broken.extend(same_keys(ctx, &ASSIGNED, of(FrameState::Assigned), "assigned units")?);
    broken.extend(same_keys(ctx, &REVIEWS, of(FrameState::Review), "units in review")?);
    broken.extend(same_keys(ctx, &UNIT_TIMERS, timers, "timers of units")?);
    Ok(broken)
}

fn job_is_sound(ctx: &Context, id: &JobId, job: &Job) -> Result<Vec<String>, Failure> {
    let name = id.text(&ctx.chain.prefix);
    let frames: Vec<(UnitId, Frame)> = FRAMES.under(&ctx.state, id)?;
    let count = |states: &[FrameState]| {
        let found = frames.iter().filter(|(_, frame)| states.contains(&frame.state())).count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    let (mut waiting, mut overlap, mut after) = (0u32, false, 0u64);
    for (first, last) in PENDING.under(&ctx.state, id)? {
        overlap |= u64::from(first.index) < after || first.index > last || last >= job.units;
        after = u64::from(last) + 1;
        waiting = waiting.saturating_add(last.saturating_sub(first.index)).saturating_add(1);
        for (unit, frame) in &frames {
            overlap |= (first.index..=last).contains(&unit.index) && (!is_pending(frame) || first.index != last);
        }
    }
    let mut broken = Vec::new();
    let ended = has_ended(job.state());
    let never = if ended { waiting } else { 0 };
    let pending = if ended { 0 } else { waiting };
    let found = [
        pending,
        count(&[FrameState::Assigned]),
        count(&[FrameState::Committed, FrameState::Auditing, FrameState::Review]),
        count(&[FrameState::Approved]),
        count(&[FrameState::Failed]),
        count(&[FrameState::Cancelled]).saturating_add(never),
    ];
    let counted = [job.pending, job.running, job.open, job.approved, job.failed, job.cancelled];
    let all = counted.iter().fold(0u32, |sum, count| sum.saturating_add(*count));
    if found != counted || all != job.units || overlap {
        broken.push(format!(
            "job {name} of {} units counts {counted:?}, there are {found:?}; overlap: {overlap}",
            job.units
        ));
    }
    let sum = |of: fn(&Frame) -> u64| frames.iter().fold(0u64, |sum, (_, frame)| sum.saturating_add(of(frame)));
    let (reserved, power) = (sum(|frame| frame.reserved_ucredits), sum(|frame| frame.power_milli));
    if reserved != job.reserved_ucredits || reserved > job.locked_ucredits {
        let (says, locked) = (job.reserved_ucredits, job.locked_ucredits);
        broken.push(format!("job {name} reserves {says} of {locked}, its units {reserved}"));
    }
    if ended && reserved != job.locked_ucredits {
        broken.push(format!("job {name} has ended and keeps {} for {reserved}", job.locked_ucredits));
    }
    if power != job.power_milli {
        broken.push(format!("job {name} counts power {}, its units {power}", job.power_milli));
    }
    if FAULTS.under(&ctx.state, id)?.len() != usize::try_from(job.faulty_nodes).unwrap_or(usize::MAX) {
        broken.push(format!("job {name} counts {} faulty nodes", job.faulty_nodes));
    }
    if job.state() == JobState::Done && job.approved != job.units {
        broken.push(format!("job {name} is done with {} of {} approved", job.approved, job.units));
    }
    Ok(broken)
}

fn audits(ctx: &Context) -> Result<Vec<String>, Failure> {
    let audits = AUDITS.all(&ctx.state)?;
    let (mut beacons, mut timers, mut duties) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut going = BTreeSet::new();
    for (id, audit) in &audits {
        match audit.stage() {
            AuditStage::Waiting | AuditStage::Again => {
                beacons.insert((u64::try_from(audit.beacon_height).unwrap_or(0), *id).to_bytes());
            }
            AuditStage::Committing | AuditStage::Opening => {
                timers.insert((some_ms(audit.due.as_ref()).unwrap_or(0), *id).to_bytes());
            }
            AuditStage::Closed | AuditStage::Unspecified => continue,
        }
        if audit.appellant.is_none() {
            going.insert(id.0);
        }
        let parts = audit.auditors.iter().map(|part| part.auditor.as_ref());
        for party in [audit.node.as_ref()].into_iter().chain(parts) {
            duties.insert((NodeId::from_wire(ctx, party)?, *id).to_bytes());
        }
    }
    let mut broken = Vec::new();
    broken.extend(same_keys(ctx, &BEACONS, beacons, "beacons")?);
    broken.extend(same_keys(ctx, &AUDIT_TIMERS, timers, "timers of audits")?);
    broken.extend(same_keys(ctx, &DUTIES, duties, "duties")?);
    let waiting = FRAMES.all(&ctx.state)?.into_iter();
    let waiting = waiting.filter(|(_, frame)| matches!(frame.state(), FrameState::Committed | FrameState::Auditing));
    let waiting: BTreeSet<UnitId> = waiting.map(|(id, _)| id).collect();
    if waiting != going {
        broken.push(format!("{} units wait for a verdict, {} audits go on", waiting.len(), going.len()));
    }
    Ok(broken)
}
