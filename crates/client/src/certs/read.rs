//! What a certificate says. Nothing here is believed: [`super::standing::check`] compares with the chain.

use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use super::CertError;

/// Longer ones are not read; the chain's transactions hold no longer ones either.
const LONGEST: usize = 16 * 1024;

/// A certificate that an account made for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    /// The account, bech32: the common name of both subject and issuer.
    pub owner: String,
    /// The serial number, decimal.
    pub serial: String,
    /// The first second in which it is valid, since 1970.
    pub not_before: i64,
    /// The last one.
    pub not_after: i64,
    /// Its key: `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
    /// Whether it may name a client.
    pub client_auth: bool,
    /// Whether it may name a server.
    pub server_auth: bool,
    /// Host names and addresses that it is for.
    pub hosts: Vec<String>,
}

fn malformed(why: impl ToString) -> CertError {
    CertError::Malformed(why.to_string())
}

impl Certificate {
    /// Reads a certificate and checks that its own key signed it. Key usage is not looked at, because clients in use
    /// disagree on it (spec/akash.md 1.9).
    ///
    /// # Errors
    /// [`CertError::Malformed`] when it is none, more follows it, subject and issuer are not one account, or the
    /// signature is not by its key.
    pub fn from_der(der: &[u8]) -> Result<Self, CertError> {
        if der.len() > LONGEST {
            return Err(malformed(format!("it is longer than {LONGEST} bytes")));
        }
        let (rest, certificate) = X509Certificate::from_der(der).map_err(malformed)?;
        if !rest.is_empty() {
            return Err(malformed("bytes follow the certificate"));
        }
        let owner = common_name(certificate.subject(), "subject")?;
        if common_name(certificate.issuer(), "issuer")? != owner {
            return Err(malformed("its issuer is not its subject"));
        }
        certificate.verify_signature(None).map_err(|_| malformed("its signature is not by its own key"))?;
        let purposes = certificate.extended_key_usage().map_err(malformed)?;
        let purposes = purposes.map(|extension| extension.value);
        let names = certificate.subject_alternative_name().map_err(malformed)?;
        let names = names.iter().flat_map(|extension| &extension.value.general_names);
        Ok(Self {
            owner,
            serial: certificate.serial.to_str_radix(10),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            public_key: certificate.public_key().raw.to_vec(),
            client_auth: purposes.is_some_and(|usage| usage.client_auth || usage.any),
            server_auth: purposes.is_some_and(|usage| usage.server_auth || usage.any),
            hosts: names.filter_map(host).collect(),
            der: der.to_vec(),
        })
    }

    /// Reads the PEM text of one certificate; nothing may follow it.
    ///
    /// # Errors
    /// As [`Certificate::from_der`].
    pub fn from_pem(text: &[u8]) -> Result<Self, CertError> {
        Self::from_der(&block(text, "CERTIFICATE")?)
    }

    /// Its bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether a key made its signature.
    ///
    /// # Errors
    /// [`CertError::Malformed`] when the key is no `SubjectPublicKeyInfo` in DER.
    pub fn is_signed_by(&self, public_key: &[u8]) -> Result<bool, CertError> {
        let (_, key) = SubjectPublicKeyInfo::from_der(public_key).map_err(malformed)?;
        let (_, certificate) = X509Certificate::from_der(&self.der).map_err(malformed)?;
        Ok(certificate.verify_signature(Some(&key)).is_ok())
    }
}

/// The content of the one PEM block in a text.
///
/// # Errors
/// [`CertError::Malformed`] when there is none, there are several, or it is of another kind.
pub fn block(text: &[u8], kind: &str) -> Result<Vec<u8>, CertError> {
    let blocks = pem::parse_many(text).map_err(malformed)?;
    match <[pem::Pem; 1]>::try_from(blocks) {
        Ok([block]) if block.tag() == kind => Ok(block.into_contents()),
        Ok([block]) => Err(malformed(format!("a PEM block {kind:?} is wanted, not {:?}", block.tag()))),
        Err(blocks) => Err(malformed(format!("one PEM block {kind:?} is wanted, not {}", blocks.len()))),
    }
}

/// A PEM block with the line ends that other tools write.
pub(super) fn text_of(kind: &str, content: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(kind, content), config)
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn common_name(name: &X509Name<'_>, whose: &str) -> Result<String, CertError> {
    let mut names = name.iter_common_name();
    match (names.next(), names.next()) {
        (Some(name), None) => name.as_str().map(str::to_owned).map_err(malformed),
        _ => Err(malformed(format!("its {whose} must have one common name, the account's address"))),
    }
}
