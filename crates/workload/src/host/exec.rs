//! Programs beside a container's own process, by the runtime's `exec`: same namespaces, limits and filter.

use std::process::Stdio;

use tokio::process::Command;

use super::Host;
use super::pod::PodRecord;
use crate::error::{Error, Result};
use crate::runtime::{Exec, ExecSpec, State};
use crate::spec::Isolation;

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
        let program = match record.spec.isolation {
            Isolation::Namespaces => &self.config.oci_runtime,
            Isolation::Gvisor => &self.config.runsc,
        };
        let mut command = Command::new(program);
        command.arg("--root").arg(self.names.runtime_root(record.spec.isolation)).arg("exec");
        for (name, value) in &what.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(Error::invalid(format!("env[{name}]"), "a name holds no '=', and neither side a NUL"));
            }
            command.arg("--env").arg(format!("{name}={value}"));
        }
        if let Some(dir) = &what.dir {
            command.arg("--cwd").arg(dir);
        }
        command.arg(&container).args(&what.args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let streams = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
        let ((stdin, stdout), stderr) = streams.ok_or_else(|| failed("it has no streams".to_owned()))?;
        Ok(Exec { stdin, stdout, stderr, child })
    }
}
