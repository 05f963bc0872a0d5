//! `tetra cluster logs`.

use std::io::Write;

use futures::StreamExt;

use super::jobs;
use super::names::ClusterName;
use super::reach::Reach;
use crate::context::Context;
use crate::error::Result;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The cluster
    cluster: ClusterName,
    /// The node's rank; the head has 0
    #[arg(long, default_value_t = 0, value_name = "RANK", conflicts_with = "job")]
    rank: u32,
    /// Of this Ray job instead
    #[arg(long, value_name = "JOB")]
    job: Option<String>,
    /// Only the last so many lines
    #[arg(long, value_name = "N")]
    tail: Option<u32>,
    /// Go on as lines come
    #[arg(short, long)]
    follow: bool,
}

/// Runs it.
///
/// # Errors
/// When the node cannot be reached.
pub async fn run(context: &Context, args: Args) -> Result {
    let reach = Reach::of(context, &args.cluster).await?;
    if let Some(job) = &args.job {
        return jobs::logs(&reach, job, args.follow).await;
    }
    let node = reach.node(args.rank)?;
    let gateway = reach.gateway(node).await?;
    let mut pieces = gateway.cluster_logs(&reach.path, node.number, args.tail, args.follow).await?;
    while let Some(piece) = pieces.next().await {
        // A reader that went away is told nothing more.
        if std::io::stdout().write_all(&piece?).is_err() {
            break;
        }
    }
    Ok(())
}
