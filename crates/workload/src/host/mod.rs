//! [`Runtime`] on this machine: OCI runtime, overlay, loop-mounted volumes, routed links.
//!
//! Nothing about a pod lives in this process. Its record is a file of the data directory, and its
//! state is asked of the kernel, so an agent that comes back after `kill -9` finds all of it.

mod down;
mod exec;
mod pod;
mod status;
mod up;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;
use tokio::sync::{Mutex, OwnedMutexGuard, RwLock};

use crate::agents;
use crate::cgroup::{CGROUP_ROOT, Cgroups};
use crate::config::{HostConfig, Names, pod_key};
use crate::crash;
use crate::error::{Error, IoContext, Result};
use crate::image::ImageStore;
use crate::leftovers::Leftovers;
use crate::logs;
use crate::runtime::{Exec, ExecSpec, ExitStatus, LogLine, LogQuery, Phases, PodStatus, Runtime, Started};
use crate::slots::Claims;
use crate::spec::{PodId, PodSpec};
use pod::PodRecord;

/// Containers on this machine, for one agent.
pub struct Host {
    config: HostConfig,
    names: Names,
    cgroups: Cgroups,
    images: ImageStore,
    claims: Claims,
    /// One operation at a time on each pod, by its key.
    busy: std::sync::Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
    /// Written while the directories shared by all pods are removed.
    shared_parents: RwLock<()>,
    /// Whether it left a note of itself.
    signed_in: bool,
    /// Held as long as this agent lives.
    _data_dir_lock: OwnedFd,
}

impl Host {
    /// Takes possession of the data directory. Nothing running is touched.
    ///
    /// # Errors
    /// [`Error::NotRoot`], [`Error::DataDirBusy`], [`Error::CgroupMissing`], or [`Error::Io`].
    pub fn open(config: HostConfig) -> Result<Self> {
        let names = Names::new(&config);
        let mut host = Self::stand_in(config, names)?;
        agents::sign_in(&host.config, &host.names)?;
        host.signed_in = true;
        Ok(host)
    }

    /// A host that acts under other names than those of its own instance, and leaves no note.
    pub(crate) fn stand_in(mut config: HostConfig, names: Names) -> Result<Self> {
        let uid = geteuid();
        if !uid.is_root() {
            return Err(Error::NotRoot { uid: uid.as_raw() });
        }
        fs::create_dir_all(config.data_dir.join("pods")).at("making", &config.data_dir)?;
        config.data_dir = config.data_dir.canonicalize().at("resolving", &config.data_dir)?;
        let lock = lock_data_dir(&config.data_dir)?;
        let images = ImageStore::open(
            &config.data_dir.join("images"),
            config.image_limits,
            config.plain_http_registries.clone(),
        )?;
        images.remove_abandoned_drafts()?;
        Ok(Self {
            names,
            cgroups: Cgroups::detect(Path::new(CGROUP_ROOT))?,
            images,
            claims: Claims::new(&config.claims_dir),
            busy: std::sync::Mutex::default(),
            shared_parents: RwLock::default(),
            signed_in: false,
            _data_dir_lock: lock,
            config,
        })
    }

    /// The image store of this agent.
    pub fn images(&self) -> &ImageStore {
        &self.images
    }

    async fn lock(&self, id: &PodId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(busy.entry(pod_key(id)).or_default())
        };
        lock.lock_owned().await
    }

    fn record(&self, id: &PodId) -> Result<PodRecord> {
        PodRecord::load(&self.config.data_dir, &pod_key(id))?.ok_or_else(|| Error::UnknownPod(id.clone()))
    }
}

#[async_trait]
impl Runtime for Host {
    async fn start(&self, spec: &PodSpec) -> Result<Started> {
        spec.validate()?;
        let _pod = self.lock(&spec.id).await;
        let outcome = {
            let _parents = self.shared_parents.read().await;
            self.bring_to(spec).await
        };
        match outcome {
            Ok(phases) => {
                tracing::debug!(lease = %spec.id, seconds = phases.total().as_secs_f64(), "the pod is up");
                Ok(Started { status: self.status_of(&self.record(&spec.id)?), phases })
            }
            Err(error) => {
                self.prune().await;
                Err(error)
            }
        }
    }

    async fn status(&self, id: &PodId) -> Result<PodStatus> {
        Ok(self.status_of(&self.record(id)?))
    }

    async fn restart(&self, id: &PodId, service: &str, index: u32) -> Result<Phases> {
        let _pod = self.lock(id).await;
        let _parents = self.shared_parents.read().await;
        self.restart_replica(self.record(id)?, service, index).await
    }

    async fn wait(&self, id: &PodId, service: &str, index: u32) -> Result<ExitStatus> {
        self.wait_for_exit(id, service, index).await
    }

    async fn exec(&self, id: &PodId, service: &str, index: u32, what: &ExecSpec) -> Result<Exec> {
        self.exec_in(&self.record(id)?, service, index, what)
    }

    async fn logs(&self, id: &PodId, query: &LogQuery) -> Result<BoxStream<'static, LogLine>> {
        let record = self.record(id)?;
        let replica = record.replica(&query.service, query.index)?;
        Ok(logs::read(record.log(&replica), query.tail, query.follow))
    }

    async fn stop(&self, id: &PodId, grace: Duration) -> Result<()> {
        let _pod = self.lock(id).await;
        self.stop_containers(&self.record(id)?, grace).await;
        Ok(())
    }

    async fn remove(&self, id: &PodId, grace: Duration) -> Result<()> {
        let _pod = self.lock(id).await;
        match self.record(id) {
            Ok(record) => {
                self.stop_containers(&record, grace).await;
                crash::at("pod-stopped");
                self.delete(&record).await?;
            }
            Err(Error::UnknownPod(_)) => {}
            Err(error) => return Err(error),
        }
        self.prune().await;
        Ok(())
    }

    async fn list(&self) -> Result<Vec<PodStatus>> {
        let records = PodRecord::load_all(&self.config.data_dir)?;
        Ok(records.iter().map(|record| self.status_of(record)).collect())
    }

    async fn sweep(&self, known: &BTreeSet<PodId>) -> Result<Vec<PodId>> {
        self.sweep_unknown(known).await
    }

    async fn leftovers(&self) -> Result<Leftovers> {
        self.count_leftovers().await
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Who holds nothing need not be known; a stand-in has another's names and must leave its note.
        if self.signed_in && pod::keys_on_disk(&self.config.data_dir).is_ok_and(|pods| pods.is_empty()) {
            agents::sign_out(&self.config.claims_dir, &self.names);
        }
    }
}

/// Whether a process has the data directory.
pub(crate) fn is_locked(data_dir: &Path) -> bool {
    let file = OpenOptions::new().read(true).open(data_dir.join("lock"));
    file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

fn lock_data_dir(dir: &Path) -> Result<OwnedFd> {
    let path = dir.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).at("opening", &path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| Error::DataDirBusy { path: dir.to_owned() })?;
    Ok(file.into())
}
