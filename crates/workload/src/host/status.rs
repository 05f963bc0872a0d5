//! What runs, asked of the kernel.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use super::Host;
use super::pod::{PodRecord, Replica};
use crate::error::{Error, Result};
use crate::rootfs::ReplicaDirs;
use crate::runtime::{ExitStatus, PodStatus, ReplicaStatus, State};
use crate::shim::{Running, ShimFiles};
use crate::slots::Subnet;
use crate::spec::PodId;

impl Host {
    pub(super) fn status_of(&self, record: &PodRecord) -> PodStatus {
        let replicas = record.replicas();
        PodStatus {
            id: record.spec.id.clone(),
            replicas: replicas.iter().map(|r| self.replica_status(record, r)).collect(),
        }
    }

    fn replica_status(&self, record: &PodRecord, replica: &Replica<'_>) -> ReplicaStatus {
        let state = self.state_of(record, replica);
        let group = self.names.cgroup(&record.key(), &replica.name);
        let runs = matches!(state, State::Running { .. });
        ReplicaStatus {
            service: replica.service.name.clone(),
            index: replica.index,
            address: Subnet::of(record.slot).replica(replica.ordinal),
            exposures: replica.service.exposures.clone(),
            state,
            restarts: record.restarts.get(&replica.name).copied().unwrap_or(0),
            usage: runs.then(|| self.cgroups.usage(&group)).flatten(),
        }
    }

    pub(super) fn state_of(&self, record: &PodRecord, replica: &Replica<'_>) -> State {
        let bundle = self.dirs(record, replica).bundle();
        if let Some(exit) = read::<ExitStatus>(&ShimFiles::exit(&bundle)) {
            return State::Exited(exit);
        }
        match read::<Running>(&ShimFiles::running(&bundle)) {
            Some(running) if running.container.is_alive() => {
                State::Running { pid: running.container.pid, since: running.since }
            }
            // Between the end of the process and its record, or without a shim to make one.
            Some(running) => State::Exited(self.unseen_exit(&bundle, running)),
            None => State::Absent,
        }
    }

    fn unseen_exit(&self, bundle: &Path, running: Running) -> ExitStatus {
        read(&ShimFiles::exit(bundle)).unwrap_or(ExitStatus {
            code: -1,
            signal: None,
            out_of_memory: false,
            at: running.since.max(OffsetDateTime::UNIX_EPOCH),
        })
    }

    pub(super) fn running(&self, record: &PodRecord, replica: &Replica<'_>) -> Option<Running> {
        let bundle = self.dirs(record, replica).bundle();
        let running: Running = read(&ShimFiles::running(&bundle))?;
        running.container.is_alive().then_some(running)
    }

    pub(super) fn dirs(&self, record: &PodRecord, replica: &Replica<'_>) -> ReplicaDirs {
        ReplicaDirs::new(&self.names.pod_run_dir(&record.key()), &replica.name)
    }

    pub(super) async fn wait_for_exit(&self, id: &PodId, service: &str, index: u32) -> Result<ExitStatus> {
        let record = self.record(id)?;
        let replica = record.replica(service, index)?;
        let bundle = self.dirs(&record, &replica).bundle();
        if let Some(running) = read::<Running>(&ShimFiles::running(&bundle)) {
            running.container.ended().await;
            // The shim ends once the exit is on record.
            running.shim.ended().await;
        }
        match self.state_of(&record, &replica) {
            State::Exited(exit) => Ok(exit),
            State::Running { .. } | State::Absent => Err(Error::ContainerStart {
                container: record.container(&replica),
                reason: "it has no process to wait for".to_owned(),
            }),
        }
    }
}

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
