//! A market with players: nodes that render and audit, each in its own way, and blocks that pass.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ed25519_consensus::SigningKey;
use ledger::testing::{self, ALICE};
use ledger::{Context, Failure, Rejection, capacity, provider};
use primitives::Address;
use proto::akash::base::attributes::v1::Attribute;
use proto::akash::provider::v1beta4::MsgCreateProvider;
use proto::tetra::capacity::v1::{MsgRegisterHost, Resources};
use proto::tetra::render::v1::*;
use sha2::{Digest, Sha256};
use store::{Direction, Key, Module, Reader, State, WriteSet};

use crate::ids::{JobId, NodeId, UnitId};
use crate::support::market;
use crate::{credit, epoch, job, node, proof};

pub(super) const GI: u64 = 1 << 30;
/// Tiles of a frame.
pub(super) const TILES: u32 = 16;
/// Work of a frame as its creator expects it, and about as auditors' clocks show it.
pub(super) const WORK: u64 = 10_000;
/// What a frame costs, in millionths of a credit: 10 units at 200 a credit.
pub(super) const PRICE: u64 = 50_000;
/// What Alice has.
pub(super) const CREDITS: u64 = 1_000_000_000;

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;

/// Committed state without trees.
#[derive(Clone, Default)]
pub(super) struct Flat(Arc<Mutex<BTreeMap<Module, Pairs>>>);

impl Flat {
    fn commit(&self, writes: &WriteSet) {
        let mut all = self.0.lock().unwrap();
        for (module, key, value) in writes.iter() {
            let pairs = all.entry(module).or_default();
            match value {
                Some(value) => pairs.insert(key.to_vec(), value.to_vec()),
                None => pairs.remove(key),
            };
        }
    }
}

impl Reader for Flat {
    fn get(&self, module: Module, key: &[u8]) -> store::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(&module).and_then(|pairs| pairs.get(key)).cloned())
    }

    fn scan(
        &self,
        module: Module,
        start: &[u8],
        end: Option<&[u8]>,
        direction: Direction,
        limit: usize,
    ) -> store::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let all = self.0.lock().unwrap();
        let Some(pairs) = all.get(&module) else { return Ok(Vec::new()) };
        let upper = end.map_or(std::ops::Bound::Unbounded, |end| std::ops::Bound::Excluded(end.to_vec()));
        if end.is_some_and(|end| end <= start) {
            return Ok(Vec::new());
        }
        let range = pairs.range((std::ops::Bound::Included(start.to_vec()), upper));
        let copy = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(match direction {
            Direction::Up => range.take(limit).map(copy).collect(),
            Direction::Down => range.rev().take(limit).map(copy).collect(),
        })
    }
}

/// How a node renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Render {
    Honest,
    /// So many tiles are wrong.
    Wrong(u32),
    /// As `Wrong`, and the hashes that it plants are the true ones.
    Framing(u32),
    /// Shows the pixels of a recorded cheat, by its place in the record.
    Recorded(usize),
    /// Commits and never opens.
    Mute,
    /// Never commits.
    Lazy,
}

/// How a node audits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Honest,
    /// Finds another hash for the first tile, the same as all liars.
    Lies,
    /// Takes what the node shows.
    Copies,
    Declines,
    Silent,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Player {
    pub(super) node: NodeId,
    pub(super) render: Render,
    pub(super) look: Look,
    pub(super) plants: bool,
}

pub(super) struct Net {
    pub(super) ctx: Context,
    pub(super) flat: Flat,
    pub(super) players: BTreeMap<u8, Player>,
    /// Whether promises are checked after each block.
    pub(super) checked: bool,
    /// Whether players turn between a commitment and its opening, so that what they open may be refused.
    pub(super) turns: bool,
}

pub(super) fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u32).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What a tile really is.
pub(super) fn true_tile(unit: &UnitId, index: u32) -> [u8; 32] {
    hash(&[b"true", &unit.to_bytes(), &index.to_be_bytes()])
}

pub(super) fn params() -> Params {
    Params {
        hold_back_ucredits: 4 * PRICE,
        audit_commit_ms: 60_000,
        audit_open_ms: 60_000,
        approval_ms: 3_600_000,
        no_progress_ms: 120_000,
        offline_ms: 60_000,
        assignments_per_block: 64,
        ..epoch::params(&testing::context()).unwrap()
    }
}

pub(super) fn net() -> Net {
    net_with(&params())
}

pub(super) fn net_with(params: &Params) -> Net {
    let mut ctx = market();
    epoch::set_params(&mut ctx, params);
    credit::grant(&mut ctx, &ALICE, CREDITS).unwrap();
    testing::forget(&mut ctx);
    Net { ctx, flat: Flat::default(), players: BTreeMap::new(), checked: true, turns: false }
}

