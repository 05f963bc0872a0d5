//! Committed state, height by height.
//!
//! [`StateStore`] keeps the newest state flat, so that a read costs one look-up; beside it, per key, the values that
//! later heights replaced, so that every kept height can be read; and in memory the trees of the last heights, for
//! roots and proofs. A commit is one atomic, durable batch: after a crash the state is that of one height, never a
//! mixture. The layout of the backend stands in `layout.rs`.
//!
//! The first commit (genesis) may have any height; each later one is the next height.

mod open;
mod past;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::backend::{Backend, Batch, for_each};
use crate::codec::Key;
use crate::layout;
use crate::proof::{StateProof, prove_key};
use crate::state::{Direction, Reader, WriteSet, prefix_end};
use crate::tree::{Hash, SENTINEL, Tree};
use crate::{Error, Module, Result, View, multistore};
use past::{Latest, Past};

/// The trees of all modules at one height.
type Forest = BTreeMap<Module, Tree>;

/// How much of the past to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How many heights before the newest one can be read, at least one; none: all of them.
    pub history: Option<u64>,
    /// For how many heights, the newest one included, proofs are served. At least one is, and no more than are kept.
    pub proofs: u64,
}

impl Config {
    fn readable_before_newest(self) -> Option<u64> {
        self.history.map(|history| history.max(1))
    }

    /// For how many heights trees are kept: the newest one at least, and none that cannot be read.
    fn proofs_kept(self) -> u64 {
        let readable = self.readable_before_newest().map_or(u64::MAX, |history| history.saturating_add(1));
        self.proofs.clamp(1, readable)
    }
}

impl Default for Config {
    /// 10,000 heights to read, proofs for 100.
    fn default() -> Self {
        Self { history: Some(10_000), proofs: 100 }
    }
}

/// How many heights a commit prunes at most, so that a shorter `history` costs no commit much.
const PRUNED_PER_COMMIT: u64 = 16;

/// The committed state of a machine. Shared between threads: one commits, any read.
pub struct StateStore {
    backend: Arc<dyn Backend>,
    /// In order of name.
    modules: Vec<Module>,
    config: Config,
    /// Held by a commit from its first read to its last write.
    committing: Mutex<()>,
    /// By height; the last one is the newest state.
    forests: RwLock<BTreeMap<u64, Forest>>,
    /// Keys of the newest state.
    keys: Mutex<u64>,
}

/// A write that changes something.
struct Change<'a> {
    module: Module,
    key: &'a [u8],
    old: Option<Vec<u8>>,
    new: Option<&'a [u8]>,
}

impl StateStore {
    /// Opens the state in a backend, empty or not, and builds its trees. `modules` are all modules of the machine;
    /// their names go into the `app_hash`, so all nodes must agree on them. A module that was added since the last run
    /// enters the `app_hash` with the next commit.
    ///
    /// # Errors
    /// When the backend fails, holds another format or a module that is not in `modules`, or when the stored state
    /// does not have the roots that were committed ([`Error::Corrupt`]).
    pub fn open(backend: Arc<dyn Backend>, modules: &[Module], config: Config) -> Result<Self> {
        let (modules, forests) = open::load(&*backend, modules, config)?;
        let newest = forests.last_key_value().map(|(_, forest)| forest);
        let keys = newest.into_iter().flat_map(Forest::values).map(Tree::count).fold(0, u64::saturating_add);
        let (committing, forests, keys) = (Mutex::new(()), RwLock::new(forests), Mutex::new(keys));
        Ok(Self { backend, modules, config, committing, forests, keys })
    }

    /// How many keys the newest state has. Counted once when the state is opened, and kept from there on.
    pub fn keys(&self) -> u64 {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest height; none before genesis.
    pub fn latest_height(&self) -> Option<u64> {
        let forests = self.forests.read().unwrap_or_else(PoisonError::into_inner);
        forests.last_key_value().map(|(height, _)| *height)
    }

    /// The oldest and the newest height that can be read; none before genesis.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn heights(&self) -> Result<Option<(u64, u64)>> {
        heights_in(&*self.backend)
    }

    /// The `app_hash` after a height.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::NoState`]; a failure of the backend.
    pub fn app_hash(&self, height: u64) -> Result<Hash> {
        let roots = self.module_roots(height)?;
        let roots: Vec<(&str, Hash)> = roots.iter().map(|(name, root)| (name.as_str(), *root)).collect();
        Ok(multistore::app_hash(&roots))
    }

