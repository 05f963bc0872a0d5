//! A JSON object that leaves defaults out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Fields so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// A field that is always there.
    pub(super) fn put(mut self, name: &str, value: Value) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    fn unless(self, default: bool, name: &str, value: Value) -> Self {
        if default { self } else { self.put(name, value) }
    }

    /// A text; left out when empty.
    pub(super) fn text(self, name: &str, text: &str) -> Self {
        self.unless(text.is_empty(), name, Value::from(text))
    }

    /// A number of 64 bits, written as text; left out when 0.
    pub(super) fn number64(self, name: &str, number: u64) -> Self {
        self.unless(number == 0, name, Value::from(number.to_string()))
    }

    /// A number of 32 bits; left out when 0.
    pub(super) fn number(self, name: &str, number: u32) -> Self {
        self.unless(number == 0, name, Value::from(number))
    }

    /// An enum by its number; left out when 0.
    pub(super) fn choice(self, name: &str, number: i32) -> Self {
        self.unless(number == 0, name, Value::from(number))
    }

    /// Bytes in base64; left out when there are none.
    pub(super) fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        self.unless(bytes.is_empty(), name, Value::from(STANDARD.encode(bytes)))
    }

    /// A list; left out when empty.
    pub(super) fn list(self, name: &str, items: Vec<Value>) -> Self {
        self.unless(items.is_empty(), name, Value::Array(items))
    }

    /// An object; left out when it has no fields.
    pub(super) fn object(self, name: &str, object: Self) -> Self {
        self.unless(object.0.is_empty(), name, object.value())
    }

    /// The finished object.
    pub(super) fn value(self) -> Value {
        Value::Object(self.0)
    }
}
