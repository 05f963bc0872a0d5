//! A ready market for tests: a development network with a feeder, funded holders of LUX and USD, and epochs that pass.

use std::sync::Arc;

use ledger::testing::{self, ALICE, AUTHORITY, BOB, CAROL, PROVIDER, advance};
use ledger::{Context, Failure, accounts, bank, oracle};
use primitives::Address;
use proto::cosmos::base::v1beta1::Coin;
use proto::tetra::oracle::v1::{MsgPostPrices, Price};
use proto::tetra::render::v1::{MsgAskAuction, MsgBuyCredits, MsgClaimRewards, MsgUpdateParams, Params, Tier};

use crate::{credit, epoch};

/// Who posts prices.
pub(crate) const FEEDER: Address = Address::new([0xfe; 20]);
/// LUX before burn and mint, in base units: 536,870,912 LUX (spec/render_ionet.md A3.2).
pub(crate) const ORIGINAL: u128 = 536_870_912_000_000;
/// Those who have LUX: a quarter of it each.
pub(crate) const HOLDERS: [Address; 4] = [ALICE, BOB, CAROL, PROVIDER];

/// The market before its first block, without prices.
pub(crate) fn bare() -> Context {
    let mut ctx = testing::context();
    Arc::make_mut(&mut ctx.chain).dev = true;
    for holder in HOLDERS {
        let coin = credit::coin(credit::LUX, ORIGINAL / 4).unwrap();
        bank::mint(&mut ctx, "burn_and_mint", "genesis", &holder, &coin).unwrap();
    }
    let mut genesis = oracle::Genesis::default();
    genesis.params.feeders = vec![ctx.text(&FEEDER)];
    (genesis.params.spread_bp, genesis.params.covered_bp, genesis.params.simulated) = (10_000, 0, true);
    genesis.params.fresh_ms = 86_400_000;
    oracle::genesis::import(&mut ctx, &genesis).unwrap();
    credit::genesis::import(&mut ctx, &credit::Genesis::default()).unwrap();
    epoch::genesis::import(&mut ctx, &epoch::Genesis::default()).unwrap();
    testing::forget(&mut ctx);
    ctx
}

/// The market with a LUX at 4 USD and a euro at 1.10 USD.
pub(crate) fn market() -> Context {
    let mut ctx = bare();
    post(&mut ctx, 4_000_000, 1_100_000);
    ctx
}

/// Posts prices, and lets a block pass in which they hold.
pub(crate) fn post(ctx: &mut Context, lux: u64, euro: u64) {
    let price = |pair: &str, micros| Price { pair: pair.to_owned(), micros };
    let prices = vec![price(oracle::LUX_USD, lux), price(oracle::EUR_USD, euro)];
    let feeder = ctx.text(&FEEDER);
    oracle::messages::post_prices(ctx, MsgPostPrices { feeder, prices }).unwrap();
    advance(ctx, 1);
}

pub(crate) fn wire(coin: &str) -> Option<Coin> {
    let coin: primitives::Coin = coin.parse().unwrap();
    Some(Coin { denom: coin.denom.as_str().to_owned(), amount: coin.amount.to_string() })
}

pub(crate) fn buy(ctx: &mut Context, creator: &Address, pay: &str) -> Result<u64, Failure> {
    let msg = MsgBuyCredits { creator: ctx.text(creator), pay: wire(pay), min_ucredits: 0 };
    ctx.attempt(|ctx| credit::messages::buy_credits(ctx, msg)).map(|answer| answer.ucredits)
}

pub(crate) fn ask(ctx: &mut Context, seller: &Address, sell: &str, min_price_micros: u64) -> Result<u64, Failure> {
    let msg = MsgAskAuction { seller: ctx.text(seller), sell: wire(sell), min_price_micros };
    ctx.attempt(|ctx| credit::messages::ask_auction(ctx, msg)).map(|answer| answer.ask)
}

pub(crate) fn claim(ctx: &mut Context, owner: &Address) -> Result<u128, Failure> {
    let msg = MsgClaimRewards { owner: ctx.text(owner) };
    let answer = ctx.attempt(|ctx| epoch::messages::claim_rewards(ctx, msg))?;
    Ok(answer.paid.unwrap().amount.parse().unwrap())
}

pub(crate) fn update(ctx: &mut Context, change: impl FnOnce(&mut Params)) -> Result<(), Failure> {
    let mut params = epoch::params(ctx)?;
    change(&mut params);
    let msg = MsgUpdateParams { authority: ctx.text(&AUTHORITY), params: Some(params) };
    ctx.attempt(|ctx| epoch::messages::update_params(ctx, msg)).map(|_| ())
}

/// A frame from setting aside to approval: `ucredits` of the creator, attributed to the owner of a node.
pub(crate) fn frame(
    ctx: &mut Context,
    creator: &Address,
    owner: &Address,
    ucredits: u64,
) -> Result<credit::Paid, Failure> {
    ctx.attempt(|ctx| {
        credit::set_aside(ctx, creator, ucredits)?;
        let paid = credit::spend(ctx, creator, ucredits)?;
        epoch::attribute(ctx, "unit", owner, ucredits, ucredits, &paid)?;
        Ok(paid)
    })
}

/// Goes to the end of the open epoch, posts these prices shortly before it, and closes it.
pub(crate) fn close(ctx: &mut Context, lux: u64, euro: u64) {
    let left = epoch::state::open(ctx).unwrap().ends_ms.saturating_sub(ctx.block.time_ms());
    let blocks = left.div_ceil(ctx.chain.block_interval_ms);
    advance(ctx, blocks.saturating_sub(2));
    post(ctx, lux, euro);
    while epoch::state::open(ctx).unwrap().ends_ms > ctx.block.time_ms() {
        advance(ctx, 1);
    }
    crate::begin_block(ctx).unwrap();
}

/// The last closed epoch.
pub(crate) fn last(ctx: &Context) -> proto::tetra::render::v1::Epoch {
    let number = epoch::state::open(ctx).unwrap().number - 1;
    epoch::state::CLOSED.get(&ctx.state, &number).unwrap().unwrap()
}

pub(crate) fn amount(coin: Option<&Coin>) -> u128 {
    coin.map_or(0, |coin| coin.amount.parse().unwrap())
}

pub(crate) fn lux(ctx: &Context, who: &Address) -> u128 {
    testing::balance(ctx, who, credit::LUX)
}

pub(crate) fn usd(ctx: &Context, who: &Address) -> u128 {
    testing::balance(ctx, who, credit::USD)
}

pub(crate) fn supply(ctx: &Context) -> u128 {
    bank::supply_of(ctx, &testing::denom(credit::LUX)).unwrap()
}

pub(crate) fn bill(ctx: &Context, tier: Tier, work_milli: u64) -> u64 {
    epoch::bill(ctx, tier, work_milli).unwrap().ucredits
}

/// Every broken promise of everything below and of the economy of this market.
pub(crate) fn broken(ctx: &Context) -> Vec<String> {
    let mut broken = accounts::invariants::check(ctx).unwrap();
    broken.extend(bank::invariants::check(ctx).unwrap());
    broken.extend(oracle::invariants::check(ctx).unwrap());
    broken.extend(credit::invariants::check(ctx).unwrap());
    broken.extend(epoch::invariants::check(ctx).unwrap());
    broken
}
