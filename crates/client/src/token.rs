//! Tokens by which a tenant speaks to a provider's gateway (spec/akash.md 3.2): a JSON web token, signed with the
//! account key that owns the leases, so that no second key has to be registered anywhere.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secp256k1::ecdsa::{self, Signature};
use secp256k1::{Message, PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::claims::{Access, Claims};
use crate::keys::SigningKey;

/// How long a token is good for. Short, because a provider that sees it could show it to another provider.
pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How far a token reaches back, for providers whose clock is behind ours.
const BACK: Duration = Duration::from_secs(60);

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// SHA-256 of `header.claims` (RFC 8812).
    #[serde(rename = "ES256K")]
    Es256k,
    /// SHA-256 of the sign document of ADR-036 over `header.claims`, as wallets in browsers sign it.
    #[serde(rename = "ES256KADR36")]
    Es256kAdr36,
}

/// Why a token is not its issuer's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// A text that is no token.
    #[error("the token is malformed: {0}")]
    Malformed(String),
    /// Claims that are none.
    #[error("{0}")]
    Claims(String),
    /// Somebody else's signature.
    #[error("the signature is not by the key of its issuer's account")]
    Signature,
}

/// A token that was read, and is not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    algorithm: Algorithm,
    claims: Claims,
    /// `header.claims` as it was sent.
    message: String,
    signature: Signature,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: Algorithm,
    #[serde(default)]
    typ: Option<String>,
}

impl Token {
    /// Reads `header.claims.signature`, each in unpadded base64url, the signature 64 bytes r ‖ s.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] or [`TokenError::Claims`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let wrong = |why: &str| TokenError::Malformed(why.to_owned());
        let (message, signature) = text.rsplit_once('.').ok_or_else(|| wrong("it has no parts"))?;
        let (header, claims) = message.split_once('.').ok_or_else(|| wrong("it must have three parts"))?;
        let decoded =
            |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| wrong("its parts must be unpadded base64url"));
        let header: Header =
            serde_json::from_slice(&decoded(header)?).map_err(|error| wrong(&format!("header: {error}")))?;
        if header.typ.is_some_and(|typ| typ != "JWT") {
            return Err(wrong("its type must be JWT"));
        }
        let claims = Claims::parse(&decoded(claims)?).map_err(TokenError::Claims)?;
        let signature = Signature::from_compact(&decoded(signature)?)
            .map_err(|_| wrong("its signature must be 64 bytes r and s in base64url"))?;
        Ok(Self { algorithm: header.alg, claims, message: message.to_owned(), signature })
    }

    /// What it says.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What it says, once the compressed secp256k1 key of its issuer is known to have signed it.
    ///
    /// # Errors
    /// [`TokenError::Signature`] when it did not.
    pub fn verify(self, public_key: &[u8; 33]) -> Result<Claims, TokenError> {
        let key = PublicKey::from_slice(public_key).map_err(|_| TokenError::Signature)?;
        let signed = to_sign(self.algorithm, &self.claims.iss, &self.message);
        let digest = Message::from_digest(Sha256::digest(signed).into());
        ecdsa::verify(&self.signature, digest, &key).map_err(|_| TokenError::Signature)?;
        Ok(self.claims)
    }
}

/// The bytes whose SHA-256 is signed.
fn to_sign(algorithm: Algorithm, signer: &str, message: &str) -> String {
    match algorithm {
        Algorithm::Es256k => message.to_owned(),
        Algorithm::Es256kAdr36 => sign_document(signer, message),
    }
}

/// The sign document of ADR-036: amino JSON, keys in order of name. The signer is a bech32 address and the data base64,
/// so that nothing has to be escaped that encoders would escape differently.
fn sign_document(signer: &str, message: &str) -> String {
    let (signer, data) = (Value::from(signer), STANDARD.encode(message));
    format!(
        r#"{{"account_number":"0","chain_id":"","fee":{{"amount":[],"gas":"0"}},"memo":"","msgs":[{{"type":"sign/MsgSignData","value":{{"data":"{data}","signer":{signer}}}}}],"sequence":"0"}}"#
    )
}

