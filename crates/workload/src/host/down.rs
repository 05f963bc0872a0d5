//! Ending containers and giving everything back.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::Signal;
use tokio::time::timeout;

use super::Host;
use super::pod::{PodRecord, Replica, keys_on_disk, pods_dir};
use crate::crash;
use crate::error::{IoContext, Result};
use crate::leftovers::{Leftovers, entries_with, loop_devices_below};
use crate::network;
use crate::rootfs::{mounts_below, unmount_below};
use crate::shell::Call;
use crate::shim::{Running, ShimFiles};
use crate::spec::{Isolation, PodId};
use crate::userns::{NETNS_DIR, netns_path};

const ISOLATIONS: [Isolation; 2] = [Isolation::Namespaces, Isolation::Gvisor];

/// After SIGKILL a process ends at once, save for one stuck in the kernel.
const KILL_LIMIT: Duration = Duration::from_secs(10);

impl Host {
    pub(super) async fn stop_containers(&self, record: &PodRecord, grace: Duration) {
        let replicas = record.replicas();
        join_all(replicas.iter().map(|replica| self.stop_replica(record, replica, grace))).await;
    }

    pub(super) async fn stop_replica(&self, record: &PodRecord, replica: &Replica<'_>, grace: Duration) {
        let Some(Running { shim, container, .. }) = self.running(record, replica) else {
            return;
        };
        if !grace.is_zero() && container.handles(Signal::TERM) {
            container.signal(Signal::TERM);
            if timeout(grace, container.ended()).await.is_ok() {
                let _ = timeout(KILL_LIMIT, shim.ended()).await;
                return;
            }
        }
        container.signal(Signal::KILL);
        let both = async {
            container.ended().await;
            shim.ended().await;
        };
        let _ = timeout(KILL_LIMIT, both).await;
    }

    /// Forgets an ended container, so that another can take its place. Volumes stay mounted.
    pub(super) async fn clear_container(&self, record: &PodRecord, replica: &Replica<'_>) -> Result<()> {
        self.delete_container(record.spec.isolation, &record.container(replica)).await?;
        let dirs = self.dirs(record, replica);
        for dir in [dirs.rootfs(), dirs.lower(), dirs.scratch()] {
            unmount_below(&dir)?;
        }
        let bundle = dirs.bundle();
        for path in [ShimFiles::exit(&bundle), ShimFiles::running(&bundle), record.scratch(replica)] {
            remove_file(&path)?;
        }
        Ok(())
    }

    /// Ids of the containers that a runtime knows. runc keeps a directory of the id, runsc files that begin with it;
    /// no id holds an underscore.
    fn containers(&self, isolation: Isolation) -> BTreeSet<String> {
        let names = names_in(&self.names.runtime_root(isolation)).into_iter();
        names.filter_map(|name| name.split('_').next().map(str::to_owned)).collect()
    }

    async fn delete_container(&self, isolation: Isolation, id: &str) -> Result<()> {
        if !self.containers(isolation).contains(id) {
            return Ok(());
        }
        let program = match isolation {
            Isolation::Namespaces => &self.config.oci_runtime,
            Isolation::Gvisor => &self.config.runsc,
        };
        let call = Call::new(program).arg("--root").arg(self.names.runtime_root(isolation));
        call.args(["delete", "--force", id]).run().await.map(drop)
    }

    /// Removes all that the kernel holds of a pod; record, volumes and logs stay.
    pub(super) async fn dismantle(&self, record: &PodRecord) -> Result<()> {
        let links = network::links_with(&self.names.pod_link_prefix(record.slot));
        self.dismantle_key(&record.key(), &links).await
    }

    async fn dismantle_key(&self, key: &str, links: &[String]) -> Result<()> {
        for isolation in ISOLATIONS {
            let containers = self.containers(isolation);
            for id in containers.iter().filter(|id| id.starts_with(&format!("{key}-"))) {
                self.delete_container(isolation, id).await?;
            }
        }
        self.remove_cgroup(&format!("/{}/{key}", self.names.prefix())).await?;
        let run_dir = self.names.pod_run_dir(key);
        unmount_below(&run_dir)?;
        network::disconnect(links).await?;
        for name in names_in(Path::new(NETNS_DIR)) {
            if name.starts_with(&format!("{}-{key}-", self.names.prefix())) {
                unpin(&netns_path(&name))?;
            }
        }
        network::delete_tables(&[self.names.table(key)]).await?;
        remove_dir(&run_dir)
    }

