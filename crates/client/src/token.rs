//! Tokens by which a tenant speaks to a provider's gateway (spec/akash.md 3.2): a JSON web token, signed with the
//! account key that owns the leases, so that no second key has to be registered anywhere.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::keys::SigningKey;

/// How long a token is good for. Short, because a provider that sees it could show it to another provider.
pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How far a token reaches back, for providers whose clock is behind ours.
const BACK: Duration = Duration::from_secs(60);

/// A token for all leases of `owner` (bech32), good from now on for [`LIFETIME`].
pub fn full_access(key: &SigningKey, owner: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    full_access_at(key, owner, now)
}

/// As [`full_access`], issued at a time since 1970.
pub fn full_access_at(key: &SigningKey, owner: &str, now: Duration) -> String {
    let start = now.saturating_sub(BACK).as_secs();
    let claims = json!({
        "iss": owner,
        "iat": start,
        "nbf": start,
        "exp": (now + LIFETIME).as_secs(),
        "version": "v1",
        "leases": { "access": "full" },
    });
    signed(key, &claims)
}

/// A token with these claims: `header.claims.signature`, each in unpadded base64url, the signature 64 bytes r ‖ s
/// over SHA-256 of `header.claims` (ES256K, RFC 8812).
pub fn signed(key: &SigningKey, claims: &Value) -> String {
    let header = json!({ "alg": "ES256K", "typ": "JWT" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use secp256k1::ecdsa::{self, Signature};
    use secp256k1::{Message, PublicKey};
    use sha2::{Digest, Sha256};

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
}
