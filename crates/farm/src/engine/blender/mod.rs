//! Blender's Cycles behind [`RenderEngine`], as a process of its own: the Python module `bpy` in a virtual environment, or the
//! program `blender`. Blender is free software under GPL 3; it is called, never linked, and installed at set-up.
//!
//! Scenes are hostile input. Scripts in them do not run by themselves, and the process sits in a [`Confine`].

mod desk;
mod kept;
mod planes;
mod program;
pub mod setup;

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::fault::Fault;
use super::sandbox::{Cell, Confine, Limits, Namespaces};
use super::session::Session;
use super::types::{Dependency, Device, EngineBuild, Rendered, SceneReport, Work};
use super::{RenderEngine, Watch};
use crate::pixels::{Buffers, MAX_PIXELS, Rect, read_exr, read_image};
use desk::Desk;
use kept::Kept;
pub use program::Program;

/// Blender on this machine.
#[derive(Clone)]
pub struct Blender {
    program: Program,
    build: EngineBuild,
    confine: Arc<dyn Confine>,
    limits: Limits,
    scratch: PathBuf,
    /// A process between two requests, where processes are kept.
    kept: Option<Kept>,
}

impl Blender {
    /// Finds Blender as [`Program::find`] does, in namespaces of the kernel's and the usual limits.
    ///
    /// # Errors
    /// When none is installed, or it does not start.
    pub async fn find() -> Result<Self, Fault> {
        Self::new(Program::find()?, Arc::new(Namespaces), Limits::default(), std::env::temp_dir()).await
    }

    /// Starts a program once, to learn what it is. Every process later gets a fresh folder below `scratch`.
    ///
    /// # Errors
    /// When it does not start, or the sandbox cannot be made.
    pub async fn new(
        program: Program,
        confine: Arc<dyn Confine>,
        limits: Limits,
        scratch: impl Into<PathBuf>,
    ) -> Result<Self, Fault> {
        let build = EngineBuild {
            name: "blender".into(),
            version: String::new(),
            hash: String::new(),
            platform: String::new(),
        };
        let mut engine = Self { program, build, confine, limits, scratch: scratch.into(), kept: None };
        let desk = Desk::new(&engine)?;
        let mut session = engine.start(&desk, vec![], Device::Cpu)?;
        let ready: Ready = session.ready(&|_| {}).await?;
        session.finish().await;
        engine.build =
            EngineBuild { version: ready.version, hash: ready.hash, platform: ready.platform, ..engine.build };
        Ok(engine)
    }

    /// The same with other limits.
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// The same, but a process that has answered stays for the next request of its scene: frames of an animation do not wait
    /// for Blender's start each. The scene is opened anew for each, so that nothing of an earlier one is left in it. What is
    /// kept ends with the engine, at a request of another scene, or by [`Self::let_go`].
    pub fn keeping(&self) -> Self {
        Self { kept: Some(Kept::default()), ..self.clone() }
    }

    /// Ends the process that is kept, if there is one.
    pub fn let_go(&self) {
        drop(self.kept.as_ref().and_then(Kept::take));
    }

