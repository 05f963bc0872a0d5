//! Statuses and texts of refusals: JSON for who asks, plain text for all else (spec/akash.md 3.2).

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::auth::AuthError;
use crate::desk::DeskError;

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Missing | Self::Header(_) | Self::Claims(_) | Self::Ambiguous => StatusCode::BAD_REQUEST,
            Self::Expired(_) | Self::Invalid(_) | Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(json!({ "message": self.to_string() }))).into_response()
    }
}

/// A refusal of what a caller who was let in wants.
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl Refusal {
    /// What this version does not serve.
    pub(super) fn not_served(what: &str, instead: &str) -> Self {
        Self(StatusCode::NOT_IMPLEMENTED, format!("this provider does not serve {what} yet; {instead}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        let status = match &error {
            DeskError::NotFound(_) => StatusCode::NOT_FOUND,
            DeskError::Malformed(_) => StatusCode::UNPROCESSABLE_ENTITY,
            // Upstream answers 500 to a manifest that does not fit; clients read the text.
            DeskError::Refused(_) | DeskError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.to_string())
    }
}
