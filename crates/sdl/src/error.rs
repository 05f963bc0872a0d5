//! What is wrong with a deployment file, where, and what to do about it.

use std::fmt;

/// A place in the text, both numbers counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A place in the document: the path of keys and, where it is known, the place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Keys and indices, such as `services.web.expose[0].port`; empty for the document itself.
    pub path: String,
    /// Where the value, or the nearest value around it, begins.
    pub location: Option<Location>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the document" } else { &self.path };
        match self.location {
            Some(location) => write!(f, "{path} ({location})"),
            None => f.write_str(path),
        }
    }
}

/// The class of a refusal, for callers that act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is not YAML that a deployment file may use.
    Syntax,
    /// A key that the grammar does not know in a place where unknown keys are refused.
    UnknownField,
    /// A value is missing, has the wrong type or is out of its range.
    Value,
    /// A name that nothing in the file defines.
    Reference,
    /// The values are fine one by one and contradict each other.
    Rule,
}

/// A refused deployment file: the place, what is wrong there, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}; {remedy}")]
pub struct SdlError {
    /// The class of the refusal.
    pub kind: ErrorKind,
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}
