//! `tetra lease`: what the chain and the providers say of your leases, and who else may ask them.

mod shell;
mod token;

use client::gateway::{LastExit, LeaseStatus, LogOptions, ServiceStatus};
use futures::StreamExt;
use proto::akash::market::v1::LeaseId;
use proto::akash::market::v1::lease::State;
use serde::{Deserialize, Serialize};

use crate::chain::{Chain, dec_coin};
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::gateways::{AuthKind, AuthOption, Caller};
use crate::money::Rate;
use crate::output::{self, Format, row};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Your leases
    List {
        /// Closed ones too
        #[arg(long)]
        all: bool,
    },
    /// What the provider says: services, addresses
    Status {
        /// The deployment [default: the only one with a lease]
        dseq: Option<u64>,
        #[command(flatten)]
        auth: AuthOption,
    },
    /// A token that permits others to ask providers in your name: all, some actions, one deployment
    Token(token::Args),
    /// A shell, or another program, in a container
    Shell(shell::Args),
    /// Log lines of the containers
    Logs {
        /// The deployment [default: the only one with a lease]
        dseq: Option<u64>,
        /// Go on as lines come
        #[arg(short, long)]
        follow: bool,
        /// Only the last so many lines of each replica
        #[arg(long, value_name = "N")]
        tail: Option<u32>,
        /// Only these services
        #[arg(long, value_name = "NAME")]
        service: Vec<String>,
        #[command(flatten)]
        auth: AuthOption,
    },
}

/// How a lease is reached from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// The group.
    pub gseq: u32,
    /// The order.
    pub oseq: u32,
    /// The provider.
    pub provider: String,
    /// Its gateway.
    pub host: String,
    /// What the provider says; none when it has no manifest or does not answer.
    pub status: Option<LeaseStatus>,
    /// Why there is no status.
    pub problem: Option<String>,
}

impl Endpoints {
    /// Services with their addresses.
    pub fn addresses(&self) -> Vec<(String, String)> {
        let Some(status) = &self.status else { return Vec::new() };
        let uris = status
            .services
            .values()
            .flat_map(|service| service.uris.iter().map(|uri| (service.name.clone(), with_scheme(uri))));
        let ports = status.forwarded_ports.iter().flat_map(|(service, ports)| {
            ports.iter().map(|port| {
                let kind = port.proto.to_lowercase();
                (service.clone(), format!("{kind}://{}:{} -> {}", port.host, port.external_port, port.port))
            })
        });
        let ips = status.ips.iter().flat_map(|(service, ips)| {
            ips.iter().map(|ip| {
                let kind = ip.protocol.to_lowercase();
                (service.clone(), format!("{kind}://{}:{} -> {}", ip.ip, ip.external_port, ip.port))
            })
        });
        uris.chain(ports).chain(ips).collect()
    }
}

/// Providers name a host, some with its scheme.
fn with_scheme(uri: &str) -> String {
    if uri.contains("://") { uri.to_owned() } else { format!("http://{uri}") }
}

/// Runs one.
///
/// # Errors
/// When there is no lease, or the provider refuses or does not answer.
pub async fn run(context: &Context, verb: Verb) -> Result {
    let chain = context.chain().await?;
    match verb {
        Verb::List { all } => list(context, &chain, all).await,
        Verb::Status { dseq, auth } => status(context, &chain, dseq, auth.kind).await,
        Verb::Token(args) => token::run(context, &chain, args).await,
        Verb::Shell(args) => shell::run(context, &chain, args).await,
        Verb::Logs { dseq, follow, tail, service, auth } => {
            logs(context, &chain, dseq, LogOptions { services: service, tail, follow }, auth.kind).await
        }
    }
}

#[derive(Serialize)]
struct Line {
    dseq: u64,
    gseq: u32,
    oseq: u32,
    provider: String,
    state: String,
    rate: Rate,
}

