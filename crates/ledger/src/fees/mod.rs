//! Fees: what a transaction costs at least, and how much gas its work is.
//!
//! A fee is enough when one of its coins pays the gas limit at that denom's price. Fees go to the account
//! `fee_collector`.

pub mod charge;
pub mod gas;
pub mod genesis;
pub mod invariants;
pub mod params;
pub mod queries;
pub mod state;

use store::Module;

use crate::routes::{MessageRoute, QueryRoute};

pub use charge::{charge, check_price};
pub use gas::{GasSchedule, TxShape};
pub use genesis::Genesis;
pub use params::{GasPrice, Params, params};

/// The tree of this part.
pub const MODULE: Module = Module("fees");

/// Fees have no messages: every transaction pays them.
pub fn message_routes() -> Vec<MessageRoute> {
    Vec::new()
}

/// The queries of `tetra.fees.v1`. Nodes show the prices as `cosmos.base.node.v1beta1` too.
pub fn query_routes() -> Vec<QueryRoute> {
    vec![QueryRoute::new("/tetra.fees.v1.Query/Params", queries::params)]
}

#[cfg(test)]
mod tests;
