//! `tetra cluster ssh`: a shell on a node, with a terminal where there is one here.

use client::cluster::ExecAsk;

use super::names::ClusterName;
use super::reach::Reach;
use crate::context::Context;
use crate::error::Result;
use crate::terminal;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The cluster
    cluster: ClusterName,
    /// The node's rank; the head has 0
    #[arg(long, default_value_t = 0, value_name = "RANK")]
    rank: u32,
    /// The shell
    #[arg(long, default_value = "/bin/sh", value_name = "PROGRAM")]
    shell: String,
}

/// Runs it. Without a terminal here there is none on the node: what is read goes to the shell as it comes.
///
/// # Errors
/// When the node cannot be reached, or the shell ended with a code of its own.
pub async fn run(context: &Context, args: Args) -> Result {
    let reach = Reach::of(context, &args.cluster).await?;
    let node = reach.node(args.rank)?;
    let gateway = reach.gateway(node).await?;
    let terminal = terminal::here();
    let mut env = vec![("PS1".to_owned(), format!("node {}$ ", args.rank))];
    if terminal.is_some()
        && let Ok(kind) = std::env::var("TERM")
    {
        env.push(("TERM".to_owned(), kind));
    }
    let ask = ExecAsk { args: vec![args.shell.clone(), "-i".to_owned()], env, dir: None, terminal };
    let session = gateway.cluster_exec(&reach.path, node.number, &ask).await?;
    terminal::lend(session, (terminal.is_some(), true)).await
}
