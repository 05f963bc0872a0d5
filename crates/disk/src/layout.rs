//! Where things are in the parts. Integers in keys are big-endian: heights 8 bytes, indices and rounds 4.
//!
//! Part `chain`, format `tetra chain 1`:
//!
//! | key | value |
//! |---|---|
//! | `00` | the format mark |
//! | `01 ‖ height` | the block's hash |
//! | `02 ‖ height` | the block |
//! | `03 ‖ height` | the commit that was seen for it |
//! | `04 ‖ height` | the validator set that signed it |
//! | `05 ‖ height` | the results of its execution |
//! | `06 ‖ block hash` | the height |
//! | `10 ‖ tx hash` | height and index |
//! | `11 ‖ height ‖ index` | [`TxRecord`](crate::index) in protobuf |
//! | `12 ‖ text(event key) ‖ text(value) ‖ height ‖ index` | `01` |
//!
//! Part `undecided`, format `tetra undecided 1`:
//!
//! | key | value |
//! |---|---|
//! | `00` | the format mark |
//! | `01 ‖ height ‖ round ‖ value id` | the proposal's record |
//!
//! `text` is `store`'s order-preserving encoding of texts. Empty records are stored as they are.

use store::Key;

pub(crate) const CHAIN_FORMAT: &str = "tetra chain 1";
pub(crate) const UNDECIDED_FORMAT: &str = "tetra undecided 1";

pub(crate) const BLOCK_HASH: u8 = 0x01;
pub(crate) const BLOCK: u8 = 0x02;
pub(crate) const COMMIT: u8 = 0x03;
pub(crate) const VALIDATORS: u8 = 0x04;
pub(crate) const RESULTS: u8 = 0x05;
pub(crate) const HEIGHT_BY_HASH: u8 = 0x06;

pub(crate) const TX_BY_HASH: u8 = 0x10;
pub(crate) const TX: u8 = 0x11;
pub(crate) const EVENT: u8 = 0x12;

pub(crate) const PROPOSAL: u8 = 0x01;

/// A key: the tag of its table and its parts.
pub(crate) fn key(tag: u8, parts: &impl Key) -> Vec<u8> {
    let mut bytes = vec![tag];
    parts.write(&mut bytes);
    bytes
}

/// A key that ends with bytes of any length.
pub(crate) fn key_with(tag: u8, parts: &impl Key, tail: &[u8]) -> Vec<u8> {
    let mut bytes = key(tag, parts);
    bytes.extend_from_slice(tail);
    bytes
}

/// Reads a value or the parts of a key that are nothing else.
pub(crate) fn parse<K: Key>(mut bytes: &[u8]) -> Option<K> {
    K::read(&mut bytes).filter(|_| bytes.is_empty())
}

/// Reads the parts of a key after its tag.
pub(crate) fn parse_key<K: Key>(key: &[u8]) -> Option<K> {
    parse(key.get(1..)?)
}
