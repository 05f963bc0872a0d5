//! `tetra doctor`: whether this machine can do what Tetra needs, and what to do where it cannot.

use std::path::{Path, PathBuf};
use std::time::Duration;

use client::{Health, HealthCheck, Node};
use provider::devices;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use workload::HostReport;
use workload::probe::{Gpu, ProbeRoots};

use super::status::health_of;
use super::up::folder_of;
use super::up::ports::is_free;
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::output;

/// Ports that a node and a provider take unless told otherwise.
const PORTS: [(u16, &str); 2] = [(26657, "the JSON-RPC of a node"), (8443, "the gateway of a provider")];
/// Free disk below which containers soon find no room, in bytes.
const LITTLE_DISK: u64 = 5 << 30;
/// Free disk below which nothing works, in bytes.
const NO_DISK: u64 = 512 << 20;
/// A node refuses blocks that are so far ahead of its clock (docs/protocol.md, "Block time"), in seconds.
const CLOCK_BOUND: i64 = 5;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder whose file system is looked at [default: the home folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
struct Check {
    name: String,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Check {
    fn ok(name: &str, found: impl Into<String>) -> Self {
        Self { name: name.to_owned(), verdict: Verdict::Ok, found: found.into(), remedy: None }
    }

    fn warn(name: &str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, remedy: Some(remedy.into()), ..Self::ok(name, found) }
    }

    fn fail(name: &str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(name, found, remedy) }
    }
}

