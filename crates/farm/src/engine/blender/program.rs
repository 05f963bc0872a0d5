//! Where Blender is, and how its driver is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::super::fault::Fault;
use super::super::sandbox::find_in_path;
use super::setup;

/// A Blender that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// The Python module `bpy` in a virtual environment.
    Module {
        /// The environment's folder.
        environment: PathBuf,
    },
    /// The program, as Debian has it.
    Binary {
        /// Its file.
        program: PathBuf,
    },
}

impl Program {
    /// What is installed: the virtual environment that `TETRA_RENDER_VENV` names, else the one that set-up makes, else the
    /// program `blender` in `PATH`.
    ///
    /// # Errors
    /// When there is none of them, or `TETRA_RENDER_VENV` names what is none.
    pub fn find() -> Result<Self, Fault> {
        let environment = setup::environment_folder();
        if environment.as_ref().is_some_and(|folder| setup::is_complete(folder)) {
            return Ok(Self::Module { environment: environment.unwrap_or_default() });
        }
        if let Some(named) = std::env::var_os(setup::VARIABLE) {
            let named = Path::new(&named).display();
            return Err(Fault::MissingEngine(format!("{} names {named}, where no bpy is", setup::VARIABLE)));
        }
        match find_in_path("blender") {
            Some(program) => Ok(Self::Binary { program }),
            None => Err(Fault::MissingEngine(format!(
                "neither bpy {} in {} nor the program blender; set-up installs the first (370 MB to load, 970 MB on disk), \
                 apt-get install blender the second",
                setup::BPY_VERSION,
                environment.unwrap_or_else(|| "~/.cache/tetra".into()).display(),
            ))),
        }
    }

    /// The command line that runs a driver script.
    pub(super) fn command(&self, driver: &Path) -> Vec<OsString> {
        match self {
            // Isolated from the user's own Python packages and variables.
            Self::Module { .. } => {
                vec![self.interpreter().into(), "-I".into(), driver.into()]
            }
            Self::Binary { program } => {
                let options = ["--background", "--factory-startup", "--disable-autoexec", "-noaudio", "--python"];
                let mut command = vec![program.into()];
                command.extend(options.map(OsString::from));
                command.push(driver.into());
                command
            }
        }
    }

    /// The command line that runs a script of ours with arguments of its own after it.
    pub(crate) fn script(&self, script: &Path) -> Vec<OsString> {
        let mut command = self.command(script);
        if matches!(self, Self::Binary { .. }) {
            command.push("--".into());
        }
        command
    }

    /// The file that is started.
    pub fn interpreter(&self) -> PathBuf {
        match self {
            Self::Module { environment } => environment.join("bin/python"),
            Self::Binary { program } => program.clone(),
        }
    }

    /// What the process must be able to read beside the system's own files.
    pub fn reads(&self) -> Vec<PathBuf> {
        match self {
            Self::Module { environment } => {
                // The interpreter that the environment links to stands in its configuration, as `home = …/bin`.
                let configuration = std::fs::read_to_string(environment.join("pyvenv.cfg")).unwrap_or_default();
                let home = configuration.lines().filter_map(|line| line.split_once('='));
                let home = home.filter(|(name, _)| name.trim() == "home").map(|(_, value)| PathBuf::from(value.trim()));
                let prefix = home.filter_map(|bin| bin.parent().map(Path::to_owned));
                let system = ["/", "/usr"].map(PathBuf::from);
                let mut reads: Vec<PathBuf> = prefix.filter(|prefix| !system.contains(prefix)).collect();
                reads.push(environment.clone());
                reads
            }
            Self::Binary { program } => {
                let folder = program.canonicalize().ok().and_then(|file| file.parent().map(Path::to_owned));
                folder.filter(|folder| !folder.starts_with("/usr")).into_iter().collect()
            }
        }
    }
}
