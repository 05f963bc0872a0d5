//! Money is conserved, checked from the raw writes of every block.
//!
//! This code shares nothing with the bank: it knows only where balances and supplies lie (docs/protocol.md, "State
//! keys") and how they are encoded. Per denom, what balances gained less what they lost must be what was minted less
//! what was burned, and supplies must have moved by the same.

use std::collections::BTreeMap;
use std::fmt;

use ledger::Flow;
use store::{Module, Reader, WriteSet};

const BANK: Module = Module("bank");
const BALANCE_TAG: u8 = 1;
const SUPPLY_TAG: u8 = 2;
const ADDRESS_BYTES: usize = 20;
const END_OF_TEXT: [u8; 2] = [0, 0];

/// A denom whose balances, supply, mints and burns do not add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imbalance {
    /// The denom.
    pub denom: String,
    /// What balances gained and lost.
    pub balances: Change,
    /// What the supply gained and lost.
    pub supply: Change,
    /// Minted and burned in the block.
    pub flow: Change,
}

/// Gains and losses, kept apart so that nothing is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    /// Base units gained.
    pub gained: u128,
    /// Base units lost.
    pub lost: u128,
}

impl Change {
    fn record(&mut self, old: u128, new: u128) -> Option<()> {
        let gain = new.saturating_sub(old);
        let loss = old.saturating_sub(new);
        self.gained = self.gained.checked_add(gain)?;
        self.lost = self.lost.checked_add(loss)?;
        Some(())
    }

    fn equals(self, other: Self) -> bool {
        match (self.gained.checked_add(other.lost), other.gained.checked_add(self.lost)) {
            (Some(left), Some(right)) => left == right,
            _ => false,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{} -{}", self.gained, self.lost)
    }
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { denom, balances, supply, flow } = self;
        write!(f, "{denom}: balances {balances}, supply {supply}, minted and burned {flow}")
    }
}

#[derive(Default)]
struct Totals {
    balances: Change,
    supply: Change,
    flow: Change,
}

/// The first denom that does not add up, if any.
///
/// # Errors
/// When the state cannot be read, or a balance is not 16 bytes under a well-formed key.
pub fn check(before: &dyn Reader, writes: &WriteSet, flow: &Flow) -> store::Result<Option<Imbalance>> {
    let mut totals: BTreeMap<String, Totals> = BTreeMap::new();
    for (key, new) in writes.of(BANK) {
        let Some((&tag, rest)) = key.split_first() else { continue };
        let denom = match tag {
            BALANCE_TAG => denom_of(rest.get(ADDRESS_BYTES..).unwrap_or_default()),
            SUPPLY_TAG => denom_of(rest),
            _ => continue,
        };
        let denom = denom.ok_or_else(|| corrupt(key, "the key names no denom"))?;
        let old = amount(key, before.get(BANK, key)?.as_deref())?;
        let new = amount(key, new)?;
        let total = totals.entry(denom).or_default();
        let change = if tag == BALANCE_TAG { &mut total.balances } else { &mut total.supply };
        change.record(old, new).ok_or_else(|| corrupt(key, "sums exceed 128 bits"))?;
    }
    for (denom, minted) in &flow.minted {
        totals.entry(denom.to_string()).or_default().flow.gained = *minted;
    }
    for (denom, burned) in &flow.burned {
        totals.entry(denom.to_string()).or_default().flow.lost = *burned;
    }
    let wrong =
        totals.into_iter().find(|(_, total)| !total.balances.equals(total.flow) || !total.supply.equals(total.flow));
    Ok(wrong.map(|(denom, Totals { balances, supply, flow })| Imbalance { denom, balances, supply, flow }))
}

fn denom_of(encoded: &[u8]) -> Option<String> {
    let text = encoded.strip_suffix(&END_OF_TEXT)?;
    String::from_utf8(text.to_vec()).ok()
}

fn amount(key: &[u8], value: Option<&[u8]>) -> store::Result<u128> {
    match value {
        None => Ok(0),
        Some(bytes) => match bytes.try_into() {
            Ok(bytes) => Ok(u128::from_be_bytes(bytes)),
            Err(_) => Err(corrupt(key, "an amount has 16 bytes")),
        },
    }
}

fn corrupt(key: &[u8], why: &str) -> store::Error {
    let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
    store::Error::Corrupt { module: BANK.0, key, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::{Address, Denom};
    use proptest::prelude::*;
    use store::{Amount, Empty, Key, Value};

    fn balance_key(account: u8, denom: &str) -> Vec<u8> {
        let mut key = vec![BALANCE_TAG];
        (Address::new([account; 20]), denom.to_owned()).write(&mut key);
        key
    }

    fn supply_key(denom: &str) -> Vec<u8> {
        let mut key = vec![SUPPLY_TAG];
        denom.to_owned().write(&mut key);
        key
    }

    fn stored(amount: u128) -> Option<Vec<u8>> {
        Some(Amount(amount).to_stored())
    }

    fn minted(amount: u128) -> Flow {
        let mut flow = Flow::default();
        flow.minted.insert(Denom::new("utet").unwrap(), amount);
        flow
    }

    #[test]
    fn a_mint_that_is_recorded_passes_and_any_other_sum_halts() {
        let mut writes = WriteSet::default();
        writes.insert(BANK, balance_key(1, "utet"), stored(5));
        writes.insert(BANK, supply_key("utet"), stored(5));
        assert_eq!(check(&Empty, &writes, &minted(5)), Ok(None));
        let imbalance = check(&Empty, &writes, &minted(4)).unwrap().unwrap();
        assert_eq!(imbalance.to_string(), "utet: balances +5 -0, supply +5 -0, minted and burned +4 -0");
        assert!(check(&Empty, &writes, &Flow::default()).unwrap().is_some());
    }

    #[test]
    fn a_supply_that_moves_alone_halts() {
        let mut writes = WriteSet::default();
        writes.insert(BANK, supply_key("utet"), stored(5));
        assert!(check(&Empty, &writes, &Flow::default()).unwrap().is_some());
    }

    proptest! {
        #[test]
        fn writes_that_sum_to_the_mint_pass(amounts in proptest::collection::vec(0u128..1 << 100, 1..20), off in 1u128..9) {
            let mut writes = WriteSet::default();
            for (account, amount) in amounts.iter().enumerate() {
                writes.insert(BANK, balance_key(account as u8, "utet"), stored(*amount));
            }
            let total: u128 = amounts.iter().sum();
            writes.insert(BANK, supply_key("utet"), stored(total));
            prop_assert_eq!(check(&Empty, &writes, &minted(total)), Ok(None));
            prop_assert!(check(&Empty, &writes, &minted(total + off)).unwrap().is_some());
        }
    }
}