    /// The root of each module after a height, in order of name: where two nodes differ, so do these.
    ///
    /// # Errors
    /// As [`Self::app_hash`].
    pub fn module_roots(&self, height: u64) -> Result<Vec<(String, Hash)>> {
        let view = self.view_at(height)?.0;
        let commit = open::read_commit(&*view, height)?;
        commit.roots.into_iter().map(|root| Ok((root.module, open::hash_of(&root.root)?))).collect()
    }

    /// The newest state, as it is now: later commits do not touch it. Before genesis it is empty.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn latest(&self) -> Result<Arc<dyn Reader>> {
        Ok(Arc::new(Latest(self.backend.snapshot()?)))
    }

    /// The state after a height.
    ///
    /// # Errors
    /// [`Error::Unavailable`] for a height that is not kept, [`Error::NoState`] before genesis; a failure of the
    /// backend.
    pub fn at(&self, height: u64) -> Result<Arc<dyn Reader>> {
        let (view, newest) = self.view_at(height)?;
        Ok(if height == newest { Arc::new(Latest(view)) } else { Arc::new(Past { view, height }) })
    }

    /// A snapshot that has the height, and its newest height.
    fn view_at(&self, height: u64) -> Result<(Arc<dyn View>, u64)> {
        let view = self.backend.snapshot()?;
        let (first, last) = heights_in(&*view)?.ok_or(Error::NoState)?;
        if height < first || height > last {
            return Err(Error::Unavailable { height, first, last });
        }
        Ok((view, last))
    }

    /// The `app_hash` that a commit of these writes would give.
    ///
    /// # Errors
    /// When a write is invalid or the backend fails.
    pub fn preview(&self, writes: &WriteSet) -> Result<Hash> {
        let _guard = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let forest = self.grown(&self.changes(writes)?);
        Ok(app_hash_of(&forest))
    }

    /// Commits the state after `height` and gives its `app_hash`. Durable when this returns; after an error nothing
    /// was committed.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`], [`Error::UnknownModule`], [`Error::InvalidWrite`] (an empty key or value, or the
    /// sentinel's key); a failure of the backend.
    pub fn commit(&self, height: u64, writes: &WriteSet) -> Result<Hash> {
        let _guard = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = self.latest_height();
        if let Some(expected) = latest.map(|latest| latest.saturating_add(1)).filter(|next| *next != height) {
            return Err(Error::OutOfOrder { expected, given: height });
        }
        let changes = self.changes(writes)?;
        let forest = self.grown(&changes);

        let mut batch = Batch::default();
        for change in &changes {
            let key = layout::latest(change.module, change.key);
            match change.new {
                Some(value) => batch.put(key, value.to_vec()),
                None => batch.remove(key),
            }
            // Nothing can be read before the first height, so that one replaces nothing.
            if latest.is_some() {
                let history = layout::history(change.module, change.key, height);
                batch.put(history, layout::previous(change.old.as_deref()));
                batch.put(layout::changed(height, change.module, change.key), layout::PRESENT.to_vec());
            }
        }
        batch.put(layout::commit(height), open::encode_commit(&forest));
        match latest {
            Some(_) => self.prune(height, &mut batch)?,
            None => batch.put(layout::OLDEST.to_vec(), height.to_bytes()),
        }
        self.backend.write(batch)?;

        let born = changes.iter().filter(|change| change.old.is_none() && change.new.is_some()).count() as u64;
        let gone = changes.iter().filter(|change| change.old.is_some() && change.new.is_none()).count() as u64;
        {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            *keys = keys.saturating_add(born).saturating_sub(gone);
        }
        let app_hash = app_hash_of(&forest);
        let mut forests = self.forests.write().unwrap_or_else(PoisonError::into_inner);
        forests.insert(height, forest);
        while forests.len() as u64 > self.config.proofs_kept() {
            forests.pop_first();
        }
        Ok(app_hash)
    }

    /// Proves that a key has a value, or has none, after a height.
    ///
    /// # Errors
    /// [`Error::Unavailable`] for a height without proofs, [`Error::UnknownModule`] for a module that the `app_hash`
    /// of that height does not have; a failure of the backend.
    pub fn prove(&self, module: Module, key: &[u8], height: u64) -> Result<StateProof> {
        let reader = self.at(height)?;
        let forest = self.forest(height)?;
        let unknown = || Error::UnknownModule(module.0.to_owned());
        let tree = forest.get(&module).ok_or_else(unknown)?;
        let (value, key_step) = prove_key(tree, &*reader, module, key)?;
        Ok(StateProof {
            module: module.0.to_owned(),
            key: key.to_vec(),
            value,
            root: tree.root(),
            key_step,
            root_step: multistore::prove(&roots_of(&forest), module.0).ok_or_else(unknown)?,
        })
    }

    fn forest(&self, height: u64) -> Result<Forest> {
        let forests = self.forests.read().unwrap_or_else(PoisonError::into_inner);
        match (forests.get(&height), forests.first_key_value(), forests.last_key_value()) {
            (Some(forest), _, _) => Ok(forest.clone()),
            (None, Some((first, _)), Some((last, _))) => Err(Error::Unavailable { height, first: *first, last: *last }),
            _ => Err(Error::NoState),
        }
    }

    /// The writes that change something, checked.
    fn changes<'a>(&self, writes: &'a WriteSet) -> Result<Vec<Change<'a>>> {
        let mut changes = Vec::new();
        for (module, key, new) in writes.iter() {
            if self.modules.binary_search(&module).is_err() {
                return Err(Error::UnknownModule(module.0.to_owned()));
            }
            check_write(module, key, new)?;
            let old = self.backend.get(&layout::latest(module, key))?;
            if old.as_deref() != new {
                changes.push(Change { module, key, old, new });
            }
        }
        Ok(changes)
    }

    /// The newest trees after changes in order of module. Every module gets a tree.
    fn grown(&self, changes: &[Change<'_>]) -> Forest {
        let newest = {
            let forests = self.forests.read().unwrap_or_else(PoisonError::into_inner);
            forests.last_key_value().map(|(_, forest)| forest.clone()).unwrap_or_default()
        };
        let grow = |module: &Module| {
            let start = changes.partition_point(|change| change.module < *module);
            let own = changes.iter().skip(start).take_while(|change| change.module == *module);
            let tree = newest.get(module).cloned().unwrap_or_default();
            (*module, tree.update(own.map(|change| (change.key, change.new))))
        };
        self.modules.iter().map(grow).collect()
    }

    /// Adds to the batch of a commit what removes heights that are no longer kept.
    fn prune(&self, height: u64, batch: &mut Batch) -> Result<()> {
        let Some(kept) = self.config.readable_before_newest() else {
            return Ok(());
        };
        let oldest = oldest_in(&*self.backend)?;
        let target = height.saturating_sub(kept).min(oldest.saturating_add(PRUNED_PER_COMMIT));
        for gone in oldest..target {
            batch.remove(layout::commit(gone));
            // To read the height after `gone`, nobody needs what that height itself replaced.
            let changed = layout::changed_prefix(gone + 1);
            for_each(&*self.backend, &changed, prefix_end(&changed).as_deref(), |entry, _| {
                let (name, key) = layout::parse_changed(&entry).ok_or_else(|| open::damaged("a change"))?;
                let module = open::find(&self.modules, name)?;
                batch.remove(layout::history(module, key, gone + 1));
                batch.remove(entry);
                Ok(())
            })?;
        }
        if target > oldest {
            batch.put(layout::OLDEST.to_vec(), target.to_bytes());
        }
        Ok(())
    }
}

