//! Tests of the market as a whole.

mod adversaries;
mod lives;
mod model;
mod nodes;
mod players;
mod simulation;
mod support;
mod verdicts;
