//! `tetra cluster run`: programs on nodes.

use std::io::Write;

use client::cluster::{ExecAsk, ExecEvent, ExecSession};
use client::{Gateway, GatewayError};
use futures::future::join_all;
use serde::Serialize;

use super::names::ClusterName;
use super::reach::Reach;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{self, Format};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The cluster
    cluster: ClusterName,
    /// Only on the node of this rank; the head has 0
    #[arg(long, value_name = "RANK")]
    rank: Option<u32>,
    /// Environment, NAME=VALUE; once for each
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Where it runs
    #[arg(long, value_name = "DIR")]
    dir: Option<String>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// How a program ended on a node.
#[derive(Clone, Debug, Serialize)]
struct Ended {
    rank: u32,
    exit: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
}

/// Environment as it is given: NAME=VALUE.
pub(super) fn pairs(env: &[String]) -> Result<Vec<(String, String)>> {
    let pair = |text: &String| {
        let found = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        found.ok_or_else(|| CliError::new(Class::Usage, format!("NAME=VALUE is wanted, not {text:?}")))
    };
    env.iter().map(pair).collect()
}

/// Bytes of a program, a line at a time with the rank before it where there are several.
struct Lines {
    prefix: Option<u32>,
    rest: Vec<u8>,
    to_stderr: bool,
    kept: Option<String>,
}

impl Lines {
    fn new(prefix: Option<u32>, to_stderr: bool, keep: bool) -> Self {
        Self { prefix, rest: Vec::new(), to_stderr, kept: keep.then(String::new) }
    }

    fn write(&self, bytes: &[u8]) {
        // A reader that went away is told nothing more.
        let _ = if self.to_stderr { std::io::stderr().write_all(bytes) } else { std::io::stdout().write_all(bytes) };
    }

    fn take(&mut self, bytes: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.push_str(&String::from_utf8_lossy(bytes));
            return;
        }
        let Some(rank) = self.prefix else { return self.write(bytes) };
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.write(&[format!("[{rank}] ").as_bytes(), &line].concat());
        }
    }

    fn end(mut self) -> Option<String> {
        if !self.rest.is_empty() {
            self.take(b"\n");
        }
        self.kept
    }
}

async fn follow(
    mut session: ExecSession,
    rank: u32,
    prefix: Option<u32>,
    keep: bool,
) -> std::result::Result<Ended, GatewayError> {
    session.send(Vec::new()).await?;
    let (mut out, mut err) = (Lines::new(prefix, false, keep), Lines::new(prefix, true, keep));
    loop {
        match session.next().await? {
            ExecEvent::Stdout(bytes) => out.take(&bytes),
            ExecEvent::Stderr(bytes) => err.take(&bytes),
            ExecEvent::Exit(exit) => return Ok(Ended { rank, exit, stdout: out.end(), stderr: err.end() }),
        }
    }
}

/// Runs `run`. The code of a program that fails is told in words; that of this command says that a provider's side failed.
///
/// # Errors
/// When a node cannot be reached, or the program failed.
pub async fn run(context: &Context, args: Args) -> Result {
    let reach = Reach::of(context, &args.cluster).await?;
    let nodes = match args.rank {
        Some(rank) => vec![reach.node(rank)?],
        None => reach.nodes(),
    };
    let ask = ExecAsk { args: args.command.clone(), env: pairs(&args.env)?, dir: args.dir.clone(), terminal: None };
    let keep = context.format() == Format::Json;
    let mut sessions = Vec::new();
    for node in &nodes {
        let gateway: Gateway = reach.gateway(node).await?;
        sessions.push((node.rank, gateway.cluster_exec(&reach.path, node.number, &ask).await?));
    }
    let several = sessions.len() > 1;
    let runs = sessions.into_iter().map(|(rank, session)| follow(session, rank, several.then_some(rank), keep));
    let ended: Vec<Ended> = join_all(runs).await.into_iter().collect::<std::result::Result<_, _>>()?;
    if keep {
        output::show(Format::Json, &ended, |_| String::new())?;
    }
    match ended.iter().find(|ended| ended.exit != 0) {
        None => Ok(()),
        Some(failed) => {
            let what = format!("the program ended with code {} on the node of rank {}", failed.exit, failed.rank);
            Err(CliError::new(Class::Provider, what))
        }
    }
}
