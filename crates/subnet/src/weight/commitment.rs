//! What a commitment to weights is the hash of, and when it is revealed.

use proto::tetra::subnet::v1::{Commitment, Rules};
use sha2::{Digest, Sha256};

use super::check::Sent;
use crate::ids::{HotkeyId, Netuid};

/// How many commitments a neuron may have open.
pub const MOST_OPEN: usize = 10;
/// The longest salt, in bytes.
pub const LONGEST_SALT: usize = 64;
/// The shortest salt: without one, weights could be guessed.
pub const SHORTEST_SALT: usize = 16;

/// The commitment to weights: SHA-256 of a tag, the subnet, the hotkey, the version, how many entries there are, uids, values, and
/// the salt. Numbers are big-endian (docs/protocol.md, "Subnets").
pub fn of(netuid: Netuid, hotkey: &HotkeyId, sent: &Sent, salt: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"tetra/subnet/weights/v1\0");
    hash.update(netuid.to_be_bytes());
    hash.update(hotkey);
    hash.update(sent.version.to_be_bytes());
    hash.update(u32::try_from(sent.uids.len()).unwrap_or(u32::MAX).to_be_bytes());
    for number in sent.uids.iter().chain(&sent.values) {
        hash.update(number.to_be_bytes());
    }
    hash.update(salt);
    hash.finalize().into()
}

/// Where a commitment is, seen from an epoch count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// It cannot be revealed yet: from this epoch count on.
    Early(u64),
    /// It can be revealed.
    Now,
    /// It is dropped.
    Late,
}

/// A commitment is revealed in the one epoch that its rules name: not before, so that nobody copies; not after, so that
/// nobody keeps several and chooses.
pub fn time(commitment: &Commitment, epochs: u64, rules: &Rules) -> Time {
    let due = commitment.epoch.saturating_add(rules.reveal_epochs.into());
    match epochs.cmp(&due) {
        std::cmp::Ordering::Less => Time::Early(due),
        std::cmp::Ordering::Equal => Time::Now,
        std::cmp::Ordering::Greater => Time::Late,
    }
}
