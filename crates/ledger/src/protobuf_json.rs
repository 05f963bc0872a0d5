//! Protobuf JSON of a message for `serde`, by the descriptors of crate `proto`: `#[serde(with = "ledger::protobuf_json")]`.

use std::sync::LazyLock;

use prost_reflect::{DescriptorError, DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use proto::{DESCRIPTORS, Message, Name};
use serde::{Deserializer, Serializer, de, ser};

static POOL: LazyLock<Result<DescriptorPool, DescriptorError>> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS));

fn descriptor<M: Name>() -> Result<MessageDescriptor, String> {
    let pool = POOL.as_ref().map_err(ToString::to_string)?;
    let name = M::full_name();
    pool.get_message_by_name(&name).ok_or_else(|| format!("there is no message {name}"))
}

/// The message in protobuf JSON, with the names of the `.proto` files.
///
/// # Errors
/// When the serializer fails, or the descriptors lack the message.
pub fn serialize<M, S>(message: &M, serializer: S) -> Result<S::Ok, S::Error>
where
    M: Message + Name,
    S: Serializer,
{
    let mut dynamic = DynamicMessage::new(descriptor::<M>().map_err(ser::Error::custom)?);
    dynamic.transcode_from(message).map_err(ser::Error::custom)?;
    dynamic.serialize_with_options(serializer, &SerializeOptions::new().use_proto_field_name(true))
}

/// A message of protobuf JSON.
///
/// # Errors
/// When it is none, or the descriptors lack the message.
pub fn deserialize<'de, M, D>(deserializer: D) -> Result<M, D::Error>
where
    M: Message + Name + Default,
    D: Deserializer<'de>,
{
    let dynamic = DynamicMessage::deserialize(descriptor::<M>().map_err(de::Error::custom)?, deserializer)?;
    dynamic.transcode_to().map_err(de::Error::custom)
}
