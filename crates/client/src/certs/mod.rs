//! Certificates of accounts (spec/akash.md 1.9, 3.1, 3.2): X.509, signed by their own key, named after an account,
//! and believed because that account published them on the chain. No authority takes part.
//!
//! | module | what it holds |
//! |---|---|
//! | [`generate`] | a new certificate with its key, for a tenant or for a provider's gateway |
//! | [`read`] | what a certificate says; pure functions over foreign bytes |
//! | [`standing`] | what the chain says of one, and whether the two agree |
//! | [`store`] | the certificates and keys of this machine's accounts |
//!
//! The way of one: [`Credential::generate`], [`Credential::message`] to the chain, [`CertStore::add`]; whoever is shown
//! it reads it with [`Certificate::from_der`], asks the chain with [`standing::find`], and compares with
//! [`standing::check`].

pub mod generate;
pub mod read;
pub mod standing;
pub mod store;

pub use generate::{Credential, LIFETIME, Usage};
pub use read::Certificate;
pub use store::CertStore;

use thiserror::Error;

/// Why a certificate is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertError {
    /// Bytes that are no certificate of an account.
    #[error("not the certificate of an account: {0}; `tetra cert create` makes one")]
    Malformed(String),
    /// The chain has none of that owner and serial number.
    #[error("the chain knows no certificate {serial} of {owner}; `tetra cert create` publishes one")]
    Unknown {
        /// The account, bech32.
        owner: String,
        /// The serial number, decimal.
        serial: String,
    },
    /// Its owner took it back.
    #[error("certificate {serial} of {owner} is revoked; `tetra cert create` makes another")]
    Revoked {
        /// The account, bech32.
        owner: String,
        /// The serial number, decimal.
        serial: String,
    },
    /// Another certificate than the one that was published.
    #[error("certificate {serial} of {owner} is not the one on the chain: {why}")]
    Differs {
        /// The account, bech32.
        owner: String,
        /// The serial number, decimal.
        serial: String,
        /// What differs.
        why: &'static str,
    },
    /// Not for now.
    #[error("certificate {serial} of {owner} is expired or not yet valid; compare the clocks, or make another")]
    Expired {
        /// The account, bech32.
        owner: String,
        /// The serial number, decimal.
        serial: String,
    },
    /// Not for this.
    #[error("certificate {serial} of {owner} is not for {purpose}")]
    Purpose {
        /// The account, bech32.
        owner: String,
        /// The serial number, decimal.
        serial: String,
        /// What it would have to be for.
        purpose: &'static str,
    },
    /// It could not be made.
    #[error("no certificate could be made: {0}")]
    Generate(String),
    /// The folder of certificates.
    #[error("{path}: {why}")]
    File {
        /// Which file.
        path: String,
        /// What is wrong.
        why: String,
    },
}
