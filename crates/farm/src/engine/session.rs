//! The conversation with a renderer's process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::Watch;
use super::fault::Fault;
use super::sandbox::Limits;
use super::types::Progress;

/// The longest line that a process may say.
const MAX_LINE_BYTES: u64 = 8 << 20;
/// How much of what it prints is kept for the error text.
const KEPT_BYTES: usize = 16 << 10;
/// How long a process has to end by itself.
const GOODBYE: Duration = Duration::from_secs(5);

/// A running process and all that it started; dropping it ends them.
pub(crate) struct Session {
    child: Child,
    group: Option<Pid>,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    said: Arc<Mutex<Vec<u8>>>,
    listener: tokio::task::JoinHandle<()>,
    no_progress: Duration,
    began: Instant,
    deadline: Instant,
    total: Duration,
    cpu: Duration,
    stage: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.kill();
        self.listener.abort();
    }
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Ready(serde_json::Value),
    Progress(Progress),
    Done(serde_json::Value),
    Failed { kind: String, text: String, paths: Vec<PathBuf> },
}

impl Session {
    /// Starts a command line with nothing but the given environment, in a process group of its own.
    pub(crate) fn start(
        command: &[OsString],
        environment: &[(&str, OsString)],
        folder: &std::path::Path,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| Fault::Protocol("an empty command line".to_owned()))?;
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| match source.kind() {
                std::io::ErrorKind::NotFound => {
                    Fault::Sandbox(format!("{} is not installed (Debian: util-linux)", program.display()))
                }
                _ => Fault::Io { what: format!("starting {}", program.display()), source },
            })?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(Fault::Protocol("the process has no pipes".to_owned()));
        };
        let said = Arc::new(Mutex::new(Vec::new()));
        let listener = tokio::spawn(listen(errors, said.clone()));
        Ok(Self {
            child,
            group,
            input: Some(input),
            output: BufReader::new(output),
            said,
            listener,
            no_progress: limits.no_progress,
            began: Instant::now(),
            deadline: Instant::now() + limits.total,
            total: limits.total,
            cpu: Duration::from_secs(limits.cpu_seconds),
            stage: "start".to_owned(),
        })
    }

    /// How long ago it was started.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Gives it the time of a new one.
    pub(crate) fn renew(&mut self, limits: &Limits) {
        self.deadline = Instant::now() + limits.total;
    }

    /// The first thing that the process says.
    pub(crate) async fn ready<T: DeserializeOwned>(&mut self, watch: Watch<'_>) -> Result<T, Fault> {
        loop {
            match self.next().await? {
                Event::Ready(facts) => return read(facts),
                Event::Progress(progress) => watch(progress),
                Event::Done(_) => return Err(Fault::Protocol("an answer before a question".to_owned())),
                Event::Failed { kind, text, paths } => return Err(Fault::reported(&kind, text, paths)),
            }
        }
    }

    /// One request and its answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &mut self,
        request: &serde_json::Value,
        watch: Watch<'_>,
    ) -> Result<T, Fault> {
        let line = format!("{request}\n");
        if let Some(input) = &mut self.input
            && input.write_all(line.as_bytes()).await.is_err()
        {
            return Err(self.ended().await);
        }
        loop {
            match self.next().await? {
                Event::Done(facts) => return read(facts),
                Event::Progress(progress) => watch(progress),
                Event::Ready(_) => return Err(Fault::Protocol("it started twice".to_owned())),
                Event::Failed { kind, text, paths } => return Err(Fault::reported(&kind, text, paths)),
            }
        }
    }

    /// Lets the process end; what does not end in a few seconds is killed. Everything was said, so that the way it ends is of no
    /// matter.
    pub(crate) async fn finish(mut self) {
        drop(self.input.take());
        if timeout(GOODBYE, self.child.wait()).await.is_err() {
            self.kill();
        }
    }

    async fn next(&mut self) -> Result<Event, Fault> {
        let mut line = Vec::new();
        let until = (Instant::now() + self.no_progress).min(self.deadline);
        let mut limited = (&mut self.output).take(MAX_LINE_BYTES);
        let got = timeout_at(until, limited.read_until(b'\n', &mut line)).await;
        match got {
            Err(_) => {
                self.kill();
                if until == self.deadline {
                    return Err(Fault::OverTime { after: self.total });
                }
                Err(Fault::NoProgress { stage: self.stage.clone(), after: self.no_progress })
            }
            Ok(Err(source)) => Err(Fault::Io { what: "reading from the renderer".to_owned(), source }),
            Ok(Ok(_)) if line.last() != Some(&b'\n') && line.len() as u64 >= MAX_LINE_BYTES => {
                self.kill();
                Err(Fault::Protocol(format!("a line of more than {MAX_LINE_BYTES} bytes")))
            }
            Ok(Ok(_)) if line.last() != Some(&b'\n') => Err(self.ended().await),
            Ok(Ok(_)) => {
                let event: Event = serde_json::from_slice(&line).map_err(|error| Fault::Protocol(error.to_string()))?;
                if let Event::Progress(progress) = &event {
                    self.stage = format!("{:?}", progress.stage).to_lowercase();
                }
                Ok(event)
            }
        }
    }

    /// How it ended, after it closed its output without a word.
    async fn ended(&mut self) -> Fault {
        use std::os::unix::process::ExitStatusExt;
        let status = match timeout(GOODBYE, self.child.wait()).await {
            Ok(Ok(status)) => Some(status),
            _ => None,
        };
        self.kill();
        // Its errors are complete once nobody can write them any more.
        let _ = timeout(GOODBYE, &mut self.listener).await;
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&said);
        if let Some(reason) = said.lines().find_map(|line| line.strip_prefix(super::sandbox::REFUSAL)) {
            return Fault::Sandbox(reason.to_owned());
        }
        Fault::ended(status.and_then(|s| s.signal()), status.and_then(|s| s.code()), &said, self.cpu)
    }

    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // Nobody is left in it where this fails.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn read<T: DeserializeOwned>(facts: serde_json::Value) -> Result<T, Fault> {
    serde_json::from_value(facts).map_err(|error| Fault::Protocol(error.to_string()))
}

async fn listen(mut errors: impl AsyncRead + Unpin, said: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = errors.read(&mut piece).await {
        let piece = piece.get(..count).unwrap_or_default();
        tracing::trace!(text = %String::from_utf8_lossy(piece), "the renderer prints");
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(piece);
        let surplus = said.len().saturating_sub(KEPT_BYTES);
        said.drain(..surplus);
    }
}
