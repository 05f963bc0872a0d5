//! What time does to quotes and clusters. Work per block is bounded; what is left over is done in the next ones.

use ledger::{Context, Failure};
use proto::tetra::cluster::v1::{Cluster, ClusterState};

use super::state::{CLUSTERS, TIMERS, has_ended, put};
use super::{events, formation, loss, quote, stopping};
use crate::ids::ClusterId;

/// How many clusters change in one block at most.
const MOST_PER_BLOCK: usize = 64;

/// When time changes a cluster next; 0: never.
pub fn next(cluster: &Cluster, notice_ms: u64) -> u64 {
    if has_ended(cluster) {
        return 0;
    }
    let notice = match cluster.noticed || cluster.ends_ms == 0 {
        true => 0,
        false => cluster.ends_ms.saturating_sub(notice_ms).max(1),
    };
    [cluster.deadline_ms, cluster.ends_ms, notice].into_iter().filter(|time| *time > 0).min().unwrap_or(0)
}

/// Ends quotes and clusters whose time is over, and loses nodes that did not come in time.
///
/// # Errors
/// When the state fails.
pub(crate) fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    quote::end_block(ctx)?;
    let now = ctx.block.time_ms();
    for ((time, id), ()) in TIMERS.first(&ctx.state, &(), MOST_PER_BLOCK)? {
        if time > now {
            break;
        }
        let Some(mut cluster) = CLUSTERS.get(&ctx.state, &id)? else { continue };
        change(ctx, &id, &mut cluster, now)?;
        put(ctx, &id, cluster)?;
    }
    Ok(())
}

fn change(ctx: &mut Context, id: &ClusterId, cluster: &mut Cluster, now: u64) -> Result<(), Failure> {
    if cluster.ends_ms > 0 && now >= cluster.ends_ms {
        return stopping::stop(ctx, id, cluster, "the time that was paid for is over");
    }
    let params = crate::params::params(ctx)?;
    if cluster.ends_ms > 0 && !cluster.noticed && now >= cluster.ends_ms.saturating_sub(params.notice_ms) {
        cluster.noticed = true;
        let left = cluster.ends_ms.saturating_sub(now);
        events::cluster(ctx, id, cluster.state(), &format!("{left} ms are left of what was paid for: extend it"));
    }
    if cluster.deadline_ms == 0 || now < cluster.deadline_ms {
        return Ok(());
    }
    let late = formation::stragglers(cluster, now, params.formation_ms);
    match cluster.state() {
        ClusterState::Forming if late.is_empty() && cluster.vacant.is_empty() => {
            stopping::fail(ctx, id, cluster, "its nodes did not reach each other in time")
        }
        _ => loss::replace(ctx, id, cluster, &late),
    }
}
