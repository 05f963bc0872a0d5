//! What tenants ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use proto::akash::deployment::v1beta4::{GroupSpec, QueryDeploymentResponse};
use proto::tetra::capacity::v1::Device;
use sdl::ReceivedManifest;
use sdl::manifest::Manifest;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use workload::runtime::Exec;
use workload::{ExecSpec, LogQuery, Phases, PodStatus, ReplicaStatus, State, crash};

use super::answer::answering;
use super::leases::{Work, runs};
use super::serve::ServeError;
use super::{Agent, lock};
use crate::book::Amount;
use crate::cluster::desk::ClusterDesk;
use crate::cluster::supplier::Supplier;
use crate::desk::{Desk, DeskError, LogRequest, NamedLine, ShellRequest};
use crate::devices;
use crate::lease::LeaseName;
use crate::pod::{Rights, pod};
use crate::proxy::Published;
use crate::record::LeaseRecord;
use crate::render::desk::RenderDesk;
use crate::render::node::RenderNode;
use crate::status::{Machine, Sold, Standing};

/// The agent as its gateway sees it.
pub(crate) struct Counter(pub(crate) Arc<Agent>, pub(crate) Arc<RenderNode>, pub(crate) Arc<Supplier>);

fn internal(error: impl ToString) -> DeskError {
    DeskError::Internal(error.to_string())
}

fn refused(error: impl ToString) -> DeskError {
    DeskError::Refused(error.to_string())
}

#[async_trait]
impl Desk for Counter {
    fn address(&self) -> String {
        self.0.chain.address().to_owned()
    }

    async fn status(&self) -> Standing {
        self.0.standing()
    }

    async fn put_manifest(&self, owner: &str, dseq: u64, body: &[u8]) -> Result<(), DeskError> {
        self.0.put_manifest(owner, dseq, body).await
    }

    async fn manifest(&self, lease: &LeaseName) -> Result<Value, DeskError> {
        let slot = self.0.slot(lease).ok_or_else(|| no_lease(lease))?;
        let work = slot.work.lock().await;
        let group = work.record.as_ref().and_then(LeaseRecord::group).ok_or_else(|| no_manifest(lease))?;
        serde_json::to_value([group]).map_err(internal)
    }

    async fn lease_status(&self, lease: &LeaseName) -> Result<Value, DeskError> {
        let slot = self.0.slot(lease).ok_or_else(|| no_lease(lease))?;
        let work = slot.work.lock().await;
        let record = work.record.as_ref().ok_or_else(|| no_manifest(lease))?;
        let pod = self.0.runtime.status(&lease.pod()).await.ok();
        Ok(show_lease(record, &work, pod.as_ref(), &answering(pod.as_ref()).await))
    }

    fn render(&self) -> Option<Arc<dyn RenderDesk>> {
        self.1.desk()
    }

    fn cluster(&self) -> Option<Arc<dyn ClusterDesk>> {
        self.2.desk()
    }

    fn served(&self, route: &str, status: u16, took: Duration) {
        self.0.metrics.answered(route, status, took);
    }

    async fn logs(&self, lease: &LeaseName, request: &LogRequest) -> Result<BoxStream<'static, NamedLine>, DeskError> {
        self.0.logs(lease, request).await
    }

    async fn shell(&self, lease: &LeaseName, request: &ShellRequest) -> Result<Exec, DeskError> {
        self.0.shell(lease, request).await
    }
}

fn no_lease(lease: &LeaseName) -> DeskError {
    DeskError::NotFound(format!("no lease for deployment {}/{} here: {lease}", lease.owner, lease.dseq))
}

fn no_manifest(lease: &LeaseName) -> DeskError {
    DeskError::NotFound(format!("no manifest yet for lease {lease}; send it: tetra deploy does"))
}

