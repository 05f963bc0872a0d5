//! `tetra provider clean`: what agents left on this machine that never return.

use std::path::{Path, PathBuf};

use serde::Serialize;
use workload::{HostConfig, Leftovers, Presence, Resident, agents};

use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::output::{self, row};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also remove what the agent of this tag holds that left no note of itself; once for each
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Where agents note themselves [default: as agents do]
    #[arg(long, value_name = "DIR", hide = true)]
    claims_dir: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Show what is there, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    agent: Resident,
    removed: bool,
}

/// Where agents note themselves, and their run directory, unless told otherwise.
fn places() -> (PathBuf, PathBuf) {
    let usual = HostConfig::new("", "");
    (usual.claims_dir, usual.run_dir)
}

/// The agents that do not come back and hold something.
///
/// # Errors
/// When the machine cannot be looked at.
pub async fn departed() -> Result<Vec<Resident>> {
    let (claims, run) = places();
    let all = agents::agents(&claims, &run).await.class(Class::Machine)?;
    Ok(all.into_iter().filter(|agent| agent.presence == Presence::Departed && !agent.holds.is_empty()).collect())
}

/// Runs it.
///
/// # Errors
/// When something cannot be removed.
pub async fn run(context: &Context, args: Args) -> Result {
    let (usual, run_dir) = places();
    let claims = args.claims_dir.unwrap_or(usual);
    let found = agents::agents(&claims, &run_dir).await.class(Class::Machine)?;
    if let Some(tag) = args.tags.iter().find(|tag| !found.iter().any(|agent| agent.tag == **tag)) {
        return Err(CliError::new(Class::NotFound, format!("no agent with the tag {tag} holds anything here"))
            .hint("`tetra provider clean --dry-run` lists the tags"));
    }
    let chosen = |agent: &Resident| match agent.presence {
        Presence::Departed => true,
        // Nothing tells whether it runs, so that a person must know.
        Presence::Unknown => args.tags.contains(&agent.tag),
        Presence::Running | Presence::Stopped => false,
    };
    let count = found.iter().filter(|agent| chosen(agent)).count();
    if count > 0 && !args.dry_run {
        let question = format!("Remove what {count} agents hold that never return? Their containers end.");
        output::confirm(&question, args.yes)?;
    }
    let mut lines = Vec::new();
    for agent in found {
        let removed = !args.dry_run && chosen(&agent);
        if removed {
            remove(&claims, &run_dir, &agent.tag).await?;
        }
        lines.push(Line { agent, removed });
    }
    output::show(context.format(), &lines, |lines| text(lines))
}

async fn remove(claims: &Path, run_dir: &Path, tag: &str) -> Result {
    let left = agents::remove(claims, run_dir, tag).await.class(Class::Machine)?;
    if left.is_empty() {
        return Ok(());
    }
    let what = format!("agent {tag}: this stays: {}", held(&left));
    Err(CliError::new(Class::Machine, what).hint("something still uses it: `fuser -vm`, `lsns` and `ps` tell who"))
}

fn text(lines: &[Line]) -> String {
    if lines.is_empty() {
        return "no agent holds anything of this machine".to_owned();
    }
    let line = |Line { agent, removed }: &Line| {
        let state = match (removed, agent.presence) {
            (true, _) => "removed",
            (false, Presence::Running) => "runs",
            (false, Presence::Stopped) => "stopped, may come back",
            (false, Presence::Departed) => "never returns",
            (false, Presence::Unknown) => "unknown; --tag removes it",
        };
        let dir = agent.data_dir.as_ref().map(|dir| dir.display().to_string()).unwrap_or_else(|| "-".to_owned());
        row([&agent.tag, state, &held(&agent.holds), &dir])
    };
    let head = row(["TAG", "AGENT", "HOLDS", "DATA"]);
    output::table(&std::iter::once(head).chain(lines.iter().map(line)).collect::<Vec<_>>())
}

fn held(holds: &Leftovers) -> String {
    let kinds = [
        (holds.containers, "containers"),
        (holds.cgroups, "cgroups"),
        (holds.network_namespaces, "network namespaces"),
        (holds.links, "links"),
        (holds.mounts, "mounts"),
        (holds.loop_devices, "loop devices"),
        (holds.firewall_tables, "firewall tables"),
        (holds.slots, "slots"),
        (holds.pods, "pods"),
    ];
    let some: Vec<String> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}")).collect();
    if some.is_empty() { "nothing".to_owned() } else { some.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_see() {
        let agent = |tag: &str, presence, cgroups| Resident {
            tag: tag.to_owned(),
            data_dir: (presence != Presence::Unknown).then(|| PathBuf::from("/srv/agent/data")),
            presence,
            holds: Leftovers { cgroups, ..Default::default() },
        };
        let line = |agent, removed| Line { agent, removed };
        let lines = [
            line(agent("0a1b2", Presence::Running, 9), false),
            line(agent("1a1b2", Presence::Stopped, 9), false),
            line(agent("2a1b2", Presence::Departed, 9), true),
            line(agent("3a1b2", Presence::Unknown, 0), false),
        ];
        insta::assert_snapshot!(text(&lines));
    }
}
