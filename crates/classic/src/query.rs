//! What the translation of a query is.

use proto::Message;
use thiserror::Error;

type Ask = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, QueryError> + Send + Sync>;
type Answer = Box<dyn Fn(&[u8], &[u8]) -> Result<Vec<u8>, QueryError> + Send + Sync>;

/// Why a query of the older generation is not answered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    /// Bytes that are no request of this kind.
    #[error("the request does not decode: {0}")]
    Request(String),
    /// A filter that cannot be kept.
    #[error("{0}")]
    Filter(String),
    /// An answer of the present generation that cannot be said in the words of the older one.
    #[error("the answer cannot be translated: {0}")]
    Answer(String),
}

/// An older query with its successor.
pub struct OldQuery {
    path: &'static str,
    successor: &'static str,
    ask: Ask,
    answer: Answer,
}

fn request<Q: Message + Default>(bytes: &[u8]) -> Result<Q, QueryError> {
    Q::decode(bytes).map_err(|error| QueryError::Request(error.to_string()))
}

impl OldQuery {
    /// The gRPC method at `path` asks what `ask` makes of a request of the method at `successor`; `answer` makes the
    /// older answer of the request and what came back.
    pub(crate) fn new<OldRequest, Request, Response, OldResponse>(
        path: &'static str,
        successor: &'static str,
        ask: fn(OldRequest) -> Result<Request, QueryError>,
        answer: fn(&OldRequest, Response) -> Result<OldResponse, QueryError>,
    ) -> Self
    where
        OldRequest: Message + Default + 'static,
        Request: Message + 'static,
        Response: Message + Default + 'static,
        OldResponse: Message + 'static,
    {
        Self {
            path,
            successor,
            ask: Box::new(move |bytes| Ok(ask(request(bytes)?)?.encode_to_vec())),
            answer: Box::new(move |asked, bytes| {
                let found = Response::decode(bytes).map_err(|error| QueryError::Answer(error.to_string()))?;
                Ok(answer(&request(asked)?, found)?.encode_to_vec())
            }),
        }
    }

    /// Its gRPC path.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The gRPC path of the query that answers it.
    pub fn successor(&self) -> &'static str {
        self.successor
    }

    /// The encoded request of the successor.
    ///
    /// # Errors
    /// When the request does not decode, or has a filter that cannot be kept.
    pub fn ask(&self, request: &[u8]) -> Result<Vec<u8>, QueryError> {
        (self.ask)(request)
    }

    /// The encoded older answer, from the older request and the successor's answer.
    ///
    /// # Errors
    /// When the answer cannot be translated.
    pub fn answer(&self, request: &[u8], answer: &[u8]) -> Result<Vec<u8>, QueryError> {
        (self.answer)(request, answer)
    }
}
