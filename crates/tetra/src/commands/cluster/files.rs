//! `tetra cluster cp`: files to nodes and back, through `cat` on the node.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use client::Gateway;
use client::cluster::{ClusterPath, ExecAsk, ExecEvent};
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::names::{ClusterName, time};
use super::reach::Reach;
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::gateways::{AuthKind, Caller};
use crate::output;

/// Bytes that are sent at a time.
const PIECE: usize = 64 << 10;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The cluster
    cluster: ClusterName,
    /// From: a file here, or RANK:PATH on a node
    source: Place,
    /// To: a file here, RANK:PATH on a node, or all:PATH on every node
    target: Place,
}

/// Arguments of `checkpoint`.
#[derive(Debug, clap::Args)]
pub struct Checkpoint {
    /// The cluster
    cluster: ClusterName,
    /// Where the archive goes
    #[arg(default_value = "checkpoint.tar", value_name = "FILE")]
    file: PathBuf,
}

/// A file, here or on nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Here.
    Here(PathBuf),
    /// On the node of a rank; none is all.
    On(Option<u32>, String),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let node = text.split_once(':').and_then(|(head, path)| match head {
            "all" => Some((None, path)),
            rank => rank.parse().ok().map(|rank| (Some(rank), path)),
        });
        match node {
            Some((_, "")) => Err("a path on the node is missing".to_owned()),
            Some((rank, path)) => Ok(Self::On(rank, path.to_owned())),
            None => Ok(Self::Here(PathBuf::from(text))),
        }
    }
}

/// Runs it.
///
/// # Errors
/// When a file or a node cannot be read or written.
pub async fn run(context: &Context, args: Args) -> Result {
    let reach = Reach::of(context, &args.cluster).await?;
    match (&args.source, &args.target) {
        (Place::Here(from), Place::On(rank, to)) => {
            let nodes = match rank {
                Some(rank) => vec![reach.node(*rank)?],
                None => reach.nodes(),
            };
            let mut copied = 0u64;
            for node in &nodes {
                let gateway = reach.gateway(node).await?;
                copied += up(&gateway, &reach.path, node.number, from, to).await?;
            }
            done(context, nodes.len(), copied)
        }
        (Place::On(Some(rank), from), Place::Here(to)) => {
            let node = reach.node(*rank)?;
            let gateway = reach.gateway(node).await?;
            let copied = down(&gateway, &reach.path, node.number, from, to).await?;
            done(context, 1, copied)
        }
        (Place::On(None, _), _) => Err(CliError::new(Class::Usage, "one node is copied from; name its rank")),
        _ => Err(CliError::new(Class::Usage, "one of both is a file on a node: RANK:PATH")),
    }
}

/// Runs `checkpoint`: the newest copy of any supplier.
///
/// # Errors
/// When no supplier has one.
pub async fn checkpoint(context: &Context, args: Checkpoint) -> Result {
    let chain = context.chain().await?;
    let id = args.cluster.id(context, &chain)?;
    let cluster = chain.cluster(&id).await?;
    let caller = Caller::of(context, &chain, AuthKind::Token).await?;
    let path = ClusterPath { tenant: id.tenant, cseq: id.cseq };
    let owners: BTreeSet<String> =
        cluster.nodes.iter().filter_map(|node| node.offer.as_ref()).map(|offer| offer.owner.clone()).collect();
    let mut found = Vec::new();
    for owner in owners {
        let kept = async {
            let gateway = caller.gateway(&chain, &owner, &chain.gateway_uri(&owner).await?).await?;
            let kept = gateway.cluster_kept(&path).await?;
            Ok::<_, CliError>((kept, gateway))
        };
        match kept.await {
            Ok((kept, gateway)) if kept.checkpoint.is_some() => found.push((kept, gateway)),
            Ok(_) => {}
            Err(error) => output::hint(&format!("{owner}: {error}")),
        }
    }
    found.sort_by_key(|(kept, _)| std::cmp::Reverse(kept.at_ms));
    let none = || CliError::new(Class::NotFound, format!("no supplier keeps a checkpoint of cluster {}", path.cseq));
    let (kept, gateway) = found.first().ok_or_else(none)?;
    let beside = args.file.with_extension("part");
    let mut file = tokio::fs::File::create(&beside).await.class(Class::Machine)?;
    let (mut pieces, mut bytes) = (gateway.cluster_checkpoint(&path).await?, 0u64);
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        bytes += piece.len() as u64;
        file.write_all(&piece).await.class(Class::Machine)?;
    }
    file.sync_all().await.class(Class::Machine)?;
    tokio::fs::rename(&beside, &args.file).await.class(Class::Machine)?;
    let data = serde_json::json!({ "file": args.file, "bytes": bytes, "kept": time(kept.at_ms) });
    output::show(context.format(), &data, |_| format!("{}: {bytes} bytes", args.file.display()))
}

