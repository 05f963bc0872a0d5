//! Block validators: who votes on which height.
//!
//! A change sent in block h votes from height h + 2 on, as in CometBFT. After block h the state holds the set of
//! height h + 1 (`current`) and that of h + 2 (`next`):
//!
//! ```text
//!   block h: changes collect in `pending`
//!   its end: current <- next;  next <- next + pending, one turn of the proposer rotation;  pending <- nothing
//! ```

pub mod events;
pub mod genesis;
pub mod invariants;
pub mod messages;
pub mod queries;
pub mod rotation;
pub mod state;

use proto::tetra::validator::v1::MsgChangeValidators;
use store::Module;

use crate::routes::{MessageRoute, QueryRoute};

pub use genesis::Genesis;
pub use rotation::{Change, end_block, sets};

/// The tree of this part.
pub const MODULE: Module = Module("validators");

/// The messages of `tetra.validator.v1`.
pub fn message_routes() -> Vec<MessageRoute> {
    vec![MessageRoute::new(|msg: &MsgChangeValidators| msg.authority.clone(), messages::change_validators)]
}

/// The queries of `tetra.validator.v1`.
pub fn query_routes() -> Vec<QueryRoute> {
    vec![QueryRoute::new("/tetra.validator.v1.Query/Validators", queries::validators)]
}

#[cfg(test)]
mod tests;
