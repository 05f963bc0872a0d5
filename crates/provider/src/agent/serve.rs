//! Pods up and published.

use std::net::SocketAddr;

use sdl::manifest::{Group, Service};
use thiserror::Error;
use workload::{PodStatus, State, crash};

use super::Agent;
use super::leases::Work;
use crate::devices;
use crate::home::HomeError;
use crate::lease::LeaseName;
use crate::pod::{PodError, pod};
use crate::proxy::{Exposure, ProxyError, Route};
use crate::record::LeaseRecord;

/// Why a lease's pod does not run.
#[derive(Debug, Error)]
pub(crate) enum ServeError {
    /// No manifest, or one without the lease's group.
    #[error("the manifest has no group {0:?}; send the manifest of this deployment")]
    NoGroup(String),
    /// What the manifest asks for.
    #[error(transparent)]
    Pod(#[from] PodError),
    /// The hold behind the lease.
    #[error("{0}")]
    Hold(String),
    /// The container runtime.
    #[error(transparent)]
    Runtime(#[from] workload::Error),
    /// Names and ports.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The record.
    #[error(transparent)]
    Home(#[from] HomeError),
}

impl ServeError {
    /// Whether the tenant can do something about it.
    pub(crate) fn is_the_tenants(&self) -> bool {
        use workload::Error as E;
        match self {
            Self::NoGroup(_) | Self::Pod(_) => true,
            Self::Proxy(error) => !matches!(error, ProxyError::Listener(_)),
            Self::Runtime(error) => matches!(
                error,
                E::ImageMissing { .. }
                    | E::ImageInvalid { .. }
                    | E::HostileLayer { .. }
                    | E::InvalidSpec { .. }
                    | E::Unsupported { .. }
                    | E::ContainerStart { .. }
            ),
            Self::Hold(_) | Self::Home(_) => false,
        }
    }
}

impl Agent {
    /// Brings a lease's pod to what its record says, and publishes it. What ran already goes on.
    ///
    /// # Errors
    /// Why it does not run; that is also noted in the work, for whoever asks.
    pub(crate) async fn bring_up(&self, lease: &LeaseName, work: &mut Work) -> Result<(), ServeError> {
        let outcome = self.try_bring_up(lease, work).await;
        if let Err(error) = &outcome {
            self.metrics.starts_failed.one(&[if error.is_the_tenants() { "tenant" } else { "provider" }]);
        }
        work.trouble = outcome.as_ref().err().map(ToString::to_string);
        outcome
    }

    async fn try_bring_up(&self, lease: &LeaseName, work: &mut Work) -> Result<(), ServeError> {
        let Some(record) = &mut work.record else { return Err(ServeError::NoGroup(String::new())) };
        let group = record.group().ok_or_else(|| ServeError::NoGroup(record.group.clone()))?;
        let hold = self.hold(lease, record.fence).await.map_err(ServeError::Hold)?;
        let devices = self.devices(&hold);
        let spec = pod(lease, group, &self.config.public_host, record.rights(), &devices)?;
        work.gpus = devices::share(group, &devices).unwrap_or_default();
        let fence = hold.fence;
        if record.fence != fence {
            record.fence = fence;
            self.home.save_record(record)?;
        }
        let started = self.runtime.start(&spec).await?;
        crash::at("pod-started");
        tracing::info!(lease = %lease, fence, phases = ?started.phases, "the lease's pod runs");
        self.metrics.started(&started.phases);
        work.phases = Some(started.phases);
        self.publish(lease, work, &started.status).await
    }

    /// Publishes what runs of a lease.
    pub(crate) async fn publish(
        &self,
        lease: &LeaseName,
        work: &mut Work,
        status: &PodStatus,
    ) -> Result<(), ServeError> {
        let Some(record) = &mut work.record else { return Ok(()) };
        let published = match self.proxy.publish(lease, routes(record, status)).await {
            Err(ProxyError::PortTaken { service, port, why }) => {
                tracing::warn!(lease = %lease, service, port, reason = why, "a port was lost; taking another");
                record.ports.clear();
                self.proxy.publish(lease, routes(record, status)).await?
            }
            other => other?,
        };
        let before = record.ports.clone();
        record.note_ports(&published);
        if record.ports != before {
            self.home.save_record(record)?;
        }
        if work.published != published {
            for one in &published {
                tracing::info!(lease = %lease, service = one.service(), address = %one, "published");
            }
        }
        work.published = published;
        Ok(())
    }
}

/// The world's way to each global port of a lease.
fn routes(record: &LeaseRecord, status: &PodStatus) -> Vec<Route> {
    let services = record.group().into_iter().flat_map(|group: &Group| &group.services);
    services.flat_map(|service| service_routes(record, service, status)).collect()
}

fn service_routes(record: &LeaseRecord, service: &Service, status: &PodStatus) -> Vec<Route> {
    let name = &service.name;
    let global = service.expose.iter().filter(|expose| expose.global);
    global
        .filter_map(|expose| {
            // Both were checked when the pod was described.
            let port = u16::try_from(expose.port).ok()?;
            let external = u16::try_from(expose.outside_port()).ok()?;
            let exposure = if expose.is_http() {
                Exposure::Http { hosts: expose.hosts.clone().unwrap_or_default(), options: expose.http_options.clone() }
            } else {
                let assigned = record.assigned(name, port, external, expose.proto);
                Exposure::Port { port, external, protocol: expose.proto, assigned }
            };
            let runs = |replica: &&workload::ReplicaStatus| {
                replica.service == *name && matches!(replica.state, State::Running { .. })
            };
            let address = |replica: &workload::ReplicaStatus| SocketAddr::from((replica.address, port));
            let replicas = status.replicas.iter().filter(runs).map(address).collect();
            Some(Route { service: name.clone(), exposure, replicas })
        })
        .collect()
}