async fn list(context: &Context, chain: &Chain, all: bool) -> Result {
    let owner = chain.prefix().text(&context.own_address()?);
    let mut lines = Vec::new();
    for lease in chain.leases(&owner, 0, "").await?.into_iter().filter_map(|found| found.lease) {
        let state = State::try_from(lease.state).unwrap_or(State::Invalid);
        if !all && ![State::Active, State::Reclaiming].contains(&state) {
            continue;
        }
        let rate = Rate::new(&dec_coin(lease.price.as_ref())?, chain.network.block_interval_ms)?;
        let LeaseId { dseq, gseq, oseq, provider, .. } = lease.id.unwrap_or_default();
        lines.push(Line { dseq, gseq, oseq, provider, state: state.as_str_name().to_owned(), rate });
    }
    output::show(context.format(), &lines, |lines| {
        if lines.is_empty() {
            return "no leases; `tetra deploy FILE` wins one".to_owned();
        }
        let line = |line: &Line| {
            row([
                &line.dseq.to_string(),
                &format!("{}/{}", line.gseq, line.oseq),
                &line.state,
                &line.provider,
                &line.rate.hour_text(&chain.units),
                &line.rate.month_text(&chain.units),
            ])
        };
        let head = row(["DSEQ", "LEASE", "STATE", "PROVIDER", "PER HOUR", "PER MONTH"]);
        output::table(&std::iter::once(head).chain(lines.iter().map(line)).collect::<Vec<_>>())
    })
}

/// The running leases of a deployment, or of all; there may be none.
///
/// # Errors
/// When the node does not answer.
pub async fn that_run(chain: &Chain, owner: &str, dseq: Option<u64>) -> Result<Vec<LeaseId>> {
    let found = chain.leases(owner, dseq.unwrap_or(0), "").await?.into_iter().filter_map(|found| found.lease);
    let runs = |state: i32| [State::Active as i32, State::Reclaiming as i32].contains(&state);
    Ok(found.filter(|lease| runs(lease.state)).filter_map(|lease| lease.id).collect())
}

/// The running leases of a deployment.
///
/// # Errors
/// When there are none, or no deployment is named and there are several.
pub async fn running(chain: &Chain, owner: &str, dseq: Option<u64>) -> Result<Vec<LeaseId>> {
    let leases = that_run(chain, owner, dseq).await?;
    let Some(first) = leases.first() else {
        let which = dseq.map(|dseq| format!("deployment {dseq} has")).unwrap_or_else(|| "you have".to_owned());
        return Err(CliError::new(Class::NotFound, format!("{which} no running lease"))
            .hint("`tetra deployment list` shows your deployments, `tetra bid list` the bids on them"));
    };
    if leases.iter().any(|lease| lease.dseq != first.dseq) {
        let mut numbers: Vec<String> = leases.iter().map(|lease| lease.dseq.to_string()).collect();
        numbers.dedup();
        return Err(CliError::new(Class::Usage, format!("several deployments run: {}", numbers.join(", ")))
            .hint("name one of them"));
    }
    Ok(leases)
}

