//! `tetra cluster create`: a quote that is held, taken, and watched until the cluster works.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use client::cluster::Manifest;
use proto::ToAny;
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::cosmos::base::v1beta1::Coin;
use proto::tetra::cluster::v1 as wire;
use proto::tetra::cluster::v1::{ClusterState, NodeState};
use serde_json::json;

use super::ask::is_live;
use super::data::Data;
use super::list::state;
use super::names::{ClusterName, Kind};
use super::quote;
use super::reach::Reach;
use super::wish::Wish;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{Talk, row};
use crate::spend::{Plan, Spend};

/// The image of Ray's nodes that `examples/ray/build-image.sh` builds.
const RAY_IMAGE: &str = "tetra-ray:2.60.0";
const POLL: Duration = Duration::from_millis(300);

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    wish: Wish,
    /// Image of the nodes [default for Ray: tetra-ray:2.60.0]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Environment of the nodes, NAME=VALUE; once for each
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// A volume at /checkpoint of so many GiB: suppliers keep copies of the head's, for another head and for you
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=1024))]
    checkpoint: Option<u64>,
    /// A folder, or a tar archive, that every node has at /data, also those that replace others
    #[arg(long, value_name = "PATH", conflicts_with = "no_wait")]
    data: Option<PathBuf>,
    /// Return once it is hired, before it works
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    spend: Spend,
    /// What runs on every node; none: they wait for programs that are run on them. Ray brings its own
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn manifest(args: &Args, data: Option<&Data>) -> Result<Manifest> {
    let image = match (&args.image, args.wish.kind()) {
        (Some(image), _) => image.clone(),
        (None, Kind::Ray) => RAY_IMAGE.to_owned(),
        (None, _) => {
            return Err(CliError::new(Class::Usage, "an image is missing")
                .hint("name one with --image; of kind ray it is tetra-ray"));
        }
    };
    if args.wish.kind() == Kind::Ray && !args.command.is_empty() {
        return Err(CliError::new(Class::Usage, "nodes of Ray run Ray")
            .hint("leave the command out, and use `tetra cluster submit` or `tetra cluster run`"));
    }
    let mut env = BTreeMap::new();
    for pair in &args.env {
        let (name, value) = pair
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| CliError::new(Class::Usage, format!("NAME=VALUE is wanted, not {pair:?}")))?;
        env.insert(name.to_owned(), value.to_owned());
    }
    let manifest = Manifest::new(image, args.command.clone(), env);
    Ok(Manifest {
        checkpoint_bytes: args.checkpoint.unwrap_or(0) << 30,
        data_bytes: data.map_or(0, Data::volume),
        ..manifest
    })
}

/// Runs it.
///
/// # Errors
/// When there are too few devices, the chain refuses, or the cluster does not form.
pub async fn run(context: &Context, args: Args) -> Result {
    let data = args.data.as_deref().map(Data::pack).transpose()?;
    let manifest = manifest(&args, data.as_ref())?;
    let chain = context.chain().await?;
    let params = chain.cluster_params().await?;
    let ask = args.wish.ask(&chain, &params.denom)?;
    let answer = chain.cluster_quote(&ask).await?;
    let Some(seen) = answer.quote else {
        return Err(CliError::new(Class::NotFound, answer.refusal).hint("`tetra cluster quote` shows every reason"));
    };
    let account = context.account(&chain.network).await?;
    let cseq = chain.height().await?;
    let id = wire::ClusterId { tenant: account.text(), cseq };
    let coin = Coin { denom: params.denom.clone(), amount: seen.total.to_string() };
    let deposit = Deposit { amount: Some(coin), sources: vec![Source::Balance.into()] };
    let hash = Manifest::hash(&manifest.to_bytes()).to_vec();
    // Both in one transaction: what was quoted is what is taken, or neither is.
    let messages = vec![
        wire::MsgRequestQuote { id: Some(id.clone()), ask: Some(ask) }.to_any(),
        wire::MsgCreateCluster { id: Some(id.clone()), manifest: hash, deposit: Some(deposit) }.to_any(),
    ];
    let mut rows = quote::rows(&chain, &params.denom, &seen)?;
    rows.insert(0, row(["cluster", &cseq.to_string()]));
    let plan = Plan {
        data: json!({ "cseq": cseq, "tenant": id.tenant, "denom": params.denom, "quote": quote::data(&seen) }),
        rows,
        question: format!("Hire it for {}?", chain.money(&params.denom, seen.total.saturating_add(seen.fee))?),
    };
    let sent = args.spend.send(context, &account, &chain.units, messages, plan, || Ok(())).await?;
    if !sent {
        return Ok(());
    }
    let name: ClusterName = cseq.to_string().parse().map_err(|error: String| CliError::new(Class::Internal, error))?;
    let told = hand_out(context, &name, &manifest).await;
    if args.no_wait {
        return told;
    }
    told?;
    wait(context, &name, &manifest).await?;
    match data {
        Some(data) => data.send(&Reach::of(context, &name).await?).await,
        None => Ok(()),
    }
}

