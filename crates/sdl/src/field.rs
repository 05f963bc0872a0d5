//! Reading typed values out of the YAML tree, with the path of each value for its errors.
//!
//! The conversions are those of Go's yaml.v3, because a file that the upstream tools read must read the same here:
//! a null is as good as an absent key, any unquoted scalar can be read as its text, a quoted number is not a number,
//! and `yes`, `no`, `on`, `off` count as booleans where a boolean is wanted.

use crate::error::{ErrorKind, Location, Place, SdlError};
use crate::yaml::{Entry, Node, Value};

/// A node and the path that leads to it.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    node: &'a Node,
    path: String,
    spot: Location,
}

impl<'a> Field<'a> {
    pub(crate) fn root(node: &'a Node) -> Self {
        Self { node, path: String::new(), spot: node.location }
    }

    fn child(&self, entry: &'a Entry) -> Self {
        let key = &entry.key;
        let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
        Self { node: &entry.node, path, spot: entry.spot() }
    }

    pub(crate) fn error(&self, kind: ErrorKind, problem: impl Into<String>, remedy: impl Into<String>) -> SdlError {
        SdlError {
            kind,
            place: Place { path: self.path.clone(), location: Some(self.spot) },
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// A wrong value: what was expected, what is there, and the remedy.
    pub(crate) fn invalid(&self, expected: &str, remedy: impl Into<String>) -> SdlError {
        self.error(ErrorKind::Value, format!("expected {expected}, found {}", self.describe()), remedy)
    }

    fn describe(&self) -> String {
        match &self.node.value {
            _ if self.node.is_null() => "nothing".to_owned(),
            Value::Scalar { text, plain: true } => text.clone(),
            Value::Scalar { text, plain: false } => format!("the text {text:?}"),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "a mapping".to_owned(),
        }
    }

    /// The keys and values of a mapping in file order; none for null.
    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, Field<'a>)>, SdlError> {
        match &self.node.value {
            Value::Mapping(entries) => {
                Ok(entries.iter().map(|entry| (entry.key.as_str(), self.child(entry))).collect())
            }
            _ if self.node.is_null() => Ok(Vec::new()),
            Value::Scalar { .. } | Value::Sequence(_) => {
                Err(self.invalid("a mapping", "write `key: value` lines below it"))
            }
        }
    }

    /// The items of a list; none for null.
    pub(crate) fn items(&self) -> Result<Vec<Field<'a>>, SdlError> {
        match &self.node.value {
            Value::Sequence(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(index, node)| Field { node, path: format!("{}[{index}]", self.path), spot: node.location })
                .collect()),
            _ if self.node.is_null() => Ok(Vec::new()),
            Value::Scalar { .. } | Value::Mapping(_) => Err(self.invalid("a list", "begin each item with `- `")),
        }
    }

    pub(crate) fn is_sequence(&self) -> bool {
        matches!(self.node.value, Value::Sequence(_))
    }

    /// The value under `key`, unless it is absent or null.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Field<'a>>, SdlError> {
        match &self.node.value {
            Value::Mapping(_) => {
                Ok(self.node.entry(key).filter(|entry| !entry.node.is_null()).map(|entry| self.child(entry)))
            }
            _ if self.node.is_null() => Ok(None),
            Value::Scalar { .. } | Value::Sequence(_) => {
                Err(self.invalid("a mapping", "write `key: value` lines below it"))
            }
        }
    }

    /// The value under `key`, which must be there.
    pub(crate) fn require(&self, key: &str, remedy: &str) -> Result<Field<'a>, SdlError> {
        self.get(key)?.ok_or_else(|| self.error(ErrorKind::Value, format!("`{key}` is missing"), remedy))
    }

    /// Refuses keys other than `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), SdlError> {
        for (key, field) in self.entries()? {
            if !known.contains(&key) {
                return Err(field.error(
                    ErrorKind::UnknownField,
                    format!("unexpected field {key:?}"),
                    format!("remove it; known here: {}", known.join(", ")),
                ));
            }
        }
        Ok(())
    }

    /// The text of a scalar as written; null is the empty text.
    pub(crate) fn text(&self) -> Result<&'a str, SdlError> {
        match &self.node.value {
            _ if self.node.is_null() => Ok(""),
            Value::Scalar { text, .. } => Ok(text),
            Value::Sequence(_) | Value::Mapping(_) => {
                Err(self.invalid("a text", "write one value; quote it if it contains `: `"))
            }
        }
    }

    /// A boolean.
    pub(crate) fn boolean(&self) -> Result<bool, SdlError> {
        if let Value::Scalar { text, plain } = &self.node.value {
            match (text.as_str(), plain) {
                ("true" | "True" | "TRUE", true) | ("y" | "Y" | "yes" | "on", _) => {
                    return Ok(true);
                }
                ("false" | "False" | "FALSE", true) | ("n" | "N" | "no" | "off", _) => {
                    return Ok(false);
                }
                _ => {}
            }
        }
        Err(self.invalid("true or false", "write true or false without quotes"))
    }

    /// A whole number of 32 bits. A fraction is cut off, as yaml.v3 does for unsigned fields.
    pub(crate) fn uint32(&self) -> Result<u32, SdlError> {
        if let Value::Scalar { text, plain: true } = &self.node.value
            && let Some(number) = whole_number(text)
        {
            return Ok(number);
        }
        Err(self.invalid("a whole number from 0 to 4294967295", "write the number without quotes or unit"))
    }

    /// A list of texts, or `None` when it is absent or null. An empty list stays an empty list.
    pub(crate) fn texts_of(&self, key: &str) -> Result<Option<Vec<String>>, SdlError> {
        let Some(list) = self.get(key)? else {
            return Ok(None);
        };
        list.items()?.iter().map(|item| item.text().map(str::to_owned)).collect::<Result<_, _>>().map(Some)
    }

    /// The text under `key`, empty when it is absent or null.
    pub(crate) fn text_of(&self, key: &str) -> Result<String, SdlError> {
        Ok(match self.get(key)? {
            Some(field) => field.text()?.to_owned(),
            None => String::new(),
        })
    }

    /// The number under `key`, 0 when it is absent or null.
    pub(crate) fn uint32_of(&self, key: &str) -> Result<u32, SdlError> {
        self.get(key)?.map_or(Ok(0), |field| field.uint32())
    }

    /// The boolean under `key`, false when it is absent or null.
    pub(crate) fn boolean_of(&self, key: &str) -> Result<bool, SdlError> {
        self.get(key)?.map_or(Ok(false), |field| field.boolean())
    }
}

/// YAML integers as yaml.v3 reads them: `_` separates digits, `0x`, `0o`, `0b` and a leading `0` choose the base.
fn whole_number(text: &str) -> Option<u32> {
    let digits = text.replace('_', "");
    let digits = digits.strip_prefix('+').unwrap_or(&digits);
    let based = [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)];
    for (prefix, radix) in based {
        if let Some(rest) = digits.strip_prefix(prefix) {
            return u32::from_str_radix(rest, radix).ok();
        }
    }
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        return u32::from_str_radix(digits, 8).ok();
    }
    crate::units::multiple(digits, 1).and_then(|whole| u32::try_from(whole).ok())
}
