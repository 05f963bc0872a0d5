//! What creators pay with.
//!
//! Credits are bought with LUX or USD at the oracle's price, and cannot be sent. A credit is EUR 0.25 of work. What was
//! paid stays in an account of the chain until the credits are spent, lot by lot, the oldest first: then the network's
//! share goes to its account, the rest is burned if it is LUX, or goes to the vault if it is USD. At the end of each epoch
//! the vault buys LUX of holders in an auction at one price, and burns it. Credits that nobody spends stay credits.
//!
//! ```text
//!              LUX ──buy──▶ lot ──spend──▶ 95 % burned, 5 % to the network
//!              USD ──buy──▶ lot ──spend──▶ 95 % to the vault, 5 % to the network
//! holders: LUX ──ask──▶ asks ──auction──▶ burned;   vault ──USD──▶ holders
//!
//! credits      free ◀──give back──▶ set aside ──spend──▶ gone
//!                    ──set aside──▶
//! ```

pub mod asks;
pub mod auction;
pub mod events;
pub mod genesis;
pub mod invariants;
pub mod lots;
pub mod messages;
pub mod queries;
pub mod refusals;
pub mod spending;
pub mod state;

use ledger::accounts::modules;
use ledger::{Failure, MessageRoute, QueryRoute, Rejection};
use primitives::{Address, Coin, Coins, Denom};
use proto::tetra::render::v1::{MsgAskAuction, MsgBuyCredits};
use store::Module;

pub use genesis::Genesis;
#[cfg(test)]
pub(crate) use spending::grant;
pub use spending::{Paid, balance, give_back, set_aside, spend};

/// The tree of credits.
pub const MODULE: Module = Module("render_credit");
/// The base unit of LUX.
pub const LUX: &str = "ulux";
/// The base unit of USD.
pub const USD: &str = "uusd";

/// The messages of credits.
pub fn message_routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new(|msg: &MsgBuyCredits| msg.creator.clone(), messages::buy_credits),
        MessageRoute::new(|msg: &MsgAskAuction| msg.seller.clone(), messages::ask_auction),
    ]
}

/// The queries of credits.
pub fn query_routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.render.v1.EconomyQuery/Credits", queries::credits),
        QueryRoute::new("/tetra.render.v1.EconomyQuery/Asks", queries::asks),
    ]
}

/// The account that holds what bought credits, until they are spent.
pub fn lots_account() -> Address {
    Address::of_module(modules::RENDER_CREDITS)
}

/// The account of the USD that buys LUX of holders.
pub fn vault_account() -> Address {
    Address::of_module(modules::RENDER_VAULT)
}

/// The account that holds LUX that is offered to the vault.
pub fn asks_account() -> Address {
    Address::of_module(modules::RENDER_ASKS)
}

/// The account of the network's share, which pays auditors.
pub fn network_account() -> Address {
    Address::of_module(modules::RENDER_NETWORK)
}

/// So much of a denom of this market.
///
/// # Errors
/// Never for the denoms named above.
pub fn coin(denom: &str, amount: u128) -> Result<Coin, Failure> {
    let denom = Denom::new(denom).map_err(|error| Rejection::invalid_coins(error.to_string()))?;
    Ok(Coin { denom, amount })
}

/// The same as coins; none of zero.
pub(crate) fn coins(denom: &str, amount: u128) -> Result<Coins, Failure> {
    let mut coins = Coins::new();
    coins.add(&coin(denom, amount)?).ok_or_else(|| Rejection::overflow("the amount"))?;
    Ok(coins)
}

/// A coin as answers show it.
pub(crate) fn shown(denom: &str, amount: u128) -> proto::cosmos::base::v1beta1::Coin {
    proto::cosmos::base::v1beta1::Coin { denom: denom.to_owned(), amount: amount.to_string() }
}

#[cfg(test)]
mod tests;
