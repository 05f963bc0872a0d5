//! A validator's judgement: from scores of answers to weights on the chain.
//!
//! | module | what it holds |
//! |---|---|
//! | [`scores`] | a moving average per miner |
//! | [`weights`] | scores as weights, within the subnet's bounds |
//! | [`duty`] | when to set, commit and reveal; what survives a crash in between |
//! | [`text`] | how like two texts are |
//! | [`task`] | what is asked, and what an answer is worth |
//! | [`run`] | its life |

pub mod duty;
pub mod run;
pub mod scores;
pub mod task;
pub mod text;
pub mod weights;
