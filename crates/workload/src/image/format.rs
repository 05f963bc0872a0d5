//! The documents of the OCI image specification that this store reads, and their compressions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ImageConfig;
use crate::error::{Error, Result};

/// `sha256:` and 64 hexadecimal digits. No other algorithm is accepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Digest(String);

impl Digest {
    pub(crate) fn from_hash(hash: &[u8]) -> Self {
        Self(hex::encode(hash))
    }

    /// The 64 hexadecimal digits.
    pub(crate) fn hex(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        match hex.len() == 64 && hex.bytes().all(lower_hex) {
            true => Ok(Self(hex.to_owned())),
            false => Err(Error::image(format!("digest `{text}`"), "it is not sha256 with 64 hex digits")),
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub(crate) annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Platform {
    pub(crate) architecture: String,
    pub(crate) os: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub(crate) manifests: Vec<Descriptor>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) schema_version: u32,
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
}

/// The image configuration blob.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ConfigDocument {
    #[serde(default)]
    pub(crate) architecture: String,
    #[serde(default)]
    pub(crate) os: String,
    #[serde(default)]
    pub(crate) config: Option<ImageConfig>,
    pub(crate) rootfs: RootFs,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RootFs {
    pub(crate) diff_ids: Vec<Digest>,
}

/// This machine's architecture in Go's spelling, as images name it.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Index {
    /// Entries that this machine can run. Entries without a platform are taken at their word;
    /// their configuration is checked later.
    pub(crate) fn for_this_machine(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests
            .iter()
            .filter(|entry| entry.platform.as_ref().is_none_or(|p| p.os == "linux" && p.architecture == architecture()))
    }
}

impl ConfigDocument {
    pub(crate) fn check_platform(&self) -> Result<()> {
        let fits = (self.os.is_empty() || self.os == "linux")
            && (self.architecture.is_empty() || self.architecture == architecture());
        match fits {
            true => Ok(()),
            false => Err(Error::image(
                "platform",
                format!("it is for {}/{}, this machine is linux/{}", self.os, self.architecture, architecture()),
            )),
        }
    }
}

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// Recognised by the first bytes: media types of old archives cannot be trusted.
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}
