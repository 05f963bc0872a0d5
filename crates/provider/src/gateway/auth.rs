//! Whether a token is its owner's: header, claims, times, and a signature by the account's key on the chain.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use primitives::Prefix;
use secp256k1::ecdsa::{self, Signature};
use secp256k1::{Message, PublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::claims::Claims;
use super::keys::{KeyError, OwnerKeys};

/// How far clocks may differ, in seconds.
const LEEWAY: u64 = 30;

/// Why a caller is not let in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// No header.
    #[error("missing Authorization header: send `Authorization: Bearer TOKEN`")]
    Missing,
    /// A header that is none.
    #[error("invalid Authorization header: {0}")]
    Header(String),
    /// Claims that are none.
    #[error("invalid claims: {0}")]
    Claims(String),
    /// Not for now.
    #[error("JWT is expired: it ended at {0} (seconds since 1970); sign a new one")]
    Expired(u64),
    /// Not by the owner.
    #[error("JWT is invalid: {0}")]
    Invalid(String),
    /// Not for this.
    #[error("unauthorized access: {0}")]
    Unauthorized(String),
    /// The chain cannot be asked.
    #[error("{0}")]
    Unavailable(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
}

/// The claims in an `Authorization` header, once they are proved to be their issuer's.
///
/// # Errors
/// [`AuthError`] with the reason.
pub async fn authenticate(
    header: Option<&[u8]>,
    keys: &dyn OwnerKeys,
    prefix: &Prefix,
    now: Duration,
) -> Result<Claims, AuthError> {
    let token = bearer(header.ok_or(AuthError::Missing)?)?;
    let (message, claims, signature) = parts(token)?;
    prefix.parse(&claims.iss).map_err(|error| AuthError::Claims(format!("iss: {error}")))?;
    check_times(&claims, now.as_secs())?;
    let key = keys.key_of(&claims.iss).await.map_err(|error| match error {
        KeyError::Unavailable(_) => AuthError::Unavailable(error.to_string()),
        KeyError::NeverSigned(_) | KeyError::Unsupported { .. } => AuthError::Invalid(error.to_string()),
    })?;
    let key = PublicKey::from_slice(&key).map_err(|error| AuthError::Invalid(error.to_string()))?;
    let digest = Message::from_digest(Sha256::digest(message).into());
    ecdsa::verify(&signature, digest, &key)
        .map_err(|_| AuthError::Invalid("the signature is not by the key of its issuer's account".to_owned()))?;
    Ok(claims)
}

/// The time since 1970.
pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn bearer(header: &[u8]) -> Result<&str, AuthError> {
    let wrong = || AuthError::Header("it must be `Bearer TOKEN`".to_owned());
    let text = std::str::from_utf8(header).map_err(|_| wrong())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains(' ') {
        return Err(wrong());
    }
    Ok(token)
}

/// What is signed, what it says, and the signature.
fn parts(token: &str) -> Result<(&[u8], Claims, Signature), AuthError> {
    let wrong = |why: &str| AuthError::Header(format!("the token is malformed: {why}"));
    let (message, signature) = token.rsplit_once('.').ok_or_else(|| wrong("it has no parts"))?;
    let (header, claims) = message.split_once('.').ok_or_else(|| wrong("it must have three parts"))?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| wrong("its parts must be unpadded base64url"));
    let header: TokenHeader =
        serde_json::from_slice(&decoded(header)?).map_err(|error| wrong(&format!("header: {error}")))?;
    if header.alg != "ES256K" || header.typ.is_some_and(|typ| typ != "JWT") {
        return Err(wrong("this provider takes the algorithm ES256K and the type JWT only"));
    }
    let claims = Claims::parse(&decoded(claims)?).map_err(AuthError::Claims)?;
    let signature = Signature::from_compact(&decoded(signature)?)
        .map_err(|_| wrong("its signature must be 64 bytes r and s in base64url"))?;
    Ok((message.as_bytes(), claims, signature))
}

fn check_times(claims: &Claims, now: u64) -> Result<(), AuthError> {
    if claims.exp.saturating_add(LEEWAY) < now {
        return Err(AuthError::Expired(claims.exp));
    }
    let later = now.saturating_add(LEEWAY);
    if claims.nbf > later || claims.iat > later {
        return Err(AuthError::Invalid("it is of a later time; compare the clocks of both machines".to_owned()));
    }
    Ok(())
}