impl Agent {
    async fn put_manifest(self: &Arc<Self>, owner: &str, dseq: u64, body: &[u8]) -> Result<(), DeskError> {
        let ReceivedManifest { manifest, digests } =
            ReceivedManifest::parse(body).map_err(|error| DeskError::Malformed(error.to_string()))?;
        let leases = self.chain.leases_of(owner, dseq).await.map_err(internal)?;
        let ours = leases.into_iter().filter(runs).filter_map(|lease| lease.id).map(LeaseName::from);
        let ours: Vec<LeaseName> = ours.filter(|lease| lease.provider == self.chain.address()).collect();
        let none = || DeskError::NotFound(format!("no lease for deployment {owner}/{dseq} with this provider"));
        if ours.is_empty() {
            return Err(none());
        }
        let deployment = self.chain.deployment(owner, dseq).await.map_err(internal)?.ok_or_else(none)?;
        let hash = deployment.deployment.as_ref().map(|deployment| deployment.hash.clone()).unwrap_or_default();
        if !digests.contains(&hash) {
            return Err(refused(format!(
                "manifest version validation failed: its hash is {}, and the chain has {}; send the manifest of the \
                 file that was deployed, or update the deployment",
                hex::encode(digests.typed),
                hex::encode(hash)
            )));
        }
        manifest.validate().map_err(refused)?;
        let mut accepted = Vec::new();
        for lease in ours {
            let spec = group_of(&deployment, lease.gseq).ok_or_else(none)?;
            manifest.matches_group(spec).map_err(refused)?;
            let group = manifest.group(&spec.name).ok_or_else(none)?;
            let rights = match self.home.record(&lease).map_err(internal)? {
                Some(known) => known.rights(),
                None => self.config.rights().for_order(spec).map_err(refused)?,
            };
            let devices = match group.services.iter().any(|service| service.resources.gpu.units.0 > 0) {
                true => self.devices(&self.hold(&lease, 0).await.map_err(internal)?),
                false => Vec::new(),
            };
            let pod = pod(&lease, group, &self.config.public_host, rights, &devices).map_err(refused)?;
            pod.validate().map_err(refused)?;
            accepted.push((lease, spec.name.clone(), rights));
        }
        for (lease, group, rights) in accepted {
            self.accept(&lease, group, manifest.clone(), rights).await?;
        }
        Ok(())
    }

    /// Remembers a manifest that was checked, and starts what it says.
    async fn accept(
        self: &Arc<Self>,
        lease: &LeaseName,
        group: String,
        manifest: Manifest,
        rights: Rights,
    ) -> Result<(), DeskError> {
        // The tenant may be here before the block that made the lease was read.
        self.serve(lease.clone());
        let slot = self.slot(lease).ok_or_else(|| no_lease(lease))?;
        let mut work = slot.work.lock().await;
        if work.ended {
            return Err(no_lease(lease));
        }
        let before = work.record.clone();
        let same = before.as_ref().is_some_and(|record| record.manifest == manifest && record.group == group);
        if same && work.trouble.is_none() && self.is_up(lease).await {
            return Ok(());
        }
        let (fence, ports) = before.map_or((0, Vec::new()), |record| (record.fence, record.ports));
        let Rights { isolation, network_devices } = rights;
        let record = LeaseRecord { lease: lease.clone(), group, manifest, isolation, network_devices, fence, ports };
        crash::at("manifest-received");
        self.home.save_record(&record).map_err(internal)?;
        crash::at("manifest-kept");
        tracing::info!(lease = %lease, provider = lease.provider, "accepted a manifest");
        work.record = Some(record);
        work.exits.clear();
        work.keepers.abort_all();
        let outcome = self.bring_up(lease, &mut work).await;
        self.keep(lease, &mut work);
        outcome.map_err(|error: ServeError| {
            tracing::warn!(lease = %lease, %error, "the lease's pod does not start; trying again");
            let text = format!("{error} (the manifest is kept, and the start tried again)");
            if error.is_the_tenants() { refused(text) } else { internal(text) }
        })
    }

