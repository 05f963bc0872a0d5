//! A validator's judgement: from scores of answers to weights on the chain.
//!
//! | module | what it holds |
//! |---|---|
//! | [`scores`] | a moving average per miner |
//! | [`weights`] | scores as weights, within the subnet's bounds |
//! | [`duty`] | when to set, commit and reveal; what survives a crash in between |
//! | [`text`] | how like two texts are |

pub mod duty;
pub mod scores;
pub mod text;
pub mod weights;
