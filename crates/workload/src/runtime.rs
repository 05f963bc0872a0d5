//! The trait that the provider agent speaks to, and its vocabulary.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::Result;
use crate::leftovers::Leftovers;
use crate::spec::{Exposure, PodId, PodSpec};
use crate::terminal::Size;

/// Runs pods. An implementation keeps containers running when the agent stops, and finds them
/// again when it comes back.
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Brings the pod to what `spec` says and returns once every container's process runs.
    /// Calling it again with the same spec starts only what does not run; with another spec it
    /// replaces the containers and keeps disk volumes whose service, name and size are unchanged.
    /// After an error nothing of a new pod remains.
    async fn start(&self, spec: &PodSpec) -> Result<Started>;

    /// State of a pod's replicas.
    async fn status(&self, id: &PodId) -> Result<PodStatus>;

    /// Starts one replica again, with its address and disk volumes, ending it first if it runs.
    /// Counted in [`ReplicaStatus::restarts`]. The agent decides when (back-off).
    async fn restart(&self, id: &PodId, service: &str, index: u32) -> Result<Phases>;

    /// Waits for a replica's process to end; returns at once if it already has.
    async fn wait(&self, id: &PodId, service: &str, index: u32) -> Result<ExitStatus>;

    /// Runs a program in a replica that runs, beside its own process, and returns at once. What it holds ends with the value
    /// that is returned.
    async fn exec(&self, id: &PodId, service: &str, index: u32, what: &ExecSpec) -> Result<Exec>;

    /// Log lines of one replica, oldest first.
    async fn logs(&self, id: &PodId, query: &LogQuery) -> Result<BoxStream<'static, LogLine>>;

    /// Ends all processes of a pod (SIGTERM to those that handle it, then SIGKILL after `grace`); everything else stays.
    async fn stop(&self, id: &PodId, grace: Duration) -> Result<()>;

    /// Ends a pod and deletes all it had, volumes and logs included. Removing what is not there
    /// is no error, so that it can be repeated.
    async fn remove(&self, id: &PodId, grace: Duration) -> Result<()>;

    /// Every pod of this agent on this machine, whether its containers run or not.
    async fn list(&self) -> Result<Vec<PodStatus>>;

    /// Removes every pod that is not in `known`, and every trace of this agent that belongs to
    /// no pod. Returns the pods removed.
    async fn sweep(&self, known: &BTreeSet<PodId>) -> Result<Vec<PodId>>;

    /// Counts what this agent holds of the kernel and the disk.
    async fn leftovers(&self) -> Result<Leftovers>;
}

/// A program to run in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecSpec {
    /// The program and its arguments.
    pub args: Vec<String>,
    /// Environment, added to the container's.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// Where it runs; none is where the container's own process does.
    #[serde(default)]
    pub dir: Option<String>,
    /// The size of the terminal that it has; none: it has pipes.
    #[serde(default)]
    pub terminal: Option<Size>,
}

/// What a program reads.
pub type Input = Box<dyn AsyncWrite + Send + Unpin>;
/// What a program writes.
pub type Output = Box<dyn AsyncRead + Send + Unpin>;

/// A program that runs in a container, with its streams.
pub struct Exec {
    /// What it reads; dropped, it reads its end. A terminal's end is typed: 4.
    pub stdin: Input,
    /// What it writes.
    pub stdout: Output,
    /// As above, to its other stream; nothing where it has a terminal.
    pub stderr: Output,
    /// Its terminal, to give that another size.
    pub terminal: Option<Box<dyn Resize>>,
    /// Its end. Dropped before that, the program ends.
    pub running: Box<dyn Ending>,
}

/// A terminal whose size can change.
pub trait Resize: Send + Sync {
    /// Gives it another size; its program is told by a signal.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn resize(&self, size: Size) -> std::io::Result<()>;
}

/// A program that will end.
#[async_trait]
pub trait Ending: Send {
    /// Waits for that; gives its exit code, 128 and the signal where one ended it.
    ///
    /// # Errors
    /// When nobody tells how it ended.
    async fn wait(&mut self) -> std::io::Result<i32>;
}

/// Outcome of [`Runtime::start`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// State right after the start.
    pub status: PodStatus,
    /// Where the time went.
    pub phases: Phases,
}

/// Wall time of each phase of bringing containers up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Finding, pulling and unpacking images.
    pub image: Duration,
    /// Namespaces, links, addresses and firewall rules.
    pub network: Duration,
    /// Making and mounting volumes.
    pub volumes: Duration,
    /// Id-mapped image, overlay and generated files.
    pub rootfs: Duration,
    /// From calling the OCI runtime until the container's process runs.
    pub runtime: Duration,
}

impl Phases {
    /// Sum of all phases.
    pub fn total(&self) -> Duration {
        self.image + self.network + self.volumes + self.rootfs + self.runtime
    }
}

/// State of one pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodStatus {
    /// The lease.
    pub id: PodId,
    /// One entry per replica, in the order of the spec.
    pub replicas: Vec<ReplicaStatus>,
}

impl PodStatus {
    /// Whether every replica runs.
    pub fn is_running(&self) -> bool {
        self.replicas.iter().all(|replica| matches!(replica.state, State::Running { .. }))
    }
}

/// State of one replica of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaStatus {
    /// Service name.
    pub service: String,
    /// Replica number, from 0.
    pub index: u32,
    /// Address inside of the pod's subnet; the host's proxy connects to it.
    pub address: Ipv4Addr,
    /// Ports, copied from the spec.
    pub exposures: Vec<Exposure>,
    /// Whether its process runs.
    pub state: State,
    /// Times that [`Runtime::restart`] was called for it.
    pub restarts: u32,
    /// What it uses now, where it runs and the kernel tells.
    pub usage: Option<Usage>,
}

/// Whether a replica's process runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It runs.
    Running {
        /// Process id on the host.
        pid: i32,
        /// When it was started.
        #[serde(with = "time::serde::rfc3339")]
        since: OffsetDateTime,
    },
    /// It ended.
    Exited(ExitStatus),
    /// It is recorded but has no process, as after a reboot or before the first start.
    Absent,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitStatus {
    /// Exit code; 128 + signal where a signal ended it; -1 where nobody was left to see it.
    pub code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether the kernel killed a process of this container for exceeding its memory limit.
    pub out_of_memory: bool,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// Resources that a replica uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time consumed since its start, in nanoseconds.
    pub cpu_nanos: u64,
    /// Memory charged now, page cache included, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads now.
    pub pids: u64,
}

/// Which log lines to return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Service name.
    pub service: String,
    /// Replica number, from 0.
    pub index: u32,
    /// Only the last so many lines of what is stored.
    pub tail: Option<usize>,
    /// Whether to go on with new lines until the pod is removed or the stream is dropped.
    pub follow: bool,
}

/// One line (or a part of a very long one) that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When the line was read from the container.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Where it was written to.
    pub stream: LogStream,
    /// The text, without its line end; invalid UTF-8 is replaced.
    pub text: String,
}

/// A container's output stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
