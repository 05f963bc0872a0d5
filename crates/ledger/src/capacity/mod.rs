//! Capacity: what hosts offer and who holds it. The one truth of what is promised, neutral to markets.
//!
//! ```text
//! soft ──turn_firm──▶ firm ──release──▶ gone          interruptible ──release, or yield after notice──▶ gone
//!                                                     window ──release, or a firm hold needs its place──▶ gone
//!   └──expiry, release──▶ gone            └──shrink (newest first)──▶ gone
//! ```
//!
//! Soft holds (bids, quotes) may overlap. Firm and interruptible holds are exclusive: per host and resource their sum
//! never exceeds what is offered, times the host's declared overcommit for CPU; a device has one holder. A window is an
//! interruptible hold for work of the provider's own, which gives way at once: nobody paid for it. Markets make
//! and release holds under their own reference; a provider's hardware is registered by its owner and signed for by
//! the host's key. Each hold that turns firm gets the host's next fencing number, so that a stale agent cannot start
//! work.
//!
//! A provider that registered no host is served as on Akash: its claims take no holds.

pub mod devices;
mod errors;
mod events;
pub mod expiry;
pub mod genesis;
pub mod gpu;
mod holds;
pub mod invariants;
mod lending;
pub mod messages;
pub mod placement;
pub mod queries;
pub mod reservations;
pub mod resources;
mod shrink;
pub mod state;
mod yielding;

use store::Module;

use crate::routes::{MessageRoute, QueryRoute};

pub use expiry::end_block;
pub use genesis::Genesis;
pub use lending::{lend_on, room_to_lend, work_in};
pub use messages::registration_bytes;
pub use proto::tetra::capacity::v1::{Hold, HoldKind};
pub use reservations::{
    held, hold_firm, hold_firm_on, hold_interruptible, hold_soft, hold_soft_on, open_window, release, room_for,
    turn_firm,
};
pub use resources::{Claim, GpuRequest, Request};
pub use state::{HostKey, hosts};
pub use yielding::{YIELD_NOTICE_MS, request_yield};

/// The tree of this part.
pub const MODULE: Module = Module("capacity");

/// Names a hold; given in order.
pub type HoldId = u64;

/// The messages of `tetra.capacity.v1`.
pub fn message_routes() -> Vec<MessageRoute> {
    messages::routes()
}

/// The queries of `tetra.capacity.v1`.
pub fn query_routes() -> Vec<QueryRoute> {
    queries::routes()
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
