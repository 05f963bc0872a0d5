//! The processes of a local network: started, watched, waited for, stopped.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

use crate::commands::daemon::this_program;
use crate::error::{Class, Classify, CliError, Result};
use crate::output::LogFormat;

/// How often children are looked at while others are waited for.
pub const POLL: Duration = Duration::from_millis(100);
/// What children log unless `RUST_LOG` says otherwise. Malachite's network layer cries out over each message for which
/// there is no peer, which for a lone validator is each message.
const CHILD_LOG: &str = "warn,tetra=info,provider=info,workload=info,node::market=info,arc_malachitebft_network=off";
/// Lines of a log that an error shows.
const SHOWN_LINES: usize = 5;

/// A process of the network.
pub struct Process {
    /// Its name: `validator-0`, `provider-1`.
    pub name: String,
    /// Where its output goes.
    pub log: PathBuf,
    /// How to start it again by hand.
    pub command: String,
    child: Child,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts this program again with `noun start folder`, in a process group of its own, so that ctrl-C reaches the
    /// network's runner alone, which ends the others in order.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, noun: &str, folder: &Path, log: PathBuf, format: LogFormat) -> Result<Self> {
        let opened = OpenOptions::new().create(true).append(true).open(&log).class(Class::Machine)?;
        let mut command = Command::new(this_program()?);
        command.arg(noun).arg("start").arg(folder).arg("--with-parent").arg(std::process::id().to_string());
        command.env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| CHILD_LOG.to_owned()));
        command.env("NO_COLOR", "1").env("TETRA_LOG_FORMAT", format.name());
        command.stdin(Stdio::null()).stdout(opened.try_clone().class(Class::Machine)?).stderr(opened).process_group(0);
        let child = command.spawn().map_err(|error| CliError::new(Class::Machine, format!("{name}: {error}")))?;
        let command = format!("tetra {noun} start {}", folder.display());
        Ok(Self { name: name.to_owned(), log, command, child, ended: None })
    }

    /// Its process id, as long as it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it ended, if it did and nobody was told yet.
    fn news(&mut self) -> Option<ExitStatus> {
        if self.ended.is_some() {
            return None;
        }
        self.ended = self.child.try_wait().ok().flatten();
        self.ended
    }

    /// An error that says how it ended, with the end of its log.
    fn failure(&self, status: ExitStatus) -> CliError {
        let error = CliError::new(Class::Machine, format!("{} ended with {status}", self.name));
        let lines = last_lines(&self.log, SHOWN_LINES);
        let shown = lines.iter().map(|line| format!("\n    {line}")).collect::<String>();
        error.hint(format!("the end of its log {}:{shown}", self.log.display()))
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // It may end this very moment.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

/// The last lines of a file; none where it cannot be read.
pub fn last_lines(path: &Path, count: usize) -> Vec<String> {
    let Ok(file) = std::fs::File::open(path) else { return Vec::new() };
    let mut lines = VecDeque::with_capacity(count + 1);
    for line in BufReader::new(file).lines().map_while(std::io::Result::ok) {
        lines.push_back(line);
        if lines.len() > count {
            lines.pop_front();
        }
    }
    lines.into()
}

/// Fails as soon as one of them has ended.
///
/// # Errors
/// Which one, and the end of its log.
pub fn all_live(processes: &mut [Process]) -> Result {
    match processes.iter_mut().find_map(|process| process.news().map(|status| (status, &*process))) {
        Some((status, process)) => Err(process.failure(status)),
        None => Ok(()),
    }
}

/// Tells on stderr of processes that ended since the last look; returns how many still run.
pub fn watch(processes: &mut [Process]) -> usize {
    for process in processes.iter_mut() {
        if let Some(status) = process.news() {
            let Process { name, log, command, .. } = process;
            eprintln!("{name} ended with {status}; log: {}\n  start it again: {command}", log.display());
        }
    }
    processes.iter().filter(|process| process.ended.is_none()).count()
}

/// Asks all to end, gives them `grace`, then kills the rest.
pub async fn stop(processes: &mut [Process], grace: Duration) {
    let deadline = Instant::now() + grace;
    for process in processes.iter().filter(|process| process.ended.is_none()) {
        process.signal(Signal::SIGTERM);
    }
    for process in processes.iter_mut().filter(|process| process.ended.is_none()) {
        match timeout_at(deadline, process.child.wait()).await {
            Ok(status) => process.ended = status.ok(),
            Err(_) => {
                eprintln!("{} did not end within {} s and is killed", process.name, grace.as_secs());
                if let Err(error) = process.child.kill().await {
                    eprintln!("{}: {error}", process.name);
                }
            }
        }
    }
}
