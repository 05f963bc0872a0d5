//! A chain with providers and tenants, and their messages in short.

use ed25519_consensus::SigningKey;
use ledger::testing::{self, PROVIDER};
use ledger::{Context, Failure, Rejection, accounts, bank, capacity, escrow, provider};
use primitives::Address;
use proto::akash::base::attributes::v1::Attribute;
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::deployment::v1beta4 as deployment_wire;
use proto::akash::market::v1::LeaseClosedReason;
use proto::akash::market::v1beta5 as market_wire;
use proto::akash::provider::v1beta4::MsgCreateProvider;
use proto::cosmos::base::v1beta1::{Coin, DecCoin};
use proto::tetra::capacity::v1::{Device, MsgRegisterHost, MsgShrinkHost, Resources};

use crate::auction::messages::{bids, leases};
use crate::deployment::messages as deployments;
use crate::ids::{BidId, DeploymentId, GroupId};

pub(super) const GI: u64 = 1 << 30;
pub(super) const HASH: [u8; 32] = [0x5a; 32];
/// Storage in memory, which each replica here asks for.
const RAM: [(&str, &str); 2] =
    [("capabilities/storage/1/class", "ram"), ("capabilities/storage/1/persistent", "false")];
/// A second provider, with funds.
pub(super) const RIVAL: Address = testing::CAROL;

/// Runs a message as `app` does: on a layer of its own, its outcomes routed until none is left.
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

/// Hands outcomes to the market until none is left. There are few: the market must not answer itself for ever.
pub(super) fn route(ctx: &mut Context) -> Result<(), Failure> {
    for _ in 0..1000 {
        match ctx.outcomes.pop_front() {
            Some(outcome) => crate::react(ctx, &outcome)?,
            None => return Ok(()),
        }
    }
    panic!("outcomes do not end: {:?}", ctx.outcomes);
}

/// Both providers are registered; neither has hosts.
pub(super) fn market() -> Context {
    let mut ctx = testing::context();
    for owner in [PROVIDER, RIVAL] {
        register_provider(&mut ctx, &owner, &[("region", "eu-west")]);
    }
    testing::forget(&mut ctx);
    ctx
}

/// Has storage in memory, and these attributes.
pub(super) fn register_provider(ctx: &mut Context, owner: &Address, attributes: &[(&str, &str)]) {
    let attribute = |(key, value): &(&str, &str)| Attribute { key: (*key).to_owned(), value: (*value).to_owned() };
    let msg = MsgCreateProvider {
        owner: ctx.text(owner),
        host_uri: "https://provider.example.com:8443".to_owned(),
        attributes: RAM.iter().chain(attributes).map(attribute).collect(),
        info: None,
    };
    let routes = provider::message_routes();
    let route = routes.iter().find(|route| route.url.ends_with("MsgCreateProvider")).unwrap();
    (route.run)(ctx, &proto::Message::encode_to_vec(&msg)).unwrap();
}

/// Registers host number `number` with so much CPU, 16 GiB of memory and 100 GiB of storage.
pub(super) fn register_host(ctx: &mut Context, owner: &Address, number: u8, cpu_milli: u64, models: &[&str]) {
    let key = SigningKey::from([number; 32]);
    let device =
        |(place, model): (usize, &&str)| Device { id: format!("gpu-{number}-{place}"), model: (*model).to_owned() };
    let mut msg = MsgRegisterHost {
        owner: ctx.text(owner),
        host_key: key.verification_key().to_bytes().to_vec(),
        offered: Some(Resources { cpu_milli, memory: 16 * GI, storage: 100 * GI, devices: Vec::new() }),
        devices: models.iter().enumerate().map(device).collect(),
        cpu_overcommit_percent: 100,
        host_signature: Vec::new(),
    };
    msg.host_signature = key.sign(&capacity::registration_bytes(&ctx.chain.id, &msg)).to_bytes().to_vec();
    run(ctx, capacity::messages::register_host, msg).unwrap();
}

pub(super) fn shrink_host(ctx: &mut Context, owner: &Address, number: u8, cpu_milli: u64) -> Result<(), Failure> {
    let msg = MsgShrinkHost {
        owner: ctx.text(owner),
        host_key: SigningKey::from([number; 32]).verification_key().to_bytes().to_vec(),
        offered: Some(Resources { cpu_milli, memory: 16 * GI, storage: 100 * GI, devices: Vec::new() }),
    };
    run(ctx, capacity::messages::shrink_host, msg).map(drop)
}

/// One group per entry of `counts`, each of so many replicas of 1 core, 1 GiB of memory, 1 GiB of storage and 1 GiB of
/// memory as storage, for at most `price` each.
pub(super) fn groups(counts: &[u32], price: &str, denom: &str) -> Vec<deployment_wire::GroupSpec> {
    specs(counts, price, denom, "")
}

