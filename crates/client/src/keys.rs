//! Signing keys: secp256k1, derived from a BIP-39 mnemonic along `m/44'/118'/0'/0/0`, as every Cosmos wallet does.

use bip39::Mnemonic;
use hmac::{Hmac, Mac};
use primitives::Address;
use ripemd::Ripemd160;
use secp256k1::{Message, PublicKey, Scalar, SecretKey};
use sha2::{Digest, Sha256, Sha512};
use thiserror::Error;
use zeroize::Zeroizing;

const HARDENED: u32 = 1 << 31;
/// BIP-44 coin type of the Cosmos family.
const COIN_TYPE: u32 = 118;

/// A secp256k1 account key.
#[derive(Clone)]
pub struct SigningKey {
    secret: SecretKey,
    public: PublicKey,
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not a BIP-39 phrase.
    #[error("this is not a BIP-39 mnemonic of 12 or 24 English words: {0}")]
    Mnemonic(String),
    /// Not a secret key.
    #[error("this is not a secp256k1 secret key: 64 hex digits other than zero are wanted")]
    Secret,
}

/// A new mnemonic of 24 words from the system's randomness.
///
/// # Errors
/// When the randomness cannot be encoded, which does not happen for 32 bytes.
pub fn new_mnemonic() -> Result<Zeroizing<String>, KeyError> {
    let entropy = Zeroizing::new(secp256k1::rand::random::<[u8; 32]>());
    let mnemonic = Mnemonic::from_entropy(entropy.as_slice());
    let mnemonic = mnemonic.map_err(|error| KeyError::Mnemonic(error.to_string()))?;
    Ok(Zeroizing::new(mnemonic.to_string()))
}

impl SigningKey {
    /// The key of a mnemonic's account number `index`, without a BIP-39 passphrase.
    ///
    /// # Errors
    /// When the phrase is not a mnemonic.
    pub fn from_mnemonic(phrase: &str, index: u32) -> Result<Self, KeyError> {
        let mnemonic = Mnemonic::parse_normalized(phrase.trim());
        let mnemonic = mnemonic.map_err(|error| KeyError::Mnemonic(error.to_string()))?;
        let seed = Zeroizing::new(mnemonic.to_seed_normalized(""));
        let path = [44 + HARDENED, COIN_TYPE + HARDENED, HARDENED, 0, index];
        Self::from_seed(&seed, &path)
    }

    /// BIP-32 derivation.
    fn from_seed(seed: &[u8; 64], path: &[u32]) -> Result<Self, KeyError> {
        let (mut secret, mut chain_code) = extended(b"Bitcoin seed", seed)?;
        for child in path {
            let mut data = Zeroizing::new(Vec::with_capacity(37));
            if *child >= HARDENED {
                data.push(0);
                data.extend_from_slice(&secret.to_secret_bytes());
            } else {
                data.extend_from_slice(&PublicKey::from_secret_key(&secret).serialize());
            }
            data.extend_from_slice(&child.to_be_bytes());
            let (tweak, next) = extended(&chain_code, &data)?;
            let tweak = Scalar::from_be_bytes(tweak.to_secret_bytes()).map_err(|_| KeyError::Secret)?;
            secret = secret.add_tweak(&tweak).map_err(|_| KeyError::Secret)?;
            chain_code = next;
        }
        Ok(Self::new(secret))
    }

    /// The key with these 32 secret bytes.
    ///
    /// # Errors
    /// When they are zero or not below the curve's order.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        Ok(Self::new(SecretKey::from_secret_bytes(bytes).map_err(|_| KeyError::Secret)?))
    }

    fn new(secret: SecretKey) -> Self {
        Self { public: PublicKey::from_secret_key(&secret), secret }
    }

    /// The 32 secret bytes.
    pub fn secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_secret_bytes())
    }

    /// The compressed public key.
    pub fn public_key(&self) -> [u8; 33] {
        self.public.serialize()
    }

    /// The account's address: RIPEMD-160 of SHA-256 of the compressed public key.
    pub fn address(&self) -> Address {
        Address::new(Ripemd160::digest(Sha256::digest(self.public_key())).into())
    }

    /// A signature over SHA-256 of the bytes: 64 bytes r ‖ s, s in the lower half, deterministic (RFC 6979).
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        let digest = Message::from_digest(Sha256::digest(bytes).into());
        secp256k1::ecdsa::sign(digest, &self.secret).serialize_compact()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({:?})", self.address())
    }
}

/// HMAC-SHA512, split into a key and a chain code (BIP-32).
fn extended(key: &[u8], data: &[u8]) -> Result<(SecretKey, [u8; 32]), KeyError> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).map_err(|_| KeyError::Secret)?;
    mac.update(data);
    let digest = Zeroizing::new(<[u8; 64]>::from(mac.finalize().into_bytes()));
    let (mut left, mut right) = ([0; 32], [0; 32]);
    left.copy_from_slice(&digest[..32]);
    right.copy_from_slice(&digest[32..]);
    let secret = SecretKey::from_secret_bytes(left).map_err(|_| KeyError::Secret)?;
    Ok((secret, right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::Prefix;

    const ABANDON: &str =
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    #[test]
    fn the_known_mnemonic_gives_the_address_that_every_cosmos_wallet_shows() {
        let key = SigningKey::from_mnemonic(ABANDON, 0).unwrap();
        let cosmos = Prefix::new("cosmos").unwrap();
        assert_eq!(cosmos.text(&key.address()), "cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4");
    }

    #[test]
    fn a_mistyped_word_is_refused() {
        let typo = ABANDON.replace("about", "abuot");
        assert!(matches!(SigningKey::from_mnemonic(&typo, 0), Err(KeyError::Mnemonic(_))));
        assert!(SigningKey::from_bytes([0; 32]).is_err());
    }

    #[test]
    fn new_mnemonics_differ_and_parse() {
        let (one, two) = (new_mnemonic().unwrap(), new_mnemonic().unwrap());
        assert_ne!(*one, *two);
        assert_eq!(one.split(' ').count(), 24);
        SigningKey::from_mnemonic(&one, 0).unwrap();
    }

    #[test]
    fn secrets_do_not_print() {
        let key = SigningKey::from_bytes([7; 32]).unwrap();
        assert!(!format!("{key:?}").contains("0707"));
    }
}
