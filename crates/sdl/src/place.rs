//! Places of values that are found after reading, for checks that look at the whole file.

use crate::error::{ErrorKind, Location, Place, SdlError};
use crate::yaml::{Node, Value};

/// One step from a value to a value inside it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl<'a> From<&'a String> for Step<'a> {
    fn from(key: &'a String) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A path such as `steps!["services", name, "expose", 0]`.
macro_rules! steps {
    ($($step:expr),* $(,)?) => { &[$($crate::place::Step::from($step)),*] };
}
pub(crate) use steps;

/// The place at the end of a path; its location is that of the last value of the path that exists.
pub(crate) fn place(root: &Node, steps: &[Step<'_>]) -> Place {
    Place { path: path(steps), location: Some(locate(root, steps)) }
}

/// A refusal at the end of a path.
pub(crate) fn refuse(
    root: &Node,
    steps: &[Step<'_>],
    kind: ErrorKind,
    problem: impl Into<String>,
    remedy: impl Into<String>,
) -> SdlError {
    SdlError { kind, place: place(root, steps), problem: problem.into(), remedy: remedy.into() }
}

fn path(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => {
                path.push('.');
                path.push_str(key);
            }
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

fn locate(root: &Node, steps: &[Step<'_>]) -> Location {
    let mut node = root;
    let mut location = root.location;
    for step in steps {
        let next = match (step, &node.value) {
            (Step::Key(key), Value::Mapping(_)) => node.entry(key).map(|entry| (&entry.node, entry.spot())),
            (Step::Index(index), Value::Sequence(items)) => items.get(*index).map(|item| (item, item.location)),
            _ => None,
        };
        let Some((inner, spot)) = next else {
            break;
        };
        node = inner;
        location = spot;
    }
    location
}
