//! Scenes of our own: the demo, and the one that a benchmark renders.

use std::path::Path;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::engine::blender::Program;
use crate::engine::{Device, EngineBuild, Fault, Format, Options, RenderEngine, Watch, Work};

/// What makes the demo scene, in Blender's Python.
const DEMO: &str = include_str!("demo.py");

/// The demo scene: a moving light and camera, packed textures, metal, glass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Samples a pixel.
    pub samples: u32,
    /// Frames of the animation, from 1.
    pub frames: u32,
    /// Seed of the noise.
    pub seed: u32,
    /// Side of its two textures in pixels.
    pub texture: u32,
    /// Whether it is denoised.
    pub denoise: bool,
    /// Whether it samples until noise is low.
    pub adaptive: bool,
    /// Whether it has passes of depth, normals, light and Cryptomatte.
    pub passes: bool,
    /// Whether the compositor puts a glow on it.
    pub composite: bool,
    /// Its file format.
    pub format: Format,
}

impl Default for Demo {
    /// 640 by 360 at 64 samples, 24 frames, as PNG.
    fn default() -> Self {
        Self {
            width: 640,
            height: 360,
            samples: 64,
            frames: 24,
            seed: 7,
            texture: 256,
            denoise: false,
            adaptive: false,
            passes: false,
            composite: false,
            format: Format::Png,
        }
    }
}

impl Demo {
    /// A small one for tests: 160 by 90 at 8 samples.
    pub fn small() -> Self {
        Self { width: 160, height: 90, samples: 8, texture: 64, ..Self::default() }
    }

    /// Writes the scene. The script is ours and reads no file, so that it runs without a sandbox.
    ///
    /// # Errors
    /// When Blender does not start or does not write it.
    pub async fn make(&self, program: &Program, target: &Path) -> Result<(), Fault> {
        let target = std::path::absolute(target).map_err(Fault::io("the path of the scene"))?;
        let folder = tempfile::tempdir().map_err(Fault::io("a folder for the script"))?;
        let script = folder.path().join("demo.py");
        std::fs::write(&script, DEMO).map_err(Fault::io("writing the script"))?;
        let mut command = program.script(&script);
        command.push("--out".into());
        command.push(target.clone().into());
        let numbers = [
            ("--width", self.width),
            ("--height", self.height),
            ("--samples", self.samples),
            ("--frames", self.frames),
            ("--seed", self.seed),
            ("--texture", self.texture),
        ];
        for (name, number) in numbers {
            command.extend([name.into(), number.to_string().into()]);
        }
        let switches = [
            ("--denoise", self.denoise),
            ("--adaptive", self.adaptive),
            ("--passes", self.passes),
            ("--composite", self.composite),
        ];
        command.extend(switches.iter().filter(|(_, on)| *on).map(|(name, _)| (*name).into()));
        command.extend(["--format".into(), self.format.blender_name().into()]);
        let (program, arguments) =
            command.split_first().ok_or_else(|| Fault::MissingEngine("no program".to_owned()))?;
        let output = Command::new(program)
            .args(arguments)
            .env("BLENDER_USER_RESOURCES", folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Fault::io("starting Blender"))?;
        if output.status.success() && target.is_file() {
            return Ok(());
        }
        use std::os::unix::process::ExitStatusExt;
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Fault::ended(output.status.signal(), output.status.code(), &said, std::time::Duration::MAX))
    }
}

/// Work units that the benchmark's frame is: frame 1 of the demo scene at 320 by 180 pixels and 32 samples. It is our own unit
/// and nobody else's; the chain counts by the same number (docs/protocol.md, "Renders").
pub const BENCHMARK_UNITS: f64 = 5.0;

/// What a benchmark measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benchmark {
    /// What rendered.
    pub engine: EngineBuild,
    /// What computed, by the engine's name of it.
    pub device: String,
    /// Seconds of each round, without starting and loading.
    pub seconds: Vec<f64>,
    /// Work units an hour by the fastest round; others on the machine only ever slow it.
    pub units_an_hour: f64,
}

/// Renders the benchmark's frame some times over.
///
/// # Errors
/// When it cannot be rendered.
pub async fn benchmark(
    engine: &dyn RenderEngine,
    program: &Program,
    device: Device,
    rounds: usize,
    watch: Watch<'_>,
) -> Result<Benchmark, Fault> {
    let folder = tempfile::tempdir().map_err(Fault::io("a folder for the scene"))?;
    let scene = folder.path().join("benchmark.blend");
    let demo = Demo { width: 320, height: 180, samples: 32, ..Demo::default() };
    demo.make(program, &scene).await?;
    let work = Work { scene, frame: 1, options: Options::default(), device, threads: None };
    let mut seconds = Vec::new();
    let mut name = String::new();
    for _ in 0..rounds.max(1) {
        let rendered = engine.render(&work, None, watch).await?;
        seconds.push(rendered.seconds);
        name = rendered.device;
    }
    let fastest = seconds.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(Benchmark {
        engine: engine.build().clone(),
        device: name,
        seconds,
        units_an_hour: BENCHMARK_UNITS * 3_600.0 / fastest,
    })
}
