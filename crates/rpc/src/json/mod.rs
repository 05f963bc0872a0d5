//! Messages as the JSON of grpc-gateway (spec/foundations.md 3e), by their descriptors.
//!
//! Written: names as in the `.proto` files, 64-bit integers as text, enums by name, bytes in base64 and null when empty,
//! absent messages as null, every default, `Any` with `@type`, decimals with a point. Read: names in either style,
//! numbers as text or not, enums by name or number, bytes in either base64 alphabet, `True`.

mod decimal;
mod read;
mod write;

pub(crate) use read::ReadError;

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage};

use crate::descriptors::Catalog;

/// `Any` inside of `Any` deeper than this is not opened.
const DEEPEST: usize = 16;

const ANY: &str = "google.protobuf.Any";
const TIMESTAMP: &str = "google.protobuf.Timestamp";
const DURATION: &str = "google.protobuf.Duration";

/// Reads and writes the JSON of a descriptor set's messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a>(pub(crate) &'a Catalog);

impl Json<'_> {
    /// The descriptor of the message that a type URL names, whatever its host.
    fn named(&self, url: &str) -> Option<MessageDescriptor> {
        let name = url.rsplit('/').next().unwrap_or(url);
        self.0.pool().get_message_by_name(name)
    }
}

/// A field by its name in either style.
fn field_named(message: &DynamicMessage, name: &str) -> Option<FieldDescriptor> {
    let descriptor = message.descriptor();
    descriptor.get_field_by_name(name).or_else(|| descriptor.get_field_by_json_name(name))
}

#[cfg(test)]
mod tests;
