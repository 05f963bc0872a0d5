//! What other agents have: manifests of clusters that they run nodes of, products of their proofs. Each gateway is known by the
//! certificate that its owner published on the chain.

use client::cluster::ClusterPath;
use client::gateway::{Auth, Gateway, Trust};
use proto::tetra::cluster::v1 as wire;

use super::chain::owners;
use super::supplier::Supplier;
use super::trouble::Trouble;

impl Supplier {
    /// The gateway of a supplier.
    pub(super) async fn gateway(&self, owner: &str) -> Result<Gateway, Trouble> {
        let uri = self.chain.gateway_of(owner).await?;
        let uri = uri.ok_or_else(|| Trouble::Fetch(format!("{owner} is no registered provider")))?;
        let trust =
            Trust::on_chain(self.chain.node(), owner).await.map_err(|error| Trouble::Fetch(error.to_string()))?;
        let auth = Auth::Token(self.chain.token());
        Gateway::through(&uri, trust, auth, self.config()?.proxy).map_err(|error| Trouble::Fetch(error.to_string()))
    }

    /// The bytes of a cluster's manifest from one of the other suppliers.
    pub(super) async fn manifest_of_others(
        &self,
        path: &ClusterPath,
        cluster: &wire::Cluster,
    ) -> Result<Vec<u8>, Trouble> {
        let mut failures = Vec::new();
        for owner in owners(cluster).into_iter().filter(|owner| owner != self.chain.address()) {
            let fetched = async {
                let gateway = self.gateway(&owner).await?;
                gateway.cluster_manifest(path).await.map_err(|error| Trouble::Fetch(error.to_string()))
            };
            match fetched.await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => failures.push(error.to_string()),
            }
        }
        let tried = if failures.is_empty() { "no other supplier".to_owned() } else { failures.join("; ") };
        Err(Trouble::Waits(format!("waiting for the manifest of cluster {path}; {tried}")))
    }
}
