//! The header protocol of the SDKs up to 10: `POST /SynapseName`, fields in JSON, what is signed in headers.
//!
//! The signature covers `nonce.dendrite_hotkey.axon_hotkey.uuid.body_hash`. The hash is SHA3-256 over the hex SHA3-256 of
//! Python's `str()` of each hashed field; fields of other kinds than [`python_str`] knows are refused.

use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::{Map, Value};
use sha3::{Digest, Sha3_256};

use super::refusal::{Refusal, Status};
use super::{Caller, MAX_TIMEOUT, Scheme, header, signature};
use crate::keys::{Hotkey, HotkeyId};

/// Who asks.
pub const DENDRITE_HOTKEY: &str = "bt_header_dendrite_hotkey";
const DENDRITE_NONCE: &str = "bt_header_dendrite_nonce";
const DENDRITE_UUID: &str = "bt_header_dendrite_uuid";
const DENDRITE_SIGNATURE: &str = "bt_header_dendrite_signature";
const AXON_HOTKEY: &str = "bt_header_axon_hotkey";
const BODY_HASH: &str = "computed_body_hash";
const NAME: &str = "name";
const TIMEOUT: &str = "timeout";
/// What the SDK waits where it says nothing.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(12);

/// A kind of request that a miner answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synapse {
    /// The class's name, which is the path.
    pub name: String,
    /// Its `required_hash_fields`, in their order.
    pub hashed: Vec<String>,
}

/// Whether headers claim this protocol.
pub fn is_claimed(headers: &HeaderMap) -> bool {
    headers.contains_key(DENDRITE_HOTKEY)
}

/// Python's `str()` of a field, where it is surely the same: texts, whole numbers, and lists of texts without anything that
/// Python would escape.
///
/// # Errors
/// 400 for other kinds of values.
pub fn python_str(field: &str, value: &Value) -> Result<String, Refusal> {
    let refused = |what: &str| {
        let why =
            format!("field {field:?} is {what}: only texts, whole numbers and lists of plain texts can be hashed");
        Refusal::new(Status::BadRequest, why)
    };
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        Value::Array(items) => {
            let quoted = items.iter().map(|item| match item.as_str() {
                Some(text) if text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'\'' && b != b'\\') => {
                    Ok(format!("'{text}'"))
                }
                Some(_) => Err(refused("a list with quotes, backslashes or characters that are not ASCII")),
                None => Err(refused("a list of other things than texts")),
            });
            Ok(format!("[{}]", quoted.collect::<Result<Vec<_>, _>>()?.join(", ")))
        }
        Value::Number(_) => Err(refused("a fraction")),
        Value::Bool(_) => Err(refused("true or false")),
        Value::Null => Err(refused("null")),
        Value::Object(_) => Err(refused("an object")),
    }
}

/// The hash of a body.
///
/// # Errors
/// 400 where a hashed field is missing, or is of a kind that cannot be hashed.
pub fn body_hash(synapse: &Synapse, body: &Map<String, Value>) -> Result<String, Refusal> {
    let mut whole = Sha3_256::new();
    for field in &synapse.hashed {
        let missing = || Refusal::new(Status::BadRequest, format!("field {field:?} is missing"));
        let text = python_str(field, body.get(field).ok_or_else(missing)?)?;
        whole.update(hex::encode(Sha3_256::digest(text.as_bytes())));
    }
    Ok(hex::encode(whole.finalize()))
}

/// The text that is signed.
pub fn text(nonce: u64, dendrite: &str, axon: &str, uuid: &str, body_hash: &str) -> String {
    format!("{nonce}.{dendrite}.{axon}.{uuid}.{body_hash}")
}

/// Checks a request.
///
/// # Errors
/// 400 for headers or fields that cannot be read, and for a body that is not the one that was hashed; 401 for another
/// addressee or a wrong signature.
pub fn verify(
    headers: &HeaderMap,
    synapse: &Synapse,
    body: &Map<String, Value>,
    miner: HotkeyId,
) -> Result<Caller, Refusal> {
    let bad = |why: String| Refusal::new(Status::BadRequest, why);
    let name = header(headers, NAME)?;
    if name != synapse.name {
        return Err(bad(format!("the header name is {name:?}, the path /{}", synapse.name)));
    }
    let hotkey: HotkeyId =
        header(headers, DENDRITE_HOTKEY)?.parse().map_err(|error| bad(format!("{DENDRITE_HOTKEY}: {error}")))?;
    let nonce = header(headers, DENDRITE_NONCE)?.parse().map_err(|_| bad(format!("{DENDRITE_NONCE} is no number")))?;
    let uuid = header(headers, DENDRITE_UUID)?;
    if uuid.is_empty() || uuid.len() > 64 {
        return Err(bad(format!("{DENDRITE_UUID} has not 1 to 64 characters")));
    }
    let timeout = match headers.get(TIMEOUT) {
        None => DEFAULT_TIMEOUT,
        Some(_) => {
            let seconds: f64 = header(headers, TIMEOUT)?.parse().map_err(|_| bad("timeout is no number".to_owned()))?;
            let longest = MAX_TIMEOUT.as_secs_f64();
            Duration::try_from_secs_f64(seconds.min(longest)).map_err(|_| bad("timeout is no time".to_owned()))?
        }
    };
    let hash = body_hash(synapse, body)?;
    if header(headers, BODY_HASH)? != hash {
        return Err(bad("the body is not the one that computed_body_hash names".to_owned()));
    }
    let refused = |why: String| Err(Refusal::new(Status::Unauthorized, why));
    let (axon, said) = (miner.to_string(), header(headers, AXON_HOTKEY)?);
    if said != axon {
        return refused(format!("the request is for {said:.60}; this miner is {axon}"));
    }
    let signature = signature(header(headers, DENDRITE_SIGNATURE)?)?;
    if !hotkey.verifies(text(nonce, &hotkey.to_string(), &axon, uuid, &hash).as_bytes(), &signature) {
        return refused("the signature is not that of the dendrite over this request".to_owned());
    }
    Ok(Caller { hotkey, nonce, session: uuid.to_owned(), timeout, scheme: Scheme::V1 })
}

/// Headers of a request as an SDK sends them; `caller.hotkey` must be the key's.
///
/// # Errors
/// Where a hashed field cannot be hashed.
pub fn sign(
    key: &Hotkey,
    synapse: &Synapse,
    body: &Map<String, Value>,
    caller: &Caller,
    miner: HotkeyId,
) -> Result<Vec<(&'static str, String)>, Refusal> {
    let hash = body_hash(synapse, body)?;
    let (dendrite, axon) = (caller.hotkey.to_string(), miner.to_string());
    let signature = key.sign(text(caller.nonce, &dendrite, &axon, &caller.session, &hash).as_bytes());
    Ok(vec![
        (NAME, synapse.name.clone()),
        (TIMEOUT, caller.timeout.as_secs_f64().to_string()),
        (DENDRITE_HOTKEY, dendrite),
        (DENDRITE_NONCE, caller.nonce.to_string()),
        (DENDRITE_UUID, caller.session.clone()),
        (DENDRITE_SIGNATURE, format!("0x{}", hex::encode(signature))),
        (AXON_HOTKEY, axon),
        (BODY_HASH, hash),
    ])
}

#[cfg(test)]
#[path = "v1_tests.rs"]
mod tests;
