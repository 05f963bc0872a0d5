//! The agents of this machine, and what those still hold that never return.
//!
//! Each agent leaves a note beside the claims, under its tag: where its data lie, and which process it is. An agent whose
//! process lives, or whose data are still there so that it may come back, is left alone: its containers run for tenants.
//! One whose data are gone cannot come back, since it would know nothing of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cgroup::{CGROUP_ROOT, Cgroups};
use crate::config::{HostConfig, Names, TAG_DIGITS};
use crate::error::{Error, IoContext, Result};
use crate::host::{Host, is_locked};
use crate::leftovers::{Leftovers, loop_devices_below};
use crate::network;
use crate::process::ProcessId;
use crate::runtime::Runtime;
use crate::shim::write_record;
use crate::slots::Claims;
use crate::userns::NETNS_DIR;

/// What an agent notes of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    data_dir: PathBuf,
    run_dir: PathBuf,
    process: Option<ProcessId>,
}

/// Whether an agent is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It runs.
    Running,
    /// It does not run; its data are there, so that it may come back.
    Stopped,
    /// Its data are gone: it does not come back.
    Departed,
    /// It left no note.
    Unknown,
}

/// An agent of which something is found on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resident {
    /// What its kernel objects carry in their names.
    pub tag: String,
    /// Its data directory, if it left a note.
    pub data_dir: Option<PathBuf>,
    /// Whether it is there.
    pub presence: Presence,
    /// What it holds.
    pub holds: Leftovers,
}

fn note_path(claims_dir: &Path, tag: &str) -> PathBuf {
    claims_dir.join("agents").join(tag)
}

/// Notes that this process is the agent of a tag.
pub(crate) fn sign_in(config: &HostConfig, names: &Names) -> Result<()> {
    let path = note_path(&config.claims_dir, names.tag());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).at("making", parent)?;
    }
    let process = ProcessId::of(std::process::id().cast_signed());
    let note = Note { data_dir: config.data_dir.clone(), run_dir: config.run_dir.clone(), process };
    write_record(&path, &note).at("writing", path)
}

/// Forgets the note of an agent that holds nothing.
pub(crate) fn sign_out(claims_dir: &Path, names: &Names) {
    // One that stays is found by `agents`, which asks whether its process lives.
    let _ = fs::remove_file(note_path(claims_dir, names.tag()));
}

fn note(claims_dir: &Path, tag: &str) -> Option<Note> {
    serde_json::from_slice(&fs::read(note_path(claims_dir, tag)).ok()?).ok()
}

impl Note {
    fn presence(&self) -> Presence {
        if self.process.is_some_and(ProcessId::is_alive) || is_locked(&self.data_dir) {
            Presence::Running
        } else if self.data_dir.exists() {
            Presence::Stopped
        } else {
            Presence::Departed
        }
    }
}

/// All agents that hold something of this machine or left a note, by tag. `claims_dir` and `run_dir` are those of
/// [`HostConfig`]; a note names its agent's own run directory.
///
/// # Errors
/// [`Error::NotRoot`], or when the machine cannot be looked at.
pub async fn agents(claims_dir: &Path, run_dir: &Path) -> Result<Vec<Resident>> {
    let mut found = Vec::new();
    for tag in tags(claims_dir, run_dir).await? {
        let note = note(claims_dir, &tag);
        let presence = note.as_ref().map_or(Presence::Unknown, Note::presence);
        let holds = holds(claims_dir, run_dir, &tag, note.as_ref()).await?;
        found.push(Resident { tag, data_dir: note.map(|note| note.data_dir), presence, holds });
    }
    Ok(found)
}

/// Removes all that an agent holds which does not come back: its containers end. Returns what could not be removed.
///
/// # Errors
/// [`Error::AgentPresent`] for one that runs or may come back.
pub async fn remove(claims_dir: &Path, run_dir: &Path, tag: &str) -> Result<Leftovers> {
    let note = note(claims_dir, tag);
    if let Some(note) = &note
        && note.presence() != Presence::Departed
    {
        return Err(Error::AgentPresent { tag: tag.to_owned(), data_dir: note.data_dir.clone() });
    }
    let stand_in = StandIn::new(claims_dir, run_dir, tag, note.as_ref())?;
    stand_in.host.sweep(&BTreeSet::new()).await?;
    drop(stand_in);
    if let Some(note) = &note {
        Claims::new(claims_dir).release_below(&note.data_dir)?;
    }
    let left = holds(claims_dir, run_dir, tag, note.as_ref()).await?;
    if left.is_empty() {
        let _ = fs::remove_file(note_path(claims_dir, tag));
    }
    Ok(left)
}

async fn holds(claims_dir: &Path, run_dir: &Path, tag: &str, note: Option<&Note>) -> Result<Leftovers> {
    let counted = StandIn::new(claims_dir, run_dir, tag, note)?.host.leftovers().await?;
    let Some(note) = note else { return Ok(counted) };
    let slots = Claims::new(claims_dir).count_under(&note.data_dir);
    let pods = fs::read_dir(note.data_dir.join("pods")).into_iter().flatten().count();
    Ok(Leftovers { loop_devices: loop_devices_below(&note.data_dir), slots, pods, ..counted })
}

/// A host in the place of an agent whose tag alone is known, with an empty data directory of its own.
struct StandIn {
    host: Host,
    dir: PathBuf,
}

impl StandIn {
    fn new(claims_dir: &Path, run_dir: &Path, tag: &str, note: Option<&Note>) -> Result<Self> {
        let dir = claims_dir.join("stand-ins").join(format!("{tag}-{}", std::process::id()));
        let mut config = HostConfig::new(tag, &dir);
        config.claims_dir = claims_dir.to_owned();
        config.run_dir = note.map_or(run_dir, |note| &note.run_dir).to_owned();
        let names = Names::of_tag(tag, &config.run_dir);
        Ok(Self { host: Host::stand_in(config, names)?, dir })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Tags in names of files and kernel objects.
async fn tags(claims_dir: &Path, run_dir: &Path) -> Result<BTreeSet<String>> {
    let files = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let mut tags = BTreeSet::new();
    let mut add = |names: Vec<String>, prefix: &str| {
        let after = |name: &String| name.strip_prefix(prefix)?.get(..TAG_DIGITS).map(str::to_owned);
        let is_tag = |tag: &String| tag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        tags.extend(names.iter().filter_map(after).filter(is_tag));
    };
    add(files(&claims_dir.join("agents")), "");
    add(files(run_dir), "tetra-");
    add(files(Path::new(NETNS_DIR)), "tetra-");
    add(Cgroups::detect(Path::new(CGROUP_ROOT))?.top("tetra-"), "tetra-");
    add(network::tables_with("tetra_").await?, "tetra_");
    let link =
        |name: &String| name.len() == Names::LINK_LENGTH && name[1..].bytes().all(|byte| byte.is_ascii_hexdigit());
    add(network::links_with("t").into_iter().filter(link).collect(), "t");
    Ok(tags)
}