    async fn logs(&self, lease: &LeaseName, request: &LogRequest) -> Result<BoxStream<'static, NamedLine>, DeskError> {
        let slot = self.slot(lease).ok_or_else(|| no_lease(lease))?;
        if slot.work.lock().await.record.is_none() {
            return Err(no_manifest(lease));
        }
        let pod = self.runtime.status(&lease.pod()).await.map_err(internal)?;
        let named = |service: &String| pod.replicas.iter().any(|replica| replica.service == *service);
        if let Some(unknown) = request.services.iter().find(|service| !named(service)) {
            return Err(DeskError::NotFound(format!("lease {lease} has no service {unknown:?}")));
        }
        let wanted =
            |replica: &&ReplicaStatus| request.services.is_empty() || request.services.contains(&replica.service);
        let mut streams = Vec::new();
        for replica in pod.replicas.iter().filter(wanted) {
            let query = LogQuery {
                service: replica.service.clone(),
                index: replica.index,
                tail: request.tail,
                follow: request.follow,
            };
            let name = format!("{}-{}", replica.service, replica.index);
            let lines = self.runtime.logs(&lease.pod(), &query).await.map_err(internal)?;
            streams.push(lines.map(move |line| NamedLine { name: name.clone(), line }));
        }
        Ok(stream::select_all(streams).boxed())
    }

    async fn shell(&self, lease: &LeaseName, request: &ShellRequest) -> Result<Exec, DeskError> {
        let slot = self.slot(lease).ok_or_else(|| no_lease(lease))?;
        if slot.work.lock().await.record.is_none() {
            return Err(no_manifest(lease));
        }
        let pod = self.runtime.status(&lease.pod()).await.map_err(internal)?;
        let ShellRequest { service, index, command, terminal, .. } = request;
        let is = |replica: &&ReplicaStatus| replica.service == *service && replica.index == *index;
        let none = || DeskError::NotFound(format!("lease {lease} has no replica {index} of a service {service:?}"));
        let replica = pod.replicas.iter().find(is).ok_or_else(none)?;
        if !matches!(replica.state, State::Running { .. }) {
            let text =
                format!("replica {index} of the service {service:?} does not run now; `tetra lease status` says why");
            return Err(DeskError::Refused(text));
        }
        let env = terminal.iter().map(|_| ("TERM".to_owned(), "xterm-256color".to_owned())).collect();
        let spec = ExecSpec { args: command.clone(), env, dir: None, terminal: *terminal };
        self.runtime.exec(&lease.pod(), service, *index, &spec).await.map_err(|error| match error {
            workload::Error::InvalidSpec { .. } => DeskError::Malformed(error.to_string()),
            other => refused(other),
        })
    }

    fn standing(&self) -> Standing {
        let (capacity, free, entries, devices) = {
            let book = lock(&self.book);
            let entries: Vec<(String, Amount)> =
                book.entries().map(|(holder, amount)| (holder.to_owned(), amount)).collect();
            let sold = |device: &Device| Sold {
                device: device.clone(),
                holder: book.holder_of(&device.id).map(ToOwned::to_owned),
            };
            (book.capacity(), book.free(), entries, book.devices().iter().map(sold).collect())
        };
        let leases: Vec<String> = lock(&self.leases).keys().map(ToString::to_string).collect();
        let (active, pending): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(holder, _)| leases.contains(holder));
        let (orders, decisions) = (lock(&self.bids).len(), lock(&self.decisions).show());
        let slots: Vec<_> = lock(&self.leases).values().cloned().collect();
        let known = slots.iter().filter(|slot| slot.work.try_lock().is_ok_and(|work| work.record.is_some()));
        let manifests = known.count();
        let report = &self.inventory.report;
        let followed = lock(&self.followed).clone();
        let machine = Machine {
            name: self.config.instance.clone(),
            capacity,
            free,
            cpus: report.cpus,
            cpu_model: report.cpu_model.clone(),
            architecture: report.architecture.clone(),
            devices,
            gpus: self.inventory.gpus().to_vec(),
            storage_classes: self.inventory.storage_classes(),
        };
        Standing {
            address: self.chain.address().to_owned(),
            height: followed.height,
            problem: followed.problem,
            public_host: self.config.public_host.clone(),
            leases: leases.len(),
            active,
            pending,
            machine,
            orders,
            decisions,
            manifests,
        }
    }
}

