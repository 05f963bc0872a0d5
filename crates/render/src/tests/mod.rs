//! Tests of the market as a whole.

mod adversaries;
mod leaving;
mod lives;
mod model;
mod nodes;
mod players;
mod power;
mod recorded;
mod simulation;
mod support;
mod verdicts;
