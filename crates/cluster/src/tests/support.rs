//! A ready market for tests: a network with suppliers that beat and prove, a tenant with USD, and blocks that pass.

use std::collections::BTreeSet;
use std::sync::Arc;

use ed25519_consensus::SigningKey;
use ledger::testing::{self, ALICE};
use ledger::{Context, Failure, bank, capacity, escrow, provider};
use primitives::Address;
use proto::Message;
use proto::akash::base::attributes::v1::Attribute;
use proto::akash::base::deposit::v1::{Deposit, Source as DepositSource};
use proto::akash::provider::v1beta4::MsgCreateProvider;
use proto::cosmos::base::v1beta1::Coin;
use proto::tetra::capacity::v1::{MsgRegisterHost, Resources};
use proto::tetra::cluster::v1::{
    Ask, Cluster, ClusterKind, ClusterState, MsgAppeal, MsgBeat, MsgCommitProof, MsgCreateCluster, MsgJoinCluster,
    MsgOfferDevices, MsgReportReach, MsgRequestQuote, MsgVerifyAppeal, MsgVerifyProof, Node, Offer, OfferState,
    OfferTerms, Params, QueryDutiesRequest, Quote, Source, SupplierKind, VerdictKind,
};

use crate::hire::messages as hires;
use crate::hire::state::{CLUSTERS, live};
use crate::ids::{ClusterId, OfferId};
use crate::params;
use crate::supply::state::{OFFERS, PARAMS, ROUND};
use crate::supply::{messages as supply, queries};

pub(super) const GIB: u64 = 1 << 30;

/// A network whose suppliers are numbered from 1.
pub(super) struct Net {
    pub(super) ctx: Context,
    /// Suppliers whose agents live.
    pub(super) alive: BTreeSet<u16>,
    /// Suppliers that no stranger reaches through an overlay.
    pub(super) walled: BTreeSet<u16>,
    /// Whether everything is checked after each message and block.
    pub(super) checked: bool,
}

pub(super) fn owner(number: u16) -> Address {
    let mut bytes = [1; 20];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    Address::new(bytes)
}

