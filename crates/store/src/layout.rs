//! Where things are in the backend of a [`crate::StateStore`]. Format `tetra state 1`:
//!
//! | key | value |
//! |---|---|
//! | `00` | the format mark |
//! | `01 ‖ module ‖ 00 ‖ key` | the newest value |
//! | `02 ‖ module ‖ 00 ‖ escaped key ‖ height` | the value before that height changed it: `00` for none, `01 ‖ value` |
//! | `03 ‖ height ‖ module ‖ 00 ‖ key` | `01`: the height changed the key |
//! | `04 ‖ height` | [`Commit`]: the roots of the modules after that height |
//! | `05` | the oldest height that can be read, 8 bytes |
//!
//! Heights are 8 bytes, big-endian. The escaped key has `ff` after each `00` and ends with `00 00`, so that a key which
//! begins another one sorts before it, whatever the heights. The newest height is that of the last [`Commit`].

use crate::codec::Key;
use crate::{Module, tree::Hash};

pub(crate) const FORMAT: &str = "tetra state 1";

const LATEST: u8 = 1;
const HISTORY: u8 = 2;
const CHANGED: u8 = 3;
const COMMITS: u8 = 4;
pub(crate) const OLDEST: [u8; 1] = [5];

pub(crate) const PRESENT: [u8; 1] = [1];

/// The roots of all modules after a height, in order of name.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Commit {
    #[prost(message, repeated, tag = "1")]
    pub(crate) roots: Vec<ModuleRoot>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct ModuleRoot {
    #[prost(string, tag = "1")]
    pub(crate) module: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) root: Vec<u8>,
}

impl Commit {
    pub(crate) fn new(roots: impl IntoIterator<Item = (&'static str, Hash)>) -> Self {
        let roots = roots.into_iter();
        Self { roots: roots.map(|(name, root)| ModuleRoot { module: name.to_owned(), root: root.to_vec() }).collect() }
    }
}

fn of_module(table: u8, module: Module) -> Vec<u8> {
    let mut bytes = vec![table];
    bytes.extend_from_slice(module.0.as_bytes());
    bytes.push(0);
    bytes
}

/// The prefix of all newest values of a module.
pub(crate) fn latest_prefix(module: Module) -> Vec<u8> {
    of_module(LATEST, module)
}

pub(crate) fn latest(module: Module, key: &[u8]) -> Vec<u8> {
    let mut bytes = latest_prefix(module);
    bytes.extend_from_slice(key);
    bytes
}

/// The prefix of a key's history; also where the history of all keys from this one on begins.
pub(crate) fn history_prefix(module: Module, key: &[u8]) -> Vec<u8> {
    let mut bytes = of_module(HISTORY, module);
    escape(key, &mut bytes);
    bytes
}

/// The end of a module's history.
pub(crate) fn history_end(module: Module) -> Option<Vec<u8>> {
    crate::state::prefix_end(&of_module(HISTORY, module))
}

pub(crate) fn history(module: Module, key: &[u8], height: u64) -> Vec<u8> {
    let mut bytes = history_prefix(module, key);
    height.write(&mut bytes);
    bytes
}

/// The key and height of a history entry.
pub(crate) fn parse_history(module: Module, bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
    let mut rest = bytes.strip_prefix(of_module(HISTORY, module).as_slice())?;
    let key = unescape(&mut rest)?;
    let height = u64::read(&mut rest)?;
    rest.is_empty().then_some((key, height))
}

pub(crate) fn changed_prefix(height: u64) -> Vec<u8> {
    let mut bytes = vec![CHANGED];
    height.write(&mut bytes);
    bytes
}

pub(crate) fn changed(height: u64, module: Module, key: &[u8]) -> Vec<u8> {
    let mut bytes = changed_prefix(height);
    bytes.extend_from_slice(module.0.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key);
    bytes
}

/// The module's name and the key of a change.
pub(crate) fn parse_changed(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.get(1 + 8..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let name = std::str::from_utf8(rest.get(..end)?).ok()?;
    Some((name, rest.get(end + 1..)?))
}

pub(crate) fn commit(height: u64) -> Vec<u8> {
    let mut bytes = vec![COMMITS];
    height.write(&mut bytes);
    bytes
}

/// All commits: the bounds of a range.
pub(crate) const ALL_COMMITS: ([u8; 1], [u8; 1]) = ([COMMITS], [COMMITS + 1]);

pub(crate) fn parse_commit(bytes: &[u8]) -> Option<u64> {
    let mut rest = bytes.strip_prefix(&[COMMITS])?;
    let height = u64::read(&mut rest)?;
    rest.is_empty().then_some(height)
}

/// What a history entry holds.
pub(crate) fn previous(value: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = vec![u8::from(value.is_some())];
    bytes.extend_from_slice(value.unwrap_or_default());
    bytes
}

/// Reads what [`previous`] wrote.
pub(crate) fn parse_previous(bytes: &[u8]) -> Option<Option<Vec<u8>>> {
    match bytes.split_first()? {
        (0, []) => Some(None),
        (1, value) => Some(Some(value.to_vec())),
        _ => None,
    }
}

fn escape(key: &[u8], out: &mut Vec<u8>) {
    for byte in key {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

fn unescape(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if *byte != 0 {
            key.push(*byte);
            continue;
        }
        let (mark, rest) = bytes.split_first()?;
        *bytes = rest;
        match mark {
            0 => return Some(key),
            0xff => key.push(0),
            _ => return None,
        }
    }
}
