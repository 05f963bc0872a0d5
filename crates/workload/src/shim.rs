//! The process between the agent and a container.
//!
//! A container's output needs a reader and its exit status a parent, and both must outlive the
//! agent. So the agent starts itself again with [`SHIM_ARGUMENT`]: that small process calls the
//! OCI runtime, becomes the parent of the container, writes its log within bounds, records how it
//! ended, and ends with it. It has no threads of tokio and speaks to the agent through files only.
//!
//! Under systemd the agent's unit needs `KillMode=process`, as for any container manager.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::fs::{Gid, Uid, fchown};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitOptions, getpid, set_child_subreaper, setsid, wait};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cgroup::field;
use crate::logs::{LineSplitter, LogWriter};
use crate::process::ProcessId;
use crate::runtime::{ExitStatus, LogStream};
use crate::spec::PodId;

/// First argument that makes the program a shim.
pub const SHIM_ARGUMENT: &str = "__container-shim";

/// What the shim tells the agent once the container's process runs.
pub(crate) const READY: &str = "ready";

/// Bytes a second that a container may log; beyond them its writes wait, as on a slow terminal.
const BYTES_PER_SECOND: usize = 4 << 20;

/// The exit code of a container that nobody was told.
const UNKNOWN: i32 = -1;

/// One container to start and watch.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShimJob {
    /// Program and first arguments of the OCI runtime.
    pub(crate) command: Vec<PathBuf>,
    pub(crate) runtime_root: PathBuf,
    pub(crate) container: String,
    pub(crate) bundle: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) log_file_bytes: u64,
    /// The pod that the container is part of.
    pub(crate) pod: PodId,
    /// What the shim itself did, in lines of JSON.
    pub(crate) shim_log: PathBuf,
    /// Owner of the output pipes: root of the container, so that it can reopen `/dev/stdout`.
    pub(crate) owner: u32,
    pub(crate) oom_counter: PathBuf,
}

/// Files of a bundle directory that agent and shim share.
pub(crate) struct ShimFiles;

impl ShimFiles {
    pub(crate) fn job(bundle: &Path) -> PathBuf {
        bundle.join("job.json")
    }

    pub(crate) fn running(bundle: &Path) -> PathBuf {
        bundle.join("running.json")
    }

    pub(crate) fn exit(bundle: &Path) -> PathBuf {
        bundle.join("exit.json")
    }
}

/// Record of a running container.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) shim: ProcessId,
    pub(crate) container: ProcessId,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) since: OffsetDateTime,
}

/// Runs the shim and ends the process, if that is what this process was started for. The agent's
/// program calls it first in `main`, before any thread exists.
pub fn run_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != SHIM_ARGUMENT) {
        return;
    }
    let outcome = job(arguments.next()).and_then(|job| run(&job));
    if let Err(error) = outcome {
        // The agent reads the reason from standard output until it has seen `ready`.
        let _ = writeln!(io::stdout(), "{error}");
        std::process::exit(1);
    }
    std::process::exit(0);
}

