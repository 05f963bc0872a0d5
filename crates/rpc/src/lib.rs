//! CometBFT JSON-RPC and websocket, over one query router that gRPC and REST will share.
//!
//! | module | what it holds |
//! |---|---|
//! | [`backend`] | [`Backend`]: what the server asks of the node |
//! | [`query`] | CometBFT's query language, for `tx_search` and subscriptions |
//! | [`services`] | gRPC methods that need more than state: simulate, broadcast, find a transaction |
//! | [`server`] | [`serve`]: HTTP (POST, GET by name) and `/websocket` on one port |
//! | `websocket` | calls and subscriptions over a websocket |
//! | `subscription` | what one websocket listens to |
//! | `call` | calls; parameters by name, by position or by URI |
//! | `methods` | one function a JSON-RPC method |
//! | `encode` | CometBFT 0.38's JSON shapes |
//!
//! The dialect is CometBFT 0.38's (spec/foundations.md 3c): 64-bit integers are strings, 32-bit ones are numbers,
//! hashes are upper-case hex, bytes are base64, and an error still answers with HTTP 200.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod backend;
mod call;
mod encode;
mod methods;
pub mod query;
pub mod server;
pub mod services;
mod subscription;
mod websocket;

pub use backend::{Backend, BackendError, BlockFound, NodeInfo, Peer, Submitted, TxFound};
pub use server::{Server, serve};

/// The CometBFT version whose dialect this is; clients choose their decoder by it.
pub const COMET_VERSION: &str = "0.38.19";
