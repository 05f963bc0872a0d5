//! What is stored of orders, bids and leases.

use ledger::{Context, Failure};
use primitives::DecCoin;
use proto::akash::market::v1::Lease;
use proto::akash::market::v1beta5::{Bid, Order, Params};
use proto::cosmos::base::v1beta1 as cosmos;
use store::{Item, PageQuery};

use super::MODULE;
use crate::ids::{BidId, GroupId, LeaseId, OrderId};
use crate::table::{Stateful, Table};
use crate::wire::{corrupt, dec_coin_in};

/// Parameters; absent means the default ones.
pub const PARAMS: Item<Params> = Item::new(MODULE, 1);
/// Orders. Tags 2 to 4.
pub const ORDERS: Table<OrderId, Order> = Table::new(MODULE, 2);
/// Bids; those on one order stand together. Tags 5 to 7.
pub const BIDS: Table<BidId, Bid> = Table::new(MODULE, 5);
/// Leases. Tags 8 to 10.
pub const LEASES: Table<LeaseId, Lease> = Table::new(MODULE, 8);

impl Stateful for Order {
    fn state_number(&self) -> i32 {
        self.state
    }
}

impl Stateful for Bid {
    fn state_number(&self) -> i32 {
        self.state
    }
}

impl Stateful for Lease {
    fn state_number(&self) -> i32 {
        self.state
    }
}

/// The newest order of a group. Only it can be open or active.
///
/// # Errors
/// When the state fails.
pub fn last_order(ctx: &Context, group: &GroupId) -> store::Result<Option<(OrderId, Order)>> {
    let newest = PageQuery { from: None, limit: 1, reverse: true };
    Ok(ORDERS.records.page(&ctx.state, group, &newest)?.entries.pop())
}

/// The bids on an order.
///
/// # Errors
/// When the state fails.
pub fn bids(ctx: &Context, order: &OrderId) -> store::Result<Vec<(BidId, Bid)>> {
    BIDS.records.under(&ctx.state, order)
}

/// A stored price, which was checked when it was stored.
pub(crate) fn stored_price(ctx: &Context, id: &BidId, price: Option<&cosmos::DecCoin>) -> Result<DecCoin, Failure> {
    let damaged = |why: &dyn std::fmt::Display| corrupt(MODULE, &id.text(&ctx.chain.prefix), why);
    dec_coin_in(price.ok_or_else(|| damaged(&"it has no price"))?).map_err(|error| damaged(&error))
}