/// Gives the manifest to the agents of all live nodes that do not have it.
async fn hand_out(context: &Context, name: &ClusterName, manifest: &Manifest) -> Result {
    let reach = Reach::of(context, name).await?;
    for gateway in reach.gateways().await?.values() {
        gateway.put_cluster_manifest(&reach.path, manifest.to_bytes()).await?;
    }
    Ok(())
}

/// Waits until the cluster works, and tells what happens.
async fn wait(context: &Context, name: &ClusterName, manifest: &Manifest) -> Result {
    let began = Instant::now();
    let talk = Talk::start();
    let chain = context.chain().await?;
    let id = name.id(context, &chain)?;
    let (mut suppliers, mut said) = (BTreeSet::new(), String::new());
    loop {
        let cluster = chain.cluster(&id).await?;
        let owners: BTreeSet<String> = cluster
            .nodes
            .iter()
            .filter(|node| is_live(node))
            .filter_map(|node| node.offer.as_ref())
            .map(|offer| offer.owner.clone())
            .collect();
        if cluster.state() == ClusterState::Forming && owners != suppliers && !suppliers.is_empty() {
            // A node was replaced: its agent can have the manifest of the others, and has it sooner from here.
            let _ = hand_out(context, name, manifest).await;
        }
        suppliers = owners;
        match cluster.state() {
            ClusterState::Running => {
                talk.line(&format!("cluster {} works after {:.1} s", id.cseq, began.elapsed().as_secs_f64()));
                return Ok(());
            }
            ClusterState::Kept => {
                let kept = cluster.ask.as_ref().map_or(0, |ask| ask.keep_failed_ms);
                return Err(CliError::new(
                    Class::Rejected,
                    format!("cluster {} did not form, and {}", id.cseq, cluster.reason),
                )
                .hint(format!(
                    "`tetra cluster ssh {0}` looks at one, `tetra cluster stop {0}` ends them; they go after {1}",
                    id.cseq,
                    super::names::duration(kept)
                )));
            }
            ClusterState::Forming | ClusterState::Degraded => {
                let of = |state: NodeState| cluster.nodes.iter().filter(|node| node.state() == state).count();
                let (starting, joined) = (of(NodeState::Starting), of(NodeState::Joined));
                let now = format!("{}: {starting} nodes start, {joined} look for each other", state(&cluster));
                if now != said {
                    talk.step(&now);
                    said = now;
                }
            }
            _ => {
                return Err(CliError::new(
                    Class::Rejected,
                    format!("cluster {} is {}: {}", id.cseq, state(&cluster), cluster.reason),
                )
                .hint("nothing but the reservation was paid, unless your image or command was why"));
            }
        }
        tokio::time::sleep(POLL).await;
    }
}
