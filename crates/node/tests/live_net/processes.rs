//! Nodes in processes of their own: this program again, told to be a node.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client::Node;
use node::Home;
use tokio::sync::oneshot;

use crate::common;

/// The variable that names a child's folder.
const HOME: &str = "TETRA_TEST_NODE_HOME";
/// How long a process may take to end after it was asked to.
const ENDING: Duration = Duration::from_secs(20);

/// What `child_node` does: a node that runs until its standard input closes, so that it never outlives the test.
pub(crate) fn be_a_node() {
    let Ok(home) = std::env::var(HOME) else {
        return; // Run with all ignored tests, not by the test beside it.
    };
    let (closed, stdin_closes) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = closed.send(());
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let running = node::start(Home::new(home)).await.unwrap();
        running.until(async { stdin_closes.await.unwrap() }).await.unwrap();
    });
}

/// A validator's process; ended, at the latest, when this is dropped.
pub(crate) struct Validator {
    pub(crate) index: usize,
    pub(crate) node: Node,
    home: Home,
    child: Option<Child>,
}

impl Validator {
    pub(crate) fn start(index: usize, home: &Home, url: &str) -> Self {
        let mut validator = Self { index, node: Node::new(url), home: home.clone(), child: None };
        validator.run();
        validator
    }

    /// Starts the process, which must not be running.
    pub(crate) fn run(&mut self) {
        assert!(self.child.is_none(), "node {} is running", self.index);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["child_node", "--exact", "--ignored", "--nocapture"]).env(HOME, self.home.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        self.child = Some(command.spawn().unwrap());
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("the process is running");
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
    }

    /// The address that its votes carry, in CometBFT's upper-case hex.
    pub(crate) fn address(&self) -> String {
        hex::encode_upper(common::validator(self.index).address().as_bytes())
    }

    /// Closes its standard input and waits for a clean end.
    pub(crate) fn stop(mut self) {
        let mut child = self.child.take().expect("the process is running");
        drop(child.stdin.take());
        let deadline = Instant::now() + ENDING;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                break child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "node {} ended with {status}", self.index);
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself, which is why the test fails.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
