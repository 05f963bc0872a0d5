//! What a certificate must be (spec/akash.md 1.9): PEM texts of a certificate and of its public key, an ECDSA key on
//! P-256, and a signature of that key over the certificate. Strict DER (RFC 5280, X.690); nothing here has a clock.

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, VerifyingKey};
use thiserror::Error;
use x509_cert::TbsCertificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{BitString, ObjectIdentifier};
use x509_cert::der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use x509_cert::ext::pkix::ExtendedKeyUsage;
use x509_cert::name::RdnSequence;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::Time;

use super::serial::{Serial, SerialError};

/// The label of the PEM block of a certificate.
pub const CERTIFICATE_LABEL: &str = "CERTIFICATE";
/// The label of the PEM block of a public key, which holds a `SubjectPublicKeyInfo`.
pub const PUBKEY_LABEL: &str = "EC PUBLIC KEY";

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// A certificate whose form, key and signature were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCertificate {
    /// Its serial number.
    pub serial: Serial,
    /// The common name of whom it is about: on this chain, the owner's address.
    pub subject: String,
    /// The common name of who issued it; empty when there is none.
    pub issuer: String,
    /// Valid from this second since 1970 on.
    pub not_before: u64,
    /// Valid up to and with this second since 1970.
    pub not_after: u64,
    /// Whether its extended key usage names the authentication of TLS clients.
    pub client_auth: bool,
    /// The certificate in DER, as TLS shows it.
    pub der: Vec<u8>,
    /// Its public key, a `SubjectPublicKeyInfo` in DER.
    pub spki: Vec<u8>,
}

/// Why a certificate is none that the chain stores.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// The certificate's text is not one PEM block with its label.
    #[error("the certificate must be one PEM block {CERTIFICATE_LABEL:?} and nothing else: {0}")]
    Pem(String),
    /// The key's text is not one PEM block with its label.
    #[error("the public key must be one PEM block {PUBKEY_LABEL:?} and nothing else: {0}")]
    PubkeyPem(String),
    /// The key is no P-256 key.
    #[error("the public key must be an ECDSA key on P-256: {0}")]
    Pubkey(String),
    /// The certificate does not decode.
    #[error("the certificate is not X.509 in DER: {0}")]
    Der(String),
    /// It is signed with another algorithm.
    #[error("the certificate must be signed with ECDSA over SHA-256, not with algorithm {0}")]
    Algorithm(String),
    /// It says two different things about how it is signed.
    #[error("the certificate names two different signature algorithms; make it anew")]
    Algorithms,
    /// A serial number that cannot be stored.
    #[error("the certificate's serial number: {0}")]
    Serial(#[from] SerialError),
    /// No common name, or several.
    #[error("the certificate's subject must have one common name, the owner's address; it has {0}")]
    CommonName(usize),
    /// Ends before it begins.
    #[error("the certificate is never valid: it ends before it begins")]
    NeverValid,
    /// The key in the certificate is not the one beside it.
    #[error("the certificate holds another key than the one that is sent beside it; send the certificate's own")]
    OtherKey,
    /// The signature does not verify.
    #[error("the certificate's signature does not verify with its key; it must be self-signed")]
    Signature,
}

impl CertificateError {
    /// Whether the key's text is at fault, not the certificate's.
    pub fn is_of_pubkey(&self) -> bool {
        matches!(self, Self::PubkeyPem(_) | Self::Pubkey(_))
    }
}

