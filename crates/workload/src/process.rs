//! Processes that this program did not necessarily start: known by id and start time, so that a
//! reused id is never taken for the old process.

use std::fs;

use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// One process of this boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The kernel's id, which another process may get later.
    pub(crate) pid: i32,
    /// Clock ticks since boot.
    pub(crate) start_time: u64,
}

impl ProcessId {
    /// The process that has an id now; none where there is none.
    pub fn of(pid: i32) -> Option<Self> {
        let (_, start_time) = stat(pid)?;
        Some(Self { pid, start_time })
    }

    /// Whether it still runs; a zombie does not.
    pub fn is_alive(self) -> bool {
        stat(self.pid).is_some_and(|(state, start)| start == self.start_time && !matches!(state, 'Z' | 'X'))
    }

    /// Asks this very process to end, by SIGTERM; nothing where it has ended.
    pub fn terminate(self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(self, signal: Signal) {
        if let Some(process) = self.open() {
            // It may have ended in between, which is what signals are mostly sent for.
            let _ = pidfd_send_signal(process, signal);
        }
    }

    /// Whether it has a handler for a signal. The first process of a container gets no other ones from the kernel.
    pub(crate) fn handles(self, signal: Signal) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // Unknown is treated as handled: then it merely takes longer.
        caught.is_none_or(|mask| mask & (1 << (signal.as_raw() - 1)) != 0)
    }

    /// Returns when it has ended.
    pub(crate) async fn ended(self) {
        let Some(process) = self.open() else { return };
        // Deprecated for types whose descriptor may change under tokio; an `OwnedFd`'s does not.
        #[allow(deprecated)]
        if let Ok(process) = AsyncFd::with_interest(process, Interest::READABLE) {
            let _ = process.readable().await;
        }
    }

    fn open(self) -> Option<OwnedFd> {
        let process = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        // Checked after opening: from now on the descriptor means this very process.
        self.is_alive().then_some(process)
    }
}

/// All processes that descend from one, as far as their parents live.
pub(crate) fn descendants(of: i32) -> Vec<ProcessId> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let parents: Vec<(i32, i32)> = numbers.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![of];
    let mut looked = 0;
    while let Some(parent) = found.get(looked).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        looked += 1;
    }
    found.into_iter().skip(1).filter_map(ProcessId::of).collect()
}

fn parent(pid: i32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// State letter and start time.
fn stat(pid: i32) -> Option<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and parentheses; the fields follow its last one.
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_a_process_is_seen() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(process.is_alive());
        process.signal(Signal::KILL);
        process.ended().await;
        assert!(!process.is_alive());
        child.wait().unwrap();
    }

    #[test]
    fn children_of_children_are_found() {
        let mut child = std::process::Command::new("sh").args(["-c", "sh -c 'sleep 60; true'; true"]).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        while descendants(pid).len() < 2 {
            std::thread::yield_now();
        }
        for process in descendants(pid) {
            process.signal(Signal::KILL);
        }
        child.wait().unwrap();
    }

    #[test]
    fn handlers_are_seen() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(!process.handles(Signal::TERM));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(process.handles(Signal::TERM), "of an ended process nothing is known");
    }

    #[test]
    fn another_process_of_the_same_id_is_not_meant() {
        let me = ProcessId::of(std::process::id().cast_signed()).unwrap();
        let earlier = ProcessId { start_time: me.start_time - 1, ..me };
        assert!(me.is_alive() && !earlier.is_alive());
        // Were it taken for this process, the test would end here.
        earlier.terminate();
    }
}
