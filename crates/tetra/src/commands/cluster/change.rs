//! `tetra cluster scale`, `extend` and `stop`.

use proto::ToAny;
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::cosmos::base::v1beta1::Coin;
use proto::tetra::cluster::v1 as wire;
use serde_json::json;

use super::ask::is_live;
use super::names::{ClusterName, duration, parse_duration};
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::row;
use crate::spend::{Plan, Spend};

/// Arguments of `scale`.
#[derive(Debug, clap::Args)]
pub struct Scale {
    /// The cluster
    cluster: ClusterName,
    /// How many nodes it is to have
    #[arg(value_parser = clap::value_parser!(u32).range(1..=256))]
    nodes: u32,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `extend`.
#[derive(Debug, clap::Args)]
pub struct Extend {
    /// The cluster
    cluster: ClusterName,
    /// By how much, such as 2h
    #[arg(value_parser = parse_duration)]
    by: u64,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `stop`.
#[derive(Debug, clap::Args)]
pub struct Stop {
    /// The cluster
    cluster: ClusterName,
    #[command(flatten)]
    spend: Spend,
}

/// Runs `scale`.
///
/// # Errors
/// When there are too few devices, or the chain refuses.
pub async fn scale(context: &Context, args: Scale) -> Result {
    let chain = context.chain().await?;
    let id = args.cluster.id(context, &chain)?;
    let cluster = chain.cluster(&id).await?;
    let has = cluster.ask.as_ref().map_or(0, |ask| ask.nodes);
    let account = context.account(&chain.network).await?;
    let plan = Plan {
        data: json!({ "cseq": id.cseq, "from": has, "to": args.nodes }),
        rows: vec![
            row(["cluster", &id.cseq.to_string()]),
            row(["nodes", &format!("{has} now, {} then", args.nodes)]),
            row(["time", "the money that is there lasts for as much longer or shorter"]),
        ],
        question: format!("Scale it to {} nodes?", args.nodes),
    };
    let message = wire::MsgScaleCluster { id: Some(id), nodes: args.nodes }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

/// Runs `extend`.
///
/// # Errors
/// When the chain refuses.
pub async fn extend(context: &Context, args: Extend) -> Result {
    let chain = context.chain().await?;
    let id = args.cluster.id(context, &chain)?;
    let (cluster, denom) = (chain.cluster(&id).await?, chain.cluster_params().await?.denom);
    let hourly: u128 = cluster.nodes.iter().filter(|node| is_live(node)).map(|node| u128::from(node.price)).sum();
    let cost = pricing::cluster::cost(hourly, args.by);
    let cost = cost.and_then(|cost| u64::try_from(cost).ok());
    let cost = cost.ok_or_else(|| CliError::new(Class::Usage, "that is too long to be counted"))?;
    let account = context.account(&chain.network).await?;
    let plan = Plan {
        data: json!({ "cseq": id.cseq, "duration_ms": args.by, "deposit": { "denom": denom, "amount": cost.to_string() } }),
        rows: vec![
            row(["cluster", &id.cseq.to_string()]),
            row(["longer by", &duration(args.by)]),
            row(["in advance", &chain.money(&denom, cost)?]),
        ],
        question: format!("Pay {} for {} more?", chain.money(&denom, cost)?, duration(args.by)),
    };
    let coin = Coin { denom, amount: cost.to_string() };
    let deposit = Deposit { amount: Some(coin), sources: vec![Source::Balance.into()] };
    let message = wire::MsgExtendCluster { id: Some(id), duration_ms: args.by, deposit: Some(deposit) }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

/// Runs `stop`.
///
/// # Errors
/// When the chain refuses.
pub async fn stop(context: &Context, args: Stop) -> Result {
    let chain = context.chain().await?;
    let id = args.cluster.id(context, &chain)?;
    let account = context.account(&chain.network).await?;
    let plan = Plan {
        data: json!({ "cseq": id.cseq, "tenant": id.tenant }),
        rows: vec![
            row(["cluster", &id.cseq.to_string()]),
            row(["its nodes", "end, with all that is on them"]),
            row(["money", "what was not used comes back"]),
        ],
        question: format!("Stop cluster {}?", id.cseq),
    };
    let message = wire::MsgStopCluster { id: Some(id) }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}