/// As [`groups`], with something more in the compute profile.
pub(super) fn specs(counts: &[u32], price: &str, denom: &str, more: &str) -> Vec<deployment_wire::GroupSpec> {
    let mut text = "version: \"2.0\"\nservices:\n".to_owned();
    for place in 0..counts.len() {
        text.push_str(&format!(
            "  web{place}:\n    image: nginx:1.27\n    expose:\n      - port: 80\n        to:\n          - global: true\n    \
             params:\n      storage:\n        shm:\n          mount: /dev/shm\n"
        ));
    }
    text.push_str("profiles:\n  compute:\n    small:\n      resources:\n        cpu:\n          units: 1\n        ");
    text.push_str(
        "memory:\n          size: 1Gi\n        storage:\n          - size: 1Gi\n          - name: shm\n            ",
    );
    text.push_str("size: 1Gi\n            attributes:\n              persistent: false\n              class: ram\n");
    text.push_str(more);
    text.push_str("  placement:\n");
    for place in 0..counts.len() {
        text.push_str(&format!(
            "    place{place}:\n      attributes:\n        region: eu-west\n      pricing:\n        small:\n          \
             denom: {denom}\n          amount: {price}\n"
        ));
    }
    text.push_str("deployment:\n");
    for (place, count) in counts.iter().enumerate() {
        text.push_str(&format!("  web{place}:\n    place{place}:\n      profile: small\n      count: {count}\n"));
    }
    sdl::Sdl::parse(&text).unwrap().group_messages()
}

pub(super) fn deposit(text: &str) -> Option<Deposit> {
    let coin = testing::coin(text);
    let amount = Coin { denom: coin.denom.to_string(), amount: coin.amount.to_string() };
    Some(Deposit { amount: Some(amount), sources: vec![Source::Balance.into()] })
}

pub(super) fn price(text: &str, denom: &str) -> Option<DecCoin> {
    let amount: primitives::Dec = text.parse().unwrap();
    Some(DecCoin { denom: denom.to_owned(), amount: amount.to_wire() })
}

pub(super) fn msg_create(
    ctx: &Context,
    id: &DeploymentId,
    groups: Vec<deployment_wire::GroupSpec>,
    money: &str,
) -> deployment_wire::MsgCreateDeployment {
    deployment_wire::MsgCreateDeployment {
        id: Some(id.to_wire(&ctx.chain.prefix)),
        groups,
        hash: HASH.to_vec(),
        deposit: deposit(money),
        reclamation: None,
    }
}

/// One group of one replica, at most 100 uusd per block, with 5 uusd of deposit.
pub(super) fn deploy(ctx: &mut Context, owner: Address, dseq: u64) -> DeploymentId {
    deploy_groups(ctx, owner, dseq, &[1], "5000000uusd")
}

pub(super) fn deploy_groups(ctx: &mut Context, owner: Address, dseq: u64, counts: &[u32], money: &str) -> DeploymentId {
    let id = DeploymentId { owner, dseq };
    let msg = msg_create(ctx, &id, groups(counts, "100", "uusd"), money);
    run(ctx, deployments::create_deployment, msg).unwrap();
    id
}

pub(super) fn msg_bid(ctx: &Context, id: &BidId, amount: &str) -> market_wire::MsgCreateBid {
    market_wire::MsgCreateBid {
        id: Some(id.to_wire(&ctx.chain.prefix)),
        price: price(amount, "uusd"),
        deposit: deposit("500000uusd"),
        resources_offer: Vec::new(),
        reclamation_window: None,
    }
}

pub(super) fn bid(ctx: &mut Context, group: &GroupId, oseq: u32, provider: Address) -> Result<BidId, Failure> {
    let id = group.order(oseq).bid(provider);
    let msg = msg_bid(ctx, &id, "10.5");
    run(ctx, bids::create_bid, msg)?;
    Ok(id)
}

pub(super) fn lease(ctx: &mut Context, id: &BidId) -> Result<(), Failure> {
    let msg = market_wire::MsgCreateLease { bid_id: Some(id.to_wire(&ctx.chain.prefix)) };
    run(ctx, leases::create_lease, msg).map(drop)
}

pub(super) fn close_bid(ctx: &mut Context, id: &BidId) -> Result<(), Failure> {
    let reason = LeaseClosedReason::Decommission.into();
    let msg = market_wire::MsgCloseBid { id: Some(id.to_wire(&ctx.chain.prefix)), reason };
    run(ctx, bids::close_bid, msg).map(drop)
}

