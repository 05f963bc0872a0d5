//! CometBFT JSON-RPC, websocket, gRPC, gRPC-web and REST, over one query router.
//!
//! | module | what it holds |
//! |---|---|
//! | [`backend`] | [`Backend`]: what the server asks of the node |
//! | [`query`] | CometBFT's query language, for `tx_search` and subscriptions |
//! | [`services`] | gRPC methods that need more than state, and the one function that answers every method |
//! | [`server`] | [`serve`]: HTTP (POST, GET by name) and `/websocket` on one port |
//! | [`grpc`] | gRPC with reflection, and gRPC-web, on another port |
//! | [`rest`] | REST by the `google.api.http` annotations, on a third one |
//! | `front` | what those two share: limits, heights, status codes |
//! | `descriptors`, `json` | the `.proto` files as data; messages as grpc-gateway's JSON |
//! | [`foreign`] | doors to the decoders, for fuzzing |
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
mod descriptors;
mod encode;
pub mod foreign;
mod front;
pub mod grpc;
mod json;
mod methods;
pub mod query;
pub mod rest;
pub mod server;
pub mod services;
mod subscription;
mod websocket;

pub use backend::{Backend, BackendError, BlockFound, NodeInfo, Peer, Submitted, TxFound};
pub use descriptors::CatalogError;
pub use grpc::ServeError;
pub use server::{Server, serve};

/// The CometBFT version whose dialect this is; clients choose their decoder by it.
pub const COMET_VERSION: &str = "0.38.19";

/// The generation of the Cosmos SDK whose queries and transactions these are. Clients choose by it, and some do not start
/// without one.
pub const SDK_VERSION: &str = "v0.50.0";
