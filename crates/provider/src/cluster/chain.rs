//! What a supplier asks of the chain.

use client::NodeError;
use client::cluster::ClusterPath;
use proto::tetra::cluster::v1 as wire;

use crate::chain::Chain;

/// A cluster, as the chain writes it.
pub(crate) fn cluster_id(path: &ClusterPath) -> wire::ClusterId {
    wire::ClusterId { tenant: path.tenant.clone(), cseq: path.cseq }
}

/// A cluster, as addresses and files write it.
pub(crate) fn path_of(id: &wire::ClusterId) -> ClusterPath {
    ClusterPath { tenant: id.tenant.clone(), cseq: id.cseq }
}

/// The nodes of a cluster that hold their devices.
pub(crate) fn live(cluster: &wire::Cluster) -> impl Iterator<Item = &wire::Node> {
    use wire::NodeState::{Joined, Running, Starting};
    cluster.nodes.iter().filter(|node| matches!(node.state(), Starting | Joined | Running))
}

/// The owners of all that ever were nodes of a cluster: who lost one may still have what another needs.
pub(crate) fn owners(cluster: &wire::Cluster) -> std::collections::BTreeSet<String> {
    cluster.nodes.iter().filter_map(|node| node.offer.as_ref()).map(|offer| offer.owner.clone()).collect()
}

/// Whether a cluster has ended for good.
pub(crate) fn has_ended(cluster: &wire::Cluster) -> bool {
    matches!(cluster.state(), wire::ClusterState::Stopped | wire::ClusterState::Failed)
}

impl Chain {
    /// An offer with its proof in the current round; none when there is none of that name.
    pub(crate) async fn cluster_offer(
        &self,
        id: &wire::OfferId,
    ) -> Result<Option<wire::QueryOfferResponse>, NodeError> {
        self.find("/tetra.cluster.v1.Query/Offer", &wire::QueryOfferRequest { id: Some(id.clone()) }).await
    }

    /// Offers of all suppliers, as far as one page shows them.
    pub(crate) async fn cluster_offers(&self) -> Result<Vec<wire::Offer>, NodeError> {
        let response: wire::QueryOffersResponse =
            self.ask("/tetra.cluster.v1.Query/Offers", &wire::QueryOffersRequest::default()).await?;
        Ok(response.offers)
    }

    /// The current round of proofs; none before the first.
    pub(crate) async fn cluster_round(&self) -> Result<Option<wire::Round>, NodeError> {
        let found: Option<wire::QueryRoundResponse> =
            self.find("/tetra.cluster.v1.Query/Round", &wire::QueryRoundRequest {}).await?;
        Ok(found.and_then(|response| response.round))
    }

    /// Proofs and appeals that an offer is drawn for, and who verifies its own.
    pub(crate) async fn cluster_duties(&self, id: &wire::OfferId) -> Result<wire::QueryDutiesResponse, NodeError> {
        let request = wire::QueryDutiesRequest { id: Some(id.clone()) };
        self.ask("/tetra.cluster.v1.Query/Duties", &request).await
    }

    /// Clusters that have a node of an offer.
    pub(crate) async fn cluster_work(&self, id: &wire::OfferId) -> Result<Vec<wire::Cluster>, NodeError> {
        let request = wire::QueryWorkRequest { id: Some(id.clone()) };
        let response: wire::QueryWorkResponse = self.ask("/tetra.cluster.v1.Query/Work", &request).await?;
        Ok(response.clusters)
    }

    /// A cluster; none when there is none of that name.
    pub(crate) async fn cluster(&self, path: &ClusterPath) -> Result<Option<wire::Cluster>, NodeError> {
        let request = wire::QueryClusterRequest { id: Some(cluster_id(path)) };
        let found: Option<wire::QueryClusterResponse> = self.find("/tetra.cluster.v1.Query/Cluster", &request).await?;
        Ok(found.and_then(|response| response.cluster))
    }

    /// Parameters of the market of clusters.
    pub(crate) async fn cluster_params(&self) -> Result<wire::Params, NodeError> {
        let response: wire::QueryParamsResponse =
            self.ask("/tetra.cluster.v1.Query/Params", &wire::QueryParamsRequest {}).await?;
        Ok(response.params.unwrap_or_default())
    }

    /// Where a provider's gateway is; none when the account is no provider.
    pub(crate) async fn gateway_of(&self, owner: &str) -> Result<Option<String>, NodeError> {
        use proto::akash::provider::v1beta4::{QueryProviderRequest, QueryProviderResponse};
        let request = QueryProviderRequest { owner: owner.to_owned() };
        let found: Option<QueryProviderResponse> =
            self.find("/akash.provider.v1beta4.Query/Provider", &request).await?;
        Ok(found.and_then(|response| response.provider).map(|provider| provider.host_uri))
    }
}
