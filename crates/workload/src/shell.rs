//! The one way to call external programs: a time limit, captured errors, and the package to
//! install when one is missing.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::error::{Error, Result};

/// Long enough for mkfs on a loaded machine, short enough that a hang is noticed.
const LIMIT: Duration = Duration::from_secs(60);

/// `sbin` is not on every user's path, and `LC_ALL` keeps messages in one language.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One call of an external program.
pub(crate) struct Call {
    program: OsString,
    args: Vec<OsString>,
    input: Option<String>,
}

impl Call {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self { program: program.as_ref().to_owned(), args: Vec::new(), input: None }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Text for standard input, which is empty otherwise.
    pub(crate) fn input(mut self, text: String) -> Self {
        self.input = Some(text);
        self
    }

    /// Runs the program and returns what it wrote to standard output.
    pub(crate) async fn run(self) -> Result<String> {
        let output = timeout(LIMIT, self.output())
            .await
            .map_err(|_| Error::ToolTimeout { command: self.line(), seconds: LIMIT.as_secs() })??;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Error::ToolFailed {
            command: self.line(),
            status: output.status.to_string(),
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    async fn output(&self) -> Result<Output> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|source| self.not_spawned(source))?;
        if let (Some(text), Some(mut stdin)) = (&self.input, child.stdin.take()) {
            // A program that stops reading early says why on its standard error.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
        child.wait_with_output().await.map_err(|source| self.not_spawned(source))
    }

    fn not_spawned(&self, source: std::io::Error) -> Error {
        let tool = self.program.to_string_lossy().into_owned();
        if source.kind() == ErrorKind::NotFound {
            let package = package_of(&tool).to_owned();
            return Error::ToolMissing { tool, package };
        }
        Error::ToolFailed { command: self.line(), status: "not started".to_owned(), stderr: source.to_string() }
    }

    fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }
}

/// Debian package that carries a program.
pub(crate) fn package_of(tool: &str) -> &str {
    match tool.rsplit('/').next().unwrap_or(tool) {
        "ip" => "iproute2",
        "nft" => "nftables",
        "mkfs.ext4" => "e2fsprogs",
        "unshare" => "util-linux",
        "mount" => "mount",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_program_names_its_package() {
        let error = Call::new("/nonexistent/nft").run().await.unwrap_err();
        assert!(error.to_string().ends_with("apt-get install -y nftables"), "{error}");
    }

    #[tokio::test]
    async fn a_failing_program_is_quoted() {
        let call = Call::new("sh").args(["-c", "read x; echo \"bad $x\" >&2; exit 3"]);
        let error = call.input("day\n".to_owned()).run().await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("bad day") && text.contains("exit status: 3"), "{text}");
    }
}
