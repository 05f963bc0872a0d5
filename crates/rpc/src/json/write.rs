//! Messages to JSON.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, Value};
use serde_json::{Map, Value as Shown};

use super::{ANY, DEEPEST, DURATION, Json, TIMESTAMP, decimal};
use crate::encode::base64;

impl Json<'_> {
    /// A message as JSON.
    pub(crate) fn write(&self, message: &DynamicMessage) -> Shown {
        self.show_message(message, 0)
    }

    fn show_message(&self, message: &DynamicMessage, depth: usize) -> Shown {
        match message.descriptor().full_name() {
            ANY => self.show_any(message, depth),
            TIMESTAMP => message.transcode_to::<prost_types::Timestamp>().map_or(Shown::Null, |time| text(&time)),
            DURATION => message.transcode_to::<prost_types::Duration>().map_or(Shown::Null, |span| text(&span)),
            _ => Shown::Object(self.show_fields(message, depth)),
        }
    }

    fn show_fields(&self, message: &DynamicMessage, depth: usize) -> Map<String, Shown> {
        let mut shown = Map::new();
        for field in message.descriptor().fields() {
            // Of alternatives only the one that was chosen is there.
            if field.containing_oneof().is_some() && !message.has_field(&field) {
                continue;
            }
            let value = if field.supports_presence() && !message.has_field(&field) {
                Shown::Null
            } else {
                self.show_field(&field, &message.get_field(&field), depth)
            };
            shown.insert(field.name().to_owned(), value);
        }
        shown
    }

    fn show_field(&self, field: &FieldDescriptor, value: &Value, depth: usize) -> Shown {
        match value {
            Value::List(list) => list.iter().map(|one| self.show_one(field, &field.kind(), one, depth)).collect(),
            Value::Map(map) => {
                let Kind::Message(entry) = field.kind() else { return Shown::Null };
                let of_value = entry.map_entry_value_field();
                let entries = map.iter();
                entries
                    .map(|(key, one)| (key_text(key), self.show_one(&of_value, &of_value.kind(), one, depth)))
                    .collect()
            }
            single => self.show_one(field, &field.kind(), single, depth),
        }
    }

    fn show_one(&self, field: &FieldDescriptor, kind: &Kind, value: &Value, depth: usize) -> Shown {
        match value {
            Value::Bool(flag) => Shown::Bool(*flag),
            Value::I32(number) => (*number).into(),
            Value::U32(number) => (*number).into(),
            Value::I64(number) => text(number),
            Value::U64(number) => text(number),
            Value::F32(number) => (*number).into(),
            Value::F64(number) => (*number).into(),
            Value::String(decimal) if self.0.is_decimal(field) => decimal::to_json(decimal).into(),
            Value::String(plain) => plain.clone().into(),
            Value::Bytes(bytes) if bytes.is_empty() => Shown::Null,
            Value::Bytes(bytes) => base64(bytes).into(),
            Value::EnumNumber(number) => match kind {
                Kind::Enum(of) => of.get_value(*number).map_or_else(|| (*number).into(), |one| one.name().into()),
                _ => (*number).into(),
            },
            Value::Message(message) => self.show_message(message, depth),
            // Neither stands inside of another.
            Value::List(_) | Value::Map(_) => Shown::Null,
        }
    }

    /// A packed message beside its type; one of a type that is not known here, as its bytes.
    fn show_any(&self, message: &DynamicMessage, depth: usize) -> Shown {
        let packed = message.transcode_to::<prost_types::Any>().unwrap_or_default();
        if packed.type_url.is_empty() && packed.value.is_empty() {
            return Shown::Null;
        }
        let known = self.named(&packed.type_url).filter(|_| depth < DEEPEST);
        let inner = known.and_then(|known| DynamicMessage::decode(known, packed.value.as_slice()).ok());
        let mut shown = match inner.as_ref().map(|inner| self.show_message(inner, depth + 1)) {
            Some(Shown::Object(fields)) => fields,
            Some(plain) => Map::from_iter([("value".to_owned(), plain)]),
            None => Map::from_iter([("value".to_owned(), base64(&packed.value).into())]),
        };
        shown.insert("@type".to_owned(), packed.type_url.into());
        Shown::Object(shown)
    }
}

fn text(value: &impl ToString) -> Shown {
    Shown::String(value.to_string())
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}
