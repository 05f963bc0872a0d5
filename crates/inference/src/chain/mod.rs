//! What roles of subnets need of the chain, behind a trait: [`Chain`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`metagraph`] | a subnet as it stands at a height |
//! | [`risk`] | who is in danger to be replaced |
//! | [`live`] | the chain itself |
//! | [`mod@file`] | a subnet that stands in a file: simulated, for one machine and for tests |

pub mod file;
pub mod live;
pub mod metagraph;
pub mod risk;

use std::net::SocketAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use metagraph::{Metagraph, Neuron, Terms};

use crate::keys::HotkeyId;

/// Why the chain did not do what was asked.
#[derive(Debug, Error)]
pub enum ChainFault {
    /// It cannot be reached, or answers nonsense: worth another try.
    #[error("the chain does not answer: {0}")]
    Unreachable(String),
    /// It refused, and will again.
    #[error("the chain refused: {0}")]
    Refused(String),
    /// No such subnet.
    #[error("there is no subnet {0}; `tetra subnet list` shows those that are")]
    NoSubnet(u16),
}

/// Weights as they are set: parallel lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// Which miners, ascending.
    pub uids: Vec<u16>,
    /// Their weights; the largest is 65535.
    pub values: Vec<u16>,
    /// The scoring code's version; the subnet may ask for a least one.
    pub version: u64,
}

/// Weights with the salt under which they are committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The weights.
    pub weights: Weights,
    /// Random; whoever knows it can tell the weights from their hash.
    pub salt: Vec<u16>,
}

/// What a payment out of a gateway is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payee {
    /// The owner of a miner's hotkey.
    Miner(HotkeyId),
    /// Nobody: what the subnet recycles.
    Recycled,
}

/// The chain, as one hotkey sees it.
#[async_trait]
pub trait Chain: Send + Sync + 'static {
    /// What it is, for logs and answers; whether it is simulated must be seen in it.
    fn describe(&self) -> String;

    /// A subnet at the newest height.
    async fn metagraph(&self, netuid: u16) -> Result<Metagraph, ChainFault>;

    /// Registers this hotkey by burning at most `limit` base units; gives its uid.
    async fn register(&self, netuid: u16, limit: u128) -> Result<u16, ChainFault>;

    /// Publishes where this hotkey's miner answers.
    async fn serve(&self, netuid: u16, at: SocketAddr) -> Result<(), ChainFault>;

    /// Sets weights in the open.
    async fn set_weights(&self, netuid: u16, weights: &Weights) -> Result<(), ChainFault>;

    /// Commits to weights.
    async fn commit_weights(&self, netuid: u16, sealed: &Sealed) -> Result<(), ChainFault>;

    /// Reveals what was committed.
    async fn reveal_weights(&self, netuid: u16, sealed: &Sealed) -> Result<(), ChainFault>;

    /// Pays base units out of this account.
    async fn pay(&self, netuid: u16, to: Payee, amount: u128) -> Result<(), ChainFault>;
}
