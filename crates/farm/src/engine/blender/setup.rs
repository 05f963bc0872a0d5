//! Installs Blender as the Python module `bpy` from PyPI. It is fetched on the user's machine at set-up; nothing of it is part of
//! Tetra.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::super::fault::Fault;

/// The version that is installed. 5.0 is the newest whose wheels are for CPython 3.11.
pub const BPY_VERSION: &str = "5.0.1";
/// The Python that its wheels are for.
const PYTHON: &str = "3.11";
/// Names another environment.
pub const VARIABLE: &str = "TETRA_RENDER_VENV";
/// What must be free: the download, and what is unpacked from it.
const ROOM_BYTES: u64 = 1_600 << 20;

/// The environment's folder: what `TETRA_RENDER_VENV` names, else `~/.cache/tetra/bpy-5.0.1`. None where there is no home.
pub fn environment_folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(".cache/tetra").join(format!("bpy-{BPY_VERSION}")))
}

/// Whether an environment has all of `bpy`: pip writes the list of a package's files last.
pub fn is_complete(environment: &Path) -> bool {
    let packages = environment.join(format!("lib/python{PYTHON}/site-packages"));
    let record = packages.join(format!("bpy-{BPY_VERSION}.dist-info/RECORD"));
    environment.join("bin/python").exists() && packages.join("bpy").is_dir() && record.is_file()
}

/// What set-up is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing is left to do.
    Complete,
    /// Another set-up is at work in the same folder, and is waited for.
    Waiting,
    /// Makes the virtual environment with this interpreter.
    Environment(PathBuf),
    /// Loads and unpacks `bpy`: about 370 MB from PyPI, 970 MB on disk.
    Install,
    /// A line of pip's.
    Pip(String),
}

