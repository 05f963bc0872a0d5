//! A manifest as it reaches a provider's gateway, and the digests under which it is accepted.

use serde_json::Value;

use crate::canonical;
use crate::manifest::Manifest;

/// The manifest that a tenant sent. It is accepted if one of its digests is the hash on the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedManifest {
    /// What it says.
    pub manifest: Manifest,
    /// The digests.
    pub digests: ManifestDigests,
}

/// Three digests of one manifest. Client generations differ in which of them they put on the chain
/// (spec/akash.md 2.7, 4.1, 8.4); each is SHA-256 of all that the tenant sent, so accepting any is no weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestDigests {
    /// Of the canonical form of the JSON exactly as received: clients that write `"params":null`.
    pub as_received: [u8; 32],
    /// Of the canonical form of the typed manifest written anew.
    pub typed: [u8; 32],
    /// Of the canonical form as received with non-ASCII characters escaped: the Python client.
    pub ascii: [u8; 32],
}

impl ManifestDigests {
    /// Whether one of them is the hash on the chain.
    pub fn contains(&self, hash: &[u8]) -> bool {
        [&self.as_received, &self.typed, &self.ascii].into_iter().any(|digest| digest.as_slice() == hash)
    }
}

/// The body is not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a manifest: {0}; send the JSON array of groups that `tetra sdl manifest` prints")]
pub struct ReceiveError(String);

impl ReceivedManifest {
    /// Reads the body of a manifest submission.
    ///
    /// # Errors
    /// [`ReceiveError`] when it is not JSON, not an array of groups, or has a field that is not known here.
    pub fn parse(body: &[u8]) -> Result<Self, ReceiveError> {
        let value: Value = serde_json::from_slice(body).map_err(|error| ReceiveError(error.to_string()))?;
        let manifest: Manifest = serde_json::from_slice(body).map_err(|error| ReceiveError(error.to_string()))?;
        let digests = ManifestDigests {
            as_received: canonical::sha256(&canonical::text(&value)),
            typed: manifest.hash(),
            ascii: canonical::sha256(&canonical::ascii_text(&value)),
        };
        Ok(Self { manifest, digests })
    }
}
