//! Messages of `akash.cert.v1`.

use primitives::Address;
use proto::akash::cert::v1::{
    Certificate, MsgCreateCertificate, MsgCreateCertificateResponse, MsgRevokeCertificate,
    MsgRevokeCertificateResponse, State,
};

use super::state::CERTIFICATES;
use super::{CheckedCertificate, Serial, get, refusals};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// A certificate that keeps the rules and names its owner.
pub(super) fn check(
    ctx: &Context,
    owner: &Address,
    certificate: &[u8],
    pubkey: &[u8],
) -> Result<CheckedCertificate, Rejection> {
    let checked = CheckedCertificate::parse(certificate, pubkey).map_err(|error| {
        let refuse = if error.is_of_pubkey() { refusals::invalid_pubkey } else { refusals::invalid_certificate };
        refuse(&error.to_string())
    })?;
    if !ctx.address(&checked.subject).is_ok_and(|subject| subject == *owner) {
        let (subject, owner) = (&checked.subject, ctx.text(owner));
        let detail =
            format!("the certificate's common name is {subject:?}, the owner is {owner}; they must be the same");
        return Err(refusals::invalid_certificate(&detail));
    }
    Ok(checked)
}

/// Stores a certificate of the signer.
///
/// # Errors
/// `sdk` 7 for a malformed address; `cert` 6 and 7 for a certificate and a key that break the rules or a certificate
/// that has expired, 3 when the serial number is taken.
pub fn create_certificate(
    ctx: &mut Context,
    msg: MsgCreateCertificate,
) -> Result<MsgCreateCertificateResponse, Failure> {
    let owner = ctx.address(&msg.owner)?;
    let checked = check(ctx, &owner, &msg.cert, &msg.pubkey)?;
    let now = u64::try_from(ctx.block.time.seconds).unwrap_or(0);
    if checked.not_after < now {
        let detail =
            format!("the certificate expired {} seconds before this block; make a new one", now - checked.not_after);
        return Err(refusals::invalid_certificate(&detail).into());
    }
    if get(ctx, &owner, &checked.serial)?.is_some() {
        return Err(refusals::exists(&ctx.text(&owner), &checked.serial).into());
    }
    let certificate = Certificate { state: State::Valid.into(), cert: msg.cert, pubkey: msg.pubkey };
    CERTIFICATES.set(&mut ctx.state, &(owner, checked.serial.to_bytes()), &certificate);
    Ok(MsgCreateCertificateResponse {})
}

/// Revokes a certificate of the signer.
///
/// # Errors
/// `sdk` 18 without an id, 7 for a malformed address; `cert` 5 for a malformed serial number, 1 when there is no such
/// certificate, 4 when it is revoked.
pub fn revoke_certificate(
    ctx: &mut Context,
    msg: MsgRevokeCertificate,
) -> Result<MsgRevokeCertificateResponse, Failure> {
    let id = msg.id.ok_or_else(|| Rejection::invalid_request("no id: name the certificate by owner and serial"))?;
    let owner = ctx.address(&id.owner)?;
    let serial: Serial =
        id.serial.parse().map_err(|error| refusals::invalid_serial(&format!("{:?}: {error}", id.serial)))?;
    let Some(certificate) = get(ctx, &owner, &serial)? else {
        return Err(refusals::not_found(&id.owner, &serial).into());
    };
    if certificate.state() == State::Revoked {
        return Err(refusals::already_revoked(&id.owner, &serial).into());
    }
    let revoked = Certificate { state: State::Revoked.into(), ..certificate };
    CERTIFICATES.set(&mut ctx.state, &(owner, serial.to_bytes()), &revoked);
    Ok(MsgRevokeCertificateResponse {})
}
