//! Parameters of a call: by name, by position, or as URI arguments.

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
        Self::internal(error)
    }
}

/// Parameters under the names that a method declares.
pub(crate) struct Params(Map<String, Value>);

impl Params {
    /// From JSON: an object, or an array in the order of `names`.
    pub(crate) fn from_json(value: Option<Value>, names: &[&str]) -> Result<Self, CallError> {
        match value {
            None | Some(Value::Null) => Ok(Self(Map::new())),
            Some(Value::Object(map)) => Ok(Self(map)),
            Some(Value::Array(list)) if list.len() > names.len() => {
                Err(CallError::params(format!("{} parameters, at most {} are known", list.len(), names.len())))
            }
            Some(Value::Array(list)) => {
                let named = names.iter().zip(list).map(|(name, value)| ((*name).to_owned(), value));
                Ok(Self(named.collect()))
            }
            Some(_) => Err(CallError::params("parameters must be an object or an array")),
        }
    }

    /// From URI arguments: texts stand in double quotes, bytes are `0x` hex, the rest is as it is.
    pub(crate) fn from_uri(arguments: Vec<(String, String)>) -> Self {
        let plain = |text: String| match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(quoted) => quoted.to_owned(),
            None => text,
        };
        Self(arguments.into_iter().map(|(key, value)| (key, Value::String(plain(value)))).collect())
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, CallError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(CallError::params(format!("{name} must be a text"))),
        }
    }

    /// A whole number, as a number or as text; none when it is absent or empty.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, CallError> {
        let bad = || CallError::params(format!("{name} must be a whole number that is not negative"));
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| bad()),
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

    /// Bytes in hex, with or without `0x`.
    pub(crate) fn hex(&self, name: &str) -> Result<Vec<u8>, CallError> {
        let text = self.text(name)?.unwrap_or_default();
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        hex::decode(digits).map_err(|error| CallError::params(format!("{name} must be hex: {error}")))
    }

    /// Bytes in base64, or in hex after `0x` (URI form).
    pub(crate) fn base64(&self, name: &str) -> Result<Vec<u8>, CallError> {
        let text = self.text(name)?.ok_or_else(|| CallError::params(format!("{name} is missing")))?;
        if text.starts_with("0x") {
            return self.hex(name);
        }
        STANDARD.decode(&text).map_err(|error| CallError::params(format!("{name} must be base64: {error}")))
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
