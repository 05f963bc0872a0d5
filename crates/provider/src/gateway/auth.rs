//! Who asks: a token signed by the account's key on the chain, or a certificate that the account published there
//! (spec/akash.md 3.2).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::certs::standing::{Purpose, check};
use client::certs::{CertError, Certificate};
use client::claims::{Claims, Scope, Services, Target};
use client::token::{Token, TokenError};
use primitives::Prefix;
use thiserror::Error;

use super::keys::{KeyError, OwnerKeys};

/// How far clocks may differ, in seconds.
const LEEWAY: u64 = 30;

/// Why a caller is not let in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// Neither header nor certificate.
    #[error(
        "missing Authorization header: send `Authorization: Bearer TOKEN`, or show a client certificate at the name \
         mtls.HOST"
    )]
    Missing,
    /// A header that is none.
    #[error("invalid Authorization header: {0}")]
    Header(String),
    /// Claims that are none.
    #[error("invalid claims: {0}")]
    Claims(String),
    /// Two names at once.
    #[error("ambiguous authentication: there are both a client certificate and a token; send one of them")]
    Ambiguous,
    /// Not for now.
    #[error("JWT is expired: it ended at {0} (seconds since 1970); sign a new one")]
    Expired(u64),
    /// Not by the owner.
    #[error("JWT is invalid: {0}")]
    Invalid(String),
    /// Not for this, or a certificate that is not the owner's.
    #[error("unauthorized access: {0}")]
    Unauthorized(String),
    /// The chain cannot be asked.
    #[error("{0}")]
    Unavailable(String),
}

impl From<TokenError> for AuthError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Malformed(_) => Self::Header(error.to_string()),
            TokenError::Claims(why) => Self::Claims(why),
            TokenError::Signature => Self::Invalid(error.to_string()),
        }
    }
}

impl From<CertError> for AuthError {
    fn from(error: CertError) -> Self {
        Self::Unauthorized(error.to_string())
    }
}

/// An account that proved to be itself, and how.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account, bech32.
    pub owner: String,
    proof: Proof,
}

#[derive(Clone, Debug)]
enum Proof {
    Token(Claims),
    Certificate(Box<Certificate>),
}

impl Caller {
    /// The services of `target` for which it may have `provider` (bech32) do `action`; none when it may not. A
    /// certificate permits everything.
    pub fn permit(&self, provider: &str, action: Scope, target: Target) -> Option<Services> {
        match &self.proof {
            Proof::Token(claims) => claims.permit(provider, action, target),
            Proof::Certificate(_) => Some(Services::All),
        }
    }

    /// Whether it may have `provider` (bech32) do everything that its owner may.
    pub fn permits_everything(&self, provider: &str) -> bool {
        match &self.proof {
            Proof::Token(claims) => claims.is_full_with(provider),
            Proof::Certificate(_) => true,
        }
    }

    /// Why it would not be let in any more, for what lasts longer than a request. A token was good when it began,
    /// which is all that its expiry says; a certificate can be taken back.
    pub(super) async fn lapsed(&self, keys: &dyn OwnerKeys, now: Duration) -> Option<AuthError> {
        match &self.proof {
            Proof::Token(_) => None,
            Proof::Certificate(shown) => match by_certificate(shown, keys, now).await {
                Ok(()) | Err(AuthError::Unavailable(_)) => None,
                Err(error) => Some(error),
            },
        }
    }
}

/// Who sends a request with this `Authorization` header over a connection with these client certificates (DER).
///
/// # Errors
/// [`AuthError`] with the reason.
pub async fn authenticate(
    header: Option<&[u8]>,
    certificates: &[&[u8]],
    keys: &dyn OwnerKeys,
    prefix: &Prefix,
    now: Duration,
) -> Result<Caller, AuthError> {
    let token = header.map(bearer).transpose()?.map(Token::parse).transpose()?;
    match (token, certificates) {
        (None, []) => Err(AuthError::Missing),
        (Some(_), [_, ..]) => Err(AuthError::Ambiguous),
        (Some(token), []) => by_token(token, keys, prefix, now.as_secs()).await,
        (None, [certificate]) => {
            let shown = Certificate::from_der(certificate)?;
            let stranger = |error| AuthError::Unauthorized(format!("the certificate's common name: {error}"));
            prefix.parse(&shown.owner).map_err(stranger)?;
            by_certificate(&shown, keys, now).await?;
            Ok(Caller { owner: shown.owner.clone(), proof: Proof::Certificate(Box::new(shown)) })
        }
        (None, several) => {
            Err(AuthError::Unauthorized(format!("one client certificate is wanted, not {}", several.len())))
        }
    }
}

async fn by_token(token: Token, keys: &dyn OwnerKeys, prefix: &Prefix, now: u64) -> Result<Caller, AuthError> {
    let claims = token.claims();
    let address = |what: &str, text: &str| match prefix.parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(AuthError::Claims(format!("{what}: {error}"))),
    };
    address("iss", &claims.iss)?;
    claims.providers().into_iter().try_for_each(|provider| address("provider", provider))?;
    check_times(claims, now)?;
    let key = keys.key_of(&claims.iss).await.map_err(|error| match error {
        KeyError::Unavailable(_) => AuthError::Unavailable(error.to_string()),
        KeyError::NeverSigned(_) | KeyError::Unsupported { .. } => AuthError::Invalid(error.to_string()),
    })?;
    let claims = token.verify(&key)?;
    Ok(Caller { owner: claims.iss.clone(), proof: Proof::Token(claims) })
}

async fn by_certificate(shown: &Certificate, keys: &dyn OwnerKeys, now: Duration) -> Result<(), AuthError> {
    let stored = keys.certificate(&shown.owner, &shown.serial).await;
    let stored = stored.map_err(|error| AuthError::Unavailable(error.to_string()))?;
    Ok(check(shown, stored.as_ref(), Purpose::Client, now)?)
}

/// The time since 1970.
pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The token of an `Authorization` header.
///
/// # Errors
/// [`AuthError::Header`] when the header is not `Bearer TOKEN`.
pub fn bearer(header: &[u8]) -> Result<&str, AuthError> {
    let wrong = || AuthError::Header("it must be `Bearer TOKEN`".to_owned());
    let text = std::str::from_utf8(header).map_err(|_| wrong())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains(' ') {
        return Err(wrong());
    }
    Ok(token)
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
