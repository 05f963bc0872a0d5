//! How callers and miners speak: signed requests over HTTP.
//!
//! Two schemes. **v2**, our own, signs the raw body, so that nothing has to be built again from fields. **v1** is the header
//! protocol of the SDKs up to 10, for synapses whose hashed fields are texts, whole numbers or lists of plain texts.
//!
//! | module | what it holds |
//! |---|---|
//! | [`v2`] | our scheme: headers, signed text, the answer's signature |
//! | [`v1`] | the older header protocol |
//! | [`nonce`] | what was seen already, and what is too old |
//! | [`refusal`] | why a request is refused, with its status code |
//! | [`dendrite`] | asking a miner |
//! | [`sse`] | streams of events, read strictly |

pub mod dendrite;
pub mod nonce;
pub mod refusal;
pub mod sse;
pub mod v1;
pub mod v2;

use std::time::Duration;

pub use refusal::{Refusal, Status};

use crate::keys::HotkeyId;

/// How much older than its time-out a first request may be, and how far ahead its clock may run.
pub const ALLOWED_SKEW: Duration = Duration::from_secs(4);
/// The longest time-out that a caller may name.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// What a request says of itself once its signature is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who signed it.
    pub hotkey: HotkeyId,
    /// Nanoseconds since 1970 by the caller's clock.
    pub nonce: u64,
    /// The caller's session: nonces rise within one.
    pub session: String,
    /// How long it waits.
    pub timeout: Duration,
    /// How it signed.
    pub scheme: Scheme,
}

/// A way to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The header protocol, which leaves the time-out unsigned.
    V1,
    /// Our own.
    V2,
}

impl Caller {
    /// How old a nonce this request could be repeated with: the signed time-out is as signed, an unsigned one is anything.
    fn window(&self) -> Duration {
        let timeout = match self.scheme {
            Scheme::V1 => MAX_TIMEOUT,
            Scheme::V2 => self.timeout.min(MAX_TIMEOUT),
        };
        ALLOWED_SKEW + timeout
    }
}

/// Nanoseconds since 1970 by this machine's clock.
pub fn now_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A header's text, if there is exactly one and it is plain ASCII.
pub(crate) fn header<'a>(headers: &'a axum::http::HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let missing = || Refusal::new(Status::BadRequest, format!("the header {name} is missing"));
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(Refusal::new(Status::BadRequest, format!("the header {name} stands twice")));
    }
    value.to_str().map_err(|_| Refusal::new(Status::BadRequest, format!("the header {name} is no plain text")))
}

/// A signature in hex behind `0x`.
pub(crate) fn signature(text: &str) -> Result<[u8; 64], Refusal> {
    let mut bytes = [0; 64];
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode_to_slice(digits, &mut bytes)
        .map_err(|_| Refusal::new(Status::Unauthorized, "the signature is no hex text of 64 bytes"))?;
    Ok(bytes)
}
