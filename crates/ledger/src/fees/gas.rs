//! Gas: work as a number. Pure.

use serde::{Deserialize, Serialize};
use store::Work;

/// What is known of a transaction before it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxShape {
    /// Bytes of the whole transaction.
    pub bytes: u64,
    /// How many signatures it carries.
    pub signatures: u64,
}

/// How much gas each kind of work is. Defaults follow the Cosmos SDK, so that gas estimates of its clients fit:
/// `store/types/gas.go` (`KVGasConfig`) for reads and writes, `x/auth/types/params.go` for bytes and signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GasSchedule {
    /// For a transaction; default 0.
    pub per_tx: u64,
    /// For each byte of a transaction; default 10.
    pub per_tx_byte: u64,
    /// For each signature; default 1000.
    pub per_signature: u64,
    /// For each key read; default 1000.
    pub per_read: u64,
    /// For each byte of keys and values read; default 3.
    pub per_read_byte: u64,
    /// For each key written or removed; default 2000.
    pub per_write: u64,
    /// For each byte of keys and values written; default 30.
    pub per_written_byte: u64,
}

impl Default for GasSchedule {
    fn default() -> Self {
        Self {
            per_tx: 0,
            per_tx_byte: 10,
            per_signature: 1_000,
            per_read: 1_000,
            per_read_byte: 3,
            per_write: 2_000,
            per_written_byte: 30,
        }
    }
}

impl GasSchedule {
    /// The gas of a transaction's shape alone, the least that it can use. Stops at `u64::MAX`.
    pub fn gas_of_shape(&self, shape: TxShape) -> u64 {
        sum([(1, self.per_tx), (shape.bytes, self.per_tx_byte), (shape.signatures, self.per_signature)])
    }

    /// The gas of work on the state. Stops at `u64::MAX`.
    pub fn gas_of_work(&self, work: Work) -> u64 {
        sum([
            (work.reads, self.per_read),
            (work.read_bytes, self.per_read_byte),
            (work.writes, self.per_write),
            (work.written_bytes, self.per_written_byte),
        ])
    }

    /// The gas of a transaction: its shape and its work. Stops at `u64::MAX`, above every limit.
    pub fn gas_of(&self, shape: TxShape, work: Work) -> u64 {
        self.gas_of_shape(shape).saturating_add(self.gas_of_work(work))
    }
}

fn sum<const N: usize>(parts: [(u64, u64); N]) -> u64 {
    parts.into_iter().fold(0, |sum, (count, each)| sum.saturating_add(count.saturating_mul(each)))
}
