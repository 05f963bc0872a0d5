//! Account addresses and their text form.

use std::fmt;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// An account: 20 bytes. State keys hold these bytes, never the bech32 text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 20]);

impl Address {
    /// Wraps 20 raw bytes.
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The address of a module account: the first 20 bytes of SHA-256 of its name, as in the Cosmos SDK
    /// (`x/auth/types/account.go`, `NewModuleAddress`).
    pub fn of_module(name: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&digest[..20]);
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Address {
    type Error = AddressError;

    fn try_from(bytes: &[u8]) -> Result<Self, AddressError> {
        <[u8; 20]>::try_from(bytes).map(Self).map_err(|_| AddressError::WrongLength(bytes.len()))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// The bech32 prefix of a chain's account addresses, such as `tetra`; genesis data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(Hrp);

impl Prefix {
    /// Parses a prefix.
    ///
    /// # Errors
    /// When the text is not a valid lower-case bech32 human-readable part.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match Hrp::parse(text) {
            Ok(hrp) if lower => Ok(Self(hrp)),
            _ => Err(AddressError::BadPrefix(text.to_owned())),
        }
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// An address in bech32 text with this prefix.
    pub fn text(&self, address: &Address) -> String {
        // Encoding fails only for data longer than bech32 allows, which 20 bytes are not.
        bech32::encode::<Bech32>(self.0, &address.0).unwrap_or_default()
    }

    /// Parses bech32 text with this prefix.
    ///
    /// # Errors
    /// When the text is not bech32, has another prefix, or does not hold 20 bytes.
    pub fn parse(&self, text: &str) -> Result<Address, AddressError> {
        let not_bech32 = |_| AddressError::NotBech32(text.to_owned());
        let checked = CheckedHrpstring::new::<Bech32>(text).map_err(not_bech32)?;
        if checked.hrp() != self.0 {
            return Err(AddressError::WrongPrefix { text: text.to_owned(), wanted: self.as_str().to_owned() });
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        Address::try_from(bytes.as_slice())
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// An empty, mixed-case or otherwise invalid prefix.
    #[error("{0:?} is not a bech32 prefix")]
    BadPrefix(String),
    /// The text does not decode, or its checksum is wrong.
    #[error("{0:?} is not a bech32 address: a character is missing or mistyped")]
    NotBech32(String),
    /// An address of another network.
    #[error("{text:?} belongs to another network: addresses here begin with {wanted}1")]
    WrongPrefix {
        /// What was given.
        text: String,
        /// The prefix of this chain.
        wanted: String,
    },
    /// Not 20 bytes.
    #[error("an address has 20 bytes, this one has {0}")]
    WrongLength(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first account of the test mnemonic "abandon … about" (BIP-39), as every Cosmos wallet shows it.
    const KNOWN: &str = "cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4";

    #[test]
    fn text_and_bytes_are_inverse() {
        let cosmos = Prefix::new("cosmos").unwrap();
        let address = cosmos.parse(KNOWN).unwrap();
        assert_eq!(cosmos.text(&address), KNOWN);
        let tetra = Prefix::new("tetra").unwrap();
        assert_eq!(tetra.parse(&tetra.text(&address)), Ok(address));
    }

    #[test]
    fn an_address_of_another_network_is_refused() {
        let tetra = Prefix::new("tetra").unwrap();
        assert!(matches!(tetra.parse(KNOWN), Err(AddressError::WrongPrefix { .. })));
        assert!(matches!(tetra.parse("tetra1qqqq"), Err(AddressError::NotBech32(_))));
        assert!(Prefix::new("Tetra").is_err());
        assert!(Prefix::new("").is_err());
    }
}
