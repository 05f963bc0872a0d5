//! What the agents of a cluster are told beside the chain: image, command, environment, and a secret that its nodes share. The
//! chain has its SHA-256, so that all run the same; agents pass it to those who replace a lost one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The most bytes of a manifest.
pub const MOST_BYTES: usize = 64 << 10;

/// Why bytes are no manifest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// Not of this form.
    #[error("the manifest of the cluster is malformed: {0}")]
    Malformed(String),
    /// Not what the chain names.
    #[error("the manifest is not the one that the chain names; send the one that the cluster was made with")]
    Other,
}

/// What every node of a cluster runs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The image of its containers.
    pub image: String,
    /// What runs in them beside the cluster's own programs; empty: they wait for programs that are run on them.
    #[serde(default)]
    pub command: Vec<String>,
    /// Environment of containers and programs.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What the cluster's own programs show each other, such as Ray's token.
    pub secret: String,
    /// Bytes of a volume at `/checkpoint`, of which suppliers keep copies of the head's; 0: there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub checkpoint_bytes: u64,
    /// Bytes of a volume at `/data`, which replacements copy from other nodes; 0: there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub data_bytes: u64,
}

fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

impl std::fmt::Debug for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manifest").field("image", &self.image).field("command", &self.command).finish_non_exhaustive()
    }
}

impl Manifest {
    /// A manifest with a new secret.
    pub fn new(image: String, command: Vec<String>, env: BTreeMap<String, String>) -> Self {
        let secret: [u8; 32] = rand::random();
        Self { image, command, env, secret: hex::encode(secret), checkpoint_bytes: 0, data_bytes: 0 }
    }

    /// Its bytes, as they are sent and hashed.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, lists and maps with text keys always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// SHA-256 of bytes of a manifest.
    pub fn hash(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }

    /// Reads the manifest that the chain names.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(bytes: &[u8], named: &[u8]) -> Result<Self, ManifestError> {
        if Self::hash(bytes) != named {
            return Err(ManifestError::Other);
        }
        serde_json::from_slice(bytes).map_err(|error| ManifestError::Malformed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_by_its_hash_and_keeps_its_secret_out_of_logs() {
        let manifest = Manifest::new("ray:2".to_owned(), Vec::new(), BTreeMap::new());
        let bytes = manifest.to_bytes();
        assert_eq!(Manifest::parse(&bytes, &Manifest::hash(&bytes)), Ok(manifest.clone()));
        assert_eq!(Manifest::parse(&bytes, &[0; 32]), Err(ManifestError::Other));
        let odd = br#"{"image":"a","secret":"b","more":1}"#;
        assert!(matches!(Manifest::parse(odd, &Manifest::hash(odd)), Err(ManifestError::Malformed(_))));
        assert!(!format!("{manifest:?}").contains(&manifest.secret));
    }
}
