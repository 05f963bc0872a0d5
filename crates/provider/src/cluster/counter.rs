//! What tenants and other suppliers ask, answered by the chain's word.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use client::cluster::{ClusterPath, ExecAsk, Kept, NodeReport};
use futures::stream::BoxStream;
use proto::tetra::cluster::v1 as wire;
use proto::tetra::cluster::v1::ClusterKind;
use workload::{LogLine, LogQuery};

use super::chain::live;
use super::desk::{ClusterDesk, ClusterRefusal, Connected, Program};
use super::node::Seat;
use super::pods;
use super::supplier::{Supplier, told};
use super::trouble::Trouble;

/// For a connection within a cluster.
const CONNECT: Duration = Duration::from_secs(10);

pub(super) struct Counter(pub(super) Arc<Supplier>);

impl From<Trouble> for ClusterRefusal {
    fn from(trouble: Trouble) -> Self {
        match &trouble {
            Trouble::Chain(_) => Self::Unavailable(format!("the chain cannot be asked: {trouble}")),
            Trouble::Manifest(_) => Self::Malformed(trouble.to_string()),
            _ => Self::Internal(trouble.to_string()),
        }
    }
}

fn internal(error: impl ToString) -> ClusterRefusal {
    ClusterRefusal::Internal(error.to_string())
}

impl Counter {
    async fn cluster(&self, path: &ClusterPath) -> Result<wire::Cluster, ClusterRefusal> {
        let found = self.0.chain.cluster(path).await.map_err(Trouble::from)?;
        found.ok_or_else(|| ClusterRefusal::NotFound(format!("the chain has no cluster {path}")))
    }

    /// The cluster, to its tenant and to suppliers of its live nodes.
    async fn may_have(&self, caller: &str, path: &ClusterPath) -> Result<wire::Cluster, ClusterRefusal> {
        let cluster = self.cluster(path).await?;
        let is_supplier = live(&cluster).any(|node| node.offer.as_ref().is_some_and(|offer| offer.owner == caller));
        if caller != path.tenant && !is_supplier {
            let text = format!("the chain names {caller} neither as tenant nor as supplier of cluster {path}");
            return Err(ClusterRefusal::Forbidden(text));
        }
        Ok(cluster)
    }

    fn tenant(caller: &str, path: &ClusterPath) -> Result<(), ClusterRefusal> {
        if caller == path.tenant {
            return Ok(());
        }
        Err(ClusterRefusal::Forbidden(format!("only its tenant {} may do this, not {caller}", path.tenant)))
    }

    fn seat(&self, caller: &str, path: &ClusterPath, number: u32) -> Result<Arc<Seat>, ClusterRefusal> {
        Self::tenant(caller, path)?;
        let none = || ClusterRefusal::NotFound(format!("node {number} of cluster {path} is not here"));
        self.0.seat(path, number).ok_or_else(none)
    }
}

#[async_trait]
impl ClusterDesk for Counter {
    async fn put_manifest(&self, caller: &str, path: &ClusterPath, bytes: &[u8]) -> Result<(), ClusterRefusal> {
        Self::tenant(caller, path)?;
        let cluster = self.cluster(path).await?;
        let own = self.0.id();
        if !live(&cluster).any(|node| node.offer.as_ref() == Some(&own)) {
            return Err(ClusterRefusal::NotFound(format!("cluster {path} has no live node here")));
        }
        self.0.take_manifest(path, &cluster.manifest, bytes)?;
        Ok(())
    }

    async fn manifest(&self, caller: &str, path: &ClusterPath) -> Result<Vec<u8>, ClusterRefusal> {
        let cluster = self.may_have(caller, path).await?;
        let none = || ClusterRefusal::NotFound(format!("the manifest of cluster {path} is not here"));
        Ok(self.0.kept_manifest(path, &cluster.manifest)?.ok_or_else(none)?.to_bytes())
    }

    async fn kept(&self, caller: &str, path: &ClusterPath) -> Result<Kept, ClusterRefusal> {
        self.may_have(caller, path).await?;
        let none = || ClusterRefusal::NotFound(format!("nothing of cluster {path} is kept here"));
        self.0.kept(path)?.ok_or_else(none)
    }