pub(super) fn engine() -> Engine {
    Engine { name: "cycles".to_owned(), build: "5.0.1".to_owned(), device_class: "cpu/x86_64/avx2".to_owned() }
}

/// A message as `app` runs it: on a layer of its own, its outcomes routed until none is left.
pub(super) fn run<M, R>(
    ctx: &mut Context,
    message: fn(&mut Context, M) -> Result<R, Failure>,
    msg: M,
) -> Result<R, Failure> {
    ctx.attempt(|ctx| {
        let response = message(ctx, msg)?;
        route(ctx)?;
        Ok(response)
    })
}

pub(super) fn route(ctx: &mut Context) -> Result<(), Failure> {
    while let Some(outcome) = ctx.outcomes.pop_front() {
        crate::react(ctx, &outcome)?;
    }
    Ok(())
}

pub(super) fn owner_of(number: u8) -> Address {
    Address::new([number; 20])
}

pub(super) fn host_of(number: u8) -> [u8; 32] {
    SigningKey::from([number; 32]).verification_key().to_bytes()
}

pub(super) fn node_of(number: u8) -> NodeId {
    NodeId { owner: owner_of(number), host: host_of(number) }
}

fn register(ctx: &mut Context, number: u8) {
    let owner = owner_of(number);
    let msg = MsgCreateProvider {
        owner: ctx.text(&owner),
        host_uri: "https://provider.example.com:8443".to_owned(),
        attributes: vec![Attribute { key: "region".to_owned(), value: "eu-west".to_owned() }],
        info: None,
    };
    let routes = provider::message_routes();
    let route = routes.iter().find(|route| route.url.ends_with("MsgCreateProvider")).unwrap();
    (route.run)(ctx, &proto::Message::encode_to_vec(&msg)).unwrap();
    let key = SigningKey::from([number; 32]);
    let mut msg = MsgRegisterHost {
        owner: ctx.text(&owner),
        host_key: host_of(number).to_vec(),
        offered: Some(Resources { cpu_milli: 8_000, memory: 32 * GI, storage: 100 * GI, devices: Vec::new() }),
        devices: Vec::new(),
        cpu_overcommit_percent: 100,
        host_signature: Vec::new(),
    };
    msg.host_signature = key.sign(&capacity::registration_bytes(&ctx.chain.id, &msg)).to_bytes().to_vec();
    run(ctx, capacity::messages::register_host, msg).unwrap();
}

pub(super) fn msg_enable(ctx: &Context, number: u8) -> MsgEnableNode {
    MsgEnableNode {
        node: Some(node_of(number).to_wire(&ctx.chain.prefix)),
        engine: Some(engine()),
        window: Some(Resources { cpu_milli: 4_000, memory: 16 * GI, storage: GI, devices: Vec::new() }),
        tier: Tier::Economy.into(),
        sleep: Vec::new(),
        benchmark_ms: 30_000,
        endpoint: "https://node.example.com:8443".to_owned(),
        simulated: false,
    }
}

impl Net {
    /// Registers a provider with a host and enables it as a node.
    pub(super) fn join(&mut self, number: u8, render: Render, look: Look) {
        self.join_as(number, render, look, |_| {});
    }

    pub(super) fn join_as(&mut self, number: u8, render: Render, look: Look, change: impl Fn(&mut MsgEnableNode)) {
        register(&mut self.ctx, number);
        let mut msg = msg_enable(&self.ctx, number);
        change(&mut msg);
        run(&mut self.ctx, node::messages::enable_node, msg).unwrap();
        self.players.insert(number, Player { node: node_of(number), render, look, plants: false });
    }

    pub(super) fn player(&mut self, number: u8) -> &mut Player {
        self.players.get_mut(&number).unwrap()
    }

    pub(super) fn node(&self, number: u8) -> Node {
        node::get(&self.ctx, &node_of(number)).unwrap().unwrap()
    }

    pub(super) fn job(&self, id: &JobId) -> Job {
        job::state::require(&self.ctx, id).unwrap()
    }

    pub(super) fn frame(&self, id: &JobId, index: u32) -> Frame {
        let job = self.job(id);
        job::state::shown(&job, job::state::unit(&self.ctx, &job, &id.unit(index)).unwrap())
    }

    pub(super) fn audit(&self, id: &JobId, index: u32) -> Audit {
        let unit = Some(id.unit(index).to_wire(&self.ctx.chain.prefix));
        proof::queries::audit(&self.ctx, QueryAuditRequest { unit, attempt: 0 }).unwrap().audit.unwrap()
    }

    /// The balance of credits of Alice: free, locked.
    pub(super) fn credits(&self) -> (u64, u64) {
        let has = credit::balance(&self.ctx, &ALICE).unwrap();
        (has.free_ucredits, has.locked_ucredits)
    }