/// A token for all leases of `owner` (bech32), good from now on for [`LIFETIME`].
pub fn full_access(key: &SigningKey, owner: &str) -> String {
    full_access_at(key, owner, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// As [`full_access`], issued at a time since 1970.
pub fn full_access_at(key: &SigningKey, owner: &str, now: Duration) -> String {
    sign(key, Algorithm::Es256k, &claims(owner, Access::Full {}, now, LIFETIME))
}

/// Claims of `owner` (bech32), issued at a time since 1970 and good for `lifetime` from then on.
pub fn claims(owner: &str, leases: Access, now: Duration, lifetime: Duration) -> Claims {
    let start = now.saturating_sub(BACK).as_secs();
    let exp = now.saturating_add(lifetime).as_secs();
    Claims { iss: owner.to_owned(), iat: start, nbf: start, exp, jti: None, version: "v1".to_owned(), leases }
}

/// A token with these claims, signed with the key of their issuer.
pub fn sign(key: &SigningKey, algorithm: Algorithm, claims: &Claims) -> String {
    // Claims hold strings, integers and lists only, which always become JSON.
    let claims = serde_json::to_value(claims).unwrap_or_default();
    let header = Header { alg: algorithm, typ: Some("JWT".to_owned()) };
    let header = serde_json::to_value(header).unwrap_or_default();
    sign_value(key, &header, &claims)
}

/// A token with any header and claims, which no gateway need take; the signature is of the header's algorithm, of
/// `ES256K` where it is another one.
pub fn sign_value(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let algorithm = Algorithm::deserialize(&header["alg"]).unwrap_or(Algorithm::Es256k);
    let signer = claims["iss"].as_str().unwrap_or_default();
    let signature = URL_SAFE_NO_PAD.encode(key.sign(to_sign(algorithm, signer, &message).as_bytes()));
    format!("{message}.{signature}")
}

/// As [`sign_value`], with the header of `ES256K`.
pub fn signed(key: &SigningKey, claims: &Value) -> String {
    sign_value(key, &json!({ "alg": "ES256K", "typ": "JWT" }), claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_has_the_claims_of_the_wire_format_and_its_signature_verifies() {
        let key = SigningKey::from_bytes([7; 32]).unwrap();
        let token = full_access_at(&key, "tetra1owner", Duration::from_secs(1_000_000));
        let parts: Vec<&str> = token.split('.').collect();
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        assert_eq!(decoded(parts[0]), br#"{"alg":"ES256K","typ":"JWT"}"#);
        let claims: Value = serde_json::from_slice(&decoded(parts[1])).unwrap();
        let wanted = json!({
            "iss": "tetra1owner", "iat": 999_940, "nbf": 999_940, "exp": 1_000_900, "version": "v1",
            "leases": { "access": "full" },
        });
        assert_eq!(claims, wanted);
        let digest = Sha256::digest(format!("{}.{}", parts[0], parts[1]));
        let signature = Signature::from_compact(&decoded(parts[2])).unwrap();
        let public = PublicKey::from_slice(&key.public_key()).unwrap();
        ecdsa::verify(&signature, Message::from_digest(digest.into()), &public).unwrap();
    }

    #[test]
    fn the_sign_document_is_canonical_amino_json() {
        // Keys in order at every level, no white space: what a sorting encoder writes.
        let document = sign_document("tetra1owner", "a.b");
        let wanted = json!({
            "account_number": "0", "chain_id": "", "fee": { "amount": [], "gas": "0" }, "memo": "",
            "msgs": [{ "type": "sign/MsgSignData", "value": { "data": "YS5i", "signer": "tetra1owner" } }],
            "sequence": "0",
        });
        assert_eq!(serde_json::from_str::<Value>(&document).unwrap(), wanted);
        let keys = ["account_number", "chain_id", "fee", "amount", "gas", "memo", "msgs", "type", "value", "data"];
        let places: Vec<_> = keys.iter().map(|key| document.find(&format!("\"{key}\":")).unwrap()).collect();
        assert!(places.is_sorted() && !document.contains(' '), "{document}");
    }

    #[test]
    fn each_algorithm_verifies_its_own_signature_only() {
        let key = SigningKey::from_bytes([7; 32]).unwrap();
        let claims = claims("tetra1owner", Access::Full {}, Duration::from_secs(1_000_000), LIFETIME);
        for algorithm in [Algorithm::Es256k, Algorithm::Es256kAdr36] {
            let token = Token::parse(&sign(&key, algorithm, &claims)).unwrap();
            assert_eq!(token.clone().verify(&key.public_key()), Ok(claims.clone()));
            let other = SigningKey::from_bytes([8; 32]).unwrap().public_key();
            assert_eq!(token.verify(&other), Err(TokenError::Signature));
        }
        let header = |alg: &str| URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "typ": "JWT" }).to_string());
        let token = sign(&key, Algorithm::Es256k, &claims);
        let swapped = token.replacen(&header("ES256K"), &header("ES256KADR36"), 1);
        assert_ne!(swapped, token);
        assert_eq!(Token::parse(&swapped).unwrap().verify(&key.public_key()), Err(TokenError::Signature));
    }
}
