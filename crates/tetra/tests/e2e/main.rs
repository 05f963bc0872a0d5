//! The whole, with real processes and real containers: what goes wrong for tenants and providers, and that nothing is
//! left and no unit of money lost. `cargo xtask demo` tests the story in which all goes well.
//!
//! Needs root and the packages of `cargo xtask setup`; says so where they are missing.

mod access;
mod classic;
mod cluster;
mod faults;
mod hardware;
mod isolation;
mod leases;
mod mistakes;
mod net;
mod observe;
#[allow(unreachable_pub, reason = "the tests of node use it as well")]
#[path = "../../../node/tests/common/packages.rs"]
mod packages;
mod placement;
mod render;
mod small_disk;
mod subnet;