fn job(path: Option<OsString>) -> io::Result<ShimJob> {
    let path = path.ok_or_else(|| io::Error::other("the shim needs the path of its job"))?;
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn run(job: &ShimJob) -> io::Result<()> {
    // An own session: a signal to the agent's terminal is not for the container.
    setsid()?;
    set_child_subreaper(Some(getpid()))?;
    let log = LogWriter::open(&job.log, job.log_file_bytes)?;
    let log = Arc::new(Mutex::new(log));
    let (out, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (err, stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    for end in [&stdout, &stderr] {
        fchown(end, Some(Uid::from_raw(job.owner)), Some(Gid::from_raw(job.owner)))?;
    }
    let oom_before = out_of_memory_kills(job);
    let container = start(job, stdout, stderr)?;
    let readers = [copy(out, LogStream::Stdout, Arc::clone(&log)), copy(err, LogStream::Stderr, log)];
    let process = ProcessId::of(container).or(Some(ProcessId { pid: container, start_time: 0 }));
    let shim = ProcessId::of(std::process::id().cast_signed());
    if let (Some(shim), Some(container)) = (shim, process) {
        let since = OffsetDateTime::now_utc();
        write_record(&ShimFiles::running(&job.bundle), &Running { shim, container, since })?;
    }
    note(job, "the container runs", &json!({ "pid": container }));
    tell_ready()?;
    let mut exit = wait_for(container)?;
    exit.out_of_memory = out_of_memory_kills(job) > oom_before;
    finish(readers);
    note(job, "the container ended", &json!({ "code": exit.code, "out_of_memory": exit.out_of_memory }));
    write_record(&ShimFiles::exit(&job.bundle), &exit)
}

/// Bytes beyond which a shim's log begins anew: some hundred starts.
const SHIM_LOG_BYTES: u64 = 256 << 10;

/// A line in the shim's log, of the form that the agent's JSON log has. A full disk loses it and no more.
fn note(job: &ShimJob, message: &str, fields: &Value) {
    let mut line = json!({
        "time": OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        "level": "INFO",
        "target": "workload::shim",
        "message": message,
        "lease": job.pod.as_str(),
        "trace": job.pod.trace().map(|trace| trace.to_string()),
        "container": job.container,
    });
    if let (Some(line), Some(fields)) = (line.as_object_mut(), fields.as_object()) {
        line.extend(fields.clone());
    }
    let full = fs::metadata(&job.shim_log).is_ok_and(|log| log.len() > SHIM_LOG_BYTES);
    let opened = File::options().create(true).append(!full).write(true).truncate(full).open(&job.shim_log);
    let _ = opened.and_then(|mut log| log.write_all(format!("{line}\n").as_bytes()));
}

/// Creates and starts the container, and returns the id of its first process.
fn start(job: &ShimJob, stdout: OwnedFd, stderr: OwnedFd) -> io::Result<i32> {
    let pid_file = job.bundle.join("pid");
    let errors = job.bundle.join("runtime.log");
    let [program, arguments @ ..] = job.command.as_slice() else {
        return Err(io::Error::other("no OCI runtime is configured"));
    };
    let status = Command::new(program)
        .args(arguments)
        .arg("--root")
        .arg(&job.runtime_root)
        .arg("--log")
        .arg(&errors)
        .args(["run", "--detach", "--bundle"])
        .arg(&job.bundle)
        .arg("--pid-file")
        .arg(&pid_file)
        .arg(&job.container)
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .status()?;
    if !status.success() {
        let reason = fs::read_to_string(&errors).unwrap_or_default();
        return Err(io::Error::other(runtime_message(&reason, &status.to_string())));
    }
    let pid = fs::read_to_string(pid_file)?;
    pid.trim().parse().map_err(io::Error::other)
}

/// The messages of runc's log lines (`time="…" level=error msg="…"`).
fn runtime_message(log: &str, status: &str) -> String {
    let messages: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("level=error"))
        .filter_map(|line| line.split_once("msg="))
        .map(|(_, message)| message.trim_matches('"'))
        .collect();
    match messages.is_empty() {
        true => format!("{status} {}", log.trim()),
        false => messages.join("; "),
    }
}

fn tell_ready() -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{READY}")?;
    stdout.flush()?;
    // The agent waits for the end of this stream, so it is given up, as is standard error.
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

fn copy(from: OwnedFd, stream: LogStream, log: Arc<Mutex<LogWriter>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut from = File::from(from);
        let mut buffer = vec![0; 64 << 10];
        let mut lines = LineSplitter::default();
        let mut pace = Pace::new();
        let write = |text: &[u8], ended: bool| {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            // A full disk loses log lines; it must not block the container.
            let _ = log.write(OffsetDateTime::now_utc(), stream, text, ended);
        };
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            lines.push(&buffer[..length], write);
            pace.spend(length);
        }
        lines.finish(write);
    })
}

/// Spreads bytes over time.
struct Pace {
    window: Instant,
    spent: usize,
}

impl Pace {
    fn new() -> Self {
        Self { window: Instant::now(), spent: 0 }
    }

    fn spend(&mut self, bytes: usize) {
        const WINDOW: Duration = Duration::from_secs(1);
        self.spent += bytes;
        let elapsed = self.window.elapsed();
        if elapsed < WINDOW && self.spent >= BYTES_PER_SECOND {
            thread::sleep(WINDOW - elapsed);
        }
        if self.window.elapsed() >= WINDOW {
            *self = Self::new();
        }
    }
}

/// Waits for the container, collecting other orphans that the kernel hands to this process.
fn wait_for(container: i32) -> io::Result<ExitStatus> {
    loop {
        let (pid, status) = match wait(WaitOptions::empty()) {
            Ok(Some(ended)) => ended,
            Ok(None) | Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if pid.as_raw_nonzero().get() != container {
            continue;
        }
        let signal = status.terminating_signal();
        let code = status.exit_status().or(signal.map(|signal| 128 + signal));
        return Ok(ExitStatus {
            code: code.unwrap_or(UNKNOWN),
            signal,
            out_of_memory: false,
            at: OffsetDateTime::now_utc(),
        });
    }
}

/// Lets the readers take what is left in the pipes. Their ends close with the last process of the
/// container, which the kernel kills with the first one.
fn finish(readers: [JoinHandle<()>; 2]) {
    for reader in readers {
        let _ = reader.join();
    }
}

fn out_of_memory_kills(job: &ShimJob) -> u64 {
    field(&job.oom_counter, "oom_kill").unwrap_or(0)
}

/// Written beside and renamed: a reader sees all of it or nothing.
pub(crate) fn write_record(path: &Path, record: &impl Serialize) -> io::Result<()> {
    let draft = path.with_extension("draft");
    fs::write(&draft, serde_json::to_vec_pretty(record)?)?;
    fs::rename(draft, path)
}
