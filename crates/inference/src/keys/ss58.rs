//! Addresses: base58 of a network's prefix, a public key and two bytes of a checksum.

use blake2::{Blake2b512, Digest};
use thiserror::Error;

/// The prefix of networks that have none of their own; Bittensor uses it.
pub const PREFIX: u8 = 42;
/// Base58 of 35 bytes is never longer.
const MAX_LENGTH: usize = 50;

/// Why a text is no address of a hotkey.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Ss58Error {
    /// Characters that base58 lacks, or too few or many of them.
    #[error("{0:?} is no ss58 address of a 32-byte key")]
    Shape(String),
    /// Another network's.
    #[error("the address is of network {0}; hotkeys are of network {PREFIX}")]
    Network(u8),
    /// A mistyped one.
    #[error("the checksum of {0:?} is wrong: is it mistyped?")]
    Checksum(String),
}

/// The address of a public key.
pub fn encode(key: &[u8; 32]) -> String {
    let mut bytes = Vec::with_capacity(35);
    bytes.push(PREFIX);
    bytes.extend_from_slice(key);
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum);
    bs58::encode(bytes).into_string()
}

/// The public key of an address.
///
/// # Errors
/// When the text is no address, or of another network.
pub fn decode(text: &str) -> Result<[u8; 32], Ss58Error> {
    // A stranger's text may be long; no error repeats more of it than an address has.
    let shape = || Ss58Error::Shape(text.chars().take(MAX_LENGTH).collect());
    if text.len() > MAX_LENGTH {
        return Err(shape());
    }
    let bytes = bs58::decode(text).into_vec().map_err(|_| shape())?;
    let (Some((&prefix, _)), 35) = (bytes.split_first(), bytes.len()) else { return Err(shape()) };
    if prefix != PREFIX {
        return Err(Ss58Error::Network(prefix));
    }
    let (body, sum) = bytes.split_at(33);
    if checksum(body) != sum {
        return Err(Ss58Error::Checksum(text.to_owned()));
    }
    body.get(1..).and_then(|key| key.try_into().ok()).ok_or_else(shape)
}

fn checksum(bytes: &[u8]) -> [u8; 2] {
    let sum = Blake2b512::new().chain_update(b"SS58PRE").chain_update(bytes).finalize();
    [sum[0], sum[1]]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_networks_and_typing_errors_are_told_apart() {
        // Polkadot's own address of Alice's key.
        let polkadot = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
        assert_eq!(decode(polkadot), Err(Ss58Error::Network(0)));
        let mistyped = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ";
        assert!(matches!(decode(mistyped), Err(Ss58Error::Checksum(_))));
        for text in ["", "5", "0OIl", &"5".repeat(10_000)] {
            assert!(matches!(decode(text), Err(Ss58Error::Shape(_))), "{}", text.len());
        }
    }

    proptest! {
        #[test]
        fn an_address_names_its_key(key: [u8; 32]) {
            prop_assert_eq!(decode(&encode(&key)), Ok(key));
        }
    }
}
