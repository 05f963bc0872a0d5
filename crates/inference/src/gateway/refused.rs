//! Why a request is refused, in OpenAI's form.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::book::Broke;
use super::openai::Unfit;

/// A refusal in OpenAI's form.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    kind: &'static str,
    pub(super) why: String,
    field: Option<String>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, kind: &'static str, why: impl Into<String>) -> Self {
        Self { status, kind, why: why.into(), field: None }
    }
}

impl From<Unfit> for Refused {
    fn from(Unfit { why, field }: Unfit) -> Self {
        Self { field, ..Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", why) }
    }
}

impl From<Broke> for Refused {
    fn from(broke: Broke) -> Self {
        let payment = |what: &str, needed, left| {
            let why = format!("this answer may cost {needed} base units of the account's currency; {what} {left} left");
            Self::new(StatusCode::PAYMENT_REQUIRED, "insufficient_quota", why)
        };
        match broke {
            Broke::NoKey => unknown_key(),
            Broke::Balance { needed, left } => payment("the account has", needed, left),
            Broke::Limit { needed, left } => payment("the key has", needed, left),
            Broke::NoDollars => {
                let why = "the account is kept in dollars, for which this gateway has no price now";
                Self::new(StatusCode::PAYMENT_REQUIRED, "insufficient_quota", why)
            }
        }
    }
}

pub(super) fn unknown_key() -> Refused {
    let why = "the API key is missing, unknown or withdrawn; it stands behind `Authorization: Bearer`";
    Refused::new(StatusCode::UNAUTHORIZED, "invalid_api_key", why)
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { status, kind, why, field } = self;
        let error = json!({ "error": { "message": why, "type": kind, "param": field, "code": kind } });
        (status, Json(error)).into_response()
    }
}

/// The journal cannot be used.
pub(super) fn broken(error: super::book::BookError) -> Refused {
    tracing::error!(error = %error, "the journal cannot be used");
    Refused::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "server_error",
        "the gateway cannot write its bills; nothing is billed",
    )
}
