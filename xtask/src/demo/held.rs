//! What provider agents hold of the kernel, counted from outside: a lease must show up here, and leave nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::failure::{Failure, Result};
use crate::shell;

/// Kinds of things, each with the names of those that are held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held(BTreeMap<&'static str, Vec<String>>);

/// Kinds that a running lease must have.
const OF_A_LEASE: [&str; 7] =
    ["containers", "cgroups", "network namespaces", "mounts", "links", "nft tables", "processes"];

impl Held {
    /// Looks at the machine for what the agents of these folders hold.
    ///
    /// # Errors
    /// When nft cannot be asked.
    pub(crate) fn by(agents: &[PathBuf]) -> Result<Self> {
        let tags: Vec<String> = agents.iter().map(|agent| tag(agent)).collect();
        let mut held: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        let tables = shell::read(shell::program("nft").args(["list", "tables"]))?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        for tag in &tags {
            let prefix = format!("tetra-{tag}");
            let run = format!("/run/{prefix}");
            let mut add = |kind, names: Vec<String>| held.entry(kind).or_default().extend(names);
            add("containers", names_in(&Path::new(&run).join("runc"), ""));
            add("cgroups", cgroups(Path::new("/sys/fs/cgroup"), &prefix, 2));
            add("network namespaces", names_in(Path::new("/run/netns"), &prefix));
            add("links", names_in(Path::new("/sys/class/net"), &format!("t{tag}")));
            let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
            add("mounts", points.filter(|point| point.starts_with(&run)).map(str::to_owned).collect());
            let table = format!("tetra_{tag}_");
            let own = tables.lines().filter(|line| line.contains(&table)).map(str::to_owned);
            add("nft tables", own.collect());
        }
        for (agent, tag) in agents.iter().zip(&tags) {
            held.entry("loop devices").or_default().extend(loop_devices(agent));
            held.entry("processes").or_default().extend(shims(tag));
        }
        held.retain(|_, names| !names.is_empty());
        Ok(Self(held))
    }

    /// Whether nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Kinds that a running lease should show but does not: a count that sees nothing proves nothing.
    pub(crate) fn missing_of_a_lease(&self) -> Vec<&'static str> {
        OF_A_LEASE.into_iter().filter(|kind| !self.0.contains_key(kind)).collect()
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> = self.0.iter().map(|(kind, names)| format!("{} {kind}", names.len())).collect();
        f.write_str(if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") }.as_str())
    }
}

/// Fails with the names of what is left.
///
/// # Errors
/// When something is.
pub(crate) fn nothing_left(held: &Held) -> Result {
    if held.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = held.0.iter().map(|(kind, names)| format!("  {kind}: {}", names.join(" "))).collect();
    Err(Failure::new(format!("left behind:\n{}", list.join("\n"))))
}

/// What an agent's kernel objects carry in their names: the beginning of a hash of its instance, which `tetra up` sets
/// to the agent's folder.
pub(crate) fn tag(agent: &Path) -> String {
    let digest = Sha256::digest(agent.display().to_string());
    let hex: String = digest.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    hex.chars().take(5).collect()
}

fn names_in(dir: &Path, prefix: &str) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// Groups of a prefix, at most `depth` folders down: version 1 has a folder per controller first.
fn cgroups(dir: &Path, prefix: &str, depth: u8) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if !path.is_dir() || path.is_symlink() {
            continue;
        }
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(path.display().to_string());
        } else if depth > 1 {
            found.extend(cgroups(&path, prefix, depth - 1));
        }
    }
    found
}

fn loop_devices(agent: &Path) -> Vec<String> {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let files = devices.filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok());
    files.filter(|file| Path::new(file.trim_end()).starts_with(agent)).collect()
}

/// Processes that watch containers: they name a file of the agent's folder of mounts.
fn shims(tag: &str) -> Vec<String> {
    let run = format!("/run/tetra-{tag}/");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|process| {
        let line = fs::read(process.path().join("cmdline")).ok()?;
        Some((process.file_name(), String::from_utf8_lossy(&line).into_owned()))
    });
    lines.filter(|(_, line)| line.contains(&run)).map(|(pid, _)| pid.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_named() {
        let held = Held([("mounts", vec!["/run/tetra-12345/x".to_owned()])].into());
        assert!(nothing_left(&held).unwrap_err().to_string().contains("mounts: /run/tetra-12345/x"));
        assert!(nothing_left(&Held::default()).is_ok());
        assert_eq!(Held::default().missing_of_a_lease(), OF_A_LEASE);
    }
}
