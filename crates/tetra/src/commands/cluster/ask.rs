//! The questions about clusters that commands ask the chain.

use primitives::{Coin, Denom};
use proto::tetra::cluster::v1 as wire;
use proto::tetra::cluster::v1::{ClusterState, NodeState};

use crate::chain::Chain;
use crate::error::{Class, CliError, Result};

/// Whether a node holds its device.
pub fn is_live(node: &wire::Node) -> bool {
    matches!(node.state(), NodeState::Starting | NodeState::Joined | NodeState::Running)
}

/// Whether a cluster has ended.
pub fn has_ended(cluster: &wire::Cluster) -> bool {
    matches!(cluster.state(), ClusterState::Stopped | ClusterState::Failed)
}

impl Chain {
    /// Parameters of the market of clusters.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn cluster_params(&self) -> Result<wire::Params> {
        let found: wire::QueryParamsResponse =
            self.node.query("/tetra.cluster.v1.Query/Params", &wire::QueryParamsRequest {}).await?;
        Ok(found.params.unwrap_or_default())
    }

    /// One cluster.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn cluster(&self, id: &wire::ClusterId) -> Result<wire::Cluster> {
        let request = wire::QueryClusterRequest { id: Some(id.clone()) };
        let found: Option<wire::QueryClusterResponse> = self.found("/tetra.cluster.v1.Query/Cluster", &request).await?;
        found.and_then(|found| found.cluster).ok_or_else(|| {
            CliError::new(Class::NotFound, format!("there is no cluster {}/{}", id.tenant, id.cseq))
                .hint("`tetra cluster list` shows yours")
        })
    }

    /// Clusters of a tenant, or of all when it is empty.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn clusters(&self, tenant: &str, live: bool) -> Result<Vec<wire::Cluster>> {
        self.all(
            "/tetra.cluster.v1.Query/Clusters",
            |pagination| wire::QueryClustersRequest { tenant: tenant.to_owned(), live, pagination },
            |found: wire::QueryClustersResponse| (found.clusters, found.pagination),
        )
        .await
    }

    /// Devices on offer, of a class or of all when it is empty.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn cluster_offers(&self, class: &str) -> Result<Vec<wire::Offer>> {
        self.all(
            "/tetra.cluster.v1.Query/Offers",
            |pagination| wire::QueryOffersRequest { owner: String::new(), class: class.to_owned(), pagination },
            |found: wire::QueryOffersResponse| (found.offers, found.pagination),
        )
        .await
    }

    /// Classes as they are now.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn cluster_classes(&self) -> Result<Vec<wire::ClassState>> {
        let found: wire::QueryClassesResponse =
            self.node.query("/tetra.cluster.v1.Query/Classes", &wire::QueryClassesRequest {}).await?;
        Ok(found.classes)
    }

    /// What would be quoted now.
    ///
    /// # Errors
    /// When the ask is malformed.
    pub async fn cluster_quote(&self, ask: &wire::Ask) -> Result<wire::QueryQuoteResponse> {
        let request = wire::QueryQuoteRequest { ask: Some(ask.clone()) };
        Ok(self.node.query("/tetra.cluster.v1.Query/Quote", &request).await?)
    }

    /// An amount of the market's denom, for people.
    ///
    /// # Errors
    /// When the denom is none.
    pub fn money(&self, denom: &str, amount: u64) -> Result<String> {
        let denom = Denom::new(denom).map_err(|error| CliError::new(Class::Internal, error))?;
        Ok(self.units.coin(&Coin { denom, amount: amount.into() }))
    }
}
