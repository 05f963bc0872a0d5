//! Queries of `akash.cert.v1`.

use proto::akash::cert::v1::{
    Certificate, CertificateResponse, QueryCertificatesRequest, QueryCertificatesResponse, State,
};

use super::state::CERTIFICATES;
use super::{Serial, get};
use crate::context::Context;
use crate::failure::QueryError;
use crate::pages::Paging;

/// Certificates in order of owner and serial number: all of them, an owner's, or the one of an owner and a serial
/// number, which comes without a page; of one state, or of both.
///
/// # Errors
/// `InvalidArgument` when a filter or the page request is malformed, or a serial number comes without an owner, as it
/// alone names nothing.
pub fn certificates(ctx: &Context, request: QueryCertificatesRequest) -> Result<QueryCertificatesResponse, QueryError> {
    let filter = request.filter.unwrap_or_default();
    let paging = Paging::parse(request.pagination)?;
    let state = state(&filter.state)?;
    let show = |serial: Serial, certificate: Certificate| {
        let wanted = state.is_none_or(|state| certificate.state() == state);
        wanted.then(|| CertificateResponse { serial: serial.to_string(), certificate: Some(certificate) })
    };
    let pick = |(_, serial), certificate| Ok(show(Serial::from_bytes(serial), certificate));
    let (certificates, pagination) = match (filter.owner.as_str(), filter.serial.as_str()) {
        ("", "") => paging.pick(&ctx.state, &CERTIFICATES, &(), pick)?,
        ("", _) => {
            return Err(QueryError::invalid("a serial number without an owner names no certificate; add the owner"));
        }
        (owner, "") => paging.pick(&ctx.state, &CERTIFICATES, &ctx.address(owner)?, pick)?,
        (owner, serial) => {
            let invalid = |error| QueryError::invalid(format!("invalid serial number {serial:?}: {error}"));
            let serial: Serial = serial.parse().map_err(invalid)?;
            let found = get(ctx, &ctx.address(owner)?, &serial)?;
            (found.and_then(|certificate| show(serial, certificate)).into_iter().collect(), None)
        }
    };
    Ok(QueryCertificatesResponse { certificates, pagination })
}

fn state(text: &str) -> Result<Option<State>, QueryError> {
    match (text, State::from_str_name(text)) {
        ("", _) => Ok(None),
        (_, Some(state @ (State::Valid | State::Revoked))) => Ok(Some(state)),
        _ => Err(QueryError::invalid(format!("invalid state value {text:?}: certificates are valid or revoked"))),
    }
}
