//! A ready market for tests: a development network with WIT, hotkeys that sign, and blocks that pass.

use std::sync::Arc;

use ledger::testing::{self, ALICE, AUTHORITY, BOB, CAROL, PROVIDER};
use ledger::{Context, Failure, accounts, bank, capacity};
use primitives::Address;
use proto::tetra::subnet::v1::{
    MsgBindHotkey, MsgCommitWeights, MsgCreateSubnet, MsgRegisterNeuron, MsgRevealWeights, MsgSetRules, MsgSetWeights,
    MsgStake, MsgUpdateParams, Neuron, Params, Rules, Split, Subnet,
};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};

use crate::ids::{HotkeyId, Netuid};
use crate::key::binding::bind_bytes;
use crate::key::messages as keys;
use crate::network::messages as network;
use crate::network::state::{NEURONS, SUBNETS, UIDS};
use crate::params::{self, WIT};
use crate::weight::check::Sent;
use crate::weight::{commitment, messages as weights};

/// What each of the funded accounts has.
pub(super) const FUNDS: u64 = 1_000_000 * WIT;

/// The market before its first subnet, with parameters that make no one wait.
pub(super) fn market() -> Context {
    let mut ctx = testing::context();
    let chain = Arc::make_mut(&mut ctx.chain);
    (chain.dev, chain.block_interval_ms) = (true, 1_000);
    for holder in [ALICE, BOB, CAROL, PROVIDER] {
        fund(&mut ctx, &holder, FUNDS);
    }
    crate::genesis::import(&mut ctx, &crate::Genesis::default()).unwrap();
    let params = Params {
        creation_interval: 0,
        subnet_immunity: 5,
        root_tempo: 10,
        rules_interval: 0,
        min_lock: 100 * WIT,
        split: Split::Even.into(),
        take_interval: 50,
        ..params::default(1_000)
    };
    set_params(&mut ctx, params).unwrap();
    testing::forget(&mut ctx);
    ctx
}

pub(super) fn set_params(ctx: &mut Context, params: Params) -> Result<(), Failure> {
    let msg = MsgUpdateParams { authority: ctx.text(&AUTHORITY), params: Some(params) };
    ctx.attempt(|ctx| network::update_params(ctx, msg)).map(|_| ())
}

/// Gives an account WIT that was always there.
pub(super) fn fund(ctx: &mut Context, account: &Address, amount: u64) {
    let coin = testing::coin(&format!("{amount}nwit"));
    bank::mint(ctx, "capped", "genesis", account, &coin).unwrap();
}

/// The keys of a number.
pub(super) fn keypair(number: u16) -> Keypair {
    let mut seed = [7u8; 32];
    seed[..2].copy_from_slice(&number.to_be_bytes());
    MiniSecretKey::from_bytes(&seed).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
}

/// The hotkey of a number.
pub(super) fn id(number: u16) -> HotkeyId {
    keypair(number).public.to_bytes()
}

/// What a hotkey signs.
pub(super) fn signed(number: u16, message: &[u8; 32]) -> Vec<u8> {
    keypair(number).sign_simple(b"substrate", message).to_bytes().to_vec()
}

/// Binds the hotkey of a number to an account that is its operator as well.
pub(super) fn bind(ctx: &mut Context, number: u16, coldkey: &Address) -> HotkeyId {
    let signature = signed(number, &bind_bytes(&ctx.chain.id, coldkey, coldkey, 1));
    let (text, hotkey) = (ctx.text(coldkey), id(number));
    let msg = MsgBindHotkey { coldkey: text.clone(), hotkey: hotkey.to_vec(), operator: text, signature };
    ctx.attempt(|ctx| keys::bind_hotkey(ctx, msg)).unwrap();
    hotkey
}

pub(super) fn stake(ctx: &mut Context, hotkey: &HotkeyId, coldkey: &Address, amount: u64) -> Result<(), Failure> {
    let msg = MsgStake { coldkey: ctx.text(coldkey), hotkey: hotkey.to_vec(), amount };
    ctx.attempt(|ctx| keys::stake(ctx, msg)).map(|_| ())
}

/// Creates a subnet of an owner with its hotkey, whose rules are quick.
pub(super) fn create(ctx: &mut Context, owner: &Address, hotkey: &HotkeyId) -> Netuid {
    let msg = MsgCreateSubnet {
        owner: ctx.text(owner),
        hotkey: hotkey.to_vec(),
        name: "a subnet".to_owned(),
        max_lock: u64::MAX,
    };
    let netuid = ctx.attempt(|ctx| network::create_subnet(ctx, msg)).unwrap().netuid;
    rules(ctx, netuid, |rules| {
        (rules.tempo, rules.immunity, rules.weights_rate_limit, rules.serving_rate_limit) = (10, 20, 0, 0);
        (rules.commit_reveal, rules.activity_cutoff) = (false, 1_000);
    });
    netuid
}

