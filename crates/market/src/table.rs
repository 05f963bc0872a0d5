//! Collections with their indices. There are millions of closed things for every open one, so every list must find
//! its entries by state, by owner and by provider without reading the others (spec/akash.md section 7).

use ledger::pages::{Found, Paging};
use ledger::{Context, QueryError};
use primitives::Address;
use store::{Key, Map, Module, State, Value};

use crate::ids::{BidId, DeploymentId, OrderId};
use crate::listing::Selection;

/// A thing with a state, by whose number it is indexed.
pub trait Stateful {
    /// The number of its state in its protobuf enum.
    fn state_number(&self) -> i32;
}

/// An id as the indices need it.
pub trait Named: Key + Copy {
    /// The provider that it names, if it names one.
    fn provider(&self) -> Option<Address>;
    /// Whether a list with these filters shows it.
    fn fits(&self, selection: &Selection) -> bool;
}

impl Named for DeploymentId {
    fn provider(&self) -> Option<Address> {
        None
    }

    fn fits(&self, selection: &Selection) -> bool {
        selection.fits_deployment(self)
    }
}

impl Named for OrderId {
    fn provider(&self) -> Option<Address> {
        None
    }

    fn fits(&self, selection: &Selection) -> bool {
        selection.fits_order(self)
    }
}

impl Named for BidId {
    fn provider(&self) -> Option<Address> {
        Some(self.provider)
    }

    fn fits(&self, selection: &Selection) -> bool {
        selection.fits_bid(self)
    }
}

/// Records by id; ids by state number; ids by provider and state number. Ids begin with the owner, so records and
/// each state are in order of owner.
pub struct Table<Id, V> {
    /// The records.
    pub records: Map<Id, V>,
    /// State number, id.
    pub by_state: Map<(u8, Id), ()>,
    /// Provider, state number, id; empty for things without a provider.
    pub by_provider: Map<(Address, u8, Id), ()>,
}

/// A state number as a part of a key. Protobuf enums here are small; a foreign number sorts last.
fn state_part(number: i32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// Bytes with which keys begin.
struct Beginning(Vec<u8>);

impl Key for Beginning {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let all = bytes.to_vec();
        *bytes = &[];
        Some(Self(all))
    }
}

impl<Id: Named, V: Value + Stateful> Table<Id, V> {
    /// Declares a table that takes the tags `tag`, `tag + 1` and `tag + 2` of its module.
    pub const fn new(module: Module, tag: u8) -> Self {
        Self {
            records: Map::new(module, tag),
            by_state: Map::new(module, tag + 1),
            by_provider: Map::new(module, tag + 2),
        }
    }

    /// The record of an id.
    ///
    /// # Errors
    /// When the state fails.
    pub fn get(&self, state: &State, id: &Id) -> store::Result<Option<V>> {
        self.records.get(state, id)
    }

    /// Stores a record and moves its index entries to its state.
    ///
    /// # Errors
    /// When the state fails.
    pub fn put(&self, state: &mut State, id: &Id, value: &V) -> store::Result<()> {
        let new = state_part(value.state_number());
        let old = self.records.get(state, id)?.map(|old| state_part(old.state_number()));
        self.records.set(state, id, value);
        if old == Some(new) {
            return Ok(());
        }
        if let Some(old) = old {
            self.by_state.remove(state, &(old, *id));
        }
        self.by_state.set(state, &(new, *id), &());
        if let Some(provider) = id.provider() {
            if let Some(old) = old {
                self.by_provider.remove(state, &(provider, old, *id));
            }
            self.by_provider.set(state, &(provider, new, *id), &());
        }
        Ok(())
    }

    /// A page of what `answer` makes of the records that `selection` asks for. A provider's are walked by state; with
    /// a state, that state's; with an owner alone, the owner's; without any filter, state after state.
    ///
    /// # Errors
    /// `Internal` when the state fails; whatever `answer` fails with.
    pub fn list<T>(
        &self,
        ctx: &Context,
        selection: &Selection,
        paging: &Paging,
        answer: impl Fn(&Id, V) -> Result<T, QueryError>,
    ) -> Result<Found<T>, QueryError> {
        let show = |id: &Id, record: Option<V>| match record {
            Some(record) if id.fits(selection) => answer(id, record).map(Some),
            _ => Ok(None),
        };
        let show_by_id = |id: &Id| if id.fits(selection) { show(id, self.get(&ctx.state, id)?) } else { Ok(None) };
        let mut part = Vec::new();
        if let Some(provider) = selection.provider {
            provider.write(&mut part);
        }
        if let Some(state) = selection.state {
            state_part(state).write(&mut part);
        }
        let states_mixed = selection.state.is_none() && selection.provider.is_some();
        if !states_mixed {
            part.extend(selection.id_beginning());
        }
        let part = Beginning(part);
        if selection.provider.is_some() {
            paging.pick(&ctx.state, &self.by_provider, &part, |(_, _, id), ()| show_by_id(&id))
        } else if selection.state.is_some() || selection.owner.is_none() {
            // Without an owner there is no beginning of an id either, so `part` is the state or empty.
            paging.pick(&ctx.state, &self.by_state, &part, |(_, id), ()| show_by_id(&id))
        } else {
            paging.pick(&ctx.state, &self.records, &part, |id, record| show(&id, Some(record)))
        }
    }

    /// Index entries that are missing or too many.
    ///
    /// # Errors
    /// When the state fails.
    pub fn broken_indices(&self, state: &State, what: &str) -> store::Result<Vec<String>> {
        let mut broken = Vec::new();
        let records = self.records.all(state)?;
        for (id, record) in &records {
            let number = state_part(record.state_number());
            let by_provider = match id.provider() {
                Some(provider) => self.by_provider.has(state, &(provider, number, *id))?,
                None => true,
            };
            if !by_provider || !self.by_state.has(state, &(number, *id))? {
                broken.push(format!("{what} {:?} is missing in an index", id.to_bytes()));
            }
        }
        let with_provider = records.iter().filter(|(id, _)| id.provider().is_some()).count();
        let counts = (self.by_state.all(state)?.len(), self.by_provider.all(state)?.len());
        if counts != (records.len(), with_provider) {
            broken.push(format!("{what}: {} records, but {counts:?} index entries", records.len()));
        }
        Ok(broken)
    }
}
