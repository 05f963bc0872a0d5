//! Scenes, options, work and results.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::frames::{FrameList, FrameListError};
use crate::pixels::{Buffers, PixelError};

/// What exactly renders.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineBuild {
    /// Name of the program, `blender`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Hash of the commit that it was built from.
    pub hash: String,
    /// Operating system that it was built for.
    pub platform: String,
}

impl fmt::Display for EngineBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}-{}", self.name, self.version, self.hash, self.platform.to_lowercase())
    }
}

/// What computes pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// The first GPU that the engine can use.
    Gpu,
}

/// File formats of finished frames, by Blender's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// PNG.
    #[serde(rename = "PNG")]
    Png,
    /// JPEG.
    #[serde(rename = "JPEG")]
    Jpeg,
    /// EXR of the composited image.
    #[serde(rename = "OPEN_EXR")]
    Exr,
    /// EXR with all view layers and passes.
    #[serde(rename = "OPEN_EXR_MULTILAYER")]
    ExrMultilayer,
}

impl Format {
    /// Blender's name.
    pub fn blender_name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Exr => "OPEN_EXR",
            Self::ExrMultilayer => "OPEN_EXR_MULTILAYER",
        }
    }
}

/// Bits of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColorDepth {
    /// 8 bits: PNG, JPEG.
    #[serde(rename = "8")]
    Eight,
    /// 16 bits: PNG, half floats of EXR.
    #[serde(rename = "16")]
    Sixteen,
    /// 32 bits: EXR.
    #[serde(rename = "32")]
    ThirtyTwo,
}

/// Components of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColorMode {
    /// Grey.
    #[serde(rename = "BW")]
    Grey,
    /// Colour.
    #[serde(rename = "RGB")]
    Rgb,
    /// Colour and coverage.
    #[serde(rename = "RGBA")]
    Rgba,
}

/// What a job changes of a scene's own settings; nothing, where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Samples a pixel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u32>,
    /// Width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Per cent of both that are rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<u32>,
    /// Whether frames are denoised; by the scene's own denoiser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denoise: Option<bool>,
    /// The camera by its name, instead of the scene's and its markers'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// View layers by their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<String>>,
    /// File format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Bits of a component.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color_depth: Option<ColorDepth>,
    /// Components of a pixel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color_mode: Option<ColorMode>,
}

/// One frame of a scene on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The scene's file.
    pub scene: PathBuf,
    /// Number of the frame.
    pub frame: u32,
    /// What differs from the scene's settings.
    pub options: Options,
    /// What computes.
    pub device: Device,
    /// Threads of the processor; all, where none are said. Pixels do not depend on it.
    pub threads: Option<u32>,
}

/// What an engine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The program starts.
    Starting,
    /// It reads the scene.
    Loading,
    /// It takes files into the scene.
    Packing,
    /// It writes the scene.
    Saving,
    /// It computes samples.
    Rendering,
    /// It denoises.
    Denoising,
    /// It composites and writes files.
    Compositing,
}

/// How far an engine is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Samples that are done.
    #[serde(default)]
    pub done: Option<u32>,
    /// Samples in all.
    #[serde(default)]
    pub of: Option<u32>,
    /// The engine's own words.
    #[serde(default)]
    pub text: String,
}

/// A file outside of a scene.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// What it is: image, library, font, ...
    pub kind: String,
    /// Name of what uses it.
    pub name: String,
    /// Where the scene expects it.
    pub path: PathBuf,
    /// Whether it is there.
    pub found: bool,
    /// Whether it can be taken into the scene.
    pub packable: bool,
}

/// A view layer that is rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerReport {
    /// Its name.
    pub name: String,
    /// Whether it is denoised.
    pub denoised: bool,
}

