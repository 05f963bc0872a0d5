//! Ray as people start it by hand: its own programs, in network namespaces of one machine.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Doing, Failure, Result};
use crate::shell;

/// Nodes, the first of them the head.
pub(super) const NODES: u64 = 3;
const LIMIT: Duration = Duration::from_secs(180);

/// Ray's own programs from the image's root file system, in three network namespaces on a bridge, half a core each.
pub(super) struct Hand {
    nodes: Vec<Child>,
    began: Instant,
}

const BRIDGE: &str = "tetrabench0";

fn ip(line: &str) -> Result {
    shell::read(shell::program("ip").args(line.split_whitespace())).map(drop)
}

fn clear() {
    for number in 1..=NODES {
        let _ = ip(&format!("netns del tetra-bench-{number}"));
        // A namespace lives on while a process of it does, and its link with it.
        let _ = ip(&format!("link del tb{number}"));
    }
    let _ = ip(&format!("link del {BRIDGE}"));
    let _ = fs::remove_dir_all(scratch());
}

fn scratch() -> PathBuf {
    shell::target().join("bench-ray")
}

/// What a node's `ray start` says.
fn log(number: u64) -> PathBuf {
    shell::target().join(format!("bench-ray-{number}.log"))
}

fn root() -> Result<String> {
    let home = std::env::var("HOME").doing("HOME")?;
    Ok(format!("{home}/.cache/tetra/ray-2.60.0/root"))
}

/// The control group of one node by hand.
fn group(number: u64) -> PathBuf {
    let root = PathBuf::from("/sys/fs/cgroup");
    // Version 1 has a folder per controller.
    let version_1 = root.join("cpu");
    if version_1.is_dir() { version_1 } else { root }.join(format!("tetra-bench-{number}"))
}

/// Makes the group with the limit that nodes of clusters have.
fn limit(number: u64) -> Result {
    let group = group(number);
    fs::create_dir_all(&group).doing(group.display())?;
    let files: [(&str, &str); 3] =
        [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "50000"), ("cpu.max", "50000 100000")];
    let mut is_limited = false;
    for (file, value) in files {
        let file = group.join(file);
        if file.exists() {
            fs::write(&file, value).doing(file.display())?;
            is_limited = true;
        }
    }
    if is_limited { Ok(()) } else { Err(Failure::new(format!("{} cannot limit processors", group.display()))) }
}

/// A program in the group of a node. It has to enter first: `ip netns exec` hides the groups.
fn limited(number: u64) -> std::process::Command {
    let mut command = shell::program("sh");
    let entrance = group(number).join("cgroup.procs");
    command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(entrance);
    command
}

/// A program in a namespace and in the image's root, under the limit that nodes of clusters have.
fn inside(number: u64, script: &str) -> Result<std::process::Command> {
    let root = root()?;
    // A place of its own for what Ray writes: the next round must not find it, nor the image that is made of this root.
    let scratch = scratch();
    let scratch = scratch.display();
    let rooted = format!(
        "mount -t proc proc {root}/proc; mount --bind /dev {root}/dev 2>/dev/null; \
         mount --bind {scratch} {root}/tmp && \
         exec chroot {root} /bin/sh -c \"$1\""
    );
    let mut command = limited(number);
    command.args(["unshare", "--mount", "ip", "netns", "exec", &format!("tetra-bench-{number}")]);
    command.args(["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", &rooted, "sh", script]);
    Ok(command)
}

impl Hand {
    /// Starts all nodes at once.
    ///
    /// # Errors
    /// When a namespace, a group or a program cannot be had.
    pub(super) fn start() -> Result<Self> {
        clear();
        fs::create_dir_all(scratch()).doing("a folder for Ray")?;
        let mut hand = Self { nodes: Vec::new(), began: Instant::now() };
        ip(&format!("link add {BRIDGE} type bridge"))?;
        ip(&format!("link set {BRIDGE} up"))?;
        for number in 1..=NODES {
            let netns = format!("tetra-bench-{number}");
            ip(&format!("netns add {netns}"))?;
            ip(&format!("link add tb{number} type veth peer name eth0 netns {netns}"))?;
            ip(&format!("link set tb{number} master {BRIDGE} up"))?;
            ip(&format!("-n {netns} addr add 10.98.0.{number}/24 dev eth0"))?;
            ip(&format!("-n {netns} link set eth0 up"))?;
            ip(&format!("-n {netns} link set lo up"))?;
            limit(number)?;
        }
        hand.began = Instant::now();
        for number in 1..=NODES {
            let common = format!(
                "--node-ip-address=10.98.0.{number} --num-cpus=1 --object-store-memory=100000000 --disable-usage-stats --block --temp-dir=/tmp/ray-{number}"
            );
            let script = match number {
                1 => format!("exec ray start --head --port=6379 --dashboard-host=10.98.0.1 {common}"),
                _ => format!("while :; do ray start --address=10.98.0.1:6379 {common} && break; sleep 1; done"),
            };
            let log = log(number);
            let out = fs::File::create(&log).doing(log.display())?;
            let err = out.try_clone().doing(log.display())?;
            let node = inside(number, &script)?.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
            hand.nodes.push(node.doing("ray")?);
        }
        Ok(hand)
    }

    /// A program beside the head: in all of its namespaces, for Ray's driver and its node must see the same processes.
    fn beside_head(&self, script: &str) -> Result<std::process::Command> {
        let parent = self.nodes.first().map_or(0, Child::id);
        let children =
            fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).doing("the head's process")?;
        let head = children.split_whitespace().next().ok_or_else(|| Failure::new("the head has no process"))?;
        let mut command = limited(1);
        let root = format!("--root=/proc/{head}/root");
        command.args(["nsenter", "--target", head, "--mount", "--net", "--pid", &root, "/bin/sh", "-c", script]);
        Ok(command)
    }

    /// Seconds from the start until a task ran, `script` in Python, that prints `expected`. Its driver begins once the head says that it
    /// works: one that tries before takes processor from it.
    ///
    /// # Errors
    /// When Ray does not start, or the task says anything else.
    pub(super) fn first_task(&self, script: &str, expected: &str) -> Result<f64> {
        while !fs::read_to_string(log(1)).unwrap_or_default().contains("Ray runtime started") {
            if self.began.elapsed() > LIMIT {
                return Err(Failure::new(format!("Ray by hand did not start within {} s", LIMIT.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // The folder that it begins in is none of the head's.
        let script = format!("cd / && RAY_ADDRESS=10.98.0.1:6379 exec python3 -c \"{script}\"");
        let said = shell::read(&mut self.beside_head(&script)?)?;
        let took = self.began.elapsed().as_secs_f64();
        if said.contains(expected) {
            Ok(took)
        } else {
            Err(Failure::new(format!("the first task by hand said {said:?}")))
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // Whoever ended already cannot be ended.
            let _ = node.kill();
            let _ = node.wait();
        }
        let began = Instant::now();
        for number in 1..=NODES {
            // It is busy while a process of it ends.
            let is_busy = |error: io::Error| error.kind() == io::ErrorKind::ResourceBusy;
            while fs::remove_dir(group(number)).is_err_and(is_busy) && began.elapsed() < LIMIT {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        clear();
    }
}