    fn start(&self, desk: &Desk, read: Vec<PathBuf>, device: Device) -> Result<Session, Fault> {
        let driver = desk.work().join("driver.py");
        let (devices, facts) = match device {
            Device::Gpu => (gpu_devices(), gpu_facts()),
            Device::Cpu => (vec![], vec![]),
        };
        let read = read.into_iter().chain(self.program.reads()).chain(facts).collect();
        let cell = Cell { work: desk.work(), root: desk.root(), read, devices };
        let mut command = self.limits.prefix(device);
        // Limits hold for the tools of the sandbox as well.
        command.extend(self.confine.confine(&cell, self.program.command(&driver))?);
        let at = |name: &str| OsString::from(desk.work().join(name));
        let environment = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()),
            ("LANG", "C.UTF-8".into()),
            ("HOME", at("home")),
            ("TMPDIR", at("tmp")),
            ("BLENDER_USER_RESOURCES", at("home")),
            ("PYTHONDONTWRITEBYTECODE", "1".into()),
        ];
        Session::start(&command, &environment, &desk.work(), &self.limits)
    }

    /// A process that has opened the scene, and the seconds that it took.
    async fn open(
        &self,
        desk: &Desk,
        scene: &Path,
        assets: &[PathBuf],
        device: Device,
        watch: Watch<'_>,
    ) -> Result<(Session, f64), Fault> {
        let mode = std::fs::metadata(scene).map_err(Fault::io("looking at the scene"))?.permissions().mode();
        if self.confine.owner().is_some() && mode & 0o004 == 0 {
            let what = format!("{} (in the sandbox it is read by nobody's user: chmod o+r)", scene.display());
            return Err(Fault::io(what)(std::io::ErrorKind::PermissionDenied.into()));
        }
        let mut read = vec![scene.to_owned()];
        read.extend_from_slice(assets);
        let mut session = self.start(desk, read, device)?;
        let ready: Ready = session.ready(watch).await?;
        if ready.version != self.build.version || ready.hash != self.build.hash {
            let told = format!("it is {} now and was {} at the start", ready.version, self.build.version);
            return Err(Fault::Engine(told));
        }
        let opened: Seconds = session.ask(&json!({ "do": "open", "scene": scene }), watch).await?;
        Ok((session, opened.seconds))
    }
}

#[derive(Deserialize)]
struct Ready {
    version: String,
    hash: String,
    platform: String,
}

#[derive(Deserialize)]
struct Done {}

#[derive(Deserialize)]
struct Seconds {
    seconds: f64,
}

#[derive(Deserialize)]
struct Packed {
    packed: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Computed {
    seconds: f64,
    width: u32,
    height: u32,
    device: String,
    denoised: Vec<String>,
}

/// Device files of GPUs, those that there are.
/// Where drivers look for what they drive.
fn gpu_facts() -> Vec<PathBuf> {
    Some(PathBuf::from("/sys")).filter(|path| path.is_dir()).into_iter().collect()
}

fn gpu_devices() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten().map(|entry| entry.path());
    let is_gpu = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("nvidia") || name == "dri" || name == "kfd"
    };
    entries.filter(is_gpu).collect()
}

fn request(work: &Work, what: &str) -> serde_json::Value {
    let device = if work.device == Device::Gpu { "gpu" } else { "cpu" };
    json!({ "do": what, "frame": work.frame, "options": work.options, "threads": work.threads, "device": device })
}

fn with(mut request: serde_json::Value, name: &str, value: serde_json::Value) -> serde_json::Value {
    if let Some(fields) = request.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
    request
}

#[async_trait]
impl RenderEngine for Blender {
    fn build(&self) -> &EngineBuild {
        &self.build
    }

    async fn inspect(&self, scene: &Path, assets: &[PathBuf], watch: Watch<'_>) -> Result<SceneReport, Fault> {
        let (scene, assets) = with_assets(scene, assets)?;
        let desk = Desk::new(self)?;
        let (mut session, _) = self.open(&desk, &scene, &assets, Device::Cpu, watch).await?;
        let report = session.ask(&json!({ "do": "inspect" }), watch).await?;
        session.finish().await;
        Ok(report)
    }

    async fn pack(
        &self,
        scene: &Path,
        assets: &[PathBuf],
        target: &Path,
        watch: Watch<'_>,
    ) -> Result<Vec<Dependency>, Fault> {
        let (scene, assets) = with_assets(scene, assets)?;
        let desk = Desk::new(self)?;
        let (mut session, _) = self.open(&desk, &scene, &assets, Device::Cpu, watch).await?;
        let name = desk.out().join("packed.blend");
        let packed: Packed = session.ask(&json!({ "do": "pack", "out": desk.work().join(&name) }), watch).await?;
        session.finish().await;
        desk.deliver(&name, target)?;
        Ok(packed.packed)
    }

