//! The validator set and whose turn it is to propose.
//!
//! Every rule here is CometBFT's (`types/validator_set.go`, v0.38), bit for bit: the order of the
//! set, the weighted round robin of proposer priorities, and the limits. Light clients and
//! explorers recompute them, so a "nicer" rule would be a wrong one.

use std::cmp::Ordering;
use std::fmt;

use sha2::{Digest, Sha256};

/// The most voting power that a whole set may hold: an eighth of `i64::MAX`, so that priorities,
/// which stay within a few multiples of it, never overflow.
pub const MAX_TOTAL_POWER: u64 = (i64::MAX / 8) as u64;

/// The spread of priorities is kept within this many times the total power.
const PRIORITY_WINDOW_FACTOR: i128 = 2;

/// Rounds after which the proposer rotation starts over (see [`ValidatorSet::proposer_for_round`]).
const ROUND_CYCLE: u32 = 1 << 16;

/// A block validator's address: the first 20 bytes of the SHA-256 of its ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsensusAddress(pub [u8; 20]);

impl ConsensusAddress {
    /// The address of a public key.
    pub fn of(public_key: &[u8; 32]) -> Self {
        let mut address = [0; 20];
        for (to, from) in address.iter_mut().zip(Sha256::digest(public_key)) {
            *to = from;
        }
        Self(address)
    }

    /// The address with these raw bytes; none unless there are 20 of them.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for ConsensusAddress {
    /// Upper-case hexadecimal, as CometBFT prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for ConsensusAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsensusAddress({self})")
    }
}

/// One block validator, as the set of one height holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validator {
    /// Derived from `public_key`.
    pub address: ConsensusAddress,
    /// ed25519.
    pub public_key: [u8; 32],
    /// Voting power; never zero inside a set.
    pub power: u64,
    /// How long it has waited for its turn: the highest proposes next.
    pub priority: i64,
}

impl Validator {
    /// A validator that has not waited yet.
    pub fn new(public_key: [u8; 32], power: u64) -> Self {
        Self { address: ConsensusAddress::of(&public_key), public_key, power, priority: 0 }
    }

    /// Whether `self` proposes before `other`: higher priority first, then the lower address.
    fn precedes(&self, other: &Self) -> bool {
        (other.priority, self.address) < (self.priority, other.address)
    }

    /// The order inside a set: power descending, then address ascending.
    fn set_order(&self, other: &Self) -> Ordering {
        other.power.cmp(&self.power).then(self.address.cmp(&other.address))
    }
}

/// Why a set, or a change to one, was refused. The set is left as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorSetError {
    /// Nobody would be left to vote.
    #[error("the change would leave no validator; keep at least one with power above zero")]
    Empty,
    /// One key was named twice.
    #[error("validator {0} is named twice; name each public key once")]
    Duplicate(ConsensusAddress),
    /// Power zero means removal, and there is nothing to remove.
    #[error("validator {0} cannot be removed: it is not in the set")]
    Unknown(ConsensusAddress),
    /// More power than [`MAX_TOTAL_POWER`].
    #[error("total voting power would exceed {MAX_TOTAL_POWER}; scale the powers down")]
    TooMuchPower,
    /// A stored set was not in set order, held a zero power or a foreign proposer.
    #[error("stored validator set is malformed: {0}; the state is damaged, restore it from a snapshot")]
    Malformed(&'static str),
}

/// The validators of one height, in set order, with the proposer of that height's first round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorSet {
    validators: Vec<Validator>,
    total_power: u64,
    proposer: ConsensusAddress,
}

impl ValidatorSet {
    /// A first set from `(public key, power)`: priorities start level and advance once, as
    /// `NewValidatorSet` does.
    ///
    /// # Errors
    /// Empty, a zero power, a key twice, or too much power.
    pub fn new(members: &[([u8; 32], u64)]) -> Result<Self, ValidatorSetError> {
        let mut set = Self { validators: Vec::new(), total_power: 0, proposer: ConsensusAddress([0; 20]) };
        set.update_with_changes(members)?;
        set.increment_proposer_priority(1);
        Ok(set)
    }

    /// A set as it was stored: validators in set order with their priorities, and the proposer.
    ///
    /// # Errors
    /// Whatever [`ValidatorSet::new`] refuses, a wrong order, or a proposer from outside.
    pub fn from_stored(validators: Vec<Validator>, proposer: ConsensusAddress) -> Result<Self, ValidatorSetError> {
        if validators.is_empty() {
            return Err(ValidatorSetError::Empty);
        }
        if validators.iter().any(|v| v.power == 0) {
            return Err(ValidatorSetError::Malformed("zero power"));
        }
        if !validators.is_sorted_by(|a, b| a.set_order(b) == Ordering::Less) {
            return Err(ValidatorSetError::Malformed("wrong order"));
        }
        if validators.iter().all(|v| v.address != proposer) {
            return Err(ValidatorSetError::Malformed("proposer is not a member"));
        }
        let total_power = total_power(&validators)?;
        Ok(Self { validators, total_power, proposer })
    }

    /// All validators, power descending, then address ascending.
    pub fn validators(&self) -> &[Validator] {
        &self.validators
    }

    /// How many validators there are; at least one.
    #[allow(clippy::len_without_is_empty)] // a set is never empty
    pub fn len(&self) -> usize {
        self.validators.len()
    }

    /// The sum of all powers, at most [`MAX_TOTAL_POWER`].
    pub fn total_power(&self) -> u64 {
        self.total_power
    }

