//! Keeping a miner in its subnet: registered within the limit it was given, its address published, its callers known.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::server::Miner;
use crate::chain::risk::{Standing, standing};
use crate::chain::{Chain, ChainFault, Metagraph};
use crate::keys::HotkeyId;

/// Registers where that is asked for, publishes the address where another one stands, and tells how the miner stands.
///
/// # Errors
/// [`ChainFault::Refused`] for a miner that is not registered and may not register; what the chain refuses.
pub async fn keep(
    chain: &dyn Chain,
    netuid: u16,
    hotkey: HotkeyId,
    at: SocketAddr,
    register_within: Option<u128>,
) -> Result<(Metagraph, Standing), ChainFault> {
    let mut graph = chain.metagraph(netuid).await?;
    if graph.find(hotkey).is_none() {
        let burn = graph.terms.burn;
        let Some(limit) = register_within else {
            let why = format!("{hotkey} is not registered in subnet {netuid}; registering burns {burn} now");
            return Err(ChainFault::Refused(why));
        };
        let uid = chain.register(netuid, limit).await?;
        tracing::info!(netuid, uid, burn, "registered");
        graph = chain.metagraph(netuid).await?;
    }
    if graph.find(hotkey).is_some_and(|neuron| neuron.axon != Some(at)) {
        chain.serve(netuid, at).await?;
        graph = chain.metagraph(netuid).await?;
    }
    let gone = || ChainFault::Unreachable(format!("{hotkey} is not in the subnet that it registered in"));
    let standing = standing(&graph, hotkey).ok_or_else(gone)?;
    Ok((graph, standing))
}

/// Goes on keeping a miner, every so often, and logs what changes.
pub async fn keep_on(
    chain: Arc<dyn Chain>,
    miner: Arc<Miner>,
    (netuid, hotkey, at): (u16, HotkeyId, SocketAddr),
    register_within: Option<u128>,
    every: Duration,
) {
    let mut last = None;
    loop {
        match keep(chain.as_ref(), netuid, hotkey, at, register_within).await {
            Ok((graph, standing)) => {
                miner.door().update(graph);
                if last.as_ref() != Some(&standing) {
                    let Standing { uid, earned_last_epoch, earned_per_day, rank, risk, .. } = &standing;
                    tracing::info!(netuid, uid, earned_last_epoch, earned_per_day, ?rank, risk, "the miner stands");
                }
                last = Some(standing);
            }
            Err(error) => tracing::warn!(netuid, error = %error, "the miner cannot be kept in its subnet"),
        }
        tokio::time::sleep(every).await;
    }
}
