//! What nodes earn, what work costs, and the market's parameters.

mod seam;

use store::Module;

pub use seam::{attribute, attributed, available, bill, billed_and_proved, params, price, set_params};

/// The tree of epochs.
pub const MODULE: Module = Module("render_epoch");