/// What the providers of leases say. A provider that does not answer is part of the answer.
///
/// # Errors
/// When the node does not answer, or the key cannot be opened.
pub async fn endpoints(
    context: &Context,
    chain: &Chain,
    leases: Vec<LeaseId>,
    auth: AuthKind,
) -> Result<Vec<Endpoints>> {
    let caller = Caller::of(context, chain, auth).await?;
    let mut all = Vec::new();
    for lease in leases {
        let host = chain.gateway_uri(&lease.provider).await?;
        let gateway = caller.gateway(chain, &lease.provider, &host).await?;
        let (status, problem) = match gateway.lease_status(lease.dseq, lease.gseq, lease.oseq).await {
            Ok(status) => (Some(status), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let LeaseId { gseq, oseq, provider, .. } = lease;
        all.push(Endpoints { gseq, oseq, provider, host, status, problem });
    }
    Ok(all)
}

async fn status(context: &Context, chain: &Chain, dseq: Option<u64>, auth: AuthKind) -> Result {
    let owner = chain.prefix().text(&context.own_address()?);
    let leases = running(chain, &owner, dseq).await?;
    let dseq = leases.first().map_or(0, |lease| lease.dseq);
    let found = endpoints(context, chain, leases, auth).await?;
    if found.iter().any(|lease| lease.problem.is_some()) {
        output::hint(&format!("send the manifest, again if need be: tetra deploy --resume {dseq}"));
        output::hint(&format!("or end the lease and get the rest of the deposit back: tetra deployment close {dseq}"));
    }
    output::show(context.format(), &found, |found| found.iter().map(render).collect::<Vec<_>>().join("\n\n"))
}

fn render(lease: &Endpoints) -> String {
    let name = format!("{}/{} at {} ({})", lease.gseq, lease.oseq, lease.host, lease.provider);
    let mut rows = vec![row(["lease", &name])];
    if let Some(problem) = &lease.problem {
        rows.push(row(["problem", problem]));
    }
    for service in lease.status.iter().flat_map(|status| status.services.values()) {
        let state = if service.is_ready() { "ready" } else { "not ready" };
        rows.push(row([&service.name, &format!("{state}, {} of {} answer", service.available, service.total)]));
        for (replica, gpus) in service.gpus.iter().enumerate() {
            let names: Vec<&str> = gpus.iter().map(|gpu| gpu.name.as_str()).collect();
            rows.push(row([&service.name, &format!("replica {replica} has {}", names.join(", "))]));
        }
        rows.extend(service.last_exit.as_ref().map(|exit| row([&service.name, &ended(service, exit)])));
    }
    if let Some(reason) = lease.status.as_ref().and_then(|status| status.reason.as_ref()) {
        rows.push(row(["problem", reason]));
    }
    rows.extend(lease.addresses().into_iter().map(|(service, address)| row([&service, &address])));
    output::table(&rows)
}

/// How a service's last container ended, and what comes next.
fn ended(service: &ServiceStatus, exit: &LastExit) -> String {
    let how = match (exit.out_of_memory, exit.signal) {
        (true, _) => "out of memory".to_owned(),
        (false, Some(signal)) => format!("by signal {signal}"),
        (false, None) => format!("with exit code {}", exit.code),
    };
    let next = service.next_start.as_ref().map(|time| format!(", next start {time}")).unwrap_or_default();
    format!("{} restarts, ended {how} at {}{next}", service.restarts, exit.at)
}

async fn logs(context: &Context, chain: &Chain, dseq: Option<u64>, options: LogOptions, auth: AuthKind) -> Result {
    let caller = Caller::of(context, chain, auth).await?;
    let mut streams = Vec::new();
    for lease in running(chain, &caller.owner, dseq).await? {
        let host = chain.gateway_uri(&lease.provider).await?;
        let gateway = caller.gateway(chain, &lease.provider, &host).await?;
        streams.push(gateway.logs(lease.dseq, lease.gseq, lease.oseq, &options).await?);
    }
    let mut lines = futures::stream::select_all(streams);
    while let Some(frame) = lines.next().await {
        let frame = frame?;
        // One JSON document per line, because the stream need not end.
        let shown = match context.format() {
            Format::Json => serde_json::to_string(&frame).map_err(|error| CliError::new(Class::Internal, error))?,
            Format::Text => format!("{}  {}", frame.name, frame.message),
        };
        output::show(Format::Text, &(), |()| shown)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_see() {
        let status = serde_json::json!({
            "services": { "web": { "name": "web", "available": 1, "total": 2, "uris": ["web.localhost:8080"] } },
            "forwarded_ports": { "web": [
                { "host": "h.example", "port": 22, "externalPort": 30022, "proto": "TCP", "name": "web" }
            ] },
        });
        let mut lease = Endpoints {
            gseq: 1,
            oseq: 1,
            provider: "tetra1provider".to_owned(),
            host: "https://h.example:8443".to_owned(),
            status: Some(serde_json::from_value(status).unwrap()),
            problem: None,
        };
        insta::assert_snapshot!("lease_status", render(&lease));
        let web = lease.status.as_mut().unwrap().services.get_mut("web").unwrap();
        let at = "2026-01-02T03:04:05Z".to_owned();
        web.last_exit = Some(LastExit { code: 137, signal: Some(9), out_of_memory: true, at });
        (web.restarts, web.next_start) = (3, Some("2026-01-02T03:04:13Z".to_owned()));
        insta::assert_snapshot!("lease_status_of_a_container_that_ends", render(&lease));
        lease.status = None;
        lease.problem = Some("the provider refused the state of the lease (404): no manifest".to_owned());
        insta::assert_snapshot!("lease_status_without_manifest", render(&lease));
    }
}
