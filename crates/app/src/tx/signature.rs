//! Signature checks as data, so that the caller can answer a whole block's in parallel before execution.

use std::collections::BTreeMap;

use ledger::accounts::keys::PublicKey;
use secp256k1::ecdsa::Signature;
use secp256k1::{Message, PublicKey as SecpKey};
use sha2::{Digest, Sha256};

use super::TxHash;

/// One signature to verify: pure data, answered by [`SignatureCheck::verify`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignatureCheck {
    /// The transaction.
    pub tx: TxHash,
    /// The key that should have signed.
    pub key: PublicKey,
    /// The account's number, part of what is signed.
    pub account_number: u64,
    /// What was signed.
    pub sign_bytes: Vec<u8>,
    /// The signature, 64 bytes.
    pub signature: Vec<u8>,
}

impl SignatureCheck {
    /// Whether the signature is right. ECDSA must be in its lower half, as everywhere in Cosmos; ed25519 follows
    /// ZIP-215, so that single and batch verification agree.
    pub fn verify(&self) -> bool {
        match &self.key {
            PublicKey::Secp256k1(key) => self.verify_secp256k1(key),
            PublicKey::Ed25519(key) => self.verify_ed25519(key),
        }
    }

    fn verify_secp256k1(&self, key: &[u8; 33]) -> bool {
        let digest = Message::from_digest(Sha256::digest(&self.sign_bytes).into());
        let Ok(key) = SecpKey::from_slice(key) else { return false };
        let Ok(signature) = Signature::from_compact(&self.signature) else { return false };
        secp256k1::ecdsa::verify(&signature, digest, &key).is_ok()
    }

    fn verify_ed25519(&self, key: &[u8; 32]) -> bool {
        let Ok(key) = ed25519_consensus::VerificationKey::try_from(*key) else { return false };
        let Ok(signature) = <[u8; 64]>::try_from(self.signature.as_slice()) else { return false };
        key.verify(&signature.into(), &self.sign_bytes).is_ok()
    }

    fn id(&self) -> VerdictId {
        (self.tx, self.key, self.account_number)
    }
}

type VerdictId = (TxHash, PublicKey, u64);

/// Answers to signature checks. They stand under transaction hash, key and account number, which fix everything that
/// is verified, so that an answer given at admission holds in any block.
#[derive(Clone, Debug, Default)]
pub struct Verdicts(BTreeMap<VerdictId, bool>);

impl Verdicts {
    /// Records an answer.
    pub fn insert(&mut self, check: &SignatureCheck, good: bool) {
        self.0.insert(check.id(), good);
    }

    /// The recorded answer.
    pub fn get(&self, check: &SignatureCheck) -> Option<bool> {
        self.0.get(&check.id()).copied()
    }

    /// The recorded answer, or the check itself in line: an account born in the block has none.
    pub fn answer(&self, check: &SignatureCheck) -> bool {
        self.get(check).unwrap_or_else(|| check.verify())
    }
}
