//! The record of a pod on disk, and the names that follow from it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::pod_key;
use crate::error::{Error, IoContext, Result};
use crate::shim::write_record;
use crate::slots::uid_base;
use crate::spec::{Isolation, PodSpec, ServiceSpec, VolumeSpec};
use crate::volume::VOLUME_EXTENSION;

const RECORD: &str = "pod.json";

/// What is remembered of a pod.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PodRecord {
    pub(crate) spec: PodSpec,
    pub(crate) slot: u16,
    /// Restarts by replica name.
    pub(crate) restarts: BTreeMap<String, u32>,
    #[serde(skip)]
    dir: PathBuf,
}

/// One copy of a service.
#[derive(Clone, Debug)]
pub(crate) struct Replica<'a> {
    pub(crate) service: &'a ServiceSpec,
    pub(crate) index: u32,
    /// Number within the pod; decides link and address.
    pub(crate) ordinal: u8,
    /// `<service>-<index>`.
    pub(crate) name: String,
}

impl PodRecord {
    /// A record of a new pod; its directory is made, nothing is written yet.
    pub(crate) fn create(data_dir: &Path, spec: &PodSpec) -> Result<Self> {
        let dir = pods_dir(data_dir).join(pod_key(&spec.id));
        for name in ["volumes", "scratch", "logs"] {
            let path = dir.join(name);
            fs::create_dir_all(&path).at("making", path)?;
        }
        // The record holds the tenant's environment, which may hold secrets.
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).at("closing", &dir)?;
        Ok(Self { spec: spec.clone(), slot: 0, restarts: BTreeMap::new(), dir })
    }

    pub(crate) fn load(data_dir: &Path, key: &str) -> Result<Option<Self>> {
        let dir = pods_dir(data_dir).join(key);
        let path = dir.join(RECORD);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).at("reading", path),
        };
        let record: Self =
            serde_json::from_slice(&text).map_err(|error| Error::Corrupt { path, reason: error.to_string() })?;
        Ok(Some(Self { dir, ..record }))
    }

    pub(crate) fn load_all(data_dir: &Path) -> Result<Vec<Self>> {
        let keys = keys_on_disk(data_dir)?;
        keys.iter().filter_map(|key| Self::load(data_dir, key).transpose()).collect()
    }

    pub(crate) fn save(&self) -> Result<()> {
        let path = self.dir.join(RECORD);
        write_record(&path, self).at("writing", path)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn key(&self) -> String {
        pod_key(&self.spec.id)
    }

    /// The uid on the host that is root of the containers; ids of files are counted from it.
    pub(crate) fn root_uid(&self) -> u32 {
        match self.spec.isolation {
            Isolation::Namespaces => uid_base(self.slot),
            // A sandbox reads and writes files as the uids that its processes have inside.
            Isolation::Gvisor => 0,
        }
    }

    /// All replicas, in the order of the spec.
    pub(crate) fn replicas(&self) -> Vec<Replica<'_>> {
        let services = self.spec.services.iter();
        services
            .flat_map(|service| (0..service.replicas).map(move |index| (service, index)))
            .zip(0..=u8::MAX)
            .map(|((service, index), ordinal)| Replica {
                service,
                index,
                ordinal,
                name: format!("{}-{index}", service.name),
            })
            .collect()
    }

    pub(crate) fn replica(&self, service: &str, index: u32) -> Result<Replica<'_>> {
        let mut replicas = self.replicas().into_iter();
        replicas
            .find(|replica| replica.service.name == service && replica.index == index)
            .ok_or_else(|| Error::UnknownReplica { pod: self.spec.id.clone(), service: service.to_owned(), index })
    }

    /// Id of the replica's container at the OCI runtime.
    pub(crate) fn container(&self, replica: &Replica<'_>) -> String {
        format!("{}-{}", self.key(), replica.name)
    }

    pub(crate) fn log(&self, replica: &Replica<'_>) -> PathBuf {
        self.dir.join("logs").join(format!("{}.log", replica.name))
    }

    /// What the shim of a replica did.
    pub(crate) fn shim_log(&self, replica: &Replica<'_>) -> PathBuf {
        self.dir.join("logs").join(format!("{}.shim.jsonl", replica.name))
    }

    /// File of a disk volume. Its size is part of the name: another size is another volume.
    pub(crate) fn volume(&self, replica: &Replica<'_>, volume: &VolumeSpec) -> PathBuf {
        let name = format!("{}.{}.{}", replica.name, volume.name, volume.size_bytes);
        self.dir.join("volumes").join(format!("{name}.{VOLUME_EXTENSION}"))
    }

    /// File of the writable layer of a root file system.
    pub(crate) fn scratch(&self, replica: &Replica<'_>) -> PathBuf {
        self.dir.join("scratch").join(format!("{}.{VOLUME_EXTENSION}", replica.name))
    }
}

/// Keys of all pod directories, also of those without a readable record.
pub(crate) fn keys_on_disk(data_dir: &Path) -> Result<Vec<String>> {
    let dir = pods_dir(data_dir);
    let mut keys: Vec<String> = fs::read_dir(&dir)
        .at("reading", &dir)?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    keys.sort();
    Ok(keys)
}

pub(crate) fn pods_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("pods")
}
