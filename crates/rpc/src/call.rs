//! A call, and its parameters: by name, by position, or as URI arguments.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// A JSON-RPC error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallError {
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) data: String,
}

impl CallError {
    pub(crate) fn params(why: impl Into<String>) -> Self {
        Self { code: -32602, message: "Invalid params".to_owned(), data: why.into() }
    }

    pub(crate) fn request(why: impl Into<String>) -> Self {
        Self { code: -32600, message: "Invalid Request".to_owned(), data: why.into() }
    }

    pub(crate) fn parse(error: &serde_json::Error) -> Self {
        Self { code: -32700, message: "Parse error".to_owned(), data: error.to_string() }
    }

    pub(crate) fn unknown(method: &str) -> Self {
        Self { code: -32601, message: "Method not found".to_owned(), data: format!("there is no method {method:?}") }
    }

    pub(crate) fn internal(why: impl ToString) -> Self {
        Self { code: -32603, message: "Internal error".to_owned(), data: why.to_string() }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "code": self.code, "message": self.message, "data": self.data })
    }
}

impl From<crate::BackendError> for CallError {
    fn from(error: crate::BackendError) -> Self {
        match error {
            crate::BackendError::Wide { .. } => Self::params(error.to_string()),
            other => Self::internal(other),
        }
    }
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    /// Repeated in the answer: a text or a number. None makes it a notification, to which nothing is answered.
    pub(crate) id: Option<Value>,
    pub(crate) method: String,
    pub(crate) params: Option<Value>,
}

impl Call {
    /// Parses a call, or says under which id it is refused.
    pub(crate) fn parse(value: Value) -> Result<Self, (Value, CallError)> {
        let Value::Object(mut call) = value else {
            return Err((Value::Null, CallError::request("a call is an object with id, method and params")));
        };
        let id = match call.remove("id") {
            None | Some(Value::Null) => None,
            Some(id @ (Value::String(_) | Value::Number(_))) => Some(id),
            Some(_) => return Err((Value::Null, CallError::request("id must be a text or a number"))),
        };
        match call.remove("method") {
            Some(Value::String(method)) => Ok(Self { id, method, params: call.remove("params") }),
            _ => Err((id.unwrap_or_default(), CallError::request("method must be a text"))),
        }
    }
}

/// The answer to a call.
pub(crate) fn answer(id: Value, result: Result<Value, CallError>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error.to_json() }),
    }
}

/// Parameters under the names that a method declares.
pub(crate) struct Params {
    values: Map<String, Value>,
    form: Form,
}

/// How bytes and texts are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In JSON: texts plain, bytes in base64 or, where CometBFT says so, in hex.
    Json,
    /// In a URI: `"text"` stands for its characters, also where bytes are wanted, `0x…` for bytes in hex.
    Uri,
}

impl Params {
    /// From JSON: an object, or an array in the order of `names`.
    pub(crate) fn from_json(value: Option<Value>, names: &[&str]) -> Result<Self, CallError> {
        let json = |values| Ok(Self { values, form: Form::Json });
        match value {
            None | Some(Value::Null) => json(Map::new()),
            Some(Value::Object(map)) => json(map),
            Some(Value::Array(list)) if list.len() > names.len() => {
                Err(CallError::params(format!("{} parameters, at most {} are known", list.len(), names.len())))
            }
            Some(Value::Array(list)) => {
                let named = names.iter().zip(list).map(|(name, value)| ((*name).to_owned(), value));
                json(named.collect())
            }
            Some(_) => Err(CallError::params("parameters must be an object or an array")),
        }
    }

    /// From URI arguments.
    pub(crate) fn from_uri(arguments: Vec<(String, String)>) -> Self {
        let values = arguments.into_iter().map(|(key, value)| (key, Value::String(value))).collect();
        Self { values, form: Form::Uri }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, CallError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if self.form == Form::Uri => Ok(Some(unquoted(text).unwrap_or(text).to_owned())),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(CallError::params(format!("{name} must be a text"))),
        }
    }

    /// A whole number, as a number or as text; none when it is absent or empty.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, CallError> {
        let bad = || CallError::params(format!("{name} must be a whole number that is not negative"));
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(_)) => match self.text(name)?.unwrap_or_default() {
                text if text.is_empty() => Ok(None),
                text => text.parse().map(Some).map_err(|_| bad()),
            },
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or_else(bad),
            Some(_) => Err(bad()),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, CallError> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if matches!(text.as_str(), "true" | "false" | "") => Ok(text == "true"),
            Some(_) => Err(CallError::params(format!("{name} must be true or false"))),
        }
    }

    /// Bytes that JSON carries in hex, with or without `0x`; none when they are absent.
    pub(crate) fn hex(&self, name: &str) -> Result<Vec<u8>, CallError> {
        let Some(text) = self.bytes_text(name)? else { return Ok(Vec::new()) };
        if self.form == Form::Uri {
            return uri_bytes(name, text);
        }
        hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| bad_hex(name, error))
    }

    /// Bytes that JSON carries in base64.
    pub(crate) fn base64(&self, name: &str) -> Result<Vec<u8>, CallError> {
        let text = self.bytes_text(name)?.ok_or_else(|| CallError::params(format!("{name} is missing")))?;
        if self.form == Form::Uri {
            return uri_bytes(name, text);
        }
        STANDARD.decode(text).map_err(|error| CallError::params(format!("{name} must be base64: {error}")))
    }

    fn bytes_text(&self, name: &str) -> Result<Option<&str>, CallError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(CallError::params(format!("{name} must be a text"))),
        }
    }

    /// A page: how many to skip and to return. Pages count from 1; 30 entries by default, 100 at most.
    pub(crate) fn page(&self) -> Result<(usize, usize), CallError> {
        let page = self.number("page")?.unwrap_or(1);
        if page == 0 {
            return Err(CallError::params("page must be 1 or more"));
        }
        let size = match self.number("per_page")? {
            None | Some(0) => 30,
            Some(size) => size.min(100),
        };
        let skip = (page - 1).checked_mul(size).and_then(|skip| usize::try_from(skip).ok());
        let skip = skip.ok_or_else(|| CallError::params("page is too large"))?;
        Ok((skip, size as usize))
    }
}

fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"'))
}

fn bad_hex(name: &str, error: hex::FromHexError) -> CallError {
    CallError::params(format!("{name} must be hex: {error}"))
}

/// Bytes of a URI argument: `"abc"` is three bytes, and so is `0x616263`.
fn uri_bytes(name: &str, text: &str) -> Result<Vec<u8>, CallError> {
    if let Some(raw) = unquoted(text) {
        return Ok(raw.as_bytes().to_vec());
    }
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = digits.ok_or_else(|| CallError::params(format!("{name} must be 0x and hex, or a text in quotes")))?;
    hex::decode(digits).map_err(|error| bad_hex(name, error))
}
