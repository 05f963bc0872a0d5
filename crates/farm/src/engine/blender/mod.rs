//! Blender's Cycles behind [`RenderEngine`], as a process of its own: the Python module `bpy` in a virtual environment, or the
//! program `blender`. Blender is free software under GPL 3; it is called, never linked, and installed at set-up.
//!
//! Scenes are hostile input. Scripts in them do not run by themselves, and the process sits in a [`Confine`].

mod planes;
mod program;
pub mod setup;

use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt, chown};
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
pub use program::Program;

/// The Python side of the conversation.
const DRIVER: &str = include_str!("driver.py");

/// Folder below a work folder where the driver's results go.
const OUT: &str = "out";

/// Blender on this machine.
#[derive(Clone)]
pub struct Blender {
    program: Program,
    build: EngineBuild,
    confine: Arc<dyn Confine>,
    limits: Limits,
    scratch: PathBuf,
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
        let mut engine = Self { program, build, confine, limits, scratch: scratch.into() };
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

    fn start(&self, desk: &Desk, read: Vec<PathBuf>, device: Device) -> Result<Session, Fault> {
        let driver = desk.work().join("driver.py");
        let read = read.into_iter().chain(self.program.reads()).collect();
        let devices = if device == Device::Gpu { gpu_devices() } else { vec![] };
        let cell = Cell { work: desk.work(), root: desk.root(), read, devices };
        let mut command = self.limits.prefix();
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
fn gpu_devices() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten().map(|entry| entry.path());
    let is_gpu = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("nvidia") || name == "dri" || name == "kfd"
    };
    entries.filter(is_gpu).collect()
}

