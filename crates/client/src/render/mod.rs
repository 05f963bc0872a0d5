//! What creators and auditors ask of a render node's gateway: scenes and chunks in, previews, files and tiles out
//! (docs/operations.md "Render nodes").
//!
//! | module | what it holds |
//! |---|---|
//! | [`status`] | what a node says of its own work, to its owner |
//! | [`trial`] | a few tiles of a scene, to tell what it will take |
//! | `download` | a finished file, from any byte on |
//!
//! Addresses below `/render/v1/`; digests are 64 lower-case hexadecimal digits.

mod download;
pub mod status;
pub mod trial;

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::gateway::{Gateway, GatewayError};

pub use download::Download;
pub use status::{Cache, Problem, RenderStatus, Working};
pub use trial::{Trial, TrialAsk, TrialTile};

/// For an answer that is short.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// For a chunk or a tile, which are megabytes.
const BULK_LIMIT: Duration = Duration::from_secs(120);

/// A frame, or a tile of a split one, as addresses write it: `jobs/CREATOR/JSEQ/units/INDEX`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitPath {
    /// The job's creator, bech32.
    pub creator: String,
    /// Number of the job, by its creator.
    pub jseq: u64,
    /// Position in the job's order of work, from 0.
    pub index: u32,
}

impl fmt::Display for UnitPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jobs/{}/{}/units/{}", self.creator, self.jseq, self.index)
    }
}

/// What a node says to an offered scene.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offered {
    /// SHA-256 of the manifest's bytes, by which the scene is called.
    pub manifest: String,
    /// Chunks that the node lacks, each once, in the order of the file.
    pub missing: Vec<String>,
}

impl Gateway {
    /// Offers a scene by the bytes of its chunk manifest. Asked again, it says what is still missing, so that an upload
    /// that was cut off goes on.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 413 when the scene is too large, 507 when there is no room, 404 when the provider renders
    /// nothing; or when it cannot be reached.
    pub async fn offer_scene(&self, manifest: Vec<u8>) -> Result<Offered, GatewayError> {
        let what = "the scene";
        let request = self.request(Method::POST, "render/v1/scenes")?;
        let request = request.header("content-type", "application/octet-stream").body(manifest);
        let text = self.send(request, what, CALL_LIMIT).await?;
        serde_json::from_str(&text).map_err(|error| self.garbled(what, error))
    }

    /// Uploads one chunk of an offered scene. Uploading it twice is no mistake.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 422 when the bytes are not those of the chunk, 404 when the scene was not offered or has
    /// no such chunk; or when it cannot be reached.
    pub async fn put_chunk(&self, manifest: &str, chunk: &str, bytes: Vec<u8>) -> Result<(), GatewayError> {
        let request = self.request(Method::PUT, &format!("render/v1/scenes/{manifest}/chunks/{chunk}"))?;
        let request = request.header("content-type", "application/octet-stream").body(bytes);
        self.send(request, "the chunk", BULK_LIMIT).await.map(drop)
    }

    /// The chunk manifest of a scene, at most `most` bytes; to be checked against its name by the caller.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 403 when the chain names no right to it, 404 when the node does not hold it; or when it
    /// cannot be reached, or answers more bytes.
    pub async fn scene(&self, manifest: &str, most: usize) -> Result<Vec<u8>, GatewayError> {
        self.bulk(&format!("render/v1/scenes/{manifest}"), "the scene's manifest", most).await
    }

    /// A chunk of a scene, at most `most` bytes; to be checked against its name by the caller.
    ///
    /// # Errors
    /// As [`Gateway::scene`].
    pub async fn chunk(&self, manifest: &str, chunk: &str, most: usize) -> Result<Vec<u8>, GatewayError> {
        self.bulk(&format!("render/v1/scenes/{manifest}/chunks/{chunk}"), "a chunk", most).await
    }

    /// A picture of a frame under a watermark, JPEG, at most so many pixels wide: of its newest attempt, also while it renders.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 404 when the node has no picture of it; or when it cannot be reached.
    pub async fn preview(&self, unit: &UnitPath, width: u32) -> Result<Vec<u8>, GatewayError> {
        self.bulk(&format!("render/v1/{unit}/preview?width={width}"), "the preview", 64 << 20).await
    }

    /// The finished file from byte `from` on.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 402 before the chain says that it is approved, 404 when the node does not have it, 416 when
    /// it has no such byte; or when it cannot be reached.
    pub async fn unit_file(&self, unit: &UnitPath, from: u64) -> Result<Download, GatewayError> {
        let request = self.request(Method::GET, &format!("render/v1/{unit}/file"))?;
        let request = if from > 0 { request.header("range", format!("bytes={from}-")) } else { request };
        Download::start(self.clone(), request, from).await
    }

    /// The raw buffers of a drawn tile as an EXR of 32-bit floats, for its auditors.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 403 to everybody else; or when it cannot be reached.
    pub async fn tile(&self, unit: &UnitPath, attempt: u32, tile: u32, most: usize) -> Result<Vec<u8>, GatewayError> {
        self.bulk(&format!("render/v1/{unit}/attempts/{attempt}/tiles/{tile}"), "the tile", most).await
    }

    /// What the node renders now, what it holds, and what went wrong lately; to its owner.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 403 to everybody else, 404 when it renders nothing; or when it cannot be reached.
    pub async fn render_status(&self) -> Result<RenderStatus, GatewayError> {
        let what = "its renders";
        let text = self.send(self.request(Method::GET, "render/v1/status")?, what, CALL_LIMIT).await?;
        serde_json::from_str(&text).map_err(|error| self.garbled(what, error))
    }

    async fn bulk(&self, path: &str, what: &'static str, most: usize) -> Result<Vec<u8>, GatewayError> {
        let mut download =
            Download::open(self.clone(), self.request(Method::GET, path)?.timeout(BULK_LIMIT), what).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = download.piece().await? {
            if bytes.len() + piece.len() > most {
                return Err(self.garbled(what, format!("it has more than the {most} bytes that it may have")));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_written_as_addresses_have_them() {
        let unit = UnitPath { creator: "tetra1abc".to_owned(), jseq: 7, index: 3 };
        assert_eq!(unit.to_string(), "jobs/tetra1abc/7/units/3");
    }
}
