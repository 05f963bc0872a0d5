//! Whether a unit was rendered: the way from a commitment to a verdict.
//!
//! ```text
//! node commits ──beacon──▶ lot: audited or not; tiles and auditors are drawn
//!    auditors commit to their own hashes ──▶ node opens its, with proofs ──▶ auditors reveal ──▶ verdict
//!       honest: auditors agree      wrong: two auditors differ alike      silent: the node did not open
//!       undecided: nobody could tell      else once more auditors; each side appeals once
//! ```
//!
//! Beside the rooms of every part: [`lots`] draws from the beacon, [`merkle`] checks openings, [`commitments`] are what is
//! committed to, [`auditors`] draws who looks, [`judging`] is the rule of verdicts, [`course`] moves audits on, [`closing`]
//! does what follows.

pub mod auditors;
pub mod closing;
pub mod commitments;
pub mod course;
pub(crate) mod events;
pub mod judging;
pub mod lots;
pub mod merkle;
pub mod messages;
pub mod params;
pub mod queries;
pub mod state;

use ledger::accounts::modules;
use primitives::Address;
use store::Module;

pub use course::{begin, end_block};

/// The tree of audits.
pub const MODULE: Module = Module("render_proof");

/// The account that holds deposits of appeals.
pub fn appeals_account() -> Address {
    Address::of_module(modules::RENDER_APPEALS)
}
