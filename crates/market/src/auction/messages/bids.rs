//! Bids: signed by the provider.

use std::time::Duration;

use ledger::escrow::{self, AccountId, CheckedDeposit};
use ledger::{Context, Failure, Rejection, audit, provider};
use primitives::{Address, DecCoin};
use proto::akash::base::attributes::v1 as wire;
use proto::akash::market::v1::Lease;
use proto::akash::market::v1::lease::State as LeaseState;
use proto::akash::market::v1beta5::bid::State as BidState;
use proto::akash::market::v1beta5::order::State as OrderState;
use proto::akash::market::v1beta5::{Bid, MsgCloseBid, MsgCloseBidResponse, MsgCreateBid, MsgCreateBidResponse, Order};
use sdl::resources::Attribute;
use sdl::{GroupSpec, capability, placement};

use super::provider_reason;
use crate::auction::ending::{self, Ending};
use crate::auction::state::{BIDS, LEASES, ORDERS, bids};
use crate::auction::{Params, events, hold, offer};
use crate::deployment::groups;
use crate::ids::{BidId, OrderId};
use crate::refusal::market as refusal;
use crate::wire::{dec_coin_in, dec_coin_out, duration_in};

/// A bid whose fields are well formed, as far as they say something without the order.
struct CheckedBid {
    id: BidId,
    price: Option<DecCoin>,
    deposit: CheckedDeposit,
    window: Option<Duration>,
}

impl CheckedBid {
    fn parse(ctx: &Context, msg: &MsgCreateBid) -> Result<Self, Failure> {
        let id = BidId::from_wire(ctx, msg.id.as_ref())?;
        let deposit = CheckedDeposit::parse(msg.deposit.as_ref()).map_err(|failure| match failure {
            Failure::Rejected(rejection) => refusal::invalid_deposit(rejection.message).into(),
            broken @ Failure::Broken(_) => broken,
        })?;
        let price = msg.price.as_ref().map(dec_coin_in).transpose();
        let price = price.map_err(refusal::invalid_price)?;
        let window = msg.reclamation_window.as_ref().map(|window| {
            duration_in(window).ok_or_else(|| refusal::window_out_of_bounds("the window is malformed or negative"))
        });
        Ok(Self { id, price, deposit, window: window.transpose()? })
    }
}

/// Bids on an open order; the deposit goes into escrow, and hardware is held softly. Checks come in upstream's order
/// (spec/akash.md 1.7).
///
/// # Errors
/// `market` 2, 4, 5, 15, 19, 21 to 24, 28, 30 to 32, 39 to 41; `capacity` when no host has room; `sdk` 5 when the
/// provider has too little.
pub fn create_bid(ctx: &mut Context, msg: MsgCreateBid) -> Result<MsgCreateBidResponse, Failure> {
    let CheckedBid { id, price, deposit, window } = CheckedBid::parse(ctx, &msg)?;
    let params = Params::load(ctx)?;
    check_deposit(&params, &deposit)?;
    check_room(ctx, &params, &id.order)?;
    let order = order_for_bids(ctx, &id.order)?;
    let spec = groups::stored_spec(ctx, &id.order.group, order.spec.as_ref())?;
    let price = check_price(&spec, price)?;
    offer::check(&spec, &msg.resources_offer).map_err(refusal::capabilities_mismatch)?;
    let bidder = provider::get(ctx, &id.provider)?;
    let bidder = bidder.ok_or_else(|| refusal::unknown_provider(&ctx.text(&id.provider)))?;
    let claims = attributes(bidder.attributes);
    placement::check(&spec, &claims, &signed(ctx, &id.provider, &spec)?).map_err(refusal::attribute_mismatch)?;
    capability::check(&spec, &claims).map_err(refusal::capabilities_mismatch)?;
    check_window(ctx, &params, &id.order, &order, window)?;
    if BIDS.get(&ctx.state, &id)?.is_some() {
        return Err(refusal::bid_exists(&id.text(&ctx.chain.prefix)).into());
    }

    let bid = Bid {
        id: Some(id.to_wire(&ctx.chain.prefix)),
        state: BidState::Open.into(),
        price: Some(dec_coin_out(&price)),
        created_at: ctx.block.height.cast_signed(),
        resources_offer: msg.resources_offer,
        reclamation_window: msg.reclamation_window,
    };
    BIDS.put(&mut ctx.state, &id, &bid)?;
    events::bid_created(ctx, &id, &price);
    let account = AccountId::bid(id.text(&ctx.chain.prefix));
    escrow::create_account(ctx, &account, &id.provider, &deposit, &id.provider)?;
    hold::soft(ctx, &id, &spec)?;
    Ok(MsgCreateBidResponse {})
}

fn attributes(wire: Vec<wire::Attribute>) -> Vec<Attribute> {
    wire.into_iter().map(|attribute| Attribute::new(attribute.key, attribute.value)).collect()
}

/// What the auditors that the order names signed for the provider. An auditor whose address is none of this chain
/// cannot have signed anything.
fn signed(ctx: &Context, provider: &Address, spec: &GroupSpec) -> Result<placement::Signed, Failure> {
    let mut signed = placement::Signed::new();
    for auditor in placement::auditors(spec) {
        let Ok(address) = ctx.chain.prefix.parse(auditor) else { continue };
        let theirs = audit::signed(ctx, provider, &address)?;
        if !theirs.is_empty() {
            signed.insert(auditor.to_owned(), attributes(theirs));
        }
    }
    Ok(signed)
}

