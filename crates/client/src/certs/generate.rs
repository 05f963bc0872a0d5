//! New certificates, in the form that all tools of this wire format make (spec/akash.md 1.9).

use std::time::Duration;

use pem::Pem;
use proto::akash::cert::v1::MsgCreateCertificate;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SerialNumber,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::read::text_of;
use super::{CertError, Certificate};

/// How long a certificate is valid.
pub const LIFETIME: Duration = Duration::from_secs(365 * 86_400);

/// An attribute of the subject by which tools tell the version of the form: 2.23.133.2.6, `v0.0.1`.
const FORM: ([u64; 5], &str) = ([2, 23, 133, 2, 6], "v0.0.1");

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// A tenant shows it to gateways.
    Tenant,
    /// A gateway shows it to tenants.
    Gateway {
        /// Host names and addresses under which the gateway is reached.
        hosts: Vec<String>,
    },
}

/// A certificate and its private key.
#[derive(Clone)]
pub struct Credential {
    certificate: Certificate,
    key: Zeroizing<String>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({}/{})", self.certificate.owner, self.certificate.serial)
    }
}

impl Credential {
    /// A new P-256 key and a certificate of an account (bech32) that it signed: valid for [`LIFETIME`] from `now` (time
    /// since 1970) on, the serial number the nanoseconds of `now`.
    ///
    /// # Errors
    /// [`CertError::Generate`] when a host is no host name.
    pub fn generate(owner: &str, usage: &Usage, now: Duration) -> Result<Self, CertError> {
        let failed = |error: rcgen::Error| CertError::Generate(error.to_string());
        let late = |_| CertError::Generate("the clock is beyond all certificates".to_owned());
        let at = |time: Duration| {
            let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
            OffsetDateTime::from_unix_timestamp(seconds).map_err(late)
        };
        let hosts = match usage {
            Usage::Tenant => Vec::new(),
            Usage::Gateway { hosts } => hosts.clone(),
        };
        let mut params = CertificateParams::new(hosts).map_err(failed)?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, owner);
        name.push(DnType::CustomDnType(FORM.0.to_vec()), FORM.1);
        params.distinguished_name = name;
        params.serial_number = Some(SerialNumber::from(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)));
        params.not_before = at(now)?;
        params.not_after = at(now.saturating_add(LIFETIME))?;
        params.key_usages = vec![KeyUsagePurpose::DataEncipherment, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if *usage != Usage::Tenant {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        let certificate = Certificate::from_der(certificate.der())?;
        Ok(Self { certificate, key: Zeroizing::new(text_of("PRIVATE KEY", key.serialized_der())) })
    }

    /// Reads what [`Credential::to_pem`] wrote: a certificate and its private key (PKCS #8).
    ///
    /// # Errors
    /// [`CertError::Malformed`] when it is something else, or the key is not the certificate's.
    pub fn from_pem(text: &str) -> Result<Self, CertError> {
        let malformed = |why: String| CertError::Malformed(why);
        let blocks = pem::parse_many(text).map_err(|error| malformed(error.to_string()))?;
        let [certificate, key] = <[Pem; 2]>::try_from(blocks)
            .map_err(|_| malformed("the file must hold a certificate and its private key".to_owned()))?;
        if (certificate.tag(), key.tag()) != ("CERTIFICATE", "PRIVATE KEY") {
            return Err(malformed("the file must hold CERTIFICATE, then PRIVATE KEY".to_owned()));
        }
        let certificate = Certificate::from_der(certificate.contents())?;
        let key = Zeroizing::new(text_of("PRIVATE KEY", key.contents()));
        let pair = KeyPair::from_pem(&key).map_err(|error| malformed(error.to_string()))?;
        if rcgen::PublicKeyData::subject_public_key_info(&pair) != certificate.public_key {
            return Err(malformed("the private key is not the certificate's".to_owned()));
        }
        Ok(Self { certificate, key })
    }

    /// What the certificate says.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Certificate, then private key, each a PEM block.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}{}", self.certificate_pem(), self.key.as_str()))
    }

    /// The certificate as the chain stores it.
    pub fn certificate_pem(&self) -> String {
        text_of("CERTIFICATE", self.certificate.der())
    }

    /// The public key as the chain stores it: `SubjectPublicKeyInfo` under the name `EC PUBLIC KEY`.
    pub fn public_key_pem(&self) -> String {
        text_of("EC PUBLIC KEY", &self.certificate.public_key)
    }

    /// The private key, PKCS #8 in PEM.
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    /// The message that publishes it; its owner signs the transaction.
    pub fn message(&self) -> MsgCreateCertificate {
        MsgCreateCertificate {
            owner: self.certificate.owner.clone(),
            cert: self.certificate_pem().into_bytes(),
            pubkey: self.public_key_pem().into_bytes(),
        }
    }
}