pub(super) fn close_lease(ctx: &mut Context, id: &BidId) -> Result<(), Failure> {
    let msg = market_wire::MsgCloseLease {
        id: Some(id.to_lease_wire(&ctx.chain.prefix)),
        ..market_wire::MsgCloseLease::default()
    };
    run(ctx, leases::close_lease, msg).map(drop)
}

pub(super) fn withdraw(ctx: &mut Context, id: &BidId) -> Result<(), Failure> {
    let msg = market_wire::MsgWithdrawLease { id: Some(id.to_lease_wire(&ctx.chain.prefix)) };
    run(ctx, leases::withdraw_lease, msg).map(drop)
}

pub(super) fn start_reclaim(ctx: &mut Context, id: &BidId) -> Result<(), Failure> {
    let reason = LeaseClosedReason::Unstable.into();
    let msg = market_wire::MsgLeaseStartReclaim { id: Some(id.to_lease_wire(&ctx.chain.prefix)), reason };
    run(ctx, leases::start_reclaim, msg).map(drop)
}

pub(super) fn close_deployment(ctx: &mut Context, id: &DeploymentId) -> Result<(), Failure> {
    let msg = deployment_wire::MsgCloseDeployment { id: Some(id.to_wire(&ctx.chain.prefix)) };
    run(ctx, deployments::close_deployment, msg).map(drop)
}

pub(super) fn pause_group(ctx: &mut Context, id: &GroupId) -> Result<(), Failure> {
    let msg = deployment_wire::MsgPauseGroup { id: Some(id.to_wire(&ctx.chain.prefix)) };
    run(ctx, deployments::pause_group, msg).map(drop)
}

pub(super) fn start_group(ctx: &mut Context, id: &GroupId) -> Result<(), Failure> {
    let msg = deployment_wire::MsgStartGroup { id: Some(id.to_wire(&ctx.chain.prefix)) };
    run(ctx, deployments::start_group, msg).map(drop)
}

pub(super) fn close_group(ctx: &mut Context, id: &GroupId) -> Result<(), Failure> {
    let msg = deployment_wire::MsgCloseGroup { id: Some(id.to_wire(&ctx.chain.prefix)) };
    run(ctx, deployments::close_group, msg).map(drop)
}

/// Anyone settles a deployment's account.
pub(super) fn settle(ctx: &mut Context, id: &DeploymentId) -> Result<(), Failure> {
    let account = escrow::AccountId::deployment(id.text(&ctx.chain.prefix));
    ctx.attempt(|ctx| {
        escrow::settle(ctx, &account)?;
        route(ctx)
    })
}

/// Each refusal, `codespace code: text`, one a line.
#[derive(Default)]
pub(super) struct Refusals(pub(super) String);

impl Refusals {
    pub(super) fn note<T: std::fmt::Debug>(&mut self, result: Result<T, Failure>) {
        let Rejection { codespace, code, message } = testing::refusal(result);
        self.0.push_str(&format!("{codespace} {code}: {message}\n"));
    }
}

/// The states of everything of a deployment, one a line.
pub(super) fn states(ctx: &Context, id: &DeploymentId) -> String {
    use crate::auction::state::{BIDS, LEASES, ORDERS};
    use crate::deployment::state::{deployment, groups};
    let mut out = format!("deployment {}\n", deployment(ctx, id).unwrap().state().as_str_name());
    for (id, group) in groups(ctx, id).unwrap() {
        out.push_str(&format!("group {} {}\n", id.gseq, group.state().as_str_name()));
        for (id, order) in ORDERS.records.under(&ctx.state, &id).unwrap() {
            out.push_str(&format!("  order {} {}\n", id.oseq, order.state().as_str_name()));
            for (id, bid) in BIDS.records.under(&ctx.state, &id).unwrap() {
                let name = if id.provider == PROVIDER { "provider" } else { "rival" };
                out.push_str(&format!("    bid {name} {}", bid.state().as_str_name()));
                if let Some(lease) = LEASES.get(&ctx.state, &id).unwrap() {
                    let (state, reason) = (lease.state().as_str_name(), lease.reason().as_str_name());
                    out.push_str(&format!("; lease {state} {reason}"));
                }
                out.push('\n');
            }
        }
    }
    out
}

/// Every broken promise of everything below and of the market.
pub(super) fn broken(ctx: &Context) -> Vec<String> {
    let mut broken = accounts::invariants::check(ctx).unwrap();
    broken.extend(bank::invariants::check(ctx).unwrap());
    broken.extend(provider::invariants::check(ctx).unwrap());
    broken.extend(escrow::invariants::check(ctx).unwrap());
    broken.extend(capacity::invariants::check(ctx).unwrap());
    broken.extend(crate::invariants::check(ctx).unwrap());
    broken
}
