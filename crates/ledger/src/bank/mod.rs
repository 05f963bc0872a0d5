//! Money: who has how much of which denom.
//!
//! Every denom of the chain stands in its registry, with the policy by which its supply may change. Coins move by
//! [`send`]; they come into being only by [`mint`] and end only by [`burn`], which note both in `ctx.flow`. A denom
//! that genesis does not name cannot exist.
//!
//! ```text
//!   mint(policy, reason) ──> balance <──send──> balance ──> burn(reason)
//!            └──────────────> supply = sum of balances <──────┘
//! ```

pub mod denoms;
pub mod events;
pub mod genesis;
pub mod invariants;
pub mod messages;
pub mod params;
pub mod queries;
pub mod state;
pub mod supply;
pub mod transfer;

use primitives::{Address, Coin, Coins, Denom};
use proto::cosmos::bank::v1beta1::MsgSend;
use store::Module;

use crate::context::Context;
use crate::failure::{Failure, Rejection};
use crate::routes::{MessageRoute, QueryRoute};

pub use denoms::{Policy, is_registered, policy};
pub use genesis::Genesis;
pub use params::{Params, params};
pub use supply::{burn, mint, supply_of};
pub use transfer::send;

/// The tree of this part.
pub const MODULE: Module = Module("bank");

/// The messages of `cosmos.bank.v1beta1`.
pub fn message_routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new(|msg: &MsgSend| msg.from_address.clone(), messages::send),
        MessageRoute::new(messages::multi_send_signer, messages::multi_send),
    ]
}

/// The queries of `cosmos.bank.v1beta1`.
pub fn query_routes() -> Vec<QueryRoute> {
    queries::routes()
}

/// How many base units of a denom an account has.
///
/// # Errors
/// When the state fails.
pub fn balance(ctx: &Context, address: &Address, denom: &Denom) -> Result<u128, Failure> {
    let key = (*address, denom.as_str().to_owned());
    Ok(state::BALANCES.get(&ctx.state, &key)?.unwrap_or_default().0)
}

/// All that an account has.
///
/// # Errors
/// When the state fails.
pub fn balances(ctx: &Context, address: &Address) -> Result<Coins, Failure> {
    let mut coins = Coins::new();
    for ((_, denom), amount) in state::BALANCES.under(&ctx.state, address)? {
        let denom = state::stored_denom(&denom)?;
        coins.add(&Coin { denom, amount: amount.0 }).ok_or_else(|| Rejection::overflow("the balance"))?;
    }
    Ok(coins)
}

#[cfg(test)]
mod tests;