fn check_deposit(params: &Params, deposit: &CheckedDeposit) -> Result<(), Rejection> {
    let deposit = &deposit.amount;
    match params.bid_min_deposits.amount_of(&deposit.denom) {
        0 => Err(refusal::invalid_deposit(format!("{} is not one of {}", deposit.denom, params.bid_min_deposits))),
        least if deposit.amount < least => {
            let why = format!("{deposit} is less than the {least}{} that a bid needs", deposit.denom);
            Err(refusal::invalid_deposit(why))
        }
        _ => Ok(()),
    }
}

/// As upstream, the order may have as many bids as the parameter says before this one.
fn check_room(ctx: &Context, params: &Params, id: &OrderId) -> Result<(), Failure> {
    let counted = bids(ctx, id)?.iter().filter(|(_, bid)| bid.state() != BidState::Lost).count();
    if u32::try_from(counted).is_ok_and(|counted| counted <= params.order_max_bids) {
        return Ok(());
    }
    Err(refusal::invalid_bid(format!("too many existing bids ({counted})")).into())
}

fn order_for_bids(ctx: &Context, id: &OrderId) -> Result<Order, Failure> {
    let name = id.text(&ctx.chain.prefix);
    let order = ORDERS.get(&ctx.state, id)?.ok_or_else(|| refusal::order_not_found(&name))?;
    match order.state() {
        OrderState::Open => Ok(order),
        OrderState::Active => Err(refusal::order_active(&name).into()),
        OrderState::Closed | OrderState::Invalid => Err(refusal::order_closed(&name).into()),
    }
}

/// A price that is not zero, and at most that of the order, in its denom.
fn check_price(spec: &GroupSpec, price: Option<DecCoin>) -> Result<DecCoin, Rejection> {
    let price = price.ok_or_else(|| refusal::invalid_price("it is missing"))?;
    if price.amount.is_zero() {
        return Err(refusal::zero_price());
    }
    let most = spec.price().ok_or_else(|| refusal::invalid_price("the order's price is too large to count"))?;
    if price.denom != most.denom {
        let why = format!("the order is priced in {}, the bid in {}", most.denom, price.denom);
        return Err(refusal::invalid_price(why));
    }
    if price.amount > most.amount {
        return Err(refusal::bid_over_order(price, most));
    }
    Ok(price)
}

/// A window is needed where the order wants one, and any window must keep the bounds.
fn check_window(
    ctx: &Context,
    params: &Params,
    id: &OrderId,
    order: &Order,
    window: Option<Duration>,
) -> Result<(), Failure> {
    if let Some(wanted) = &order.reclamation {
        let window = window.ok_or_else(|| refusal::reclamation_required(&id.text(&ctx.chain.prefix)))?;
        let least = wanted.min_window.as_ref().and_then(duration_in).unwrap_or_default();
        if window < least {
            let why = format!("{} s offered, {} s wanted", window.as_secs(), least.as_secs());
            return Err(refusal::window_too_short(why).into());
        }
    }
    match window {
        Some(window) => params.check_window(window).map_err(|why| refusal::window_out_of_bounds(why).into()),
        None => Ok(()),
    }
}

/// Closes a bid. When a lease came of it, the lease ends for the reason that the provider gives, its group is paused,
/// and a lease with reclamation must have gone through its window.
///
/// # Errors
/// `market` 6, 8, 10, 11, 33, 37, 38.
pub fn close_bid(ctx: &mut Context, msg: MsgCloseBid) -> Result<MsgCloseBidResponse, Failure> {
    let id = BidId::from_wire(ctx, msg.id.as_ref())?;
    let reason = provider_reason(msg.reason)?;
    let name = id.text(&ctx.chain.prefix);
    let bid = BIDS.get(&ctx.state, &id)?.ok_or_else(|| refusal::unknown_bid(&name))?;
    if bid.state() == BidState::Open {
        ending::close_bid(ctx, &id, bid)?;
        return Ok(MsgCloseBidResponse {});
    }
    let lease = LEASES.get(&ctx.state, &id)?.ok_or_else(|| refusal::unknown_lease_for_bid(&name))?;
    check_provider_may_leave(ctx, &name, &lease)?;
    if bid.state() != BidState::Active {
        return Err(refusal::bid_not_active(&name).into());
    }
    if ending::settle_first(ctx, &id.deployment())? {
        ending::provider_leaves(ctx, &id, Ending::by_provider(reason))?;
    }
    Ok(MsgCloseBidResponse {})
}

fn check_provider_may_leave(ctx: &Context, name: &str, lease: &Lease) -> Result<(), Rejection> {
    let now = ctx.block.time.seconds;
    match (lease.state(), &lease.reclamation) {
        (LeaseState::Active, None) => Ok(()),
        (LeaseState::Active, Some(_)) => Err(refusal::reclamation_not_started(name)),
        (LeaseState::Reclaiming, Some(reclamation)) if now < reclamation.deadline => {
            Err(refusal::window_not_elapsed(reclamation.deadline, now))
        }
        (LeaseState::Reclaiming, _) => Ok(()),
        (LeaseState::Closed | LeaseState::InsufficientFunds | LeaseState::Invalid, _) => {
            Err(refusal::lease_not_active(name))
        }
    }
}