/// Runs it.
///
/// # Errors
/// [`Class::Machine`] when something that is needed does not work.
pub async fn run(context: &Context, args: Args) -> Result {
    let dir = args.dir.unwrap_or_else(|| context.home.clone());
    std::fs::create_dir_all(&dir)
        .map_err(|error| CliError::new(Class::Machine, format!("{}: {error}", dir.display())))?;
    let report = workload::probe(&ProbeRoots::default(), &dir).await.class(Class::Machine)?;
    let mut checks = machine(&report);
    checks.push(gvisor(workload::gvisor::probe(&dir).await));
    checks.push(disk(&report, &dir));
    let node = context.node()?;
    let status = match tokio::time::timeout(Duration::from_secs(3), node.status()).await {
        Ok(Ok(status)) => Some(status),
        _ => None,
    };
    checks.extend(leftovers().await);
    checks.extend(PORTS.iter().map(|(port, use_of)| port_check(*port, use_of)));
    let time = status.as_ref().map(|status| status.time.as_str());
    checks.push(clock(&node, time, OffsetDateTime::now_utc()));
    if let Some(status) = &status
        && let Some(health) = health_of(&node, status).await
    {
        checks.push(healthy("node", &health));
    }
    checks.extend(providers(context).await?);
    output::show(context.format(), &checks, |checks| text(checks))?;
    let failed: Vec<&str> =
        checks.iter().filter(|check| check.verdict == Verdict::Fail).map(|check| check.name.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(CliError::new(Class::Machine, format!("this machine lacks: {}", failed.join(", ")))
        .hint("the remedies stand above; without them `tetra up --providers 0` still runs a chain"))
}

/// What containers need, in the order in which it is best put right: tools first, for the rest is tried with them.
fn machine(report: &HostReport) -> Vec<Check> {
    let mut checks = vec![Check::ok("kernel", format!("{} on {}", report.kernel, report.architecture))];
    checks.push(Check::ok("cpu", format!("{} x {}", report.cpus, report.cpu_model)));
    let gib = |bytes: u64| format!("{}.{} GiB", bytes >> 30, ((bytes % (1 << 30)) * 10) >> 30);
    let (free, all) = (gib(report.memory_available_bytes), gib(report.memory_bytes));
    checks.push(Check::ok("memory", format!("{free} available of {all}")));
    checks.push(gpus(report));
    checks.extend(report.tools.iter().map(|tool| match &tool.version {
        // Some programs tell their version on stderr only.
        Some(version) if version.is_empty() => Check::ok(&tool.name, "installed"),
        Some(version) => Check::ok(&tool.name, version),
        None => Check::fail(&tool.name, "not installed", format!("apt-get install -y {}", tool.package)),
    }));
    checks.extend(report.capabilities.iter().map(|capability| match &capability.problem {
        None => Check::ok(&capability.name, works(&capability.name, report)),
        Some(problem) if capability.name == "root" => Check::fail(
            "root",
            problem,
            "run providers as root: rootless is refused, since without root neither the size of a volume nor the \
             bounds of a tenant's network can be enforced",
        ),
        Some(problem) => {
            // The runtime's own messages carry the remedy after the reason.
            let (found, remedy) = problem.split_once("; ").unwrap_or((problem, "see the reason"));
            Check::fail(&capability.name, found, remedy)
        }
    }));
    checks
}

/// Those of the machine. No agent sells them: none can be passed into a container yet.
fn gpus(report: &HostReport) -> Check {
    if report.gpus.is_empty() {
        return Check::ok("gpu", "none, which is fine");
    }
    let name = |gpu: &Gpu| match &gpu.kind {
        Some(kind) => devices::show(kind),
        None => format!("{} {}", gpu.vendor, gpu.device_id),
    };
    let names: Vec<String> = report.gpus.iter().map(name).collect();
    Check::warn("gpu", names.join(", "), "they are not sold: no GPU can be passed into a container yet")
}

/// The providers of the local network: GPUs that they sell and do not have, and their health while they run.
async fn providers(context: &Context) -> Result<Vec<Check>> {
    let folder = folder_of(context, None)?;
    let runs = folder.exists() && folder.runner()?.is_some();
    let mut checks = Vec::new();
    for dir in folder.providers()? {
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Ok(config) = provider::Home::new(&dir).config() else { continue };
        if !config.simulated_gpus.is_empty() {
            let models: Vec<String> = config.simulated_gpus.iter().map(ToString::to_string).collect();
            let found = format!("{} (simulated: no such device is here)", models.join(", "));
            checks.push(Check::ok(&format!("{name} gpu"), found));
        }
        if let Some(listen) = config.metrics_listen.filter(|_| runs) {
            checks.push(healthy(&name, &Health::ask(&format!("http://{listen}")).await));
        }
    }
    Ok(checks)
}

/// A process's own word on its health.
fn healthy(name: &str, health: &Health) -> Check {
    let name = format!("{name} health");
    let failed: Vec<&HealthCheck> = health.failed().collect();
    if health.live && health.ready {
        return Check::ok(&name, format!("{}, {} checks", health.verdict(), health.checks.len()));
    }
    let reasons: Vec<String> = failed.iter().map(|check| format!("{}: {}", check.check, check.reason)).collect();
    let remedies: Vec<&str> =
        failed.iter().map(|check| check.remedy.as_str()).filter(|text| !text.is_empty()).collect();
    let found = [vec![health.verdict().to_owned()], reasons].concat().join("; ");
    let remedy = if remedies.is_empty() { "see its log".to_owned() } else { remedies.join("; ") };
    Check::warn(&name, found, remedy)
}

fn works(name: &str, report: &HostReport) -> String {
    match (name, report.cgroup) {
        ("cgroup", Some(workload::cgroup::CgroupVersion::V1)) => "version 1, with cpu, memory and pids".to_owned(),
        ("cgroup", Some(workload::cgroup::CgroupVersion::V2)) => "version 2, with cpu, memory and pids".to_owned(),
        ("root", _) => "yes".to_owned(),
        _ => "works".to_owned(),
    }
}

/// The hardened class is a provider's choice: without it the others work.
fn gvisor(tried: workload::Result<String>) -> Check {
    match tried {
        Ok(version) => Check::ok("gvisor", format!("{version}, on ptrace; `\"isolation\": \"gvisor\"` offers it")),
        Err(workload::Error::ToolMissing { package, .. }) => {
            let remedy = format!("to offer isolation=gvisor: apt-get install -y {package}");
            Check::warn("gvisor", "not installed", remedy)
        }
        Err(error) => Check::warn("gvisor", error.to_string(), "leave `isolation` at namespaces on this machine"),
    }
}

fn disk(report: &HostReport, dir: &Path) -> Check {
    let free = report.disk_free_bytes;
    let found = format!("{} GiB free of {} in {}", free >> 30, report.disk_bytes >> 30, dir.display());
    let remedy = "make room, or put the folder on another disk with --home DIR";
    match free {
        free if free < NO_DISK => Check::fail("disk", found, remedy),
        free if free < LITTLE_DISK => Check::warn("disk", found, remedy),
        _ => Check::ok("disk", found),
    }
}

/// What agents left that never return; nothing where that cannot be looked at, for then containers do not run either.
async fn leftovers() -> Option<Check> {
    let departed = super::clean::departed().await.ok()?;
    Some(match departed.len() {
        0 => Check::ok("leftovers", "none of agents that are gone"),
        count => {
            let found = format!("{count} agents that never return hold something of this machine");
            Check::warn("leftovers", found, "`tetra provider clean` shows and removes it")
        }
    })
}

fn port_check(port: u16, use_of: &str) -> Check {
    let name = format!("port {port}");
    if is_free(port) {
        return Check::ok(&name, "free");
    }
    let found = format!("taken; {use_of} needs it, unless given another");
    Check::warn(&name, found, format!("if it is no network of yours: `ss -ltnp 'sport = :{port}'` shows whose it is"))
}

/// Compares the clock with the last block, if a node answers.
fn clock(node: &Node, block_time: Option<&str>, now: OffsetDateTime) -> Check {
    let here = now.format(&Rfc3339).unwrap_or_default();
    let Some(block) = block_time.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()) else {
        return Check::ok("clock", format!("{here}; not compared, for no node answers at {}", node.url()));
    };
    let ahead = (block - now).whole_seconds();
    if ahead > CLOCK_BOUND {
        let found = format!("{here}, {ahead} s behind the last block of {}", node.url());
        return Check::fail("clock", found, "synchronise it: apt-get install -y systemd-timesyncd");
    }
    if ahead < -60 {
        let found = format!("{here}, {} s after the last block of {}", -ahead, node.url());
        return Check::warn("clock", found, "the chain stands still, or this clock is fast: compare both with a watch");
    }
    Check::ok("clock", format!("{here}, agrees with the last block of {}", node.url()))
}

