//! The reservation book of this machine: what is offered, what is promised, and to whom.
//!
//! It is computed from the chain's holds on this host and the agent's own bids that the chain does not show yet, and it
//! is stricter than the chain: there soft holds may overlap, here an open bid is room that is gone, so that every bid
//! that is taken can be served.

use std::collections::BTreeMap;

use sdl::GroupSpec;
use sdl::resources::{EndpointKind, Storage};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An amount of what is sold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub storage: u64,
    /// Ports of the provider's range.
    pub ports: u64,
}

/// What an order takes that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("insufficient capacity for reservation: {wanted} {what} wanted, {free} of {total} free")]
pub struct NoRoom {
    /// Of what.
    pub what: &'static str,
    /// How much is wanted.
    pub wanted: u64,
    /// How much is free.
    pub free: u64,
    /// How much there is.
    pub total: u64,
}

impl Amount {
    /// What a group takes with all of its replicas; `None` beyond 64 bits.
    pub fn of_group(group: &GroupSpec) -> Option<Self> {
        let mut sum = Self::default();
        for unit in &group.units {
            let resources = &unit.resources;
            let in_memory = |volume: &&Storage| volume.attribute("class") == Some("ram");
            let bytes = |sum: u64, volume: &Storage| sum.checked_add(volume.size.0);
            let memory = resources.storage.iter().filter(in_memory).try_fold(resources.memory.size.0, bytes)?;
            let storage = resources.storage.iter().filter(|volume| !in_memory(volume)).try_fold(0, bytes)?;
            let ports = resources.endpoints.iter().filter(|endpoint| endpoint.kind == EndpointKind::RandomPort);
            let count = u64::from(unit.count);
            sum = sum.checked_add(Self {
                cpu_milli: resources.cpu.units.0.checked_mul(count)?,
                memory: memory.checked_mul(count)?,
                storage: storage.checked_mul(count)?,
                // Replicas stand behind one port.
                ports: ports.count() as u64,
            })?;
        }
        Some(sum)
    }

    fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            cpu_milli: self.cpu_milli.checked_add(other.cpu_milli)?,
            memory: self.memory.checked_add(other.memory)?,
            storage: self.storage.checked_add(other.storage)?,
            ports: self.ports.checked_add(other.ports)?,
        })
    }

    fn saturating_add(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.saturating_add(other.cpu_milli),
            memory: self.memory.saturating_add(other.memory),
            storage: self.storage.saturating_add(other.storage),
            ports: self.ports.saturating_add(other.ports),
        }
    }

    fn saturating_sub(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.saturating_sub(other.cpu_milli),
            memory: self.memory.saturating_sub(other.memory),
            storage: self.storage.saturating_sub(other.storage),
            ports: self.ports.saturating_sub(other.ports),
        }
    }

    fn named(self) -> [(&'static str, u64); 4] {
        [
            ("thousandths of a core", self.cpu_milli),
            ("bytes of memory", self.memory),
            ("bytes of disk", self.storage),
            ("ports", self.ports),
        ]
    }
}

/// Who has what.
#[derive(Clone, Debug, Default)]
pub struct Book {
    capacity: Amount,
    /// By the holder's name on the chain, such as a bid id.
    taken: BTreeMap<String, Amount>,
}

impl Book {
    /// An empty book of a machine.
    pub fn new(capacity: Amount) -> Self {
        Self { capacity, taken: BTreeMap::new() }
    }

    /// What there is, overcommit included.
    pub fn capacity(&self) -> Amount {
        self.capacity
    }

    /// What is promised.
    pub fn taken(&self) -> Amount {
        self.taken.values().fold(Amount::default(), |sum, amount| sum.saturating_add(*amount))
    }

    /// What is free.
    pub fn free(&self) -> Amount {
        self.capacity.saturating_sub(self.taken())
    }

    /// Every holder and what it has.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Amount)> {
        self.taken.iter().map(|(holder, amount)| (holder.as_str(), *amount))
    }

    /// Promises `amount` to a holder, if it fits beside all others; what the holder had before is replaced.
    ///
    /// # Errors
    /// [`NoRoom`] with the first amount that does not fit; the book stays as it was.
    pub fn reserve(&mut self, holder: &str, amount: Amount) -> Result<(), NoRoom> {
        let others = self.taken.iter().filter(|(name, _)| *name != holder);
        let others = others.fold(Amount::default(), |sum, (_, amount)| sum.saturating_add(*amount));
        let free = self.capacity.saturating_sub(others);
        let rows = amount.named().into_iter().zip(free.named()).zip(self.capacity.named());
        for (((what, wanted), (_, free)), (_, total)) in rows {
            if wanted > free {
                return Err(NoRoom { what, wanted, free, total });
            }
        }
        self.taken.insert(holder.to_owned(), amount);
        Ok(())
    }

    /// Notes what a holder has by the chain's word, whether it fits or not.
    pub fn note(&mut self, holder: &str, amount: Amount) {
        self.taken.insert(holder.to_owned(), amount);
    }

    /// Gives back what a holder had; none is no error.
    pub fn release(&mut self, holder: &str) {
        self.taken.remove(holder);
    }

    /// Forgets every holder that is not in `known`.
    pub fn keep(&mut self, known: impl Fn(&str) -> bool) {
        self.taken.retain(|holder, _| known(holder));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount() -> impl Strategy<Value = Amount> {
        (0u64..60, 0u64..60, 0u64..60, 0u64..6).prop_map(|(cpu_milli, memory, storage, ports)| Amount {
            cpu_milli,
            memory,
            storage,
            ports,
        })
    }

    fn within(a: Amount, b: Amount) -> bool {
        a.named().into_iter().zip(b.named()).all(|((_, a), (_, b))| a <= b)
    }

    proptest! {
        /// Whatever is reserved, released and reserved again, no more is promised than there is.
        #[test]
        fn never_oversold(steps in prop::collection::vec((0u8..8, prop::option::of(amount())), 0..60)) {
            let capacity = Amount { cpu_milli: 100, memory: 100, storage: 100, ports: 10 };
            let mut book = Book::new(capacity);
            let mut model: BTreeMap<String, Amount> = BTreeMap::new();
            for (holder, step) in steps {
                let holder = holder.to_string();
                match step {
                    Some(amount) => {
                        let before = book.taken();
                        match book.reserve(&holder, amount) {
                            Ok(()) => drop(model.insert(holder, amount)),
                            Err(no) => {
                                prop_assert!(no.wanted > no.free);
                                prop_assert_eq!(book.taken(), before);
                            }
                        }
                    }
                    None => {
                        book.release(&holder);
                        model.remove(&holder);
                    }
                }
                let sum = model.values().fold(Amount::default(), |sum, amount| sum.saturating_add(*amount));
                prop_assert_eq!(book.taken(), sum);
                prop_assert!(within(book.taken(), capacity));
                prop_assert_eq!(book.free().saturating_add(book.taken()), capacity);
            }
        }

        /// What fits alone fits after everything was given back.
        #[test]
        fn releasing_frees(amounts in prop::collection::vec(amount(), 1..8)) {
            let mut book = Book::new(Amount { cpu_milli: 100, memory: 100, storage: 100, ports: 10 });
            for (holder, amount) in amounts.iter().enumerate() {
                let _ = book.reserve(&holder.to_string(), *amount);
            }
            book.keep(|_| false);
            for amount in amounts {
                prop_assert_eq!(book.reserve("x", amount), Ok(()));
            }
        }
    }
}
