//! Devices of this machine: containers by the runtime, overlays by devices in their network namespaces.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use mesh::netns::Fresh;
use mesh::{Mesh, MeshConfig, Number, Place, SecretKey, Wire};
use proto::tetra::cluster::v1::OfferTerms;
use proving::{Product, Puzzle};
use workload::runtime::Exec;
use workload::{ExecSpec, LogLine, LogQuery, PodId, PodSpec, PodStatus, Runtime, State};

use super::config::{ClusterConfig, Origin};
use super::ground::{Carriage, Entrance, Ground, OTHER, Overlay};
use super::pods::SERVICE;
use super::trouble::Trouble;
use super::wires;

/// For what runs on a node that ends.
const GRACE: Duration = Duration::from_secs(10);

/// This machine.
pub(super) struct Machine(pub(super) Arc<dyn Runtime>);

/// The products of all devices, each on a thread of its own.
pub(super) fn compute(puzzle: Puzzle, seeds: &[[u8; 32]]) -> Vec<Product> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = seeds.iter().map(|seed| scope.spawn(move || proving::prove(puzzle, seed))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

#[async_trait]
impl Ground for Machine {
    async fn terms(&self, config: &ClusterConfig) -> Result<OfferTerms, Trouble> {
        match config.origin {
            Origin::Lease => Err(Trouble::Waits(OTHER.to_owned())),
            _ => Ok(config.terms()),
        }
    }

    fn has_device(&self) -> bool {
        true
    }

    async fn let_go(&self) -> Result<(), Trouble> {
        Ok(())
    }

    async fn products(&self, puzzle: Puzzle, seeds: Vec<[u8; 32]>) -> Result<Vec<Product>, Trouble> {
        let computed = tokio::task::spawn_blocking(move || compute(puzzle, &seeds)).await;
        computed.map_err(|error| Trouble::Odd(error.to_string()))
    }

    async fn start(&self, spec: &PodSpec) -> Result<PodStatus, Trouble> {
        Ok(self.0.start(spec).await?.status)
    }

    async fn status(&self, id: &PodId) -> Result<PodStatus, Trouble> {
        Ok(self.0.status(id).await?)
    }

    async fn exec(&self, id: &PodId, what: &ExecSpec) -> Result<Exec, Trouble> {
        Ok(self.0.exec(id, SERVICE, 0, what).await?)
    }

    async fn logs(&self, id: &PodId, query: &LogQuery) -> Result<BoxStream<'static, LogLine>, Trouble> {
        Ok(self.0.logs(id, query).await?)
    }

    async fn remove(&self, id: &PodId) -> Result<(), Trouble> {
        Ok(self.0.remove(id, GRACE).await?)
    }

    async fn list(&self) -> Result<Vec<PodId>, Trouble> {
        Ok(self.0.list().await?.into_iter().map(|pod| pod.id).collect())
    }

    async fn enter(&self, node: Option<&PodStatus>, carriage: &Carriage) -> Result<Box<dyn Entrance>, Trouble> {
        let (wire, endpoint) = wires::wire(carriage).await?;
        let place = match node {
            Some(status) => {
                let pid = pid(status).ok_or_else(|| Trouble::Waits("the container does not run".to_owned()))?;
                Place::Namespace(PathBuf::from(format!("/proc/{pid}/ns/net")))
            }
            None => {
                let odd = |error: std::io::Error| Trouble::Odd(format!("no network namespace for a trial: {error}"));
                Place::Fresh(Fresh::new().await.map_err(odd)?)
            }
        };
        Ok(Box::new(Door { wire, endpoint, place }))
    }
}

fn pid(status: &PodStatus) -> Option<i32> {
    status.replicas.iter().find_map(|replica| match replica.state {
        State::Running { pid, .. } => Some(pid),
        _ => None,
    })
}

struct Door {
    wire: Wire,
    endpoint: SocketAddr,
    place: Place,
}

#[async_trait]
impl Entrance for Door {
    fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    async fn begin(self: Box<Self>, secret: SecretKey, number: Number) -> Result<Arc<dyn Overlay>, Trouble> {
        let Self { wire, place, .. } = *self;
        Ok(Arc::new(Mesh::start(MeshConfig { secret, number, place, wire }).await?))
    }
}
