//! The provider agent: it sells what one machine has. It watches orders, bids, and runs what a lease pays for.
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`], [`home`] | what an agent is told; its folder |
//! | [`run`] | starts and stops it |
//! | `chain`, `watch`, `register`, `certify` | what it asks of the chain and tells it; what happens there |
//! | [`inventory`], [`devices`], [`book`] | what this machine has, its GPUs; who has what of it |
//! | [`price`], [`decide`] | whether to bid, and how much |
//! | [`pod`], [`record`] | a manifest as containers; what is remembered of a lease |
//! | `agent`, `reconcile`, `backoff`, `decisions` | the agent at work |
//! | `metrics`, `health` | what the agent counts; whether it lives and is ready, and why not |
//! | [`render`] | the render node beside it: scenes, renders, audits |
//! | [`cluster`] | the supplier of clusters beside it: devices, proofs, nodes |
//! | [`lease`] | names of leases as gateways and files write them |
//! | [`status`] | what the agent tells of itself, as JSON and as a message |
//! | [`gateway`] | HTTPS for tenants: tokens and certificates, manifests, states, logs; the status over gRPC |
//! | [`proxy`] | the world's way to the containers: by host name and by port |
//! | [`desk`] | what tenants may ask of the agent, behind a trait; the gateway speaks to nothing else |

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

mod agent;
mod backoff;
pub mod book;
mod certify;
mod chain;
pub mod cluster;
pub mod config;
pub mod decide;
mod decisions;
pub mod desk;
pub mod devices;
mod error;
pub mod gateway;
mod health;
pub mod home;
pub mod inventory;
pub mod lease;
mod metrics;
pub mod pod;
pub mod price;
pub mod proxy;
mod reconcile;
pub mod record;
mod register;
pub mod render;
pub mod run;
pub mod status;
mod watch;

pub use config::ProviderConfig;
pub use error::ProviderError;
pub use home::Home;
pub use run::{RunningProvider, start};
