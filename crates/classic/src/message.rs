//! What the translation of a message is.

use proto::{Any, CanonicalError, Message, Name, ToAny, canonical, type_url};
use thiserror::Error;

type Translate = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, CanonicalError> + Send + Sync>;

/// Why an older message cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{url} {why}")]
pub struct MessageError {
    /// Its type URL.
    pub url: String,
    /// What is wrong with its bytes.
    pub why: CanonicalError,
}

/// An older message with its successor.
pub struct OldMessage {
    url: String,
    successor: String,
    translate: Translate,
    response: Any,
}

impl OldMessage {
    /// `Old` means what `translate` makes of it. Both are answered by messages without fields; the older one's is
    /// `Response`.
    pub(crate) fn new<Old, New, Response>(translate: fn(Old) -> New) -> Self
    where
        Old: Message + Name + Default + 'static,
        New: Message + Name + 'static,
        Response: Message + Name + Default,
    {
        Self {
            url: type_url::<Old>(),
            successor: type_url::<New>(),
            translate: Box::new(move |bytes| Ok(translate(canonical(bytes)?).encode_to_vec())),
            response: Response::default().to_any(),
        }
    }

    /// Its type URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The type URL of the message that it is translated into.
    pub fn successor(&self) -> &str {
        &self.successor
    }

    /// The encoded successor of an encoded message. The rule of canonical bytes holds for the older message as for any.
    ///
    /// # Errors
    /// When the bytes are not the message's one encoding.
    pub fn translate(&self, bytes: &[u8]) -> Result<Vec<u8>, MessageError> {
        (self.translate)(bytes).map_err(|why| MessageError { url: self.url.clone(), why })
    }

    /// What a client of the older generation gets for it.
    pub fn response(&self) -> Any {
        self.response.clone()
    }
}
