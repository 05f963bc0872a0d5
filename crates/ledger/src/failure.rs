//! How messages and queries fail.

use thiserror::Error;

/// Why a message did not apply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The chain's rules refuse it: the transaction fails and its writes are discarded.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The state itself failed: the block cannot be executed and the node stops.
    #[error(transparent)]
    Broken(#[from] store::Error),
}

/// A refusal with the code that clients test for (spec/akash.md 1.13, Cosmos SDK `types/errors`).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Rejection {
    /// Whose code it is: a module's name, or `sdk`.
    pub codespace: &'static str,
    /// The code, never zero.
    pub code: u32,
    /// What happened, why, and what to do.
    pub message: String,
}

impl Rejection {
    /// A refusal.
    pub fn new(codespace: &'static str, code: u32, message: impl Into<String>) -> Self {
        Self { codespace, code, message: message.into() }
    }

    /// `sdk` 4: the signer may not do this.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new("sdk", 4, message)
    }

    /// `sdk` 5: not enough coins.
    pub fn insufficient_funds(message: impl Into<String>) -> Self {
        Self::new("sdk", 5, message)
    }

    /// `sdk` 7: a malformed address.
    pub fn invalid_address(message: impl Into<String>) -> Self {
        Self::new("sdk", 7, message)
    }

    /// `sdk` 10: malformed coins.
    pub fn invalid_coins(message: impl Into<String>) -> Self {
        Self::new("sdk", 10, message)
    }

    /// `sdk` 18: a request that is malformed in another way.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new("sdk", 18, message)
    }

    /// `sdk` 38: something that is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("sdk", 38, message)
    }

    /// `sdk` 41: an amount or height outside of what arithmetic holds.
    pub fn overflow(what: &str) -> Self {
        Self::new("sdk", 41, format!("{what} is larger than the chain can count"))
    }
}

/// gRPC status of a failed query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum QueryStatus {
    /// 3
    InvalidArgument = 3,
    /// 5
    NotFound = 5,
    /// 12
    Unimplemented = 12,
    /// 13
    Internal = 13,
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct QueryError {
    /// The gRPC status.
    pub status: QueryStatus,
    /// What happened and why.
    pub message: String,
}

impl QueryError {
    /// The request is malformed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { status: QueryStatus::InvalidArgument, message: message.into() }
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { status: QueryStatus::NotFound, message: message.into() }
    }
}

impl From<store::Error> for QueryError {
    fn from(error: store::Error) -> Self {
        // Whoever names a height that is not kept asks wrongly; everything else is this node's fault.
        let status = match error {
            store::Error::Unavailable { .. } => QueryStatus::InvalidArgument,
            _ => QueryStatus::Internal,
        };
        Self { status, message: error.to_string() }
    }
}

impl From<Failure> for QueryError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rejected(rejection) => Self::invalid(rejection.message),
            Failure::Broken(error) => error.into(),
        }
    }
}
