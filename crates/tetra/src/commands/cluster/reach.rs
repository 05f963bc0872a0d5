//! The gateways of a cluster's nodes.

use std::collections::{BTreeMap, BTreeSet};

use client::Gateway;
use client::cluster::ClusterPath;
use proto::tetra::cluster::v1 as wire;

use super::ask::{has_ended, is_live};
use super::names::{ClusterName, short};
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::gateways::{AuthKind, Caller};

/// A cluster of one's own that lives, and the way to its nodes.
pub struct Reach {
    /// The chain.
    pub chain: Chain,
    /// The cluster.
    pub cluster: wire::Cluster,
    /// Its name.
    pub path: ClusterPath,
    caller: Caller,
}

impl Reach {
    /// Finds a cluster.
    ///
    /// # Errors
    /// When there is none of that name, or it has ended.
    pub async fn of(context: &Context, name: &ClusterName) -> Result<Self> {
        let chain = context.chain().await?;
        let id = name.id(context, &chain)?;
        let cluster = chain.cluster(&id).await?;
        if has_ended(&cluster) {
            let state = short(cluster.state().as_str_name(), "CLUSTER_STATE_");
            let what = format!("cluster {} has ended: it is {state}, {}", id.cseq, cluster.reason);
            return Err(CliError::new(Class::NotFound, what));
        }
        let caller = Caller::of(context, &chain, AuthKind::Token).await?;
        let path = ClusterPath { tenant: id.tenant, cseq: id.cseq };
        Ok(Self { chain, cluster, path, caller })
    }

    /// The live node of a rank.
    ///
    /// # Errors
    /// When there is none now.
    pub fn node(&self, rank: u32) -> Result<&wire::Node> {
        let none = || {
            CliError::new(Class::NotFound, format!("the cluster has no node of rank {rank} now"))
                .hint("`tetra cluster nodes` shows those that it has")
        };
        self.cluster.nodes.iter().filter(|node| is_live(node)).find(|node| node.rank == rank).ok_or_else(none)
    }

    /// The live nodes by rank.
    pub fn nodes(&self) -> Vec<&wire::Node> {
        let mut nodes: Vec<&wire::Node> = self.cluster.nodes.iter().filter(|node| is_live(node)).collect();
        nodes.sort_by_key(|node| node.rank);
        nodes
    }

    /// The gateway of a supplier.
    ///
    /// # Errors
    /// When it is no provider any more.
    pub async fn gateway_of(&self, owner: &str) -> Result<Gateway> {
        let uri = self.chain.gateway_uri(owner).await?;
        self.caller.gateway(&self.chain, owner, &uri).await
    }

    /// The gateway of a node.
    ///
    /// # Errors
    /// When its supplier is no provider any more.
    pub async fn gateway(&self, node: &wire::Node) -> Result<Gateway> {
        self.gateway_of(&node.offer.clone().unwrap_or_default().owner).await
    }

    /// The gateways of all suppliers with live nodes.
    ///
    /// # Errors
    /// When one is no provider any more.
    pub async fn gateways(&self) -> Result<BTreeMap<String, Gateway>> {
        let owner = |node: &&wire::Node| node.offer.clone().unwrap_or_default().owner;
        let owners: BTreeSet<String> = self.nodes().iter().map(owner).collect();
        let mut found = BTreeMap::new();
        for owner in owners {
            let gateway = self.gateway_of(&owner).await?;
            found.insert(owner, gateway);
        }
        Ok(found)
    }
}