    async fn checkpoint(&self, caller: &str, path: &ClusterPath) -> Result<PathBuf, ClusterRefusal> {
        self.may_have(caller, path).await?;
        let file = self.0.checkpoint_path(path);
        let none = || ClusterRefusal::NotFound(format!("no checkpoint of cluster {path} is kept here"));
        if file.exists() { Ok(file) } else { Err(none()) }
    }

    async fn data(
        &self,
        caller: &str,
        path: &ClusterPath,
        number: u32,
    ) -> Result<workload::runtime::Exec, ClusterRefusal> {
        self.may_have(caller, path).await?;
        let none = || ClusterRefusal::NotFound(format!("node {number} of cluster {path} is not here"));
        let seat = self.0.seat(path, number).ok_or_else(none)?;
        if seat.manifest().is_none_or(|manifest| manifest.data_bytes == 0) {
            return Err(ClusterRefusal::NotFound(format!("cluster {path} has no data volume")));
        }
        Ok(self.0.pack_data(path, number).await?)
    }

    async fn nodes(&self, caller: &str, path: &ClusterPath) -> Result<Vec<NodeReport>, ClusterRefusal> {
        Self::tenant(caller, path)?;
        let report = |seat: Arc<Seat>| NodeReport {
            number: seat.key.1,
            state: told(&seat.state()).to_owned(),
            problem: seat.problem(),
            address: mesh::address::of(seat.key.1).to_string(),
            overlay: seat.mesh().and_then(|mesh| serde_json::to_value(mesh.status()).ok()),
        };
        Ok(self.0.seats_of(path).into_iter().map(report).collect())
    }

    async fn logs(
        &self,
        caller: &str,
        path: &ClusterPath,
        number: u32,
        (tail, follow): (Option<usize>, bool),
    ) -> Result<BoxStream<'static, LogLine>, ClusterRefusal> {
        self.seat(caller, path, number)?;
        let query = LogQuery { service: pods::SERVICE.to_owned(), index: 0, tail, follow };
        self.0.ground.logs(&pods::id(path, number), &query).await.map_err(internal)
    }

    async fn exec(
        &self,
        caller: &str,
        path: &ClusterPath,
        number: u32,
        ask: ExecAsk,
    ) -> Result<Program, ClusterRefusal> {
        let seat = self.seat(caller, path, number)?;
        let cluster = seat.cluster();
        let place = pods::place(&cluster, number)
            .ok_or_else(|| ClusterRefusal::Unavailable("the cluster has no head now; try again".to_owned()))?;
        let spec = pods::program(&cluster, place, ask, self.0.ground.has_device());
        let exec = self.0.ground.exec(&pods::id(path, number), &spec).await;
        exec.map(|exec| Program { exec, guard: Box::new(seat.program()) }).map_err(|error| match error {
            Trouble::Runtime(workload::Error::InvalidSpec { .. }) => ClusterRefusal::Malformed(error.to_string()),
            other => ClusterRefusal::Unavailable(other.to_string()),
        })
    }

    async fn connect(
        &self,
        caller: &str,
        path: &ClusterPath,
        number: u32,
        port: u16,
    ) -> Result<Connected, ClusterRefusal> {
        let seat = self.seat(caller, path, number)?;
        let none = || ClusterRefusal::Unavailable(format!("node {number} is not in its overlay yet; try again"));
        let mesh = seat.mesh().ok_or_else(none)?;
        let to = (mesh.address(), port).into();
        let refused = |error: std::io::Error| {
            ClusterRefusal::Unavailable(format!("nothing answers at port {port} of node {number}: {error}"))
        };
        let stream = mesh.connect(to, CONNECT).await.map_err(refused)?;
        let is_ray = seat.cluster().ask.unwrap_or_default().kind() == ClusterKind::Ray;
        let secret = seat.manifest().map(|manifest| manifest.secret);
        Ok(Connected { stream, bearer: secret.filter(|_| is_ray && port == pods::RAY_DASHBOARD) })
    }

    async fn products(&self, host_key: &str, round: u64) -> Result<Vec<u8>, ClusterRefusal> {
        let none = || ClusterRefusal::NotFound(format!("this host committed to nothing in round {round}"));
        match host_key == hex::encode(self.0.host_key) {
            true => self.0.products_of(round).ok_or_else(none),
            false => Err(none()),
        }
    }
}