fn key(number: u16) -> SigningKey {
    let mut bytes = [1; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    SigningKey::from(bytes)
}

/// What a supplier commits to.
fn digest(number: u16) -> Vec<u8> {
    key(number).verification_key().to_bytes().to_vec()
}

pub(super) fn offer_id(number: u16) -> OfferId {
    OfferId { owner: owner(number), host: key(number).verification_key().to_bytes() }
}

/// The terms of a supplier with two cores on offer.
pub(super) fn terms(floor: u64) -> OfferTerms {
    OfferTerms {
        class: "cpu".to_owned(),
        devices: 2,
        each: Some(Resources { cpu_milli: 1_000, memory: GIB, storage: GIB, devices: Vec::new() }),
        region: "eu-west".to_owned(),
        kind: SupplierKind::Private.into(),
        flags: Vec::new(),
        floor,
        lease: None,
    }
}

pub(super) fn ask(nodes: u32) -> Ask {
    Ask { kind: ClusterKind::Shell.into(), class: "cpu".to_owned(), nodes, duration_ms: 3_600_000, ..Ask::default() }
}

/// Quick rounds, blocks of a second.
fn quick() -> Params {
    let mut params = params::default(1_000);
    (params.round_ms, params.verdict_ms) = (120_000, 20_000);
    (params.beat_ms, params.silence_ms, params.formation_ms) = (10_000, 25_000, 60_000);
    params.appeal_ms = 60_000;
    params.notice_ms = 60_000;
    for class in &mut params.classes {
        class.deadline_ms = 10_000;
    }
    params
}

impl Net {
    /// A network with so many suppliers, offered and proved, at floors of a thousand times their number.
    pub(super) fn new(suppliers: u16) -> Self {
        let mut net = Self::bare();
        for number in 1..=suppliers {
            net.join(number);
            net.offer(number, terms(20_000 + 1_000 * u64::from(number))).unwrap();
        }
        net.round(&[]);
        net
    }

    pub(super) fn bare() -> Self {
        let mut ctx = testing::context();
        Arc::make_mut(&mut ctx.chain).block_interval_ms = 1_000;
        crate::genesis::import(&mut ctx, &crate::Genesis::default()).unwrap();
        PARAMS.set(&mut ctx.state, &quick());
        testing::forget(&mut ctx);
        Self { ctx, alive: BTreeSet::new(), walled: BTreeSet::new(), checked: true }
    }

    /// Registers a provider with a host of four cores.
    pub(super) fn join(&mut self, number: u16) {
        let account = owner(number);
        let ctx = &mut self.ctx;
        bank::send(ctx, &ALICE, &account, &testing::coins("10000000uusd")).unwrap();
        let msg = MsgCreateProvider {
            owner: ctx.text(&account),
            host_uri: "https://provider.example.com:8443".to_owned(),
            attributes: vec![Attribute { key: "region".to_owned(), value: "eu-west".to_owned() }],
            info: None,
        };
        let routes = provider::message_routes();
        let route = routes.iter().find(|route| route.url.ends_with("MsgCreateProvider")).unwrap();
        (route.run)(ctx, &msg.encode_to_vec()).unwrap();
        let key = key(number);
        let mut msg = MsgRegisterHost {
            owner: ctx.text(&account),
            host_key: key.verification_key().to_bytes().to_vec(),
            offered: Some(Resources { cpu_milli: 4_000, memory: 8 * GIB, storage: 64 * GIB, devices: Vec::new() }),
            devices: Vec::new(),
            cpu_overcommit_percent: 100,
            host_signature: Vec::new(),
        };
        msg.host_signature = key.sign(&capacity::registration_bytes(&ctx.chain.id, &msg)).to_bytes().to_vec();
        capacity::messages::register_host(ctx, msg).unwrap();
        self.alive.insert(number);
    }

    /// Runs a message as `app` does: it and what follows from it, or nothing.
    pub(super) fn run<M, R>(
        &mut self,
        run: impl FnOnce(&mut Context, M) -> Result<R, Failure>,
        msg: M,
    ) -> Result<R, Failure> {
        let result = self.ctx.attempt(|ctx| {
            let answer = run(ctx, msg)?;
            route(ctx)?;
            Ok(answer)
        });
        if self.checked {
            assert_eq!(broken(&self.ctx), Vec::<String>::new());
        }
        result
    }

    pub(super) fn offer(&mut self, number: u16, terms: OfferTerms) -> Result<(), Failure> {
        self.offer_from(Source::Provider, number, terms)
    }

    pub(super) fn offer_from(&mut self, source: Source, number: u16, terms: OfferTerms) -> Result<(), Failure> {
        let id = offer_id(number).to_wire(&self.ctx.chain.prefix);
        let (owner, host_key) = (id.owner, id.host_key);
        let msg = MsgOfferDevices { owner, host_key, terms: Some(terms), source: source.into() };
        self.run(supply::offer_devices, msg).map(|_| ())
    }

    pub(super) fn beat(&mut self, number: u16) {
        let id = offer_id(number);
        if OFFERS.has(&self.ctx.state, &id).unwrap() {
            let id = id.to_wire(&self.ctx.chain.prefix);
            let msg = MsgBeat { owner: id.owner, host_key: id.host_key, tier: 0 };
            self.run(supply::beat, msg).unwrap();
        }
    }

    /// Passes blocks; those that live beat every ten, and after each block everything holds.
    pub(super) fn pass(&mut self, blocks: u64) {
        for _ in 0..blocks {
            testing::advance(&mut self.ctx, 1);
            self.ctx.block.seed[0] = self.ctx.block.seed[0].wrapping_add(1);
            escrow::begin_block(&mut self.ctx).unwrap();
            crate::begin_block(&mut self.ctx).unwrap();
            if self.ctx.block.height.is_multiple_of(10) {
                for number in self.alive.clone() {
                    self.beat(number);
                }
            }
            capacity::end_block(&mut self.ctx).unwrap();
            route(&mut self.ctx).unwrap();
            crate::end_block(&mut self.ctx).unwrap();
            route(&mut self.ctx).unwrap();
            if self.checked {
                assert_eq!(broken(&self.ctx), Vec::<String>::new(), "at height {}", self.ctx.block.height);
            }
        }
    }

    pub(super) fn commit(&mut self, number: u16) -> Result<(), Failure> {
        let id = offer_id(number).to_wire(&self.ctx.chain.prefix);
        let round = ROUND.get(&self.ctx.state).unwrap().unwrap().number;
        let overlay_key = vec![7; 32];
        let endpoints = vec!["192.0.2.1:51820".to_owned()];
        let (owner, host_key) = (id.owner, id.host_key);
        let msg = MsgCommitProof { owner, host_key, round, digest: digest(number), overlay_key, endpoints };
        self.run(supply::commit_proof, msg).map(|_| ())
    }

    /// Goes to the next round, in which all that live commit and say of each other what is so: wrong of the `liars`.
    pub(super) fn round(&mut self, liars: &[u16]) {
        let before = ROUND.get(&self.ctx.state).unwrap().map_or(0, |round| round.number);
        while ROUND.get(&self.ctx.state).unwrap().is_none_or(|round| round.number == before) {
            self.pass(1);
        }
        for number in self.alive.clone() {
            let _ = self.commit(number);
        }
        self.verdicts(liars);
    }

    pub(super) fn verdicts(&mut self, liars: &[u16]) {
        while ROUND.get(&self.ctx.state).unwrap().unwrap().draw.is_empty() {
            self.pass(1);
        }
        for number in self.alive.clone() {
            let id = offer_id(number).to_wire(&self.ctx.chain.prefix);
            let duties = queries::duties(&self.ctx, QueryDutiesRequest { id: Some(id.clone()) }).unwrap().proofs;
            for proof in duties {
                let is_liar = liars.iter().any(|liar| proof.digest == digest(*liar));
                let kind = if is_liar { VerdictKind::Wrong } else { VerdictKind::Right };
                let msg = MsgVerifyProof {
                    owner: id.owner.clone(),
                    host_key: id.host_key.clone(),
                    round: proof.round,
                    offer: proof.offer,
                    kind: kind.into(),
                    reason: if is_liar { "the product is another".to_owned() } else { String::new() },
                    formed: !self.walled.iter().any(|walled| proof.digest == digest(*walled)),
                };
                self.run(supply::verify_proof, msg).unwrap();
            }
        }
    }

    pub(super) fn appeal(&mut self, number: u16) -> Result<(), Failure> {
        let id = offer_id(number).to_wire(&self.ctx.chain.prefix);
        self.run(supply::appeal, MsgAppeal { owner: id.owner, host_key: id.host_key }).map(|_| ())
    }

    /// Goes to the next round, in which all look at what they are drawn for once more, and say this of it.
    pub(super) fn appeal_round(&mut self, kind: VerdictKind) {
        self.round(&[]);
        for number in self.alive.clone() {
            let id = offer_id(number).to_wire(&self.ctx.chain.prefix);
            let duties = queries::duties(&self.ctx, QueryDutiesRequest { id: Some(id.clone()) }).unwrap();
            for appeal in duties.appeals {
                let msg = MsgVerifyAppeal {
                    owner: id.owner.clone(),
                    host_key: id.host_key.clone(),
                    round: appeal.round,
                    offer: appeal.proof.unwrap().offer,
                    kind: kind.into(),
                    reason: String::new(),
                };
                self.run(supply::verify_appeal, msg).unwrap();
            }
        }
    }

    pub(super) fn id(&self, cseq: u64) -> Option<proto::tetra::cluster::v1::ClusterId> {
        Some(ClusterId { tenant: ALICE, cseq }.to_wire(&self.ctx.chain.prefix))
    }

    pub(super) fn quote(&mut self, cseq: u64, ask: Ask) -> Result<Quote, Failure> {
        let msg = MsgRequestQuote { id: self.id(cseq), ask: Some(ask) };
        self.run(hires::request_quote, msg).map(|answer| answer.quote.unwrap())
    }

    pub(super) fn create(&mut self, cseq: u64, deposit: u64) -> Result<(), Failure> {
        let msg = MsgCreateCluster { id: self.id(cseq), manifest: vec![1; 32], deposit: deposit_of(deposit) };
        self.run(hires::create_cluster, msg).map(|_| ())
    }

    /// A cluster of so many nodes that runs.
    pub(super) fn running(&mut self, cseq: u64, ask: Ask) -> Cluster {
        let total = self.quote(cseq, ask).unwrap().total;
        self.create(cseq, total).unwrap();
        self.join_all(cseq);
        self.reach_all(cseq);
        let cluster = self.cluster(cseq);
        assert_eq!(cluster.state(), ClusterState::Running);
        cluster
    }

    pub(super) fn cluster(&self, cseq: u64) -> Cluster {
        CLUSTERS.get(&self.ctx.state, &ClusterId { tenant: ALICE, cseq }).unwrap().unwrap()
    }

    pub(super) fn nodes(&self, cseq: u64) -> Vec<Node> {
        live(&self.cluster(cseq)).cloned().collect()
    }

    pub(super) fn join_all(&mut self, cseq: u64) {
        for node in self.nodes(cseq) {
            let offer = node.offer.unwrap();
            let mut overlay_key = vec![7; 32];
            overlay_key[0] = node.number as u8;
            let msg = MsgJoinCluster {
                owner: offer.owner,
                host_key: offer.host_key,
                id: self.id(cseq),
                number: node.number,
                overlay_key,
                endpoints: vec!["192.0.2.1:51820".to_owned()],
            };
            self.run(hires::join_cluster, msg).unwrap();
        }
    }

    /// Every node says that it reaches these.
    pub(super) fn reach(&mut self, cseq: u64, by: &Node, reached: &[u32]) -> Result<(), Failure> {
        let offer = by.offer.clone().unwrap();
        let msg = MsgReportReach {
            owner: offer.owner,
            host_key: offer.host_key,
            id: self.id(cseq),
            number: by.number,
            reached: reached.to_vec(),
        };
        self.run(hires::report_reach, msg).map(|_| ())
    }

    pub(super) fn reach_all(&mut self, cseq: u64) {
        let nodes = self.nodes(cseq);
        let numbers: Vec<u32> = nodes.iter().map(|node| node.number).collect();
        for node in &nodes {
            self.reach(cseq, node, &numbers).unwrap();
        }
    }

    pub(super) fn of(&self, number: u16) -> Offer {
        OFFERS.get(&self.ctx.state, &offer_id(number)).unwrap().unwrap()
    }

    pub(super) fn state(&self, number: u16) -> OfferState {
        self.of(number).state()
    }

    pub(super) fn usd(&self, account: &Address) -> u128 {
        testing::balance(&self.ctx, account, "uusd")
    }
}

pub(super) fn deposit_of(amount: u64) -> Option<Deposit> {
    let coin = Coin { denom: "uusd".to_owned(), amount: amount.to_string() };
    Some(Deposit { amount: Some(coin), sources: vec![DepositSource::Balance.into()] })
}

fn route(ctx: &mut Context) -> Result<(), Failure> {
    while let Some(outcome) = ctx.outcomes.pop_front() {
        crate::react(ctx, &outcome)?;
    }
    Ok(())
}

/// Every broken promise of this market and of what it stands on.
pub(super) fn broken(ctx: &Context) -> Vec<String> {
    let mut broken = bank::invariants::check(ctx).unwrap();
    broken.extend(escrow::invariants::check(ctx).unwrap());
    broken.extend(capacity::invariants::check(ctx).unwrap());
    broken.extend(crate::invariants::check(ctx).unwrap());
    broken
}

/// The words of a refusal.
pub(super) fn why<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    let refusal = testing::refusal(result);
    format!("{} {}: {}", refusal.codespace, refusal.code, refusal.message)
}

/// What genesis says of a market makes it anew to the byte, indexes included, beside a state that has everything below it.
pub(super) fn comes_back(net: &Net) {
    let exported = crate::genesis::export(&net.ctx).unwrap();
    let stored = crate::MODULES.map(|module| testing::stored(&net.ctx, module));
    let mut other = Net::bare().ctx;
    other.block = net.ctx.block.clone();
    other.chain = net.ctx.chain.clone();
    for part in ["bank", "escrow", "capacity", "provider", "accounts"] {
        copy(&net.ctx, &mut other, store::Module(part));
    }
    crate::genesis::import(&mut other, &exported).unwrap();
    assert_eq!(crate::genesis::export(&other).unwrap(), exported);
    assert_eq!(crate::MODULES.map(|module| testing::stored(&other, module)), stored);
}

fn copy(from: &ledger::Context, to: &mut ledger::Context, module: store::Module) {
    let pairs = |ctx: &ledger::Context| ctx.state.scan(module, &[], None, store::Direction::Up, usize::MAX).unwrap();
    for (key, _) in pairs(to) {
        to.state.write(module, key, None);
    }
    for (key, value) in pairs(from) {
        to.state.write(module, key, Some(value));
    }
}