/// Changes the rules of a subnet.
pub(super) fn rules(ctx: &mut Context, netuid: Netuid, change: impl FnOnce(&mut Rules)) {
    let subnet = subnet(ctx, netuid);
    let mut rules = subnet.rules.unwrap();
    change(&mut rules);
    let msg = MsgSetRules { owner: subnet.owner, netuid, rules: Some(rules), minimum: subnet.minimum };
    ctx.attempt(|ctx| network::set_rules(ctx, msg)).unwrap();
}

pub(super) fn register(
    ctx: &mut Context,
    netuid: Netuid,
    hotkey: &HotkeyId,
    coldkey: &Address,
) -> Result<u32, Failure> {
    let msg = MsgRegisterNeuron { coldkey: ctx.text(coldkey), netuid, hotkey: hotkey.to_vec(), max_burn: u64::MAX };
    ctx.attempt(|ctx| network::register_neuron(ctx, msg)).map(|answer| answer.uid)
}

/// Sets weights as pairs of uid and value, by the hotkey's coldkey, which is its operator.
pub(super) fn weigh(
    ctx: &mut Context,
    netuid: Netuid,
    hotkey: &HotkeyId,
    operator: &Address,
    row: &[(u32, u32)],
) -> Result<(), Failure> {
    let (uids, values) = row.iter().copied().unzip();
    let operator = ctx.text(operator);
    let msg = MsgSetWeights { operator, netuid, hotkey: hotkey.to_vec(), uids, values, version: 0 };
    ctx.attempt(|ctx| weights::set_weights(ctx, msg)).map(|_| ())
}

/// The salt of tests.
pub(super) const SALT: [u8; 16] = [5; 16];

pub(super) fn commit(
    ctx: &mut Context,
    netuid: Netuid,
    hotkey: &HotkeyId,
    operator: &Address,
    row: &[(u32, u32)],
) -> Result<(), Failure> {
    let (uids, values) = row.iter().copied().unzip();
    let commitment = commitment::of(netuid, hotkey, &Sent { uids, values, version: 0 }, &SALT).to_vec();
    let msg = MsgCommitWeights { operator: ctx.text(operator), netuid, hotkey: hotkey.to_vec(), commitment };
    ctx.attempt(|ctx| weights::commit_weights(ctx, msg)).map(|_| ())
}

pub(super) fn reveal(
    ctx: &mut Context,
    netuid: Netuid,
    hotkey: &HotkeyId,
    operator: &Address,
    row: &[(u32, u32)],
) -> Result<(), Failure> {
    let (uids, values) = row.iter().copied().unzip();
    let (operator, hotkey, salt) = (ctx.text(operator), hotkey.to_vec(), SALT.to_vec());
    let msg = MsgRevealWeights { operator, netuid, hotkey, uids, values, version: 0, salt };
    ctx.attempt(|ctx| weights::reveal_weights(ctx, msg)).map(|_| ())
}

/// Passes blocks; after each everything holds.
pub(super) fn pass(ctx: &mut Context, blocks: u64) {
    for _ in 0..blocks {
        testing::advance(ctx, 1);
        crate::begin_block(ctx).unwrap();
        assert_eq!(broken(ctx), Vec::<String>::new(), "at height {}", ctx.block.height);
    }
}

/// Passes blocks until a subnet had another epoch.
pub(super) fn epoch(ctx: &mut Context, netuid: Netuid) {
    let before = subnet(ctx, netuid).epochs;
    while subnet(ctx, netuid).epochs == before {
        pass(ctx, 1);
    }
}

/// Every broken promise of this market and of what it stands on.
pub(super) fn broken(ctx: &Context) -> Vec<String> {
    let mut broken = accounts::invariants::check(ctx).unwrap();
    broken.extend(bank::invariants::check(ctx).unwrap());
    broken.extend(capacity::invariants::check(ctx).unwrap());
    broken.extend(crate::invariants::check(ctx).unwrap());
    broken
}

pub(super) fn subnet(ctx: &Context, netuid: Netuid) -> Subnet {
    SUBNETS.get(&ctx.state, &netuid).unwrap().unwrap()
}

pub(super) fn neuron(ctx: &Context, netuid: Netuid, hotkey: &HotkeyId) -> Option<Neuron> {
    let uid = UIDS.get(&ctx.state, &(*hotkey, netuid)).unwrap()?;
    NEURONS.get(&ctx.state, &(netuid, uid)).unwrap()
}

/// What is staked to a hotkey.
pub(super) fn staked(ctx: &Context, hotkey: &HotkeyId) -> u64 {
    crate::key::state::stake_of(ctx, hotkey).unwrap()
}

pub(super) fn wit(ctx: &Context, account: &Address) -> u64 {
    u64::try_from(testing::balance(ctx, account, "nwit")).unwrap()
}

pub(super) fn issuance(ctx: &Context) -> u64 {
    u64::try_from(bank::supply_of(ctx, &testing::denom("nwit")).unwrap()).unwrap()
}

/// The words of a refusal.
pub(super) fn why<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    let refusal = testing::refusal(result);
    format!("{} {}: {}", refusal.codespace, refusal.code, refusal.message)
}
