//! `tetra lease shell`: a program in a container of a lease, with a terminal where there is one here.

use client::exec::ShellAsk;
use proto::akash::market::v1::LeaseId;

use super::running;
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::gateways::{AuthOption, Caller};
use crate::terminal;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The deployment [default: the only one with a lease]
    dseq: Option<u64>,
    /// The service [default: the only one]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The number of its replica
    #[arg(long, default_value_t = 0, value_name = "N")]
    replica: u32,
    /// Give the program nothing to read
    #[arg(long)]
    no_stdin: bool,
    /// The program and its arguments [default: /bin/sh]
    #[arg(last = true)]
    command: Vec<String>,
    #[command(flatten)]
    auth: AuthOption,
}

/// Runs it. A program has a terminal where this command has one; without one, what this reads goes to it as it comes.
///
/// # Errors
/// When there is no such container, the provider refuses, or the program ended with a code of its own.
pub async fn run(context: &Context, chain: &Chain, args: Args) -> Result {
    let caller = Caller::of(context, chain, args.auth.kind).await?;
    let (mut found, mut names) = (Vec::new(), Vec::new());
    for lease in running(chain, &caller.owner, args.dseq).await? {
        let LeaseId { dseq, gseq, oseq, provider, .. } = lease;
        let host = chain.gateway_uri(&provider).await?;
        let gateway = caller.gateway(chain, &provider, &host).await?;
        let services = gateway.lease_status(dseq, gseq, oseq).await?.services.into_keys();
        for service in services {
            names.push(service.clone());
            if args.service.as_ref().is_none_or(|wanted| *wanted == service) {
                found.push((gateway.clone(), (dseq, gseq, oseq), service));
            }
        }
    }
    let (gateway, lease, service) = match found.len() {
        1 => found.remove(0),
        0 => {
            let what = format!("there is no service {}", args.service.as_deref().unwrap_or("at all"));
            return Err(CliError::new(Class::NotFound, what).hint(format!("there are: {}", names.join(", "))));
        }
        _ => {
            return Err(CliError::new(Class::Usage, format!("there are several services: {}", names.join(", ")))
                .hint("name one with --service"));
        }
    };
    let terminal = if args.no_stdin { None } else { terminal::here() };
    let command = if args.command.is_empty() { vec!["/bin/sh".to_owned()] } else { args.command };
    let reads = !args.no_stdin;
    let ask = ShellAsk { lease, service, index: args.replica, command, terminal, reads };
    let session = gateway.shell(&ask).await?;
    terminal::lend(session, (terminal.is_some(), reads)).await
}