/// What a scene is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneReport {
    /// Version of Blender that wrote it.
    pub blender: [u32; 3],
    /// Name of the scene.
    pub scene: String,
    /// Its render engine; `CYCLES` is taken.
    pub engine: String,
    /// First frame.
    pub frame_start: i64,
    /// Last frame.
    pub frame_end: i64,
    /// Step from frame to frame.
    pub frame_step: i64,
    /// Frames a second.
    pub fps: f64,
    /// Width in pixels, by the scene's percentage.
    pub width: u32,
    /// Height in pixels, by the scene's percentage.
    pub height: u32,
    /// Samples a pixel.
    pub samples: Option<u32>,
    /// Seed of the noise.
    pub seed: Option<i64>,
    /// Whether it samples until noise is low.
    pub adaptive: Option<bool>,
    /// The camera.
    pub camera: Option<String>,
    /// All cameras.
    pub cameras: Vec<String>,
    /// View layers that are rendered.
    pub layers: Vec<LayerReport>,
    /// File format by Blender's name.
    pub format: String,
    /// Components of a pixel.
    pub color_mode: String,
    /// Bits of a component.
    pub color_depth: String,
    /// Whether its output is a movie, so that a job must choose another format.
    pub movie: bool,
    /// View transform of its colour management.
    pub view_transform: String,
    /// Whether it is composited.
    pub composited: bool,
    /// File output nodes of its compositor; their files are delivered too.
    pub file_outputs: Vec<String>,
    /// What would run by itself if that were allowed; it does not.
    pub scripts: Vec<String>,
    /// Files outside of it.
    pub dependencies: Vec<Dependency>,
    /// Why it cannot be taken; nothing where it can.
    pub obstacles: Vec<String>,
}

impl SceneReport {
    /// The frames of the scene's own range and step.
    ///
    /// # Errors
    /// When the range is empty, negative, or has too many.
    pub fn frames(&self) -> Result<FrameList, FrameListError> {
        let number = |frame: i64| u32::try_from(frame).map_err(|_| FrameListError::Unreadable(frame.to_string()));
        let (first, last) = (number(self.frame_start)?, number(self.frame_end)?);
        let step = number(self.frame_step)?.max(1) as usize;
        FrameList::new((first..=last).step_by(step))
    }

    /// Files that are not there.
    pub fn missing(&self) -> Vec<&Dependency> {
        self.dependencies.iter().filter(|file| !file.found).collect()
    }
}

/// What an engine computed, before denoising and compositing.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Every channel of every view layer.
    pub buffers: Buffers,
    /// Text that belongs to the pixels: Cryptomatte's manifests, samples of each view layer. Times and places are not among it.
    pub metadata: BTreeMap<String, String>,
    /// View layers that are still to be denoised.
    pub denoised: Vec<String>,
    /// Name of the device.
    pub device: String,
    /// Seconds from the start of the render to its end, without starting and loading.
    pub seconds: f64,
    /// Seconds that loading the scene took.
    pub load_seconds: f64,
}

impl Rendered {
    /// A whole frame out of its regions; the seconds add up.
    ///
    /// # Errors
    /// When the regions do not make a frame, or differ in what belongs to their pixels.
    pub fn merge(regions: Vec<Self>) -> Result<Self, PixelError> {
        let mut merged = Vec::with_capacity(regions.len());
        let mut first: Option<(BTreeMap<String, String>, Vec<String>, String)> = None;
        let (mut seconds, mut load_seconds) = (0.0, 0.0);
        for region in regions {
            seconds += region.seconds;
            load_seconds += region.load_seconds;
            merged.push(region.buffers);
            match &first {
                Some((metadata, denoised, _)) if *metadata != region.metadata || *denoised != region.denoised => {
                    return Err(PixelError::Unreadable("the regions differ in their metadata".to_owned()));
                }
                Some(_) => {}
                None => first = Some((region.metadata, region.denoised, region.device)),
            }
        }
        let buffers = Buffers::merge(&merged)?;
        let (metadata, denoised, device) = first.unwrap_or_default();
        Ok(Self { buffers, metadata, denoised, device, seconds, load_seconds })
    }
}
