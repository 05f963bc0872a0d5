//! What can happen to capacity.

use std::ops::Range;

use primitives::Address;
use proptest::prelude::*;

use super::model::Model;
use crate::capacity::tests::support::{A100, MI300, Offer, RIVAL, T4, gpu, register, request, retire, shrink};
use crate::capacity::{
    Claim, HoldId, HoldKind, Request, end_block, hold_firm, hold_interruptible, hold_soft, release, request_yield,
    turn_firm,
};
use crate::context::Context;
use crate::failure::Failure;
use crate::testing::{PROVIDER, advance};

pub(super) const HOSTS: Range<u8> = 1..5;
pub(super) const MARKETS: [&str; 2] = ["deployment", "render"];
pub(super) const REFERENCES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const MODELS: [&str; 3] = [A100, T4, MI300];
/// What devices are asked for: any, or those of a pattern.
const PATTERNS: [&[&str]; 5] = [
    &[],
    &["vendor/nvidia/model/a100"],
    &["vendor/nvidia/model/*"],
    &["vendor/nvidia/model/t4", "vendor/amd/model/*"],
    &["vendor/amd/model/mi300x"],
];

#[derive(Clone, Debug)]
pub(super) enum Step {
    Register { first: bool, host: u8, offer: Offer },
    Shrink { first: bool, host: u8, left: (u64, u64, u64), keep: Vec<bool> },
    Retire { first: bool, host: u8 },
    Hold { first: bool, kind: HoldKind, claim: Claim<'static>, blocks: u64 },
    TurnFirm { market: usize, reference: usize },
    Release { market: usize, reference: usize },
    Yield { first: bool, claim: Claim<'static> },
    Wait(u64),
}

/// What a step that succeeded gave back.
#[derive(Clone, Debug)]
pub(super) enum Done {
    Nothing,
    Ids(Vec<HoldId>),
}

pub(super) fn owner(first: bool) -> Address {
    if first { PROVIDER } else { RIVAL }
}

fn offer() -> impl Strategy<Value = Offer> {
    let devices = proptest::collection::btree_map(0u8..6, 0usize..3, 0..4);
    let overcommit = prop_oneof![Just(100u32), Just(150), Just(233)];
    (1u64..9_000, 1u64..20, 0u64..20, overcommit, devices).prop_map(|(cpu, memory, storage, overcommit, devices)| {
        Offer {
            cpu_milli: cpu,
            memory,
            storage,
            overcommit,
            devices: devices.into_iter().map(|(id, model)| (format!("gpu-{id}"), MODELS[model].to_owned())).collect(),
        }
    })
}

fn replica() -> impl Strategy<Value = Request> {
    let gpus = proptest::collection::vec((1u32..3, 0usize..5), 0..3);
    (0u64..3_000, 0u64..6, 0u64..6, gpus).prop_map(|(cpu, memory, storage, gpus)| Request {
        gpus: gpus.into_iter().map(|(count, accepts)| gpu(count, PATTERNS[accepts])).collect(),
        ..request(cpu, memory, storage)
    })
}

fn claim() -> impl Strategy<Value = Claim<'static>> {
    let single = replica().prop_map(|request| vec![(request, 1)]);
    let several = proptest::collection::vec((replica(), 1u32..4), 0..3);
    (0usize..2, 0usize..6, prop_oneof![2 => single, 1 => several]).prop_map(|(market, reference, units)| Claim {
        market: MARKETS[market],
        reference: REFERENCES[reference].to_owned(),
        units,
    })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![4 => Just(HoldKind::Soft), 2 => Just(HoldKind::Firm), 3 => Just(HoldKind::Interruptible)];
    let left = (0u64..9_000, 0u64..20, 0u64..20);
    let keep = proptest::collection::vec(any::<bool>(), 4);
    let first = || prop_oneof![3 => Just(true), 1 => Just(false)];
    prop_oneof![
        5 => (first(), HOSTS, offer()).prop_map(|(first, host, offer)| Step::Register { first, host, offer }),
        3 => (first(), HOSTS, left, keep).prop_map(|(first, host, left, keep)| Step::Shrink { first, host, left, keep }),
        1 => (first(), HOSTS).prop_map(|(first, host)| Step::Retire { first, host }),
        12 => (first(), kind, claim(), 0u64..5)
            .prop_map(|(first, kind, claim, blocks)| Step::Hold { first, kind, claim, blocks }),
        8 => (0usize..2, 0usize..6).prop_map(|(market, reference)| Step::TurnFirm { market, reference }),
        4 => (0usize..2, 0usize..6).prop_map(|(market, reference)| Step::Release { market, reference }),
        4 => (first(), claim()).prop_map(|(first, claim)| Step::Yield { first, claim }),
        3 => (1u64..4).prop_map(Step::Wait),
    ]
}

/// Runs a step as the application does: a refused one leaves nothing behind.
pub(super) fn run(ctx: &mut Context, step: &Step) -> Result<Done, Failure> {
    let nothing = |()| Done::Nothing;
    match step {
        Step::Register { first, host, offer } => register(ctx, &owner(*first), *host, offer).map(nothing),
        Step::Shrink { first, host, left, keep } => {
            let offered = Model::read(ctx).hosts.get(host).map(|found| found.offer.clone());
            let kept = |offer: &Offer| {
                let kept = offer.devices.iter().zip(keep).filter(|(_, keep)| **keep);
                kept.map(|((id, _), _)| id.clone()).collect::<Vec<_>>()
            };
            let kept = offered.as_ref().map(kept).unwrap_or_default();
            let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
            shrink(ctx, &owner(*first), *host, *left, &kept).map(Done::Ids)
        }
        Step::Retire { first, host } => retire(ctx, &owner(*first), *host).map(nothing),
        Step::Hold { first, kind, claim, blocks } => ctx.attempt(|ctx| {
            let provider = owner(*first);
            let ids = |holds: Vec<proto::tetra::capacity::v1::Hold>| holds.iter().map(|hold| hold.id).collect();
            let expires_at = if *blocks == 0 { 0 } else { ctx.block.height + blocks };
            Ok(Done::Ids(match kind {
                HoldKind::Firm => ids(hold_firm(ctx, &provider, claim)?),
                HoldKind::Interruptible => ids(hold_interruptible(ctx, &provider, claim)?),
                _ => hold_soft(ctx, &provider, claim, expires_at)?,
            }))
        }),
        Step::TurnFirm { market, reference } => ctx.attempt(|ctx| {
            let turned = turn_firm(ctx, MARKETS[*market], REFERENCES[*reference])?;
            Ok(Done::Ids(turned.iter().map(|hold| hold.id).collect()))
        }),
        Step::Release { market, reference } => release(ctx, MARKETS[*market], REFERENCES[*reference]).map(nothing),
        Step::Yield { first, claim } => ctx.attempt(|ctx| request_yield(ctx, &owner(*first), claim)).map(Done::Ids),
        Step::Wait(blocks) => {
            advance(ctx, *blocks);
            end_block(ctx).map(nothing)
        }
    }
}

/// What must happen in some run.
pub(super) const NAMES: [&str; 19] = [
    "register",
    "register again",
    "register again under holds",
    "shrink",
    "shrink ends soft",
    "shrink ends firm",
    "shrink ends interruptible",
    "retire",
    "retire under soft holds",
    "hold soft",
    "hold firm",
    "hold interruptible",
    "hold on two hosts",
    "turn firm",
    "turn firm refused",
    "release",
    "yield",
    "expire",
    "yielded",
];

impl Step {
    /// What happened in this step.
    pub(super) fn names(&self, before: &Model, after: &Model, done: Option<&Done>) -> Vec<&'static str> {
        let ended = |kind: HoldKind| {
            let mut gone = before.holds.iter().filter(|(id, _)| !after.holds.contains_key(id));
            gone.any(|(_, hold)| hold.kind() == kind)
        };
        let held = |host: &u8| before.holds.values().any(|hold| before.host_of(hold) == Some(*host));
        let ids = match done {
            Some(Done::Ids(ids)) => ids.len(),
            _ => 0,
        };
        if done.is_none() {
            return if let Self::TurnFirm { .. } = self { vec!["turn firm refused"] } else { Vec::new() };
        }
        let found = match self {
            Self::Register { host, .. } => vec![
                ("register", true),
                ("register again", before.hosts.contains_key(host)),
                ("register again under holds", held(host)),
            ],
            Self::Shrink { .. } => vec![
                ("shrink", true),
                ("shrink ends soft", ended(HoldKind::Soft)),
                ("shrink ends firm", ended(HoldKind::Firm)),
                ("shrink ends interruptible", ended(HoldKind::Interruptible)),
            ],
            Self::Retire { .. } => vec![("retire", true), ("retire under soft holds", ended(HoldKind::Soft))],
            Self::Hold { kind, .. } => vec![
                ("hold soft", *kind == HoldKind::Soft && ids > 0),
                ("hold firm", *kind == HoldKind::Firm && ids > 0),
                ("hold interruptible", *kind == HoldKind::Interruptible && ids > 0),
                ("hold on two hosts", ids > 1),
            ],
            Self::TurnFirm { .. } => vec![("turn firm", ids > 0)],
            Self::Release { .. } => vec![("release", before.holds.len() > after.holds.len())],
            Self::Yield { .. } => vec![("yield", ids > 0)],
            Self::Wait(_) => vec![("expire", ended(HoldKind::Soft)), ("yielded", ended(HoldKind::Interruptible))],
        };
        found.into_iter().filter(|(_, happened)| *happened).map(|(name, _)| name).collect()
    }
}
