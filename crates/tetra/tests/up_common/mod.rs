//! A local network in a folder of its own, ended with the test however that ends.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use client::Node;
use nix::sys::signal::{Signal, kill as signal};
use nix::unistd::Pid;
use serde_json::Value;

/// Longer than anything here takes, even on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A network's folder.
pub(crate) struct Net {
    home: tempfile::TempDir,
    /// Of the first validator's RPC, free when the folder was made.
    port: u16,
}

impl Drop for Net {
    fn drop(&mut self) {
        self.tetra(&["down"]);
    }
}

/// A node that was started by hand.
pub(crate) struct StartedNode(Child);

impl StartedNode {
    /// Asks it to end, and waits.
    pub(crate) fn end(mut self) {
        signal(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for StartedNode {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Net {
    /// A folder without a network.
    pub(crate) fn new() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        Self { home: tempfile::tempdir().unwrap(), port: free.port() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tetra"));
        command.env("TETRA_HOME", self.home.path()).env_remove("TETRA_NODE").env_remove("RUST_LOG");
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command.
    pub(crate) fn tetra(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Starts the network in the background; what it printed.
    pub(crate) fn up(&self, arguments: &[&str]) -> Value {
        let port = self.port.to_string();
        // Networks of other tests start at the same moment and would all want the usual port; one that goes on has its own.
        let new = !self.home.path().join("local").exists() || arguments.contains(&"--fresh");
        let own_port: &[&str] = if new { &["--rpc-port", &port] } else { &[] };
        let arguments = [&["up", "--providers", "0", "--detach", "-o", "json"], own_port, arguments].concat();
        let output = self.tetra(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Stops it.
    pub(crate) fn down(&self) {
        let output = self.tetra(&["down"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The folder of a validator.
    pub(crate) fn validator(&self, index: usize) -> String {
        self.home.path().join(format!("local/validator-{index}")).display().to_string()
    }

    /// Starts a validator by hand.
    pub(crate) fn start_node(&self, index: usize) -> StartedNode {
        let mut command = self.command();
        command.args(["node", "start", &self.validator(index)]).stdout(Stdio::null()).stderr(Stdio::null());
        StartedNode(command.spawn().unwrap())
    }

    /// Waits until all validators have reached a height; the highest of them.
    pub(crate) async fn reach(&self, report: &Value, height: u64) -> u64 {
        let all: Vec<usize> = (0..report["validators"].as_array().unwrap().len()).collect();
        self.reach_some(report, &all, height).await
    }

    /// The same for some of them.
    pub(crate) async fn reach_some(&self, report: &Value, which: &[usize], height: u64) -> u64 {
        let mut highest = 0;
        for index in which {
            let node = Node::new(report["validators"][*index]["rpc"].as_str().unwrap());
            highest = highest.max(self.follow(&node, *index, height).await);
        }
        highest
    }

    async fn follow(&self, node: &Node, index: usize, height: u64) -> u64 {
        let deadline = Instant::now() + LIMIT;
        loop {
            let status = node.status().await;
            match &status {
                Ok(status) if status.height >= height => return status.height,
                _ => {}
            }
            let log = self.home.path().join(format!("local/logs/validator-{index}.log"));
            assert!(
                Instant::now() < deadline,
                "validator {index} does not reach {height}: {status:?}\n{}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn pid(value: &Value) -> Pid {
    Pid::from_raw(i32::try_from(value.as_i64().unwrap()).unwrap())
}

/// Ends a process as a crash does.
pub(crate) fn kill(process: &Value) {
    signal(pid(process), Signal::SIGKILL).unwrap();
}

/// Waits until a process has ended.
pub(crate) async fn gone(process: &Value) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid(process))).unwrap_or_default();
        // One that nobody has waited for yet has ended too.
        if stat.is_empty() || stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')) {
            return;
        }
        assert!(Instant::now() < deadline, "it still runs: {stat}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a process's own listener answers on a path, head and all.
pub(crate) fn page(metrics: &Value, path: &str) -> String {
    use std::io::{Read, Write};
    let address = metrics.as_str().unwrap().strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Waits until that answer is as wanted.
pub(crate) async fn becomes(metrics: &Value, path: &str, wanted: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + LIMIT;
    loop {
        let page = page(metrics, path);
        if wanted(&page) {
            return page;
        }
        assert!(Instant::now() < deadline, "{path} stays {page}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
