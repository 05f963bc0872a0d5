//! How every face and role reaches the chain.
//!
//! | module | what it holds |
//! |---|---|
//! | [`keys`] | signing keys, from a mnemonic by BIP-39 and BIP-44 as every Cosmos wallet |
//! | [`keystore`] | key files, encrypted at rest; accounts marked `dev` in the clear |
//! | [`node`] | [`Node`]: JSON-RPC to one node: status, queries, broadcast, inclusion |
//! | [`tx`] | building and signing transactions |
//! | [`certs`] | certificates of accounts: made, read, kept, compared with the chain |
//! | [`token`], [`claims`] | what a tenant shows to a provider: signed by the account that owns the leases; what it permits |
//! | [`gateway`] | [`Gateway`]: a provider's gateway: manifest, state of a lease, logs |
//! | [`cluster`] | what tenants of clusters, and suppliers, ask of an agent's gateway |
//! | [`mod@exec`] | programs in containers of leases and on nodes of clusters |
//! | [`render`] | what creators and auditors ask of a render node's gateway |
//! | [`account`] | [`Account`]: one account's transactions one after the other, recovering from sequence errors |
//! | [`mod@chain_info`] | what a wallet must know of a chain |
//! | [`health`](mod@health) | what a process says of its own health |
//! | [`capacity`] | what a host's key signs |

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod account;
pub mod capacity;
pub mod certs;
pub mod chain_info;
pub mod claims;
pub mod cluster;
pub mod exec;
pub mod gateway;
pub mod health;
pub mod keys;
pub mod keystore;
pub mod node;
pub mod render;
pub mod token;
pub mod tx;

pub use account::{Account, Confirmed, Fees};
pub use chain_info::{ChainInfoError, chain_info};
pub use gateway::{Auth, Gateway, GatewayError, Trust};
pub use health::{Health, HealthCheck};
pub use keys::{KeyError, SigningKey};
pub use keystore::{Keystore, KeystoreError};
pub use node::{Node, NodeError, NodeStatus, TxOutcome};
