//! What owners and markets do with hosts, one promise a test.

mod books;
mod holds;
mod hosts;
mod lending;
mod placement;
mod queries;
mod shrink;
pub(super) mod support;
mod yielding;