    async fn render(&self, work: &Work, region: Option<Rect>, watch: Watch<'_>) -> Result<Rendered, Fault> {
        let scene = absolute(&work.scene)?;
        let mut open = self.opened(&scene, work.device, watch).await?;
        let name = open.desk.out().join("buffers.exr");
        let request = with(request(work, "render"), "out", json!(open.desk.work().join(&name)));
        let computed: Computed = open.session.ask(&with(request, "region", json!(region)), watch).await?;
        let Computed { seconds, width, height, device, denoised } = computed;
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(Fault::ImageTooLarge { width, height });
        }
        let rect = region.unwrap_or(Rect { x: 0, y: 0, width, height });
        let (buffers, texts): (Buffers, _) = read_exr(open.desk.take(&name)?, width, height, rect)?;
        let load_seconds = open.load_seconds;
        self.put_back(open).await;
        let metadata = texts.into_iter().filter(|(name, _)| planes::is_kept(name)).collect();
        Ok(Rendered { buffers, metadata, denoised, device, seconds, load_seconds })
    }

    async fn finish(
        &self,
        work: &Work,
        rendered: &Rendered,
        folder: &Path,
        watch: Watch<'_>,
    ) -> Result<Vec<PathBuf>, Fault> {
        let scene = absolute(&work.scene)?;
        if !rendered.buffers.is_whole() {
            return Err(Fault::Unsupported("only whole frames are finished; merge their regions first".to_owned()));
        }
        let inputs = planes::inputs(rendered)?;
        let mut open = self.opened(&scene, Device::Cpu, watch).await?;
        let denoised = match inputs.as_slice() {
            [] => vec![],
            inputs => {
                let files = planes::lay(inputs, &open.desk)?;
                let _: Seconds = open.session.ask(&with(request(work, "denoise"), "files", files), watch).await?;
                planes::pick_up(inputs, &open.desk)?
            }
        };
        open.desk.turn();
        let passes = planes::write(rendered, &denoised, &open.desk)?;
        let out = open.desk.out();
        let request = with(request(work, "compose"), "out", json!(open.desk.work().join(&out)));
        let metadata: std::collections::BTreeMap<_, _> =
            rendered.metadata.iter().filter(|(name, _)| name.starts_with(planes::CRYPTOMATTE)).collect();
        let request = with(with(request, "passes", passes), "metadata", json!(metadata));
        let _: Seconds = open.session.ask(&request, watch).await?;
        let mut delivered = Vec::new();
        for result in open.desk.results()? {
            if is_image(&result) {
                let size = read_image(open.desk.take(&result)?)?.size();
                let (width, height) = (rendered.buffers.frame_width(), rendered.buffers.frame_height());
                // Files of the compositor's own nodes may have another size.
                if result.parent() == Some(out.as_path()) && size != (width, height) {
                    let (got_width, got_height) = (size.0.into(), size.1.into());
                    return Err(crate::pixels::PixelError::Size { width, height, got_width, got_height }.into());
                }
            }
            let target = folder.join(result.strip_prefix(&out).unwrap_or(&result));
            open.desk.deliver(&result, &target)?;
            delivered.push(target);
        }
        self.put_back(open).await;
        if delivered.is_empty() { Err(Fault::Engine("it wrote no image".to_owned())) } else { Ok(delivered) }
    }
}

fn is_image(path: &Path) -> bool {
    matches!(path.extension().and_then(|extension| extension.to_str()), Some("png" | "jpg" | "exr"))
}

fn absolute(scene: &Path) -> Result<PathBuf, Fault> {
    match std::fs::canonicalize(scene) {
        Ok(scene) => Ok(scene),
        Err(_) => Err(Fault::MissingFile { paths: vec![scene.to_owned()] }),
    }
}

/// The scene, and the folders that it may read: its own and those of the caller.
fn with_assets(scene: &Path, assets: &[PathBuf]) -> Result<(PathBuf, Vec<PathBuf>), Fault> {
    let scene = absolute(scene)?;
    let own = scene.parent().map(Path::to_owned);
    let assets = own.into_iter().map(Ok).chain(assets.iter().map(|folder| absolute(folder)));
    let assets = assets.collect::<Result<Vec<_>, _>>()?;
    Ok((scene, assets))
}