/// Installs `bpy` into `environment`. What is complete is left alone; what was cut off goes on, with what pip has in its cache.
///
/// # Errors
/// When there is no CPython 3.11, no room, or pip fails; the error has its last words.
pub async fn install(environment: &Path, tell: &(dyn Fn(Step) + Send + Sync)) -> Result<(), Fault> {
    if is_complete(environment) {
        tell(Step::Complete);
        return Ok(());
    }
    let parent = environment.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(parent).map_err(Fault::io(format!("making {}", parent.display())))?;
    let _lock = lock(environment, tell).await?;
    if is_complete(environment) {
        tell(Step::Complete);
        return Ok(());
    }
    let room = rustix::fs::statvfs(parent).map_err(|error| Fault::io("looking for room")(error.into()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free < ROOM_BYTES {
        let free = free >> 20;
        return Err(Fault::NoRoom(format!(
            "{} has {free} MiB free and bpy needs {} MiB",
            parent.display(),
            ROOM_BYTES >> 20
        )));
    }
    let python = environment.join("bin/python");
    if !is_python(&python).await {
        let interpreter = interpreter().await?;
        tell(Step::Environment(interpreter.clone()));
        let arguments = ["-m", "venv", "--clear"].map(PathBuf::from);
        run(&interpreter, arguments.iter().map(PathBuf::as_path).chain([environment]), tell).await?;
    }
    tell(Step::Install);
    let package = format!("bpy=={BPY_VERSION}");
    let words = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:"];
    let words = words.into_iter().chain(["--retries", "10", "--progress-bar", "off", &package]).map(Path::new);
    run(&python, words, tell).await?;
    if is_complete(environment) {
        tell(Step::Complete);
        return Ok(());
    }
    Err(Fault::MissingEngine(format!("pip ended well, but bpy is not whole in {}", environment.display())))
}

/// Held while one set-up works in a folder; the kernel gives it back when the process ends.
async fn lock(environment: &Path, tell: &(dyn Fn(Step) + Send + Sync)) -> Result<File, Fault> {
    let mut name = environment.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let path = environment.with_file_name(name);
    let file = File::create(&path).map_err(Fault::io(format!("making {}", path.display())))?;
    if file.try_lock().is_ok() {
        return Ok(file);
    }
    tell(Step::Waiting);
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    let locked = locked.map_err(|error| Fault::Protocol(error.to_string()))?;
    locked.map_err(Fault::io(format!("locking {}", path.display())))
}

async fn is_python(program: &Path) -> bool {
    let version = "import sys; print('%d.%d' % sys.version_info[:2])";
    let output = Command::new(program).args(["-I", "-c", version]).stdin(Stdio::null()).output().await;
    output.is_ok_and(|output| output.status.success() && output.stdout.trim_ascii() == PYTHON.as_bytes())
}

/// A CPython 3.11: in `PATH`, or among pyenv's.
async fn interpreter() -> Result<PathBuf, Fault> {
    let name = format!("python{PYTHON}");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&path).map(|folder| folder.join(&name)).collect();
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv")));
    let versions = pyenv.map(|root| root.join("versions"));
    let mut versions: Vec<PathBuf> =
        versions.and_then(|folder| folder.read_dir().ok()).into_iter().flatten().flatten().map(|e| e.path()).collect();
    versions.sort();
    candidates.extend(versions.iter().map(|version| version.join("bin").join(&name)));
    for candidate in candidates.into_iter().filter(|candidate| candidate.is_file()) {
        if is_python(&candidate).await {
            return Ok(candidate);
        }
    }
    Err(Fault::MissingEngine(format!(
        "bpy {BPY_VERSION} needs CPython {PYTHON} (Debian 12: apt-get install python3 python3-venv), which is neither in PATH nor \
         among pyenv's versions"
    )))
}

async fn run(
    program: &Path,
    arguments: impl Iterator<Item = &Path>,
    tell: &(dyn Fn(Step) + Send + Sync),
) -> Result<(), Fault> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Fault::io(format!("starting {}", program.display())))?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let lines = async {
        let mut last = String::new();
        if let Some(output) = output {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                tell(Step::Pip(line.clone()));
                last = line;
            }
        }
        last
    };
    let words = async {
        let mut words = Vec::new();
        if let Some(mut errors) = errors {
            // What a broken pipe leaves out is missing from an error text only.
            let _ = errors.read_to_end(&mut words).await;
        }
        String::from_utf8_lossy(&words).into_owned()
    };
    let (last, words, status) = tokio::join!(lines, words, child.wait());
    let status = status.map_err(Fault::io(format!("waiting for {}", program.display())))?;
    if status.success() {
        return Ok(());
    }
    let words = words.trim();
    let told = words.lines().next_back().filter(|line| !line.is_empty()).unwrap_or(&last);
    Err(Fault::MissingEngine(format!("{} ended with {status}: {told}", program.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_without_the_list_of_files_is_not_complete() {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path().join("lib/python3.11/site-packages");
        std::fs::create_dir_all(packages.join("bpy")).unwrap();
        std::fs::create_dir_all(folder.path().join("bin")).unwrap();
        std::fs::write(folder.path().join("bin/python"), "").unwrap();
        assert!(!is_complete(folder.path()));
        let info = packages.join(format!("bpy-{BPY_VERSION}.dist-info"));
        std::fs::create_dir_all(&info).unwrap();
        std::fs::write(info.join("RECORD"), "").unwrap();
        assert!(is_complete(folder.path()));
    }

    #[tokio::test]
    async fn what_is_complete_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path().join("lib/python3.11/site-packages");
        for name in [format!("bpy-{BPY_VERSION}.dist-info"), "bpy".to_owned()] {
            std::fs::create_dir_all(packages.join(name)).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("bin")).unwrap();
        std::fs::write(folder.path().join("bin/python"), "").unwrap();
        std::fs::write(packages.join(format!("bpy-{BPY_VERSION}.dist-info/RECORD")), "").unwrap();
        let steps = std::sync::Mutex::new(Vec::new());
        install(folder.path(), &|step| steps.lock().unwrap().push(step)).await.unwrap();
        assert_eq!(*steps.lock().unwrap(), [Step::Complete]);
    }

    #[tokio::test]
    #[ignore = "loads 370 MB"]
    async fn bpy_is_installed_where_nothing_was() {
        let folder = tempfile::tempdir().unwrap();
        let environment = folder.path().join("bpy");
        // What was cut off before the environment was whole.
        std::fs::create_dir_all(environment.join("bin")).unwrap();
        install(&environment, &|step| println!("{step:?}")).await.unwrap();
        assert!(is_complete(&environment) && is_python(&environment.join("bin/python")).await);
    }
}