    /// The validator with this address.
    pub fn get(&self, address: &ConsensusAddress) -> Option<&Validator> {
        self.validators.iter().find(|v| v.address == *address)
    }

    /// Who proposes in the first round.
    pub fn proposer(&self) -> ConsensusAddress {
        self.proposer
    }

    /// Who proposes in `round`: the proposer after `round` more turns, on a copy.
    ///
    /// The rotation starts over every 65 536 rounds, so that a forged round number cannot cost
    /// more than that many turns; no height ever lasts so long.
    pub fn proposer_for_round(&self, round: u32) -> ConsensusAddress {
        match round % ROUND_CYCLE {
            0 => self.proposer,
            turns => {
                let mut later = self.clone();
                later.increment_proposer_priority(turns);
                later.proposer
            }
        }
    }

    /// Advances the rotation by `times` turns and notes the last one's proposer. Zero does nothing.
    pub fn increment_proposer_priority(&mut self, times: u32) {
        if times == 0 {
            return;
        }
        self.rescale_priorities();
        self.center_priorities();
        for _ in 0..times {
            self.take_turn();
        }
    }

    /// Applies `(public key, power)` changes: zero removes, anything else adds or replaces.
    ///
    /// The proposer is not chosen anew (CometBFT advances the rotation once per block, after the
    /// change): call [`ValidatorSet::increment_proposer_priority`] next.
    ///
    /// # Errors
    /// See [`ValidatorSetError`]; on error nothing has changed.
    pub fn update_with_changes(&mut self, changes: &[([u8; 32], u64)]) -> Result<(), ValidatorSetError> {
        if changes.is_empty() && !self.validators.is_empty() {
            return Ok(());
        }
        let mut changes: Vec<Validator> = changes.iter().map(|(key, power)| Validator::new(*key, *power)).collect();
        changes.sort_by_key(|change| change.address);
        let mut neighbours = changes.iter().zip(changes.iter().skip(1));
        if let Some((twice, _)) = neighbours.find(|(one, next)| one.address == next.address) {
            return Err(ValidatorSetError::Duplicate(twice.address));
        }
        let (removals, updates): (Vec<_>, Vec<_>) = changes.into_iter().partition(|c| c.power == 0);
        if let Some(unknown) = removals.iter().find(|r| self.get(&r.address).is_none()) {
            return Err(ValidatorSetError::Unknown(unknown.address));
        }

        let mut next = self.validators.clone();
        next.retain(|v| updates.iter().all(|u| u.address != v.address));
        let newcomer_priority = newcomer_priority(&next, &updates)?;
        next.extend(updates.into_iter().map(|update| Validator {
            priority: self.get(&update.address).map_or(newcomer_priority, |v| v.priority),
            ..update
        }));
        next.retain(|v| removals.iter().all(|r| r.address != v.address));
        if next.is_empty() {
            return Err(ValidatorSetError::Empty);
        }
        self.total_power = total_power(&next)?;
        self.validators = next;
        self.rescale_priorities();
        self.center_priorities();
        self.validators.sort_by(Validator::set_order);
        Ok(())
    }

    /// Divides all priorities so that their spread fits the window; rounds toward zero.
    fn rescale_priorities(&mut self) {
        let window = PRIORITY_WINDOW_FACTOR * i128::from(self.total_power);
        let priorities = || self.validators.iter().map(|v| i128::from(v.priority));
        let spread = priorities().max().unwrap_or(0) - priorities().min().unwrap_or(0);
        if window <= 0 || spread <= window {
            return;
        }
        // The ceiling, so that the spread ends inside the window.
        let ratio = (spread + window - 1) / window;
        for v in &mut self.validators {
            v.priority = clip(i128::from(v.priority) / ratio);
        }
    }

    /// Moves all priorities so that they sum to about zero; the average rounds toward minus
    /// infinity (Go's `big.Int.Div` by a positive number).
    fn center_priorities(&mut self) {
        let count = self.validators.len() as i128;
        if count == 0 {
            return;
        }
        let sum: i128 = self.validators.iter().map(|v| i128::from(v.priority)).sum();
        let average = clip(sum.div_euclid(count));
        for v in &mut self.validators {
            v.priority = v.priority.saturating_sub(average);
        }
    }

    /// Everybody waits by its power; whoever has waited longest proposes and pays the total.
    fn take_turn(&mut self) {
        for v in &mut self.validators {
            v.priority = v.priority.saturating_add_unsigned(v.power);
        }
        let first = self.validators.iter_mut().reduce(|best, v| if v.precedes(best) { v } else { best });
        if let Some(first) = first {
            first.priority = first.priority.saturating_sub_unsigned(self.total_power);
            self.proposer = first.address;
        }
    }
}

/// A newcomer starts 1.125 times the total behind, so that leaving and coming back never gains a
/// turn. The total is the one after the updates but before the removals; an eighth rounds down.
fn newcomer_priority(kept: &[Validator], updates: &[Validator]) -> Result<i64, ValidatorSetError> {
    let total: i128 = kept.iter().chain(updates).map(|v| i128::from(v.power)).sum();
    i64::try_from(-(total + (total >> 3))).map_err(|_| ValidatorSetError::TooMuchPower)
}

fn total_power(validators: &[Validator]) -> Result<u64, ValidatorSetError> {
    validators
        .iter()
        .try_fold(0u64, |sum, v| sum.checked_add(v.power))
        .filter(|total| *total <= MAX_TOTAL_POWER)
        .ok_or(ValidatorSetError::TooMuchPower)
}

fn clip(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
#[path = "validators_tests.rs"]
mod tests;
