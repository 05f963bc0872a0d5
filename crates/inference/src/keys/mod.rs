//! Hotkeys: sr25519 keys as Substrate has them, written as ss58 addresses.
//!
//! | module | what it holds |
//! |---|---|
//! | [`ss58`] | addresses |
//! | [`keyfile`] | btcli's key files, plain and `$NACL` |
//! | [`store`] | those of this machine, by name |

pub mod keyfile;
pub mod ss58;
pub mod store;

use std::fmt;
use std::str::FromStr;

use hmac::Hmac;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, PublicKey, SecretKey, Signature, signing_context};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha512;
use thiserror::Error;
use zeroize::Zeroizing;

use ss58::Ss58Error;

/// What every Substrate signature is bound to.
const CONTEXT: &[u8] = b"substrate";
/// Rounds of PBKDF2 from a phrase's entropy to a seed.
const PHRASE_ROUNDS: u32 = 2048;

/// Why bytes or words are no hotkey.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum HotkeyError {
    /// No point of the curve, or no scalar.
    #[error("these bytes are no sr25519 key")]
    NotAKey,
    /// A phrase that BIP-39 refuses.
    #[error("the phrase is refused: {0}")]
    Phrase(String),
    /// A derivation path behind a phrase.
    #[error("the phrase carries a derivation path; give the phrase alone, or the key file that btcli wrote")]
    Derivation,
}

/// The public half of a hotkey: who a miner or validator of a subnet is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HotkeyId([u8; 32]);

impl HotkeyId {
    /// Any 32 bytes; those that are no point of the curve verify nothing.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the hotkey's holder signed the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let (Ok(key), Ok(signature)) = (PublicKey::from_bytes(&self.0), Signature::from_bytes(signature)) else {
            return false;
        };
        key.verify(signing_context(CONTEXT).bytes(message), &signature).is_ok()
    }
}

impl fmt::Display for HotkeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ss58::encode(&self.0))
    }
}

impl fmt::Debug for HotkeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HotkeyId({self})")
    }
}

impl FromStr for HotkeyId {
    type Err = Ss58Error;

    fn from_str(text: &str) -> Result<Self, Ss58Error> {
        ss58::decode(text).map(Self)
    }
}

impl Serialize for HotkeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HotkeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A hotkey with its secret.
#[derive(Clone)]
pub struct Hotkey {
    pair: Keypair,
}

impl fmt::Debug for Hotkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hotkey({})", self.id())
    }
}

impl Hotkey {
    /// The key of a 32-byte seed.
    ///
    /// # Errors
    /// None for 32 bytes; the library's signature has one.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, HotkeyError> {
        let seed = MiniSecretKey::from_bytes(seed).map_err(|_| HotkeyError::NotAKey)?;
        Ok(Self { pair: seed.expand_to_keypair(ExpansionMode::Ed25519) })
    }

    /// The key of a BIP-39 phrase, by Substrate's rule: the seed comes from the entropy, not from the words.
    ///
    /// # Errors
    /// [`HotkeyError::Phrase`] for words or a checksum that are wrong; [`HotkeyError::Derivation`].
    pub fn from_phrase(phrase: &str) -> Result<Self, HotkeyError> {
        if phrase.contains('/') {
            return Err(HotkeyError::Derivation);
        }
        let words = phrase.split_whitespace().collect::<Vec<_>>().join(" ");
        let entropy = Zeroizing::new(entropy(&words)?);
        let mut long = Zeroizing::new([0; 64]);
        pbkdf2::pbkdf2::<Hmac<Sha512>>(&entropy, b"mnemonic", PHRASE_ROUNDS, long.as_mut())
            .map_err(|error| HotkeyError::Phrase(error.to_string()))?;
        let seed = long.first_chunk::<32>().ok_or(HotkeyError::NotAKey)?;
        Self::from_seed(seed)
    }

    /// The key of 64 bytes as Substrate keeps them: scalar and nonce.
    ///
    /// # Errors
    /// When the first half is no scalar.
    pub fn from_secret(secret: &[u8; 64]) -> Result<Self, HotkeyError> {
        let secret = SecretKey::from_bytes(secret).map_err(|_| HotkeyError::NotAKey)?;
        Ok(Self { pair: secret.to_keypair() })
    }

    /// A new key, and its seed.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<(Self, Zeroizing<[u8; 32]>), HotkeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        rand::TryRngCore::try_fill_bytes(&mut rand::rngs::OsRng, seed.as_mut()).map_err(|_| HotkeyError::NotAKey)?;
        Ok((Self::from_seed(&seed)?, seed))
    }

    /// Who it is.
    pub fn id(&self) -> HotkeyId {
        HotkeyId(self.pair.public.to_bytes())
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign(signing_context(CONTEXT).bytes(message)).to_bytes()
    }
}

fn entropy(words: &str) -> Result<Vec<u8>, HotkeyError> {
    let phrase = bip39::Mnemonic::parse_in_normalized(bip39::Language::English, words);
    Ok(phrase.map_err(|error| HotkeyError::Phrase(error.to_string()))?.to_entropy())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Substrate's development phrase and the key that every tool shows for it.
    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    const SEED: &str = "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
    const ADDRESS: &str = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV";
    /// `//Alice`.
    const ALICE_SEED: &str = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    fn seed(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn the_keys_that_substrate_tools_show_are_ours() {
        assert_eq!(Hotkey::from_phrase(PHRASE).unwrap().id().to_string(), ADDRESS);
        assert_eq!(Hotkey::from_seed(&seed(SEED)).unwrap().id().to_string(), ADDRESS);
        assert_eq!(Hotkey::from_seed(&seed(ALICE_SEED)).unwrap().id().to_string(), ALICE);
    }

    #[test]
    fn only_the_holder_signs() {
        let (key, _) = Hotkey::generate().unwrap();
        let (other, _) = Hotkey::generate().unwrap();
        let signature = key.sign(b"text");
        assert!(key.id().verifies(b"text", &signature));
        assert!(!key.id().verifies(b"texts", &signature));
        assert!(!other.id().verifies(b"text", &signature));
        assert!(!HotkeyId::from_bytes([0xff; 32]).verifies(b"text", &signature), "no point of the curve");
    }

    #[test]
    fn what_is_no_phrase_is_refused() {
        assert!(matches!(Hotkey::from_phrase("bottom drive obey"), Err(HotkeyError::Phrase(_))));
        assert_eq!(Hotkey::from_phrase(&format!("{PHRASE}//Alice")).unwrap_err(), HotkeyError::Derivation);
        let spaced = PHRASE.replace(' ', "  ");
        assert_eq!(Hotkey::from_phrase(&spaced).unwrap().id().to_string(), ADDRESS);
    }
}
