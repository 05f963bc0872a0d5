//! What creators pay with.

mod seam;

use store::Module;

pub use seam::{Paid, balance, give_back, grant, network_account, set_aside, spend};

/// The tree of credits.
pub const MODULE: Module = Module("render_credit");
