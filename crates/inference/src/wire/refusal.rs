//! Why a miner refuses a request, with the status codes of the header protocol.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use thiserror::Error;

/// Kinds of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Headers or body that cannot be read, or a body that is not the one that was hashed.
    BadRequest,
    /// A signature, nonce or addressee that is wrong.
    Unauthorized,
    /// Callers that are not served.
    Forbidden,
    /// No such path or synapse.
    Unknown,
    /// It waited too long, for its turn or for the answer.
    Timeout,
    /// A body that is too long.
    TooLarge,
    /// What stands behind the miner failed.
    Failed,
    /// It answered what cannot be passed on.
    BadUpstream,
    /// No room in the queue.
    Busy,
}

impl Status {
    /// The code of HTTP.
    pub fn code(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BadUpstream => StatusCode::BAD_GATEWAY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A refused request.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}: {why}", status.code().as_u16())]
pub struct Refusal {
    /// Its kind.
    pub status: Status,
    /// Why, for the caller to read.
    pub why: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: Status, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": { "message": self.why, "type": "refused" } });
        (self.status.code(), Json(body)).into_response()
    }
}
