//! A local network's folder.
//!
//! ```text
//! up.json             what the network consists of, with its ports; written last, so that a folder that has it is whole
//! genesis.json        the document that the chain began with
//! validator-N/        a node's folder
//! provider-N/         a provider's folder
//! logs/               one file for each process
//! up.lock             locked by the process that runs the network, with its id and start time
//! running.json        what that process printed; there as long as the network runs
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use workload::ProcessId;

use super::profile::Profile;
use crate::error::{Class, Classify, CliError, Result};

/// Parts of a network that have folders of their own start with these.
const PARTS: [&str; 2] = ["validator-", "provider-"];

/// `up.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What the chain began with.
    #[serde(default)]
    pub profile: Profile,
    /// The interval between blocks, in milliseconds.
    pub block_interval_ms: u64,
    /// Ports of each validator.
    pub validators: Vec<ValidatorPorts>,
    /// Ports of each provider.
    pub providers: Vec<ProviderPorts>,
}

/// Where a validator listens on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorPorts {
    /// JSON-RPC.
    pub rpc: u16,
    /// gRPC and gRPC-web.
    #[serde(default)]
    pub grpc: u16,
    /// REST.
    #[serde(default)]
    pub rest: u16,
    /// Consensus.
    pub consensus: u16,
    /// Gossip of transactions.
    pub gossip: u16,
    /// Metrics and health; 0 in files of networks that had none.
    #[serde(default)]
    pub metrics: u16,
}

/// Where a provider listens on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderPorts {
    /// Its API for tenants.
    pub gateway: u16,
    /// Its status over gRPC; 0, which is any port, in files of networks that had none.
    #[serde(default)]
    pub grpc: u16,
    /// Its reverse proxy.
    pub proxy: u16,
    /// Metrics and health; 0 in files of networks that had none.
    #[serde(default)]
    pub metrics: u16,
}

/// A local network's folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// Held as long as the network runs.
pub struct Running {
    _lock: File,
    report: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever reads it looks at the lock first, so a file that stays does no harm.
        let _ = fs::remove_file(&self.report);
    }
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> CliError {
    let path = path.display().to_string();
    move |error| CliError::new(Class::Machine, format!("{path}: {error}"))
}

impl Folder {
    /// A folder, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of validator `index`, from 0.
    pub fn validator(&self, index: usize) -> PathBuf {
        self.0.join(format!("validator-{index}"))
    }

    /// The folder of provider `number`, from 1.
    pub fn provider(&self, number: usize) -> PathBuf {
        self.0.join(format!("provider-{number}"))
    }

    /// The log of a process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.0.join("logs").join(format!("{name}.log"))
    }

    /// The genesis document.
    pub fn genesis(&self) -> PathBuf {
        self.0.join("genesis.json")
    }

    /// The folders of providers that are there.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn providers(&self) -> Result<Vec<PathBuf>> {
        let parts = self.parts()?;
        let is_provider =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PARTS[1]));
        Ok(parts.into_iter().filter(is_provider).collect())
    }

    /// The folders of validators and providers that are there, sorted.
    fn parts(&self) -> Result<Vec<PathBuf>> {
        self.entries(&self.0)
    }

    /// What in a folder belongs to one part of the network, by its name: `validator-0`, `provider-1.log`.
    fn entries(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let mut parts = Vec::new();
        for entry in fs::read_dir(folder).map_err(at(folder))? {
            let entry = entry.map_err(at(folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = name.strip_suffix(".log").unwrap_or(&name);
            let number = PARTS.iter().find_map(|prefix| name.strip_prefix(prefix));
            if number.is_some_and(|number| number.parse::<usize>().is_ok()) {
                parts.push(entry.path());
            }
        }
        parts.sort();
        Ok(parts)
    }

    /// Takes the folder for this process, making it if need be.
    ///
    /// # Errors
    /// When another process has it.
    pub fn take(&self) -> Result<Running> {
        fs::create_dir_all(self.0.join("logs")).map_err(at(&self.0))?;
        let path = self.0.join("up.lock");
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let mut lock = opened.map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let what = format!("the network in {} runs already", self.0.display());
                return Err(CliError::new(Class::Machine, what)
                    .hint("`tetra down` stops it; `tetra up --dir DIR` runs another one beside it"));
            }
            Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
        }
        let own = ProcessId::of(std::process::id().cast_signed());
        let own = serde_json::to_string(&own).class(Class::Internal)?;
        lock.set_len(0).and_then(|()| lock.write_all(own.as_bytes())).map_err(at(&path))?;
        Ok(Running { _lock: lock, report: self.0.join("running.json") })
    }

    /// The process that runs the network; none when nobody does.
    ///
    /// # Errors
    /// When the lock file cannot be read, or somebody holds it who is not named in it.
    pub fn runner(&self) -> Result<Option<ProcessId>> {
        let path = self.0.join("up.lock");
        let mut lock = match File::open(&path) {
            Ok(lock) => lock,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&path)(error)),
        };
        match lock.try_lock_shared() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
        }
        let mut text = String::new();
        lock.rewind().and_then(|()| lock.read_to_string(&mut text)).map_err(at(&path))?;
        serde_json::from_str(&text).map_err(|_| {
            CliError::new(Class::Machine, format!("{} is locked, and names no process", path.display()))
                .hint(format!("`fuser {}` shows who has it", path.display()))
        })
    }

    /// Removes a network's files, and no others.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn clear(&self) -> Result {
        for name in ["up.json", "running.json", "genesis.json"] {
            let path = self.0.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(at(&path)(error)),
                _ => {}
            }
        }
        for path in self.parts()? {
            fs::remove_dir_all(&path).map_err(at(&path))?;
        }
        // The log of the process that does this stays open, and stays.
        for part in self.entries(&self.0.join("logs"))? {
            fs::remove_file(&part).map_err(at(&part))?;
        }
        Ok(())
    }

    /// Whether there is such a folder.
    pub fn exists(&self) -> bool {
        self.0.exists()
    }

    /// `up.json`; none when the folder holds no whole network.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn plan(&self) -> Result<Option<Plan>> {
        self.read("up.json")
    }

    /// Writes `up.json`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_plan(&self, plan: &Plan) -> Result {
        self.write("up.json", plan)
    }

    /// `running.json`, as the process that runs the network wrote it once all was ready.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn report<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.read("running.json")
    }

    /// Writes `running.json`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_report<T: Serialize>(&self, report: &T) -> Result {
        self.write("running.json", report)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.0.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| {
                CliError::new(Class::Usage, format!("{}: {error}", path.display()))
                    .hint("`tetra up --fresh` begins a new network in its place")
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// Whole or not at all: readers wait for these files.
    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result {
        let (path, draft) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let text = serde_json::to_string_pretty(value).class(Class::Internal)?;
        fs::write(&draft, text + "\n").and_then(|()| fs::rename(&draft, &path)).map_err(at(&path))
    }
}
