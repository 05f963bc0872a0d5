//! What the chain says of a certificate, and whether the certificate that somebody shows is that one.

use std::time::Duration;

use proto::akash::cert::v1::{
    Certificate as Stored, CertificateFilter, CertificateResponse, QueryCertificatesRequest, QueryCertificatesResponse,
    State,
};
use proto::cosmos::base::query::v1beta1::PageRequest;

use super::read::block;
use super::{CertError, Certificate};
use crate::node::{Node, NodeError};

const PATH: &str = "/akash.cert.v1.Query/Certificates";
const PAGE: u64 = 100;
/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 30;

/// What a certificate is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To name a client to a gateway.
    Client,
    /// To name a gateway to a client.
    Server,
}

/// The certificate of an owner (bech32) and serial number (decimal); none when the chain has none.
///
/// # Errors
/// When the node does not answer.
pub async fn find(node: &Node, owner: &str, serial: &str) -> Result<Option<Stored>, NodeError> {
    let filter = CertificateFilter { owner: owner.to_owned(), serial: serial.to_owned(), state: String::new() };
    let request = QueryCertificatesRequest { filter: Some(filter), pagination: None };
    match node.query::<_, QueryCertificatesResponse>(PATH, &request).await {
        Ok(found) => {
            let of_serial = |response: &CertificateResponse| response.serial == serial;
            Ok(found.certificates.into_iter().find(of_serial).and_then(|response| response.certificate))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// All certificates of an owner (bech32) with their serial numbers; `state` is `valid`, `revoked`, or empty for both.
///
/// # Errors
/// When the node does not answer.
pub async fn list(node: &Node, owner: &str, state: &str) -> Result<Vec<CertificateResponse>, NodeError> {
    let (mut all, mut key) = (Vec::new(), Vec::new());
    loop {
        let filter = CertificateFilter { owner: owner.to_owned(), serial: String::new(), state: state.to_owned() };
        let page = PageRequest { key, limit: PAGE, ..PageRequest::default() };
        let request = QueryCertificatesRequest { filter: Some(filter), pagination: Some(page) };
        let found: QueryCertificatesResponse = node.query(PATH, &request).await?;
        all.extend(found.certificates);
        key = found.pagination.unwrap_or_default().next_key;
        if key.is_empty() {
            return Ok(all);
        }
    }
}

/// Whether a certificate that was shown is the one that `stored` says its owner published, valid at `now` (time since
/// 1970), and for `purpose`.
///
/// # Errors
/// [`CertError`] with what is wrong.
pub fn check(shown: &Certificate, stored: Option<&Stored>, purpose: Purpose, now: Duration) -> Result<(), CertError> {
    let (owner, serial) = (shown.owner.clone(), shown.serial.clone());
    let Some(stored) = stored else { return Err(CertError::Unknown { owner, serial }) };
    match State::try_from(stored.state) {
        Ok(State::Valid) => {}
        Ok(State::Revoked) => return Err(CertError::Revoked { owner, serial }),
        Ok(State::Invalid) | Err(_) => return Err(CertError::Unknown { owner, serial }),
    }
    let key = block(&stored.pubkey, "EC PUBLIC KEY")?;
    if key != shown.public_key || !shown.is_signed_by(&key)? {
        return Err(CertError::Differs { owner, serial, why: "its signature is not by the published key" });
    }
    // Whoever holds the key could sign a longer life under the same serial number.
    if block(&stored.cert, "CERTIFICATE")? != shown.der() {
        return Err(CertError::Differs { owner, serial, why: "its content is another one" });
    }
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now.saturating_add(LEEWAY) < shown.not_before || now > shown.not_after {
        return Err(CertError::Expired { owner, serial });
    }
    match purpose {
        Purpose::Client if !shown.client_auth => Err(CertError::Purpose { owner, serial, purpose: "clients" }),
        Purpose::Server if !shown.server_auth => Err(CertError::Purpose { owner, serial, purpose: "servers" }),
        _ => Ok(()),
    }
}
