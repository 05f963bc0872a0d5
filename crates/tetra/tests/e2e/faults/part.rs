//! One process of a network, a child of the test: its end is told by the kernel, not asked for.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, channel};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use workload::crash::CRASH_AT;

use crate::net::{LIMIT, Net, until};

/// A running process; ended with the test however that ends.
pub(super) struct Part {
    name: String,
    pid: Pid,
    end: Receiver<ExitStatus>,
    ended: bool,
    out: PathBuf,
    err: PathBuf,
}

/// What a command that ended had printed.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) out: String,
    pub(super) err: String,
}

impl Part {
    /// Starts `tetra` with arguments; `crash_at` names the point at which it kills itself.
    pub(super) fn start(net: &Net, name: &str, arguments: &[&str], crash_at: Option<&str>) -> Self {
        let [out, err] = ["out", "err"].map(|kind| net.home().join(format!("{name}.{kind}")));
        let mut command = net.command(arguments);
        command.env("NO_COLOR", "1").env_remove(CRASH_AT).envs(crash_at.map(|point| (CRASH_AT, point)));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let mut child = command.spawn().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed());
        let (tell, end) = channel();
        std::thread::spawn(move || tell.send(child.wait().unwrap()));
        Self { name: name.to_owned(), pid, end, ended: false, out, err }
    }

    /// Starts the agent of the network's provider, and waits until it serves.
    pub(super) fn agent(net: &Net, crash_at: Option<&str>) -> Self {
        let agent = Self::start(net, "agent", &["provider", "start", &net.provider().display().to_string()], crash_at);
        let client = net.gateway_as(client::Auth::None);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let served = until(|| runtime.block_on(client.status()).map_err(|error| error.to_string()));
        assert!(served.is_ok(), "the agent does not serve: {served:?}\n{}", agent.said());
        agent
    }

    /// What it has printed to stderr so far.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.err).unwrap_or_default()
    }

    /// Kills it.
    pub(super) fn kill(mut self) {
        kill(self.pid, Signal::SIGKILL).unwrap();
        self.wait();
    }

    /// Sends it a signal that does not end it.
    pub(super) fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }

    /// Waits for its own end.
    pub(super) fn end(mut self) -> Ended {
        let status = self.wait();
        Ended { status, out: fs::read_to_string(&self.out).unwrap(), err: self.said() }
    }

    /// Waits until it has killed itself at its point.
    pub(super) fn crashed(self, point: &str) {
        let name = self.name.clone();
        let Ended { status, err, .. } = self.end();
        assert_eq!(status.signal(), Some(9), "{name} did not crash at {point} but ended with {status}:\n{err}");
    }

    fn wait(&mut self) -> ExitStatus {
        let status = self.end.recv_timeout(LIMIT);
        self.ended = status.is_ok();
        status.unwrap_or_else(|_| panic!("{} does not end:\n{}", self.name, self.said()))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let _ = kill(self.pid, Signal::SIGTERM);
        if self.end.recv_timeout(LIMIT).is_err() {
            let _ = kill(self.pid, Signal::SIGKILL);
        }
        if std::thread::panicking() {
            eprintln!("--- {}:\n{}", self.name, self.said());
        }
    }
}
