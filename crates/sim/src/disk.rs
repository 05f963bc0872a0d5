//! A simulated disk: what is durable survives a crash, the rest does not.
//!
//! Two things lie on it. The parts of the database, whose writes are atomic and durable when they return, as
//! [`store::Backend`] promises; and the engine's log, which is written piece by piece and durable up to its last
//! synchronisation. Every durable write has a number, and the machine can be made to die at any of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::driver::seeded::LogFile;
use rand::Rng;
use store::backend::{Backend, Batch, View};
use store::state::Pair;
use store::{Direction, Memory};

/// What becomes of the durable write at which a machine dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing of it is there; of a log, nothing since the last synchronisation.
    Lost,
    /// All of it is there, but nobody was told.
    Kept,
    /// Of a log, the first writes are there and the last of them in part. Batches are atomic: lost.
    Torn,
}

/// The disk of one machine.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    parts: BTreeMap<String, Arc<Memory>>,
    log: File,
    /// Durable writes so far.
    writes: u64,
    /// At which of them to die.
    dies_at: Option<(u64, Fate)>,
    /// Whether the log's synchronisations are no such thing.
    lies: bool,
    /// Why nothing works any more, until the machine is started again.
    dead: Option<Fate>,
}

/// A file, as it is read and as it is on the platter.
#[derive(Default)]
struct File {
    durable: Vec<u8>,
    read: Vec<u8>,
    /// Written since the last synchronisation, in order.
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let at = usize::try_from(*at).unwrap_or(usize::MAX);
                to.resize(to.len().max(at + bytes.len()), 0);
                to[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::SetLen(len) => to.resize(usize::try_from(*len).unwrap_or(usize::MAX), 0),
        }
    }
}

/// What a write to a dead disk gives.
const POWER: &str = "the power is off";

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Durable writes so far.
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Makes the machine die at a durable write: the first from now on is 1.
    pub fn die_at(&self, write: u64, fate: Fate) {
        let mut state = self.state();
        state.dies_at = Some((state.writes + write, fate));
    }

    /// The machine does not die at a write any more.
    pub fn live(&self) {
        self.state().dies_at = None;
    }

    /// From now on, synchronising the log does nothing but say that it did.
    pub fn lie(&self) {
        self.state().lies = true;
    }

    /// Whether the machine died at a write.
    pub fn is_dead(&self) -> bool {
        self.state().dead.is_some()
    }

    /// Cuts the power now, between two writes.
    pub fn cut_power(&self, fate: Fate) {
        self.state().dead = Some(fate);
    }

    /// Gives the power back: what was not durable is gone.
    pub fn recover(&self, dice: &mut impl Rng) {
        let mut state = self.state();
        let fate = state.dead.take().unwrap_or(Fate::Lost);
        let File { durable, read, pending } = &mut state.log;
        if fate == Fate::Torn && !pending.is_empty() {
            let torn = dice.random_range(0..pending.len());
            pending[..torn].iter().for_each(|change| change.apply(durable));
            if let Change::Write(at, bytes) = &pending[torn] {
                let kept = dice.random_range(0..=bytes.len());
                Change::Write(*at, bytes[..kept].to_vec()).apply(durable);
            }
        }
        pending.clear();
        read.clone_from(durable);
    }

    /// A part of the database.
    pub fn part(&self, name: &str) -> Arc<dyn Backend> {
        let memory = Arc::clone(self.state().parts.entry(name.to_owned()).or_default());
        Arc::new(Part { disk: self.clone(), memory })
    }

    /// The engine's log.
    pub fn log(&self) -> Box<dyn LogFile> {
        Box::new(LogOn(self.clone()))
    }
}

impl State {
    fn alive(&self) -> Result<(), &'static str> {
        if self.dead.is_some() { Err(POWER) } else { Ok(()) }
    }

    /// Counts a durable write; what becomes of it, if it is the last one.
    fn durable_write(&mut self) -> Result<Option<Fate>, &'static str> {
        self.alive()?;
        self.writes += 1;
        let due = self.dies_at.take_if(|(at, _)| *at == self.writes);
        self.dead = due.map(|(_, fate)| fate);
        Ok(self.dead)
    }
}

/// A part of the database on a disk.
struct Part {
    disk: Disk,
    memory: Arc<Memory>,
}

fn storage(why: &str) -> store::Error {
    store::Error::Backend(why.to_owned())
}

impl View for Part {
    fn get(&self, key: &[u8]) -> store::Result<Option<Vec<u8>>> {
        self.disk.state().alive().map_err(storage)?;
        self.memory.get(key)
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>, direction: Direction, limit: usize) -> store::Result<Vec<Pair>> {
        self.disk.state().alive().map_err(storage)?;
        self.memory.range(start, end, direction, limit)
    }
}

impl Backend for Part {
    fn write(&self, batch: Batch) -> store::Result<()> {
        match self.disk.state().durable_write().map_err(storage)? {
            None => self.memory.write(batch),
            Some(Fate::Kept) => self.memory.write(batch).and(Err(storage(POWER))),
            Some(Fate::Lost | Fate::Torn) => Err(storage(POWER)),
        }
    }

    fn snapshot(&self) -> store::Result<Arc<dyn View>> {
        self.disk.state().alive().map_err(storage)?;
        self.memory.snapshot()
    }
}

/// The engine's log on a disk.
struct LogOn(Disk);

impl LogOn {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.0.state();
        state.alive().map_err(io::Error::other)?;
        change.apply(&mut state.log.read);
        state.log.pending.push(change);
        Ok(())
    }
}

impl LogFile for LogOn {
    fn len(&self) -> io::Result<u64> {
        let state = self.0.state();
        state.alive().map_err(io::Error::other)?;
        Ok(state.log.read.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let state = self.0.state();
        state.alive().map_err(io::Error::other)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = state.log.read.get(from..).unwrap_or_default();
        let read = there.len().min(into.len());
        into[..read].copy_from_slice(&there[..read]);
        Ok(read)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Change::Write(offset, bytes.to_vec()))
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(len))
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.0.state();
        let fate = state.durable_write().map_err(io::Error::other)?;
        if matches!(fate, None | Some(Fate::Kept)) && !state.lies {
            let File { durable, read, pending } = &mut state.log;
            durable.clone_from(read);
            pending.clear();
        }
        if fate.is_some() { Err(io::Error::other(POWER)) } else { Ok(()) }
    }
}
