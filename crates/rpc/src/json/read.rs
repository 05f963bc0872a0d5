//! JSON and texts of URLs to messages.

use std::str::FromStr;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};
use proto::Message;
use serde_json::Value as Given;
use thiserror::Error;

use super::{ANY, DEEPEST, DURATION, Json, TIMESTAMP, decimal, field_named};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A value that does not fit its field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {why}")]
pub(crate) struct ReadError {
    field: String,
    why: String,
}

impl ReadError {
    fn new(field: impl Into<String>, why: impl ToString) -> Self {
        Self { field: field.into(), why: why.to_string() }
    }

    fn at(field: &FieldDescriptor, why: impl ToString) -> Self {
        Self::new(field.name(), why)
    }
}

fn shown(given: &Given) -> String {
    given.to_string().chars().take(80).collect()
}

impl Json<'_> {
    /// Puts the fields of a JSON object into a message.
    ///
    /// # Errors
    /// When a field is unknown, or a value does not fit.
    pub(crate) fn merge(&self, message: &mut DynamicMessage, given: &Given) -> Result<(), ReadError> {
        self.merge_at(message, given, 0)
    }

    fn merge_at(&self, message: &mut DynamicMessage, given: &Given, depth: usize) -> Result<(), ReadError> {
        let name = message.descriptor().full_name().to_owned();
        let Given::Object(fields) = given else {
            return Err(ReadError::new(name, format!("an object is wanted, not {}", shown(given))));
        };
        for (key, value) in fields.iter().filter(|(key, _)| *key != "@type") {
            let field = field_named(message, key);
            let field = field.ok_or_else(|| ReadError::new(key.as_str(), format!("{name} has no such field")))?;
            if value.is_null() {
                message.clear_field(&field);
            } else {
                let value = self.read_field(&field, value, depth)?;
                set(message, &field, value)?;
            }
        }
        Ok(())
    }

    /// Puts the text of a URL into the field at a dotted path; a repeated field grows. Clients send fields that a
    /// message does not have, which are passed over, as grpc-gateway does.
    ///
    /// # Errors
    /// When the text does not fit the field.
    pub(crate) fn merge_text(&self, message: &mut DynamicMessage, path: &str, text: &str) -> Result<(), ReadError> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let Some(field) = field_named(message, name) else { return Ok(()) };
        if let Some(rest) = rest {
            return match message.get_field_mut(&field) {
                Value::Message(inner) => self.merge_text(inner, rest, text),
                _ => Ok(()),
            };
        }
        let given = Given::String(text.to_owned());
        if field.is_map() {
            return Err(ReadError::at(&field, "a map cannot stand in a URL"));
        }
        let value = self.read_one(&field, &field.kind(), &given, 0)?;
        if let (true, Value::List(list)) = (field.is_list(), message.get_field_mut(&field)) {
            list.push(value);
            return Ok(());
        }
        set(message, &field, value)
    }

    /// Puts the text of a path into the field at a dotted path, in place of what is there.
    ///
    /// # Errors
    /// As [`Json::merge_text`].
    pub(crate) fn set_text(&self, message: &mut DynamicMessage, path: &str, text: &str) -> Result<(), ReadError> {
        if let Some(field) = field_named(message, path) {
            message.clear_field(&field);
        }
        self.merge_text(message, path, text)
    }

    fn read_field(&self, field: &FieldDescriptor, given: &Given, depth: usize) -> Result<Value, ReadError> {
        let wrong = |what: &str| ReadError::at(field, format!("{what} is wanted, not {}", shown(given)));
        if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let of_value = entry.map_entry_value_field();
            let of_key = entry.map_entry_key_field();
            let object = given.as_object().ok_or_else(|| wrong("an object"))?;
            let one = |(key, value): (&String, &Given)| {
                let key = self.read_one(&of_key, &of_key.kind(), &Given::String(key.clone()), depth)?;
                let key: MapKey = key.into_map_key().ok_or_else(|| wrong("a simple key"))?;
                Ok((key, self.read_one(&of_value, &of_value.kind(), value, depth)?))
            };
            return object.iter().map(one).collect::<Result<_, ReadError>>().map(Value::Map);
        }
        if field.is_list() {
            let list = given.as_array().ok_or_else(|| wrong("a list"))?;
            let one = |value| self.read_one(field, &field.kind(), value, depth);
            return list.iter().map(one).collect::<Result<_, _>>().map(Value::List);
        }
        self.read_one(field, &field.kind(), given, depth)
    }

    fn read_one(&self, field: &FieldDescriptor, kind: &Kind, given: &Given, depth: usize) -> Result<Value, ReadError> {
        let wrong = |what: &str| ReadError::at(field, format!("{what} is wanted, not {}", shown(given)));
        let text = given.as_str();
        let number = || text.map_or_else(|| given.to_string(), |text| text.trim().to_owned());
        match kind {
            Kind::Double => parsed(&number()).map(Value::F64).ok_or_else(|| wrong("a number")),
            Kind::Float => parsed(&number()).map(Value::F32).ok_or_else(|| wrong("a number")),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                parsed(&number()).map(Value::I32).ok_or_else(|| wrong("a whole number of 32 bits"))
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                parsed(&number()).map(Value::I64).ok_or_else(|| wrong("a whole number of 64 bits"))
            }
            Kind::Uint32 | Kind::Fixed32 => {
                parsed(&number()).map(Value::U32).ok_or_else(|| wrong("a whole number of 32 bits, zero or more"))
            }
            Kind::Uint64 | Kind::Fixed64 => {
                parsed(&number()).map(Value::U64).ok_or_else(|| wrong("a whole number of 64 bits, zero or more"))
            }
            Kind::Bool => flag(given).map(Value::Bool).ok_or_else(|| wrong("true or false")),
            Kind::String if self.0.is_decimal(field) => {
                let text = number();
                decimal::from_json(&text).map(Value::String).ok_or_else(|| wrong("a decimal of at most 18 places"))
            }
            Kind::String => text.map(|text| Value::String(text.to_owned())).ok_or_else(|| wrong("a text")),
            Kind::Bytes => {
                // A plus sign in a query that was not escaped arrives as a space.
                let bytes = text
                    .map(|text| text.replace(' ', "+"))
                    .and_then(|text| STANDARD.decode(&text).or_else(|_| URL_SAFE.decode(&text)).ok());
                bytes.map(|bytes| Value::Bytes(bytes.into())).ok_or_else(|| wrong("base64"))
            }
            Kind::Enum(of) => {
                let named = text.and_then(|name| of.get_value_by_name(name)).map(|value| value.number());
                let numbered = || parsed::<i32>(&number());
                let values = || of.values().map(|value| value.name().to_owned()).collect::<Vec<_>>().join(", ");
                named.or_else(numbered).map(Value::EnumNumber).ok_or_else(|| wrong(&format!("one of {}", values())))
            }
            Kind::Message(of) => self.read_message(field, of, given, depth).map(Value::Message),
        }
    }

    fn read_message(
        &self,
        field: &FieldDescriptor,
        of: &MessageDescriptor,
        given: &Given,
        depth: usize,
    ) -> Result<DynamicMessage, ReadError> {
        let wrong = |what: &str| ReadError::at(field, format!("{what} is wanted, not {}", shown(given)));
        let mut message = DynamicMessage::new(of.clone());
        match of.full_name() {
            TIMESTAMP => {
                let time = given.as_str().and_then(parsed::<prost_types::Timestamp>);
                let time = time.ok_or_else(|| wrong("a time such as 2026-01-02T03:04:05Z"))?;
                message.transcode_from(&time).map_err(|error| ReadError::at(field, error))?;
            }
            DURATION => {
                let span = given.as_str().and_then(parsed::<prost_types::Duration>);
                let span = span.ok_or_else(|| wrong("a duration such as 1.5s"))?;
                message.transcode_from(&span).map_err(|error| ReadError::at(field, error))?;
            }
            ANY => {
                let packed = self.read_any(field, given, depth)?;
                message.transcode_from(&packed).map_err(|error| ReadError::at(field, error))?;
            }
            _ => self.merge_at(&mut message, given, depth)?,
        }
        Ok(message)
    }

    fn read_any(&self, field: &FieldDescriptor, given: &Given, depth: usize) -> Result<prost_types::Any, ReadError> {
        let url = given.get("@type").and_then(Given::as_str);
        let url = url.ok_or_else(|| ReadError::at(field, "an object with @type is wanted"))?;
        if depth >= DEEPEST {
            return Err(ReadError::at(field, "packed messages nest too deep"));
        }
        let of = self.named(url).ok_or_else(|| ReadError::at(field, format!("{url} is not known here")))?;
        let inner = match of.full_name() {
            ANY | TIMESTAMP | DURATION => {
                self.read_message(field, &of, given.get("value").unwrap_or(&Given::Null), depth + 1)?
            }
            _ => {
                let mut inner = DynamicMessage::new(of);
                self.merge_at(&mut inner, given, depth + 1)?;
                inner
            }
        };
        Ok(prost_types::Any { type_url: url.to_owned(), value: inner.encode_to_vec() })
    }
}

fn set(message: &mut DynamicMessage, field: &FieldDescriptor, value: Value) -> Result<(), ReadError> {
    message.try_set_field(field, value).map_err(|error| ReadError::at(field, error))
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Python writes `True`, some URLs have `1`.
fn flag(given: &Given) -> Option<bool> {
    match given {
        Given::Bool(flag) => Some(*flag),
        Given::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "t" => Some(true),
            "false" | "0" | "f" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
