//! What always holds of certificates.

use proto::akash::cert::v1::State;

use super::state::CERTIFICATES;
use super::{Serial, messages};
use crate::context::Context;

/// Broken promises: every certificate is valid or revoked, keeps the rules, and stands under its owner and its serial
/// number.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let mut broken = Vec::new();
    for ((owner, serial), certificate) in CERTIFICATES.all(&ctx.state)? {
        let serial = Serial::from_bytes(serial);
        let name = format!("certificate {serial} of {}", ctx.text(&owner));
        if !matches!(State::try_from(certificate.state), Ok(State::Valid | State::Revoked)) {
            broken.push(format!("{name} has state {}", certificate.state));
        }
        match messages::check(ctx, &owner, &certificate.cert, &certificate.pubkey) {
            Ok(checked) if checked.serial == serial => {}
            Ok(checked) => broken.push(format!("{name} has serial number {}", checked.serial)),
            Err(refused) => broken.push(format!("{name}: {refused}")),
        }
    }
    Ok(broken)
}