    pub(super) fn msg_submit(&self, jseq: u64, frames: i32) -> MsgSubmitJob {
        MsgSubmitJob {
            creator: self.ctx.text(&ALICE),
            jseq,
            scene: Some(Scene {
                manifest: hash(&[b"scene", &jseq.to_be_bytes()]).to_vec(),
                bytes: 1_000_000,
                chunks: 4,
                origins: vec!["https://alice.example.com".to_owned()],
            }),
            options: Some(JobOptions {
                frames: vec![FrameRange { first: 1, last: frames, step: 1 }],
                order: FrameOrder::Forward.into(),
                tier: Tier::Economy.into(),
                engine: Some(Engine { build: String::new(), device_class: String::new(), ..engine() }),
                grid: Some(TileGrid { columns: 4, rows: TILES / 4 }),
                expected_work_milli: WORK,
                ..JobOptions::default()
            }),
            ucredits: 2 * PRICE * frames as u64,
        }
    }

    pub(super) fn submit(&mut self, jseq: u64, frames: i32) -> JobId {
        self.submit_as(jseq, frames, |_| {})
    }

    pub(super) fn submit_as(&mut self, jseq: u64, frames: i32, change: impl Fn(&mut MsgSubmitJob)) -> JobId {
        let mut msg = self.msg_submit(jseq, frames);
        change(&mut msg);
        run(&mut self.ctx, job::messages::submit_job, msg).unwrap();
        JobId { creator: ALICE, jseq }
    }

    pub(super) fn wire(&self, id: &JobId) -> Option<proto::tetra::render::v1::JobId> {
        Some(id.to_wire(&self.ctx.chain.prefix))
    }

    pub(super) fn approve(&mut self, id: &JobId) -> Result<u32, Failure> {
        let msg = MsgApproveFrames { id: self.wire(id), indexes: Vec::new() };
        run(&mut self.ctx, job::messages::approve_frames, msg).map(|done| done.approved)
    }

    pub(super) fn reject(&mut self, id: &JobId, index: u32) -> Result<u32, Failure> {
        let indexes = vec![IndexRange { first: index, last: index }];
        let msg = MsgRejectFrames { id: self.wire(id), indexes, reason: "too dark".to_owned() };
        run(&mut self.ctx, job::messages::reject_frames, msg).map(|done| done.rejected)
    }

    pub(super) fn cancel(&mut self, id: &JobId) -> Result<(), Failure> {
        let msg = MsgCancelJob { id: self.wire(id) };
        run(&mut self.ctx, job::messages::cancel_job, msg).map(drop)
    }

    pub(super) fn appeal(&mut self, number: u8, id: &JobId, index: u32) -> Result<(), Failure> {
        let audit = self.audit(id, index);
        let appellant = Some(node_of(number).to_wire(&self.ctx.chain.prefix));
        let msg = MsgAppeal { appellant, unit: audit.unit, attempt: audit.attempt };
        run(&mut self.ctx, proof::messages::appeal, msg).map(drop)
    }

    /// Every node gives a sign.
    pub(super) fn beat(&mut self) {
        for player in self.players.clone().values() {
            let found = node::get(&self.ctx, &player.node).unwrap().unwrap();
            let msg = MsgBeat { node: found.id, scenes: found.scenes };
            let _ = run(&mut self.ctx, node::messages::beat, msg);
        }
    }

    /// Ends the block, commits it and begins the next one.
    pub(super) fn pass(&mut self) {
        let ctx = &mut self.ctx;
        capacity::end_block(ctx).unwrap();
        route(ctx).unwrap();
        crate::end_block(ctx).unwrap();
        if self.checked {
            assert_eq!(crate::invariants::check(ctx).unwrap(), Vec::<String>::new());
        }
        let state = std::mem::replace(&mut ctx.state, State::new(Arc::new(self.flat.clone())));
        self.flat.commit(&state.into_writes());
        testing::advance(ctx, 1);
        ctx.block.seed = Sha256::digest(ctx.block.seed).into();
        crate::begin_block(ctx).unwrap();
    }

    /// A block in which every node does what it does.
    pub(super) fn block(&mut self) {
        self.beat();
        self.play_all();
        self.pass();
    }

    /// Every node does what it has to do.
    pub(super) fn play_all(&mut self) {
        for number in self.players.keys().copied().collect::<Vec<_>>() {
            self.play(number);
        }
    }

    pub(super) fn blocks(&mut self, count: u32) {
        for _ in 0..count {
            self.block();
        }
    }

    /// Blocks until something holds; at most 300.
    pub(super) fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..300 {
            if holds(self) {
                return;
            }
            self.block();
        }
        panic!("it never came about: {:#?}", self.players);
    }
}

/// `codespace code: text` of a refusal.
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    let Rejection { codespace, code, message } = testing::refusal(result);
    format!("{codespace} {code}: {message}")
}