fn done(context: &Context, nodes: usize, bytes: u64) -> Result {
    let data = serde_json::json!({ "nodes": nodes, "bytes": bytes });
    output::show(context.format(), &data, |_| format!("{bytes} bytes copied"))
}

fn program(script: &str, path: &str) -> ExecAsk {
    let args = ["/bin/sh", "-c", script, "cp", path].map(str::to_owned).to_vec();
    ExecAsk { args, ..ExecAsk::default() }
}

async fn up(gateway: &Gateway, cluster: &ClusterPath, number: u32, from: &Path, to: &str) -> Result<u64> {
    let mut file = tokio::fs::File::open(from).await.class(Class::Usage)?;
    // Beside it first, so that a copy that breaks off leaves the old file.
    let ask = program("cat > \"$1.part\" && mv \"$1.part\" \"$1\"", to);
    let mut session = gateway.cluster_exec(cluster, number, &ask).await?;
    let (mut buffer, mut copied) = (vec![0; PIECE], 0u64);
    loop {
        let length = file.read(&mut buffer).await.class(Class::Machine)?;
        session.send(buffer[..length].to_vec()).await?;
        copied += length as u64;
        if length == 0 {
            break;
        }
    }
    finish(session, None).await?;
    Ok(copied)
}

async fn down(gateway: &Gateway, cluster: &ClusterPath, number: u32, from: &str, to: &Path) -> Result<u64> {
    let beside = to.with_extension("part");
    let mut file = tokio::fs::File::create(&beside).await.class(Class::Machine)?;
    let mut session = gateway.cluster_exec(cluster, number, &program("exec cat \"$1\"", from)).await?;
    session.send(Vec::new()).await?;
    let copied = finish(session, Some(&mut file)).await?;
    file.sync_all().await.class(Class::Machine)?;
    tokio::fs::rename(&beside, to).await.class(Class::Machine)?;
    Ok(copied)
}

/// Reads a program to its end; its output goes to the file.
async fn finish(mut session: client::cluster::ExecSession, mut file: Option<&mut tokio::fs::File>) -> Result<u64> {
    let (mut copied, mut said) = (0u64, String::new());
    loop {
        match session.next().await? {
            ExecEvent::Stdout(bytes) => {
                copied += bytes.len() as u64;
                if let Some(file) = &mut file {
                    file.write_all(&bytes).await.class(Class::Machine)?;
                }
            }
            ExecEvent::Stderr(bytes) => said.push_str(&String::from_utf8_lossy(&bytes)),
            ExecEvent::Exit(0) => return Ok(copied),
            ExecEvent::Exit(code) => {
                return Err(CliError::new(Class::Provider, format!("the node says ({code}): {}", said.trim())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_here_or_on_nodes() {
        assert_eq!("a.txt".parse(), Ok(Place::Here(PathBuf::from("a.txt"))));
        assert_eq!("0:/tmp/a".parse(), Ok(Place::On(Some(0), "/tmp/a".to_owned())));
        assert_eq!("all:/tmp/a".parse(), Ok(Place::On(None, "/tmp/a".to_owned())));
        assert_eq!("x:y".parse(), Ok(Place::Here(PathBuf::from("x:y"))));
        "1:".parse::<Place>().unwrap_err();
    }
}