fn check_write(module: Module, key: &[u8], value: Option<&[u8]>) -> Result<()> {
    let why = match (key, value) {
        ([], _) => "the key is empty",
        (key, _) if key == SENTINEL.0 => "the key is the sentinel's",
        (_, Some([])) => "the value is empty",
        _ => return Ok(()),
    };
    Err(Error::InvalidWrite { module: module.0, why })
}

fn roots_of(forest: &Forest) -> Vec<(&'static str, Hash)> {
    forest.iter().map(|(module, tree)| (module.0, tree.root())).collect()
}

fn app_hash_of(forest: &Forest) -> Hash {
    multistore::app_hash(&roots_of(forest))
}

/// The oldest and the newest height of a view.
fn heights_in(view: &dyn View) -> Result<Option<(u64, u64)>> {
    let (start, end) = layout::ALL_COMMITS;
    let last = view.range(&start, Some(&end), Direction::Down, 1)?;
    let Some((key, _)) = last.first() else {
        return Ok(None);
    };
    let newest = layout::parse_commit(key).ok_or_else(|| open::damaged("a commit"))?;
    Ok(Some((oldest_in(view)?, newest)))
}

fn oldest_in(view: &dyn View) -> Result<u64> {
    let stored = view.get(&layout::OLDEST)?;
    stored.and_then(|bytes| u64::read(&mut bytes.as_slice())).ok_or_else(|| open::damaged("the oldest height"))
}