fn text(checks: &[Check]) -> String {
    let mark = |verdict| match verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
    };
    let mut rows = vec![["", "CHECK", "FOUND"].map(str::to_owned).to_vec()];
    for check in checks {
        rows.push(vec![mark(check.verdict).to_owned(), check.name.clone(), check.found.clone()]);
        if let Some(remedy) = &check.remedy {
            rows.push(vec![String::new(), String::new(), format!("-> {remedy}")]);
        }
    }
    output::table(&rows)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn at(block: Option<&str>) -> Check {
        clock(&Node::new("http://node"), block, datetime!(2026-01-01 00:01:00 UTC))
    }

    #[test]
    fn a_clock_is_judged_by_the_last_block() {
        assert_eq!(at(Some("2026-01-01T00:00:59.5Z")).verdict, Verdict::Ok);
        assert_eq!(at(Some("2026-01-01T00:01:06.1Z")).verdict, Verdict::Fail);
        assert_eq!(at(Some("2025-12-31T23:59:00Z")).verdict, Verdict::Warn);
        let silent = at(None);
        assert_eq!(silent.verdict, Verdict::Ok);
        assert!(silent.found.contains("not compared"), "{}", silent.found);
    }

    #[test]
    fn a_process_that_is_not_ready_says_why() {
        let check = |check: &str, ok, remedy: &str| HealthCheck {
            check: check.to_owned(),
            ok,
            reason: format!("{check} is so"),
            remedy: remedy.to_owned(),
        };
        let mut health = Health {
            url: "http://127.0.0.1:1".to_owned(),
            live: true,
            ready: true,
            checks: vec![check("progress", true, ""), check("chain", true, "")],
            problem: None,
        };
        let well = healthy("node", &health);
        health.ready = false;
        health.checks.extend([check("balance", false, "send some"), check("disk", false, "free some")]);
        let ill = healthy("provider-1", &health);
        let problem = Some("http://127.0.0.1:1/livez?verbose does not answer: refused".to_owned());
        let gone = healthy("provider-2", &Health { live: false, ready: false, checks: vec![], problem, ..health });
        insta::assert_snapshot!(text(&[well, ill, gone]), @r"
              CHECK              FOUND
        ok    node health        ready, 2 checks
        warn  provider-1 health  not ready; balance: balance is so; disk: disk is so
                                 -> send some; free some
        warn  provider-2 health  http://127.0.0.1:1/livez?verbose does not answer: refused
                                 -> see its log
        ");
    }

    #[test]
    fn a_missing_tool_names_its_package_and_rootless_is_refused() {
        let tool = workload::probe::Tool { name: "nft".to_owned(), version: None, package: "nftables".to_owned() };
        let rootless =
            workload::probe::Capability { name: "root".to_owned(), problem: Some("uid 1000 is not root".to_owned()) };
        let report = HostReport {
            cpus: 2,
            cpu_model: "a CPU".to_owned(),
            architecture: "amd64".to_owned(),
            memory_bytes: 4 << 30,
            memory_available_bytes: 3 << 29,
            disk_bytes: 9 << 30,
            disk_free_bytes: 1 << 30,
            gpus: Vec::new(),
            kernel: "6.1".to_owned(),
            cgroup: None,
            tools: vec![tool],
            capabilities: vec![rootless],
        };
        let mut checks = machine(&report);
        checks.push(disk(&report, Path::new("/data")));
        insta::assert_snapshot!(text(&checks), @r"
              CHECK   FOUND
        ok    kernel  6.1 on amd64
        ok    cpu     2 x a CPU
        ok    memory  1.5 GiB available of 4.0 GiB
        ok    gpu     none, which is fine
        FAIL  nft     not installed
                      -> apt-get install -y nftables
        FAIL  root    uid 1000 is not root
                      -> run providers as root: rootless is refused, since without root neither the size of a volume nor the bounds of a tenant's network can be enforced
        warn  disk    1 GiB free of 9 in /data
                      -> make room, or put the folder on another disk with --home DIR
        ");
    }
}
