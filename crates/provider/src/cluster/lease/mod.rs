//! Devices that are leased on a network of Akash's API: a broker buys a lease for each, its container computes the proofs, takes part in
//! trials, and becomes a node when it is hired. The broker's agent stands for it on the chain: with its collateral, at what it pays there
//! and a margin that it names.
//!
//! | module | what it holds |
//! |---|---|
//! | [`foreign`] | what is asked of the other network and told to it: its market and its providers' gateways |
//! | `slots` | which lease stands for which device, and what runs in it; kept on disk |
//! | `leases` | buying them, giving them up, telling them what to run |
//! | `broker` | the leases as a [`Ground`](super::ground::Ground) |
//! | `file` | what is deployed there |
//! | `install` | this program, in a container there |
//! | `reach` | a node there in its overlay |
//! | `streams` | programs there, as those of this machine are spoken to |
//! | [`guest`], `words` | the same program in the container: what it does there, and what is said to it and by it |
//!
//! ```text
//! broker's agent ── chain, collateral, gateway ──────────── tenants, other suppliers
//!    │   shell into the lease (Akash's GET /lease/…/shell), one for each:
//!    ├─ words ──▶ guest: overlay (TCP in user space, WireGuard), proxy for programs
//!    ├─ datagrams ──▶ its wire
//!    └─ programs of the tenant, products of proofs, connections to its ports
//! ```

mod broker;
mod file;
mod foreign;
pub mod guest;
mod install;
mod leases;
mod reach;
mod slots;
mod streams;
mod words;

pub(crate) use broker::Broker;
