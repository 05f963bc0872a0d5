//! A ready chain for tests: context, funded accounts and the passing of blocks. Built only for tests.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up fails")]

use std::sync::Arc;

use primitives::{Address, Coin, Coins, Denom, Prefix};
use proto::Timestamp;
use store::{Direction, Empty, Module, State};

use crate::context::{BlockInfo, Chain, Context};
use crate::failure::{Failure, Rejection};
use crate::{accounts, bank};

/// A funded account.
pub const ALICE: Address = Address::new([0xa1; 20]);
/// A funded account.
pub const BOB: Address = Address::new([0xb0; 20]);
/// A funded account.
pub const CAROL: Address = Address::new([0xca; 20]);
/// A funded account; no provider is registered.
pub const PROVIDER: Address = Address::new([0x9e; 20]);
/// The account that may change parameters. It has no funds.
pub const AUTHORITY: Address = Address::new([0xff; 20]);

/// What each funded account has of `utet` and of `uusd`, in base units.
pub const FUNDS: u128 = 1_000_000_000_000;

/// Header time of height 1: 2026-01-01T00:00:00Z.
const START_SECONDS: i64 = 1_767_225_600;

/// The chain of [`context`].
pub fn chain() -> Chain {
    Chain {
        id: "tetra-test".to_owned(),
        prefix: Prefix::new("tetra").expect("a prefix"),
        block_interval_ms: 6_000,
        authority: AUTHORITY,
        classic: false,
        dev: false,
    }
}

/// A context at height 1 with the genesis of [`bank`] and [`accounts`]: the default denoms, and [`ALICE`], [`BOB`],
/// [`CAROL`] and [`PROVIDER`] with [`FUNDS`] of `utet` and `uusd` each. Announcements and flow are empty.
pub fn context() -> Context {
    let mut ctx = empty();
    accounts::genesis::import(&mut ctx, &accounts::Genesis::default()).expect("accounts genesis");
    let balances = [ALICE, BOB, CAROL, PROVIDER].map(|address| bank::genesis::Balance {
        address: ctx.text(&address),
        coins: format!("{FUNDS}utet,{FUNDS}uusd"),
    });
    let genesis = bank::Genesis { balances: balances.to_vec(), ..bank::Genesis::default() };
    bank::genesis::import(&mut ctx, &genesis).expect("bank genesis");
    forget(&mut ctx);
    ctx
}

/// A context at height 1 without any genesis: nothing is in the state.
pub fn empty() -> Context {
    let block = BlockInfo { height: 1, time: Timestamp { seconds: START_SECONDS, nanos: 0 }, seed: [7; 32] };
    Context::new(State::new(Arc::new(Empty)), block, Arc::new(chain()))
}

/// Goes `blocks` blocks further: height and header time advance, announcements and flow are forgotten. Runs no
/// end-of-block work.
pub fn advance(ctx: &mut Context, blocks: u64) {
    ctx.block.height += blocks;
    let millis = i64::try_from(blocks * ctx.chain.block_interval_ms).expect("a short time");
    let nanos = i64::from(ctx.block.time.nanos) + (millis % 1000) * 1_000_000;
    ctx.block.time.seconds += millis / 1000 + nanos / 1_000_000_000;
    ctx.block.time.nanos = i32::try_from(nanos % 1_000_000_000).expect("less than a second");
    forget(ctx);
}

/// Registers another denom.
pub fn register_denom(ctx: &mut Context, text: &str, policy: bank::Policy) {
    let stored = bank::state::StoredDenom { policy: policy.name().to_owned(), ..Default::default() };
    bank::state::DENOMS.set(&mut ctx.state, &text.to_owned(), &stored);
}

/// Sets the take of a denom, in percent.
pub fn set_take(ctx: &mut Context, text: &str, percent: u32) {
    let mut params = crate::take::Params::default();
    params.denom_take_rates.insert(text.to_owned(), percent);
    crate::take::genesis::import(ctx, &crate::take::Genesis { params }).expect("take genesis");
}

/// Forgets announcements, outcomes and flow.
pub fn forget(ctx: &mut Context) {
    ctx.events.clear();
    ctx.outcomes.clear();
    ctx.flow = crate::context::Flow::default();
}

/// An account made from a number, which has nothing.
pub fn nobody(number: u8) -> Address {
    Address::new([number; 20])
}

/// Parses a denom.
pub fn denom(text: &str) -> Denom {
    Denom::new(text).expect("a denom")
}

/// Parses a coin, `5utet`.
pub fn coin(text: &str) -> Coin {
    text.parse().expect("a coin")
}

/// Parses coins, `5utet,7uusd`.
pub fn coins(text: &str) -> Coins {
    text.parse().expect("coins")
}

/// The balance of an account.
pub fn balance(ctx: &Context, address: &Address, of: &str) -> u128 {
    bank::balance(ctx, address, &denom(of)).expect("readable state")
}

/// All that a module stores, a line `key = value` in hex for each pair: for snapshots, and to compare states.
pub fn stored(ctx: &Context, module: Module) -> String {
    let pairs = ctx.state.scan(module, &[], None, Direction::Up, usize::MAX).expect("readable state");
    pairs.iter().map(|(key, value)| format!("{} = {}\n", hex::encode(key), hex::encode(value))).collect()
}

/// All announcements so far, for snapshots: the kind, then a line `key = value` for each attribute.
pub fn announced(ctx: &Context) -> String {
    let mut text = String::new();
    for event in &ctx.events {
        text.push_str(&format!("{}\n", event.kind));
        for (key, value) in &event.attributes {
            text.push_str(&format!("  {key} = {value}\n"));
        }
    }
    text
}

/// The refusal that a call failed with.
///
/// # Panics
/// When it succeeded, or the state is broken.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Rejection {
    match result {
        Err(Failure::Rejected(rejection)) => rejection,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
