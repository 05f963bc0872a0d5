//! What creators and auditors may ask of a render node, behind a trait, as [`crate::desk`] is for tenants.

use std::path::PathBuf;

use async_trait::async_trait;
use client::render::{Offered, RenderStatus, Trial, TrialAsk, UnitPath};
use farm::Digest;
use thiserror::Error;

/// Why a render node refuses.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderRefusal {
    /// The chain names no right to it.
    #[error("{0}")]
    Forbidden(String),
    /// It is not here.
    #[error("{0}")]
    NotFound(String),
    /// It is not paid for.
    #[error("{0}")]
    Unpaid(String),
    /// Not what was announced.
    #[error("{0}")]
    Malformed(String),
    /// Larger than is taken.
    #[error("{0}")]
    TooLarge(String),
    /// No room on this node.
    #[error("{0}")]
    NoRoom(String),
    /// It has work.
    #[error("{0}")]
    Busy(String),
    /// The chain cannot be asked.
    #[error("{0}")]
    Unavailable(String),
    /// It failed here.
    #[error("{0}")]
    Internal(String),
}

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Where it is.
    pub path: PathBuf,
    /// What it is called: letters, digits, dots, lines.
    pub name: String,
}

/// A render node, as its gateway sees it. Callers are authenticated accounts, bech32.
#[async_trait]
pub trait RenderDesk: Send + Sync + 'static {
    /// Takes note of a scene by its chunk manifest and says what of it is missing.
    async fn offer(&self, caller: &str, manifest: &[u8]) -> Result<Offered, RenderRefusal>;

    /// Takes a chunk of an offered scene.
    async fn put_chunk(&self, manifest: Digest, chunk: Digest, bytes: &[u8]) -> Result<(), RenderRefusal>;

    /// Renders a few tiles of a scene that is here, while there is nothing else to do.
    async fn trial(&self, caller: &str, manifest: Digest, ask: TrialAsk) -> Result<Trial, RenderRefusal>;

    /// The manifest of a scene, to whom the chain names a right to it.
    async fn scene(&self, caller: &str, manifest: Digest) -> Result<Vec<u8>, RenderRefusal>;

    /// A chunk of a scene, likewise.
    async fn chunk(&self, caller: &str, manifest: Digest, chunk: Digest) -> Result<Vec<u8>, RenderRefusal>;

    /// A watermarked JPEG of a unit's newest attempt, to its creator.
    async fn preview(&self, caller: &str, unit: &UnitPath, width: u32) -> Result<Vec<u8>, RenderRefusal>;

    /// The finished file, to its creator once the chain says that it is approved.
    async fn file(&self, caller: &str, unit: &UnitPath) -> Result<Finished, RenderRefusal>;

    /// Buffers of a drawn tile as EXR, to its auditors.
    async fn tile(&self, caller: &str, unit: &UnitPath, attempt: u32, tile: u32) -> Result<Vec<u8>, RenderRefusal>;

    /// What the node does, to its owner.
    async fn status(&self, caller: &str) -> Result<RenderStatus, RenderRefusal>;
}
