//! What a hotkey signs (docs/protocol.md, "Subnets"): that it wants to be bound, or to take another's place.
//!
//! Each text names the chain and a sequence that rises with every signature, so that none counts twice.

use ledger::Failure;
use primitives::Address;
use schnorrkel::{PublicKey, Signature};
use sha2::{Digest, Sha256};

use crate::ids::HotkeyId;
use crate::refusal::key as refusal;

/// The signing context of Substrate's sr25519 keys (spec/bittensor.md 5).
const SIGNING_CONTEXT: &[u8] = b"substrate";

/// What a hotkey signs to be bound to a coldkey and an operator.
pub fn bind_bytes(chain_id: &str, coldkey: &Address, operator: &Address, sequence: u64) -> [u8; 32] {
    let parts: [&[u8]; 3] = [coldkey.as_bytes(), operator.as_bytes(), &sequence.to_be_bytes()];
    digest("tetra/subnet/bind/v1", chain_id, &parts)
}

/// What a hotkey signs to take the place of another of the same coldkey.
pub fn swap_bytes(chain_id: &str, coldkey: &Address, from: &HotkeyId, sequence: u64) -> [u8; 32] {
    digest("tetra/subnet/swap/v1", chain_id, &[coldkey.as_bytes(), from, &sequence.to_be_bytes()])
}

fn digest(tag: &str, chain_id: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in [tag, chain_id] {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Checks what a hotkey signed.
pub(super) fn verify(hotkey: &HotkeyId, message: &[u8; 32], signature: &[u8], sequence: u64) -> Result<(), Failure> {
    let key = PublicKey::from_bytes(hotkey).map_err(|_| refusal::invalid("the bytes are no sr25519 public key"))?;
    let signature = Signature::from_bytes(signature).map_err(|_| refusal::bad_signature(sequence))?;
    let checked = key.verify_simple(SIGNING_CONTEXT, message, &signature);
    checked.map_err(|_| refusal::bad_signature(sequence).into())
}
