//! Certificates of accounts: whom a provider's gateway believes in a TLS handshake, and whom a tenant meets there.
//!
//! ```text
//!   create ──> valid ──revoke──> revoked, for good: its serial number stays taken
//! ```
//!
//! The wire is `akash.cert.v1` (spec/akash.md 1.9), which has neither events nor parameters, so this part has no rooms
//! for them. What a certificate must be stands in [`x509`]. Stricter than upstream: the certificate must hold the very
//! key that is stored beside it and be signed with it, and one that has expired is refused.

pub mod genesis;
pub mod invariants;
pub mod messages;
pub mod queries;
pub mod refusals;
pub mod serial;
pub mod state;
pub mod x509;

use primitives::Address;
use proto::akash::cert::v1::{Certificate, MsgCreateCertificate, MsgRevokeCertificate};
use store::Module;

use crate::context::Context;
use crate::failure::Failure;
use crate::routes::{MessageRoute, QueryRoute};

pub use genesis::Genesis;
pub use serial::Serial;
pub use x509::CheckedCertificate;

/// The tree of this part.
pub const MODULE: Module = Module("cert");

/// The messages of `akash.cert.v1`.
pub fn message_routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new(|msg: &MsgCreateCertificate| msg.owner.clone(), messages::create_certificate),
        MessageRoute::new(
            |msg: &MsgRevokeCertificate| msg.id.as_ref().map(|id| id.owner.clone()).unwrap_or_default(),
            messages::revoke_certificate,
        ),
    ]
}

/// The queries of `akash.cert.v1`.
pub fn query_routes() -> Vec<QueryRoute> {
    vec![QueryRoute::new("/akash.cert.v1.Query/Certificates", queries::certificates)]
}

/// The certificate of an owner under a serial number, valid or revoked, if there is one.
///
/// # Errors
/// When the state fails.
pub fn get(ctx: &Context, owner: &Address, serial: &Serial) -> Result<Option<Certificate>, Failure> {
    Ok(state::CERTIFICATES.get(&ctx.state, &(*owner, serial.to_bytes()))?)
}

#[cfg(test)]
mod tests;
