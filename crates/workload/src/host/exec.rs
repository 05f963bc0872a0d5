//! Programs beside a container's own process, by the runtime's `exec`: same namespaces, limits and filter.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::Host;
use super::pod::PodRecord;
use crate::error::{Error, Result};
use crate::process::{ProcessId, descendants};
use crate::runtime::{Ending, Exec, ExecSpec, Resize, State};
use crate::spec::Isolation;
use crate::terminal::Terminal;

/// The runtime's process that waits for a program. When it is dropped before the program ended, the program ends, and all that it
/// started with it.
struct Running {
    child: Child,
    pid_file: PathBuf,
}

#[async_trait]
impl Ending for Running {
    async fn wait(&mut self) -> std::io::Result<i32> {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.wait().await?;
        Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // While the runtime waits for the program its number is no other's.
        if matches!(self.child.try_wait(), Ok(None)) {
            let pid = fs::read_to_string(&self.pid_file).ok().and_then(|text| text.trim().parse::<i32>().ok());
            let program = pid.and_then(ProcessId::of);
            let all = pid.map(descendants).unwrap_or_default();
            for process in program.into_iter().chain(all) {
                process.signal(Signal::KILL);
            }
        }
        // There is none where the program did not start.
        let _ = fs::remove_file(&self.pid_file);
    }
}

/// Numbers files of programs.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Host {
    pub(super) fn exec_in(&self, record: &PodRecord, service: &str, index: u32, what: &ExecSpec) -> Result<Exec> {
        let replica = record.replica(service, index)?;
        let container = record.container(&replica);
        let failed = |reason: String| Error::ContainerStart { container: container.clone(), reason };
        if !matches!(self.state_of(record, &replica), State::Running { .. }) {
            return Err(failed("it does not run, so that nothing can be run in it".to_owned()));
        }
        if what.args.first().is_none_or(String::is_empty) || what.args.iter().any(|arg| arg.contains('\0')) {
            return Err(Error::invalid("args", "name a program; no argument holds a NUL"));
        }
        let name = format!("exec-{}-{}.pid", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let pid_file = self.names.pod_run_dir(&record.key()).join(name);
        let program = match record.spec.isolation {
            Isolation::Namespaces => &self.config.oci_runtime,
            Isolation::Gvisor => &self.config.runsc,
        };
        let mut command = match what.terminal {
            // The runtime reads the size of the terminal that is its own.
            Some(_) => {
                let mut command = Command::new("setsid");
                command.arg("--ctty").arg(program);
                command
            }
            None => Command::new(program),
        };
        command.arg("--root").arg(self.names.runtime_root(record.spec.isolation)).arg("exec");
        command.arg("--pid-file").arg(&pid_file);
        for (name, value) in &what.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(Error::invalid(format!("env[{name}]"), "a name holds no '=', and neither side a NUL"));
            }
            command.arg("--env").arg(format!("{name}={value}"));
        }
        if let Some(dir) = &what.dir {
            command.arg("--cwd").arg(dir);
        }
        if what.terminal.is_some() {
            command.arg("--tty");
        }
        command.arg(&container).args(&what.args).kill_on_drop(true);
        let spawned = match what.terminal {
            Some(size) => Terminal::open(size).and_then(|(terminal, end)| in_terminal(command, terminal, end)),
            None => with_pipes(command),
        };
        let (streams, child) = spawned.map_err(|error| failed(error.to_string()))?;
        let Streams { stdin, stdout, stderr, terminal } = streams;
        let terminal = terminal.map(|terminal| Box::new(terminal) as Box<dyn Resize>);
        Ok(Exec { stdin, stdout, stderr, terminal, running: Box::new(Running { child, pid_file }) })
    }
}

struct Streams {
    stdin: crate::runtime::Input,
    stdout: crate::runtime::Output,
    stderr: crate::runtime::Output,
    terminal: Option<Terminal>,
}

fn with_pipes(mut command: Command) -> std::io::Result<(Streams, Child)> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let streams = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
    let ((stdin, stdout), stderr) = streams.ok_or_else(|| std::io::Error::other("it has no streams"))?;
    let streams =
        Streams { stdin: Box::new(stdin), stdout: Box::new(stdout), stderr: Box::new(stderr), terminal: None };
    Ok((streams, child))
}

fn in_terminal(mut command: Command, terminal: Terminal, end: OwnedFd) -> std::io::Result<(Streams, Child)> {
    command.stdin(Stdio::from(end.try_clone()?)).stdout(Stdio::from(end.try_clone()?)).stderr(Stdio::from(end));
    let child = command.spawn()?;
    // This process holds the program's end no longer than it takes to start it: else reading would never end.
    drop(command);
    let streams = Streams {
        stdin: Box::new(terminal.clone()),
        stdout: Box::new(terminal.clone()),
        stderr: Box::new(tokio::io::empty()),
        terminal: Some(terminal),
    };
    Ok((streams, child))
}