    /// A group stays busy for a moment after its last process was killed.
    async fn remove_cgroup(&self, group: &str) -> Result<()> {
        const PAUSE: Duration = Duration::from_millis(10);
        for _ in 0..100 {
            if self.cgroups.remove(group).is_ok() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.cgroups.remove(group)
    }

    /// Removes every trace of a pod whose containers have ended.
    pub(super) async fn delete(&self, record: &PodRecord) -> Result<()> {
        self.dismantle(record).await?;
        crash::at("pod-dismantled");
        self.claims.release(record.dir())?;
        remove_dir(record.dir())
    }

    /// Removes the parents that all pods share, once none is left.
    pub(super) async fn prune(&self) {
        let _parents = self.shared_parents.write().await;
        let pods = keys_on_disk(&self.config.data_dir).unwrap_or_default();
        if pods.is_empty() {
            let _ = self.remove_cgroup(&format!("/{}", self.names.prefix())).await;
            let _ = remove_dir(self.names.run_dir());
        }
    }

    pub(super) async fn sweep_unknown(&self, known: &BTreeSet<PodId>) -> Result<Vec<PodId>> {
        let mut removed = Vec::new();
        for record in PodRecord::load_all(&self.config.data_dir)? {
            let id = record.spec.id.clone();
            if !known.contains(&id) {
                let _pod = self.lock(&id).await;
                self.stop_containers(&record, KILL_LIMIT).await;
                self.delete(&record).await?;
                removed.push(id);
            }
        }
        self.sweep_strays().await?;
        self.prune().await;
        Ok(removed)
    }

    /// Removes what carries this agent's tag and belongs to no recorded pod.
    async fn sweep_strays(&self) -> Result<()> {
        let _parents = self.shared_parents.write().await;
        let records = PodRecord::load_all(&self.config.data_dir)?;
        let known: BTreeSet<String> = records.iter().map(PodRecord::key).collect();
        let links: Vec<String> = network::links_with(&self.names.link_prefix())
            .into_iter()
            .filter(|link| !records.iter().any(|r| link.starts_with(&self.names.pod_link_prefix(r.slot))))
            .collect();
        network::disconnect(&links).await?;
        let mut keys: BTreeSet<String> = names_in(&self.names.run_dir().join("pods")).into_iter().collect();
        keys.extend(keys_on_disk(&self.config.data_dir)?);
        let prefix = self.names.table_prefix();
        let tables = network::tables_with(&prefix).await?;
        keys.extend(tables.iter().filter_map(|table| table.strip_prefix(&prefix)).map(str::to_owned));
        let prefix = format!("{}-", self.names.prefix());
        let namespaces = names_in(Path::new(NETNS_DIR));
        // Named `<prefix>-<key>-<ordinal>`.
        let keys_of = namespaces.iter().filter_map(|name| name.strip_prefix(&prefix)?.rsplit_once('-'));
        keys.extend(keys_of.map(|(key, _)| key.to_owned()));
        for key in keys.difference(&known) {
            let dir = pods_dir(&self.config.data_dir).join(key);
            self.dismantle_key(key, &[]).await?;
            self.claims.release(&dir)?;
            remove_dir(&dir)?;
        }
        Ok(())
    }

    pub(super) async fn count_leftovers(&self) -> Result<Leftovers> {
        let prefix = self.names.prefix();
        Ok(Leftovers {
            containers: ISOLATIONS.map(|isolation| self.containers(isolation).len()).into_iter().sum(),
            cgroups: self.cgroups.count(&format!("/{prefix}")),
            network_namespaces: entries_with(Path::new(NETNS_DIR), &format!("{prefix}-")),
            links: network::links_with(&self.names.link_prefix()).len(),
            mounts: mounts_below(self.names.run_dir()).len(),
            loop_devices: loop_devices_below(&self.config.data_dir),
            firewall_tables: network::tables_with(&self.names.table_prefix()).await?.len(),
            slots: self.claims.count_under(&self.config.data_dir),
            pods: keys_on_disk(&self.config.data_dir)?.len(),
        })
    }
}

/// Lets go of a pinned namespace.
fn unpin(path: &Path) -> Result<()> {
    if !mounts_below(path).is_empty() {
        unmount(path, UnmountFlags::DETACH).at("unmounting", path)?;
    }
    remove_file(path)
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome.at("removing", path),
    }
}

fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome.at("removing", path),
    }
}
