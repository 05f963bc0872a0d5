//! The data volume of a cluster: its tenant fills it once the cluster works, and who replaces a node copies it from another.

use client::cluster::ClusterPath;
use futures::TryStreamExt;
use proto::tetra::cluster::v1 as wire;
use proto::tetra::cluster::v1::NodeState;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;
use workload::ExecSpec;
use workload::runtime::Exec;

use super::chain::live;
use super::keep::most_of;
use super::pods;
use super::supplier::Supplier;
use super::trouble::Trouble;

impl Supplier {
    /// Packs the data volume of a node here: the archive is what the program writes.
    pub(super) async fn pack_data(&self, path: &ClusterPath, number: u32) -> Result<Exec, Trouble> {
        let args = ["tar", "-C", pods::DATA, "-cf", "-", "."].map(str::to_owned).to_vec();
        let spec = ExecSpec { args, ..ExecSpec::default() };
        self.ground.exec(&pods::id(path, number), &spec).await
    }

    /// Fills the data volume of a node that replaces another, from the first running one that gives it.
    pub(super) async fn fill(
        &self,
        (path, number): (&ClusterPath, u32),
        cluster: &wire::Cluster,
        data_bytes: u64,
    ) -> Result<(), Trouble> {
        let mut failures = Vec::new();
        let running = live(cluster).filter(|node| node.state() == NodeState::Running && node.number != number);
        for node in running {
            let Some(offer) = &node.offer else { continue };
            match self.fill_from((path, number), (&offer.owner, node.number), data_bytes).await {
                Ok(()) => {
                    tracing::info!(cluster = %path, node = number, "a replacement has the cluster's data");
                    return Ok(());
                }
                Err(error) => failures.push(format!("node {}: {error}", node.number)),
            }
        }
        Err(Trouble::Waits(format!("waiting for the cluster's data; {}", failures.join("; "))))
    }

    async fn fill_from(
        &self,
        to: (&ClusterPath, u32),
        (owner, from): (&str, u32),
        data_bytes: u64,
    ) -> Result<(), Trouble> {
        let path = to.0;
        if self.seat(path, from).is_some() {
            let mut packed = self.pack_data(path, from).await?;
            drop(packed.stdin);
            return self.take_data(&mut packed.stdout, to, data_bytes).await;
        }
        let gateway = self.gateway(owner).await?;
        let pieces = gateway.cluster_data(path, from).await.map_err(|error| Trouble::Fetch(error.to_string()))?;
        let pieces = pieces.map_ok(hyper::body::Bytes::from).map_err(std::io::Error::other);
        self.take_data(&mut StreamReader::new(pieces), to, data_bytes).await
    }

    /// No more is taken than a volume of that size can hold.
    async fn take_data(
        &self,
        archive: &mut (impl AsyncRead + Unpin),
        to: (&ClusterPath, u32),
        data_bytes: u64,
    ) -> Result<(), Trouble> {
        self.unpack_from(&mut archive.take(most_of(data_bytes)), to, pods::DATA).await
    }
}
