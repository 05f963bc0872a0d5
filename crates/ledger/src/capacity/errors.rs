//! Refusals.

use super::state::HostKey;
use crate::failure::Rejection;

const CODESPACE: &str = "capacity";

pub(super) fn gone(why: &str) -> Rejection {
    Rejection::new(CODESPACE, 2, format!("capacity gone: {why}; take the next offer"))
}

pub(super) fn host_not_found(key: &HostKey) -> Rejection {
    Rejection::new(CODESPACE, 3, format!("host {} not found", hex::encode(key)))
}

pub(super) fn bad_host_key(length: usize) -> Rejection {
    Rejection::new(CODESPACE, 4, format!("a host key is an Ed25519 public key of 32 bytes, this one has {length}"))
}

pub(super) fn bad_signature() -> Rejection {
    let text = "the host's signature does not fit: the agent must sign this very registration for this chain and owner";
    Rejection::new(CODESPACE, 5, text)
}

pub(super) fn bad_offer(why: &str) -> Rejection {
    Rejection::new(CODESPACE, 6, format!("host offer refused: {why}"))
}

pub(super) fn host_in_use(why: &str) -> Rejection {
    Rejection::new(CODESPACE, 7, format!("host in use: {why}"))
}

pub(super) fn reference_in_use(market: &str, reference: &str) -> Rejection {
    Rejection::new(CODESPACE, 8, format!("{market} already holds or lost capacity as {reference}; release it first"))
}

pub(super) fn not_the_owner(key: &HostKey) -> Rejection {
    Rejection::unauthorized(format!("host {} belongs to another provider", hex::encode(key)))
}
