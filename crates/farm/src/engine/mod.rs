//! Render engines: what they are asked, what they answer, and how they fail.
//!
//! | module | what it holds |
//! |---|---|
//! | [`blender`] | the trait on Blender's Cycles, as a process of its own |
//! | `region` | what was computed of a region, as a file |
//! | `fault` | [`Fault`]: the one taxonomy of failures |
//! | [`sandbox`] | what a process that reads a hostile scene is put into |
//! | `session` | the conversation with that process: progress, limits, the end |
//! | `types` | scenes, options, work, results |

pub mod blender;
mod fault;
mod region;
pub mod sandbox;
mod session;
mod types;

use std::path::{Path, PathBuf};

use async_trait::async_trait;

pub use blender::Blender;
pub use fault::Fault;
pub use sandbox::{Cell, Confine, Limits, Namespaces, Prefix};
pub use types::{
    ColorDepth, ColorMode, Dependency, Device, EngineBuild, Format, LayerReport, Options, Progress, Rendered,
    SceneReport, Stage, Work,
};

use crate::pixels::Rect;

/// Is told how far an engine is.
pub type Watch<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// A renderer of scenes. Dropping a future ends all that it started.
#[async_trait]
pub trait RenderEngine: Send + Sync {
    /// What exactly renders. Frames of different builds are not compared by their bits.
    fn build(&self) -> &EngineBuild;

    /// What a scene is, what it needs, and why it cannot be taken, before any money moves. `assets` are folders that may be read
    /// beside the scene's own.
    ///
    /// # Errors
    /// When the scene cannot be read.
    async fn inspect(&self, scene: &Path, assets: &[PathBuf], watch: Watch<'_>) -> Result<SceneReport, Fault>;

    /// Writes a scene to `target` with all its files inside, and returns what was packed.
    ///
    /// # Errors
    /// [`Fault::MissingFile`] names every file that is not there; [`Fault::Unsupported`] what cannot be packed.
    async fn pack(
        &self,
        scene: &Path,
        assets: &[PathBuf],
        target: &Path,
        watch: Watch<'_>,
    ) -> Result<Vec<Dependency>, Fault>;

    /// Computes a frame, or a region of it: the engine's buffers before denoising and compositing.
    ///
    /// # Errors
    /// Whatever keeps a frame from being computed.
    async fn render(&self, work: &Work, region: Option<Rect>, watch: Watch<'_>) -> Result<Rendered, Fault>;

    /// Denoises, composites and writes a whole frame from buffers, in the scene's own settings but for the options, as files in
    /// `folder`. The same buffers give the same pixels, so that this is how a frame is made and how it is checked.
    ///
    /// # Errors
    /// Whatever keeps a file from being written, or a file that is no image.
    async fn finish(
        &self,
        work: &Work,
        rendered: &Rendered,
        folder: &Path,
        watch: Watch<'_>,
    ) -> Result<Vec<PathBuf>, Fault>;
}