fn group_of(deployment: &QueryDeploymentResponse, gseq: u32) -> Option<&GroupSpec> {
    let is = |id: &proto::akash::deployment::v1::GroupId| id.gseq == gseq;
    deployment.groups.iter().find(|group| group.id.as_ref().is_some_and(is))?.group_spec.as_ref()
}

/// The state of a lease (spec/akash.md 3.3); `reason` tells why services that should run do not.
fn show_lease(
    record: &LeaseRecord,
    work: &Work,
    pod: Option<&PodStatus>,
    answering: &BTreeSet<(String, u32)>,
) -> Value {
    let mut services = Map::new();
    for service in record.group().into_iter().flat_map(|group| &group.services) {
        let replicas = pod.into_iter().flat_map(|pod| &pod.replicas).filter(|replica| replica.service == service.name);
        let ready = answering.iter().filter(|(name, _)| *name == service.name).count();
        let restarts = replicas.clone().fold(0u32, |sum, replica| sum.saturating_add(replica.restarts));
        let ended = work.exits.iter().filter(|((name, _), _)| *name == service.name);
        let last = ended.map(|(_, exit)| &exit.status).max_by_key(|status| status.at);
        let waits = replicas.filter(|replica| !matches!(replica.state, State::Running { .. }));
        let next = waits.filter_map(|replica| work.exits.get(&(replica.service.clone(), replica.index)));
        let next = next.map(|exit| exit.again_at).min().and_then(|time| time.format(&Rfc3339).ok());
        let urls = work.published.iter().filter_map(|published| match published {
            Published::Http { service: of, urls } if *of == service.name => Some(urls.clone()),
            _ => None,
        });
        let mut state = json!({
            "name": service.name, "available": ready, "total": service.count,
            "uris": urls.flatten().collect::<Vec<String>>(),
            "observed_generation": 1, "replicas": service.count, "updated_replicas": service.count,
            "ready_replicas": ready, "available_replicas": ready, "restarts": restarts,
        });
        if let (Some(replicas), Some(state)) = (work.gpus.get(&service.name), state.as_object_mut()) {
            let replicas = replicas.iter().map(|gpus| gpus.iter().map(devices::document).collect::<Vec<_>>());
            state.insert("gpus".to_owned(), json!(replicas.collect::<Vec<_>>()));
        }
        if let (Some(exit), Some(state)) = (last, state.as_object_mut()) {
            state.insert("last_exit".to_owned(), json!(exit));
            state.insert("next_start".to_owned(), json!(next));
        }
        services.insert(service.name.clone(), state);
    }
    json!({
        "services": services, "forwarded_ports": forwarded(work), "ips": {}, "reason": work.trouble,
        "start_us": work.phases.map(start_us),
    })
}

/// Where the time of a start went, in microseconds.
fn start_us(phases: Phases) -> Value {
    let micros = |phase: Duration| u64::try_from(phase.as_micros()).unwrap_or(u64::MAX);
    json!({
        "image": micros(phases.image), "network": micros(phases.network), "volumes": micros(phases.volumes),
        "rootfs": micros(phases.rootfs), "runtime": micros(phases.runtime),
    })
}

fn forwarded(work: &Work) -> BTreeMap<String, Vec<Value>> {
    let mut forwarded: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for published in &work.published {
        if let Published::Port { service, host, port, external: _, assigned, protocol } = published {
            let row = json!({
                "host": host, "port": port, "externalPort": assigned, "proto": protocol, "name": service,
            });
            forwarded.entry(service.clone()).or_default().push(row);
        }
    }
    forwarded
}