impl CheckedCertificate {
    /// Checks a certificate and its key.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(certificate: &[u8], pubkey: &[u8]) -> Result<Self, CertificateError> {
        let spki = block(pubkey, PUBKEY_LABEL).map_err(CertificateError::PubkeyPem)?;
        let key = verifying_key(&spki)?;
        let der = block(certificate, CERTIFICATE_LABEL).map_err(CertificateError::Pem)?;
        let signed = Signed::read(&der).map_err(|error| CertificateError::Der(error.to_string()))?;
        let body = &signed.body;
        if signed.algorithm.oid != ECDSA_WITH_SHA256 {
            return Err(CertificateError::Algorithm(signed.algorithm.oid.to_string()));
        }
        if body.signature != signed.algorithm {
            return Err(CertificateError::Algorithms);
        }
        let own_key = body.subject_public_key_info.to_der();
        if own_key.map_err(|error| CertificateError::Der(error.to_string()))? != spki {
            return Err(CertificateError::OtherKey);
        }
        let signature = signed.signature.as_bytes().and_then(|bytes| DerSignature::from_bytes(bytes).ok());
        let verified = signature.is_some_and(|signature| key.verify(signed.body_der, &signature).is_ok());
        if !verified {
            return Err(CertificateError::Signature);
        }
        let subjects = common_names(&body.subject);
        let [subject] = subjects.as_slice() else { return Err(CertificateError::CommonName(subjects.len())) };
        let (not_before, not_after) = (seconds(&body.validity.not_before), seconds(&body.validity.not_after));
        if not_after < not_before {
            return Err(CertificateError::NeverValid);
        }
        Ok(Self {
            serial: Serial::from_integer(body.serial_number.as_bytes())?,
            subject: subject.clone(),
            issuer: common_names(&body.issuer).into_iter().next().unwrap_or_default(),
            not_before,
            not_after,
            client_auth: is_for_clients(body),
            der: der.clone(),
            spki,
        })
    }
}

/// The content of a text that is one PEM block and nothing else but white space behind it.
fn block(text: &[u8], label: &str) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not text".to_owned())?.trim_end();
    if !text.starts_with("-----BEGIN ") || text.matches("-----BEGIN ").count() != 1 {
        return Err("it does not begin with the one line \"-----BEGIN\"".to_owned());
    }
    let block = pem::parse(text).map_err(|error| error.to_string())?;
    if block.tag() != label {
        return Err(format!("its label is {:?}", block.tag()));
    }
    if !text.ends_with(&format!("-----END {label}-----")) {
        return Err("something stands behind the block".to_owned());
    }
    Ok(block.into_contents())
}

fn verifying_key(spki: &[u8]) -> Result<VerifyingKey, CertificateError> {
    let malformed = |error: x509_cert::der::Error| CertificateError::Pubkey(error.to_string());
    let info = SubjectPublicKeyInfoOwned::from_der(spki).map_err(malformed)?;
    if info.algorithm.oid != EC_PUBLIC_KEY {
        return Err(CertificateError::Pubkey(format!("its algorithm is {}", info.algorithm.oid)));
    }
    let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
    if curve != Some(P256) {
        let curve = curve.map_or_else(|| "not named".to_owned(), |curve| curve.to_string());
        return Err(CertificateError::Pubkey(format!("its curve is {curve}")));
    }
    let point = info.subject_public_key.as_bytes().unwrap_or_default();
    VerifyingKey::from_sec1_bytes(point).map_err(|_| CertificateError::Pubkey("it is no point of the curve".to_owned()))
}

/// The three parts of a certificate; the signed one also as the bytes that were signed.
struct Signed<'a> {
    body_der: &'a [u8],
    body: TbsCertificate,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl<'a> Signed<'a> {
    fn read(der: &'a [u8]) -> x509_cert::der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let signed = reader.sequence(|inner| {
            let body_der = inner.tlv_bytes()?;
            Ok(Self {
                body_der,
                body: TbsCertificate::from_der(body_der)?,
                algorithm: inner.decode()?,
                signature: inner.decode()?,
            })
        })?;
        reader.finish(signed)
    }
}

fn common_names(name: &RdnSequence) -> Vec<String> {
    let parts = name.0.iter().flat_map(|set| set.0.iter());
    parts.filter(|part| part.oid == COMMON_NAME).filter_map(text_of).collect()
}

/// The text of an attribute, if it is of a kind that holds ASCII or UTF-8.
fn text_of(part: &AttributeTypeAndValue) -> Option<String> {
    let textual = matches!(part.value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
    let text = std::str::from_utf8(part.value.value()).ok()?;
    textual.then(|| text.to_owned())
}

fn seconds(time: &Time) -> u64 {
    time.to_unix_duration().as_secs()
}

/// Whether the extended key usage names TLS clients. One that does not decode names nobody.
fn is_for_clients(body: &TbsCertificate) -> bool {
    let extensions = body.extensions.as_deref().unwrap_or_default();
    let usage = extensions.iter().find(|extension| extension.extn_id == EXTENDED_KEY_USAGE);
    let usage = usage.and_then(|usage| ExtendedKeyUsage::from_der(usage.extn_value.as_bytes()).ok());
    usage.is_some_and(|usage| usage.0.contains(&CLIENT_AUTH))
}
