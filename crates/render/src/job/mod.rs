//! What is to be rendered: jobs and their units.
//!
//! Beside the rooms of every part: [`submission`] says what a job may ask for, [`order`] in which order its frames are
//! rendered; [`matching`] chooses a job for a node, [`dispatch`] plans and makes a block's assignments, [`explain`] tells
//! why; [`flow`] moves units from state to state, [`review`] approves and rejects, [`money`] keeps what is set aside;
//! [`timers`] ends what time ends.

pub mod dispatch;
pub(crate) mod events;
pub mod explain;
pub mod flow;
pub mod matching;
pub mod messages;
pub mod money;
pub mod order;
pub mod queries;
pub mod review;
pub mod state;
pub mod submission;
pub mod timers;

use store::Module;

pub use flow::{Commit, committed, disproved, forfeit, is_required, pardon, proven, returned};

/// The tree of jobs.
pub const MODULE: Module = Module("render_job");
