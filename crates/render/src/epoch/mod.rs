//! What nodes earn, what work costs, and the market's parameters.
//!
//! Time is cut into epochs. Approved work counts in the epoch of its approval, at the value that its creator was billed.
//! When an epoch's time has come, the first block after it closes it:
//!
//! ```text
//! auction      the vault's USD buys LUX of holders at no more than the oracle's price; it is burned
//! schedule     emission::burn_mint says what the epoch may mint, up to the cap of the supply
//! job pool     its share of that, paid only up to k × what creators' payments burned; the rest is reserved
//! availability its share of that, by idle nodes' points; all of it is reserved when nobody has any
//! prices       the controller moves each tier by the use of proved hardware
//! record       all of that, and whether more work was credited than was paid for
//! ```
//!
//! Closing is the same work however many nodes there are: what an owner earned is computed when it claims it. Of an epoch's
//! pool `W` over value `V`, claims pay `floor(W × c' / V) - floor(W × c / V)`, `c` and `c'` being the value claimed
//! before and after: they sum to the pool exactly, and the order of claims moves a claim by at most one base unit.
//!
//! **Rendering for oneself loses.** Who pays `p` for frames of its own nodes has at most `k × b` back, `b` being what
//! was burned of it, for `k ≤ 1`: the network's share is lost at every demand.
//!
//! A breaker (`minting_stopped`) stops minting. Credits are spent, prices move and epochs close as before.

pub mod attribution;
pub mod availability;
pub mod claims;
pub mod closing;
pub mod controller;
pub mod events;
pub mod genesis;
pub mod invariants;
pub mod messages;
pub mod params;
pub mod prices;
pub mod queries;
pub mod refusals;
pub mod schedule;
pub mod state;

use ledger::accounts::modules;
use ledger::{MessageRoute, QueryRoute};
use primitives::Address;
use proto::tetra::render::v1::{MsgClaimRewards, MsgUpdateParams};
use store::Module;

pub use attribution::{attribute, attributed, billed, kept, proved, release, spent};
pub use availability::{Beat, available};
pub use genesis::Genesis;
pub use params::{params, set_params};
pub use prices::{bill, price};
pub use schedule::begin_block;

/// The tree of epochs.
pub const MODULE: Module = Module("render_epoch");

/// The messages of epochs.
pub fn message_routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new(|msg: &MsgClaimRewards| msg.owner.clone(), messages::claim_rewards),
        MessageRoute::new(|msg: &MsgUpdateParams| msg.authority.clone(), messages::update_params),
    ]
}

/// The queries of epochs.
pub fn query_routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.render.v1.EconomyQuery/Epoch", queries::epoch),
        QueryRoute::new("/tetra.render.v1.EconomyQuery/Epochs", queries::epochs),
        QueryRoute::new("/tetra.render.v1.EconomyQuery/Rewards", queries::rewards),
        QueryRoute::new("/tetra.render.v1.EconomyQuery/Params", queries::params),
        QueryRoute::new("/tetra.render.v1.EconomyQuery/Supply", queries::supply),
    ]
}

/// The account that holds what epochs owe to owners of nodes.
pub fn rewards_account() -> Address {
    Address::of_module(modules::RENDER_REWARDS)
}

/// The account of what was minted for nodes and paid to none. Nobody can spend it until governance stands.
pub fn reserve_account() -> Address {
    Address::of_module(modules::RENDER_RESERVE)
}

#[cfg(test)]
mod tests;
