//! What is stored of credits.

use primitives::Address;
use proto::tetra::render::v1::{Ask, Credits, Lot};
use store::{Item, Map};

use super::MODULE;

/// Free and set-aside credits by account, without lots and owner; absent when both are zero.
pub const BALANCES: Map<Address, Credits> = Map::new(MODULE, 1);
/// What was paid for credits that are left, by account and id, the oldest first.
pub const LOTS: Map<(Address, u64), Lot> = Map::new(MODULE, 2);
/// The next id of a lot, from 1.
pub const NEXT_LOT: Item<u64> = Item::new(MODULE, 3);
/// Offers to the vault by seller, at most one each.
pub const ASKS: Map<Address, Ask> = Map::new(MODULE, 4);
/// Offers by price, id and seller.
pub const BY_PRICE: Map<(u64, u64, Address), ()> = Map::new(MODULE, 5);
/// The next id of an ask, from 1.
pub const NEXT_ASK: Item<u64> = Item::new(MODULE, 6);

/// The next number of a counter that starts at 1.
pub(super) fn next(ctx: &mut ledger::Context, counter: &Item<u64>) -> Result<u64, store::Error> {
    let id = counter.get(&ctx.state)?.unwrap_or(1);
    counter.set(&mut ctx.state, &id.saturating_add(1));
    Ok(id)
}
