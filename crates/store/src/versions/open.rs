//! Opening a state: building the trees of the heights that are to be proved, and checking them.

use std::collections::BTreeMap;

use prost::Message;

use super::{Config, Forest, heights_in, roots_of};
use crate::backend::{Backend, View, Write, ensure_format, for_each};
use crate::layout::{self, Commit};
use crate::state::prefix_end;
use crate::tree::{Builder, Hash};
use crate::{Error, Module, Result};

/// The modules in order of name, and the trees by height.
pub(super) fn load(
    backend: &dyn Backend,
    modules: &[Module],
    config: Config,
) -> Result<(Vec<Module>, BTreeMap<u64, Forest>)> {
    let modules = sorted(modules)?;
    ensure_format(backend, layout::FORMAT)?;
    let mut forests = BTreeMap::new();
    let Some((oldest, newest)) = heights_in(backend)? else {
        return Ok((modules, forests));
    };

    let mut forest = newest_forest(backend, &modules, &read_commit(backend, newest)?)?;
    let first = oldest.max(newest.saturating_sub(config.proofs_kept() - 1));
    let mut height = newest;
    while height > first {
        let earlier = undone(backend, &modules, &forest, height)?;
        forests.insert(height, forest);
        forest = earlier;
        height -= 1;
    }
    forests.insert(height, forest);
    Ok((modules, forests))
}

fn sorted(modules: &[Module]) -> Result<Vec<Module>> {
    let mut modules = modules.to_vec();
    modules.sort();
    modules.dedup();
    match modules.iter().find(|module| module.0.is_empty() || module.0.contains('\0')) {
        Some(module) => Err(Error::UnknownModule(module.0.to_owned())),
        None => Ok(modules),
    }
}

/// The trees of the newest state, from its pairs.
fn newest_forest(view: &dyn View, modules: &[Module], commit: &Commit) -> Result<Forest> {
    let mut forest = Forest::new();
    for root in &commit.roots {
        let module = find(modules, &root.module)?;
        let prefix = layout::latest_prefix(module);
        let mut builder = Builder::default();
        for_each(view, &prefix, prefix_end(&prefix).as_deref(), |key, value| {
            builder.push(key.get(prefix.len()..).unwrap_or_default(), &value);
            Ok(())
        })?;
        forest.insert(module, builder.finish());
    }
    check(&forest, commit)?;
    Ok(forest)
}

/// The trees before `height`, from those after it.
fn undone(view: &dyn View, modules: &[Module], after: &Forest, height: u64) -> Result<Forest> {
    let mut undo: BTreeMap<Module, Vec<Write>> = BTreeMap::new();
    let changed = layout::changed_prefix(height);
    for_each(view, &changed, prefix_end(&changed).as_deref(), |entry, _| {
        let (name, key) = layout::parse_changed(&entry).ok_or_else(|| damaged("a change"))?;
        let module = find(modules, name)?;
        let stored = view.get(&layout::history(module, key, height))?;
        let old = stored.and_then(|bytes| layout::parse_previous(&bytes));
        let old = old.ok_or_else(|| Error::corrupt(module, key, "its history lacks a height that changed it"))?;
        undo.entry(module).or_default().push((key.to_vec(), old));
        Ok(())
    })?;
    let commit = read_commit(view, height - 1)?;
    let mut forest = Forest::new();
    for root in &commit.roots {
        let module = find(modules, &root.module)?;
        let tree = after.get(&module).cloned().unwrap_or_default();
        let writes = undo.get(&module).into_iter().flatten();
        forest.insert(module, tree.update(writes.map(|(key, old)| (key.as_slice(), old.as_deref()))));
    }
    check(&forest, &commit)?;
    Ok(forest)
}

/// Whether trees have the roots that were committed.
fn check(forest: &Forest, commit: &Commit) -> Result<()> {
    for ((module, tree), committed) in forest.iter().zip(&commit.roots) {
        if tree.root().as_slice() != committed.root {
            return Err(Error::corrupt(*module, &[], "its pairs do not have the root that was committed"));
        }
    }
    Ok(())
}

pub(super) fn find(modules: &[Module], name: &str) -> Result<Module> {
    let found = modules.iter().find(|module| module.0 == name);
    found.copied().ok_or_else(|| Error::UnknownModule(name.to_owned()))
}

pub(super) fn read_commit(view: &dyn View, height: u64) -> Result<Commit> {
    let bytes = view.get(&layout::commit(height))?.ok_or_else(|| damaged("a commit"))?;
    Commit::decode(bytes.as_slice()).map_err(|_| damaged("a commit"))
}

pub(super) fn encode_commit(forest: &Forest) -> Vec<u8> {
    Commit::new(roots_of(forest)).encode_to_vec()
}

pub(super) fn hash_of(bytes: &[u8]) -> Result<Hash> {
    bytes.try_into().map_err(|_| damaged("a root"))
}

pub(super) fn damaged(what: &str) -> Error {
    Error::Backend(format!("{what} is missing or does not decode; restore this directory or start from an empty one"))
}
