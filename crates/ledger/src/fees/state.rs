//! What is stored of fees.

use store::Item;

use super::MODULE;

/// A price of gas.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredGasPrice {
    /// In which denom.
    #[prost(string, tag = "1")]
    pub denom: String,
    /// Base units × 10^18 for one unit of gas.
    #[prost(string, tag = "2")]
    pub price: String,
}

/// How much gas work is, [`super::GasSchedule`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct StoredGasSchedule {
    /// For a transaction.
    #[prost(uint64, tag = "1")]
    pub per_tx: u64,
    /// For each byte of a transaction.
    #[prost(uint64, tag = "2")]
    pub per_tx_byte: u64,
    /// For each signature.
    #[prost(uint64, tag = "3")]
    pub per_signature: u64,
    /// For each key read.
    #[prost(uint64, tag = "4")]
    pub per_read: u64,
    /// For each byte read.
    #[prost(uint64, tag = "5")]
    pub per_read_byte: u64,
    /// For each key written.
    #[prost(uint64, tag = "6")]
    pub per_write: u64,
    /// For each byte written.
    #[prost(uint64, tag = "7")]
    pub per_written_byte: u64,
}

/// Parameters, [`super::Params`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredParams {
    /// The least prices.
    #[prost(message, repeated, tag = "1")]
    pub gas_prices: Vec<StoredGasPrice>,
    /// How much gas work is.
    #[prost(message, optional, tag = "2")]
    pub gas: Option<StoredGasSchedule>,
}

/// Parameters; absent only before genesis.
pub const PARAMS: Item<StoredParams> = Item::new(MODULE, 1);