/// A fresh folder for one process; gone when it is dropped.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new(engine: &Blender) -> Result<Self, Fault> {
        let scratch = std::path::absolute(&engine.scratch).map_err(Fault::io("the scratch folder"))?;
        let folder = tempfile::Builder::new().prefix("tetra-render-").tempdir_in(&scratch);
        let desk = Self(folder.map_err(Fault::io(format!("a folder below {}", scratch.display())))?);
        let told = || Fault::io("the work folder");
        for name in ["tmp", "home", OUT] {
            std::fs::create_dir_all(desk.work().join(name)).map_err(told())?;
        }
        std::fs::create_dir(desk.root()).map_err(told())?;
        desk.put("driver.py", DRIVER.as_bytes())?;
        if let Some(owner) = engine.confine.owner() {
            for name in ["", "tmp", "home", OUT] {
                chown(desk.work().join(name), Some(owner), Some(owner)).map_err(told())?;
            }
        }
        Ok(desk)
    }

    fn work(&self) -> PathBuf {
        self.0.path().join("work")
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    /// Writes a file that the process may read, before the process starts.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Fault> {
        let path = self.work().join(name);
        std::fs::write(&path, bytes).map_err(Fault::io(format!("writing {name}")))?;
        Ok(path)
    }

    /// Opens what the process wrote. It may have laid links instead of files, which are not followed.
    fn take(&self, name: &Path) -> Result<std::fs::File, Fault> {
        use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
        let told = |error: rustix::io::Errno| match error {
            rustix::io::Errno::NOENT => Fault::Engine(format!("it wrote no {}", name.display())),
            error => Fault::Io { what: format!("opening {}", name.display()), source: error.into() },
        };
        let folder =
            open(self.work(), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(told)?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        // Without waiting, so that a pipe in place of a file holds nobody up.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = std::fs::File::from(openat2(&folder, name, flags, Mode::empty(), resolve).map_err(told)?);
        let metadata = file.metadata().map_err(Fault::io(format!("looking at {}", name.display())))?;
        if metadata.is_file() { Ok(file) } else { Err(Fault::Engine(format!("{} is no file", name.display()))) }
    }

    /// Copies what the process wrote to where it is to be.
    fn deliver(&self, name: &Path, target: &Path) -> Result<(), Fault> {
        let mut file = self.take(name)?;
        let folder = target.parent().unwrap_or(Path::new("/"));
        let told = || Fault::io(format!("writing {}", target.display()));
        std::fs::create_dir_all(folder).map_err(told())?;
        let mut copy = tempfile::Builder::new().prefix(".tetra-").tempfile_in(folder).map_err(told())?;
        std::io::copy(&mut file, &mut copy).map_err(told())?;
        // Temporary files are their owner's alone; what was delivered may be read, by the next sandbox too.
        copy.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(told())?;
        copy.persist(target).map_err(|error| told()(error.error))?;
        Ok(())
    }

    /// Files below `out`, links left out.
    fn results(&self) -> Result<Vec<PathBuf>, Fault> {
        const MOST: usize = 10_000;
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::from(OUT)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(self.work().join(&folder)).map_err(Fault::io("listing results"))? {
                let entry = entry.map_err(Fault::io("listing results"))?;
                let kind = entry.file_type().map_err(Fault::io("listing results"))?;
                let path = folder.join(entry.file_name());
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    found.push(path);
                }
                if found.len() + folders.len() > MOST {
                    return Err(Fault::Engine(format!("it wrote more than {MOST} files")));
                }
            }
        }
        found.sort();
        Ok(found)
    }
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
        let name = Path::new(OUT).join("packed.blend");
        let packed: Packed = session.ask(&json!({ "do": "pack", "out": desk.work().join(&name) }), watch).await?;
        session.finish().await;
        desk.deliver(&name, target)?;
        Ok(packed.packed)
    }

    async fn render(&self, work: &Work, region: Option<Rect>, watch: Watch<'_>) -> Result<Rendered, Fault> {
        let scene = absolute(&work.scene)?;
        let desk = Desk::new(self)?;
        let (mut session, load_seconds) = self.open(&desk, &scene, &[], work.device, watch).await?;
        let name = Path::new(OUT).join("buffers.exr");
        let request = with(request(work, "render"), "out", json!(desk.work().join(&name)));
        let computed: Computed = session.ask(&with(request, "region", json!(region)), watch).await?;
        session.finish().await;
        let Computed { seconds, width, height, device, denoised } = computed;
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(Fault::ImageTooLarge { width, height });
        }
        let rect = region.unwrap_or(Rect { x: 0, y: 0, width, height });
        let (buffers, texts): (Buffers, _) = read_exr(desk.take(&name)?, width, height, rect)?;
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
        let denoised = match inputs.as_slice() {
            [] => vec![],
            inputs => {
                let desk = Desk::new(self)?;
                let files = planes::lay(inputs, &desk)?;
                let (mut session, _) = self.open(&desk, &scene, &[], Device::Cpu, watch).await?;
                let _: Seconds = session.ask(&with(request(work, "denoise"), "files", files), watch).await?;
                session.finish().await;
                planes::pick_up(inputs, &desk)?
            }
        };
        let desk = Desk::new(self)?;
        let passes = planes::write(rendered, &denoised, &desk)?;
        let (mut session, _) = self.open(&desk, &scene, &[], Device::Cpu, watch).await?;
        let request = with(request(work, "compose"), "out", json!(desk.work().join(OUT)));
        let metadata: std::collections::BTreeMap<_, _> =
            rendered.metadata.iter().filter(|(name, _)| name.starts_with(planes::CRYPTOMATTE)).collect();
        let request = with(with(request, "passes", passes), "metadata", json!(metadata));
        let _: Seconds = session.ask(&request, watch).await?;
        session.finish().await;
        let mut delivered = Vec::new();
        for result in desk.results()? {
            if is_image(&result) {
                let size = read_image(desk.take(&result)?)?.size();
                let (width, height) = (rendered.buffers.frame_width(), rendered.buffers.frame_height());
                // Files of the compositor's own nodes may have another size.
                if result.parent() == Some(Path::new(OUT)) && size != (width, height) {
                    let (got_width, got_height) = (size.0.into(), size.1.into());
                    return Err(crate::pixels::PixelError::Size { width, height, got_width, got_height }.into());
                }
            }
            let target = folder.join(result.strip_prefix(OUT).unwrap_or(&result));
            desk.deliver(&result, &target)?;
            delivered.push(target);
        }
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
