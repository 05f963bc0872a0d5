//! Who votes, and who talks. Two keys, so that losing the one that faces the network is not
//! losing the one that can be punished.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use arc_malachitebft_app_channel::app::types::Keypair;
use arc_malachitebft_signing_ed25519::PrivateKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use primitives::validators::ConsensusAddress;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Why a key file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file system refused.
    #[error("key file {path}: {source}; check the path and its permissions")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The file is not a key file.
    #[error("key file {path}: {reason}; restore it from your backup")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The ed25519 key with which a validator votes. File format: CometBFT's
/// `priv_validator_key.json`.
#[derive(Clone)]
pub struct ValidatorKey {
    key: PrivateKey,
}

impl std::fmt::Debug for ValidatorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ValidatorKey({})", self.address())
    }
}

const PUBLIC_TYPE: &str = "tendermint/PubKeyEd25519";
const PRIVATE_TYPE: &str = "tendermint/PrivKeyEd25519";

#[derive(Serialize, Deserialize)]
struct TypedKey {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

impl Drop for TypedKey {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

#[derive(Serialize, Deserialize)]
struct ValidatorKeyFile {
    address: String,
    pub_key: TypedKey,
    priv_key: TypedKey,
}

impl ValidatorKey {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Self {
        Self::from_seed(rand::random())
    }

    /// The key of a 32-byte seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { key: PrivateKey::from(seed) }
    }

    /// The public half, as genesis and validator messages name it.
    pub fn public_key(&self) -> [u8; 32] {
        *self.key.public_key().as_bytes()
    }

    /// The address under which it votes.
    pub fn address(&self) -> ConsensusAddress {
        ConsensusAddress::of(&self.public_key())
    }

    pub(crate) fn private(&self) -> &PrivateKey {
        &self.key
    }

    /// Reads a `priv_validator_key.json`.
    ///
    /// # Errors
    /// A file that is missing, malformed, or whose parts contradict each other.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let malformed = |reason: &str| KeyError::Malformed { path: path.to_owned(), reason: reason.to_owned() };
        let text = Zeroizing::new(read(path)?);
        let file: ValidatorKeyFile = serde_json::from_str(&text).map_err(|e| malformed(&e.to_string()))?;
        if file.priv_key.kind != PRIVATE_TYPE || file.pub_key.kind != PUBLIC_TYPE {
            return Err(malformed("not an ed25519 key"));
        }
        let secret = Zeroizing::new(BASE64.decode(&file.priv_key.value).map_err(|e| malformed(&e.to_string()))?);
        let (Some(seed), 64) = (secret.first_chunk::<32>(), secret.len()) else {
            return Err(malformed("the private key is not 64 bytes long"));
        };
        let key = Self::from_seed(*seed);
        let public = BASE64.encode(key.public_key());
        let address = key.address().to_string();
        if secret[32..] != key.public_key()
            || file.pub_key.value != public
            || !file.address.eq_ignore_ascii_case(&address)
        {
            return Err(malformed("private key, public key and address do not belong together"));
        }
        Ok(key)
    }

    /// Writes a new `priv_validator_key.json`, readable by its owner only. Never overwrites.
    ///
    /// # Errors
    /// A file that exists or cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), KeyError> {
        let secret = Zeroizing::new([self.key.inner().as_bytes().as_slice(), &self.public_key()].concat());
        let file = ValidatorKeyFile {
            address: self.address().to_string(),
            pub_key: TypedKey { kind: PUBLIC_TYPE.to_owned(), value: BASE64.encode(self.public_key()) },
            priv_key: TypedKey { kind: PRIVATE_TYPE.to_owned(), value: BASE64.encode(&*secret) },
        };
        write_secret(path, &file)
    }
}

/// The key with which a node identifies itself to its peers. File format: CometBFT's
/// `node_key.json`.
#[derive(Clone)]
pub struct NodeKey {
    seed: Zeroizing<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
struct NodeKeyFile {
    priv_key: TypedKey,
}

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeKey(..)")
    }
}

