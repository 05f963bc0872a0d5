//! What operators see of a process: numbers, health, and logs whose fields have fixed names.
//!
//! | module | what it holds |
//! |---|---|
//! | [`catalog`] | every metric that Tetra has, in one place |
//! | [`registry`] | counters, gauges and histograms out of the catalog, with bounded labels |
//! | [`process`] | memory, CPU time and open files of this process, and room on a disk |
//! | [`health`] | [`Check`]: what is asked of a process that is to be alive, or ready |
//! | [`server`] | `/metrics`, `/livez`, `/readyz` on a listener of their own |
//! | [`fields`] | the names of log fields |
//! | [`log`](mod@log) | the log as text or JSON, each line with the trace of the deployment that it names |

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod catalog;
pub mod fields;
pub mod health;
pub mod log;
pub mod process;
pub mod registry;
pub mod server;

pub use health::Check;
pub use registry::{Counters, Gauges, Histograms, Registry};
pub use server::{Observed, Server};