impl NodeKey {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Self {
        Self::from_seed(rand::random())
    }

    /// The key of a 32-byte seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { seed: Zeroizing::new(seed) }
    }

    /// The libp2p peer id, in base58, as the last component of a peer's multiaddress.
    pub fn peer_id(&self) -> String {
        self.keypair().map(|k| k.public().to_peer_id().to_string()).unwrap_or_default()
    }

    /// The seed, for other libp2p swarms of the same node.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// Any 32 bytes are an ed25519 seed, so this never is `None`.
    pub(crate) fn keypair(&self) -> Option<Keypair> {
        Keypair::ed25519_from_bytes(*self.seed).ok()
    }

    /// Reads a `node_key.json`.
    ///
    /// # Errors
    /// A file that is missing or malformed.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let malformed = |reason: String| KeyError::Malformed { path: path.to_owned(), reason };
        let text = Zeroizing::new(read(path)?);
        let file: NodeKeyFile = serde_json::from_str(&text).map_err(|e| malformed(e.to_string()))?;
        let secret = BASE64.decode(&file.priv_key.value).map_err(|e| malformed(e.to_string()))?;
        let secret = Zeroizing::new(secret);
        match (secret.first_chunk::<32>(), secret.len(), file.priv_key.kind.as_str()) {
            (Some(seed), 64, PRIVATE_TYPE) => Ok(Self::from_seed(*seed)),
            _ => Err(malformed("not an ed25519 private key of 64 bytes".to_owned())),
        }
    }

    /// Writes a new `node_key.json`, readable by its owner only. Never overwrites.
    ///
    /// # Errors
    /// A file that exists or cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), KeyError> {
        let public = PrivateKey::from(*self.seed).public_key();
        let secret = Zeroizing::new([self.seed.as_slice(), public.as_bytes()].concat());
        let value = BASE64.encode(&*secret);
        write_secret(path, &NodeKeyFile { priv_key: TypedKey { kind: PRIVATE_TYPE.to_owned(), value } })
    }
}

fn read(path: &Path) -> Result<String, KeyError> {
    fs::read_to_string(path).map_err(|source| KeyError::Io { path: path.to_owned(), source })
}

fn write_secret(path: &Path, file: &impl Serialize) -> Result<(), KeyError> {
    let io = |source| KeyError::Io { path: path.to_owned(), source };
    let json = serde_json::to_string_pretty(file).map_err(|e| io(e.into()))?;
    let json = Zeroizing::new(json);
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    out.write_all(json.as_bytes()).and_then(|()| out.sync_all()).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_key_comes_back_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("priv_validator_key.json");
        let key = ValidatorKey::from_seed([7; 32]);
        key.save(&path).unwrap();
        assert_eq!(ValidatorKey::load(&path).unwrap().address(), key.address());
        assert!(matches!(key.save(&path), Err(KeyError::Io { .. })), "never overwritten");
    }

    #[test]
    fn a_key_file_whose_parts_do_not_fit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json");
        ValidatorKey::from_seed([7; 32]).save(&path).unwrap();
        let other = ValidatorKey::from_seed([8; 32]).address().to_string();
        let mine = ValidatorKey::from_seed([7; 32]).address().to_string();
        let text = fs::read_to_string(&path).unwrap().replace(&mine, &other);
        fs::write(&path, text).unwrap();
        let error = ValidatorKey::load(&path).unwrap_err();
        assert!(error.to_string().contains("do not belong together"), "{error}");
    }

    #[test]
    fn a_node_key_comes_back_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node_key.json");
        let key = NodeKey::from_seed([9; 32]);
        key.save(&path).unwrap();
        assert_eq!(NodeKey::load(&path).unwrap().peer_id(), key.peer_id());
        assert!(!key.peer_id().is_empty());
    }
}
