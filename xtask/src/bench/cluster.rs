//! Clusters: from `tetra cluster create` to Ray's first task beside Ray that is started by hand in three network namespaces of
//! the same machine; the overlay beside a plain link; what a reservation costs the chain among many devices.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::chain::{load, met, number};
use crate::demo::network::{Home, Network};
use crate::failure::{Doing, Failure, Result};
use crate::{setup, shell};

/// The first task beside Ray by hand, blocks apart.
const GOAL: f64 = 1.2;
/// How much dearer a reservation may be among a hundred times as many devices: log 10^5 / log 10^3, and what is measured beside it.
const GOAL_DEVICES: f64 = 2.0;
/// Nodes of both.
const NODES: u64 = 3;
const BLOCK_MS: u64 = 500;
const LIMIT: Duration = Duration::from_secs(180);

/// Options of `bench cluster`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave out Ray
    #[arg(long)]
    no_ray: bool,
    /// Leave out all but Ray
    #[arg(long, conflicts_with = "no_ray")]
    only_ray: bool,
    /// How often Ray is started each way
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// Runs it.
///
/// # Errors
/// When a program cannot be built, or a run fails.
pub(crate) fn run(args: &Args) -> Result {
    if !args.only_ray {
        shell::show(shell::cargo().args(["build", "--release", "--locked", "-p", "load"]))?;
        decisions()?;
        overlay()?;
    }
    if args.no_ray { Ok(()) } else { first_task(args.rounds) }
}

fn decisions() -> Result {
    let mut costs = Vec::new();
    for devices in ["1000", "10000", "100000"] {
        let seen = load(&["hires", "--devices", devices])?;
        let (quote, hire) = (number(&seen, "/quote_us"), number(&seen, "/hire_us"));
        println!(
            "{devices} devices: a quote of 8 nodes in {quote:.0} µs, taking it in {hire:.0} µs: {:.0} reservations per second",
            1e6 / (quote + hire)
        );
        costs.push(quote + hire);
    }
    let ratio = costs.last().copied().unwrap_or(0.0) / costs.first().copied().unwrap_or(1.0).max(1.0);
    println!(
        "a hundred times as many devices: {ratio:.2} times the cost (goal: at most {GOAL_DEVICES}, logarithmic): {}",
        met(ratio <= GOAL_DEVICES)
    );
    Ok(())
}

fn overlay() -> Result {
    let seen = load(&["overlay"])?;
    for way in ["plain", "overlay"] {
        let of = |field: &str| number(&seen, &format!("/{way}/{field}"));
        println!(
            "{way}: {:.0} MiB/s, {:.2} s of processor a GiB, {:.0} µs there and back",
            of("mib_per_s"),
            of("cpu_s_per_gib"),
            of("median_us")
        );
    }
    let ratio = |field: &str| {
        number(&seen, &format!("/overlay/{field}")) / number(&seen, &format!("/plain/{field}")).max(0.001)
    };
    println!(
        "overlay beside plain: {:.3} of the throughput, {:.1} times the processor, {:.1} times the latency",
        ratio("mib_per_s"),
        ratio("cpu_s_per_gib"),
        ratio("median_us")
    );
    Ok(())
}

/// Waits for all nodes, runs a task, and prints how many nodes there are.
const TASK: &str = "import ray, time; ray.init(address='auto', logging_level='ERROR')\n\
                    while len(ray.nodes()) < 3: time.sleep(0.1)\n\
                    print(ray.get(ray.remote(lambda: 'first task').remote()), len(ray.nodes()))";

fn first_task(rounds: u32) -> Result {
    setup::run(setup::RUN)?;
    setup::run(setup::RAY)?;
    shell::show(shell::cargo().args(["build", "--release", "--locked", "-p", "tetra"]))?;
    let home = Home::release();
    fs::create_dir_all(home.file("")).doing(home.file("").display())?;
    let image = home.file("tetra-ray.tar").display().to_string();
    shell::show(shell::program("examples/ray/build-image.sh").arg(&image))?;
    let block = format!("{BLOCK_MS}ms");
    let mut network = Network::start(home.clone(), 1, 3, &block)?;
    home.json(&["image", "load", &image])?;
    for provider in &network.report.providers {
        let dir = provider.dir.display().to_string();
        home.json(&["provider", "cluster", "enable", &dir, "--cpu", "0.5", "--memory", "2", "--storage", "1"])?;
    }
    let began = Instant::now();
    while home.json(&["cluster", "offers"])?["classes"][0]["proved"] != NODES {
        if began.elapsed() > LIMIT * 2 {
            return Err(Failure::new("the devices were not proved in time"));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let hand = Hand::start()?;
        by_hand.push(hand.first_task()?);
        drop(hand);
        ours.push(created(&home)?);
        println!(
            "round {round}: {:.1} s by hand, {:.1} s by `tetra cluster create`",
            by_hand[by_hand.len() - 1],
            ours[ours.len() - 1]
        );
    }
    network.stop()?;
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (ours, by_hand) = (median(&mut ours), median(&mut by_hand));
    let limit = GOAL * by_hand + 2.0 * (BLOCK_MS as f64) / 1e3;
    println!(
        "from nothing to Ray's first task on {NODES} nodes: {ours:.1} s beside {by_hand:.1} s by hand (goal: at most {limit:.1} s): {}",
        met(ours <= limit)
    );
    Ok(())
}

/// By the command line that users have.
fn created(home: &Home) -> Result<f64> {
    let began = Instant::now();
    let hired: Value = home.json(&["cluster", "create", "-n", "3", "-k", "ray", "-d", "20m", "-y"])?;
    let cluster = hired["cseq"].as_u64().unwrap_or_default().to_string();
    let said = shell::read(&mut home.tetra(&["cluster", "run", &cluster, "--rank", "0", "--", "python3", "-c", TASK]))?;
    let took = began.elapsed().as_secs_f64();
    if !said.contains(&format!("first task {NODES}")) {
        return Err(Failure::new(format!("the first task said {said:?}")));
    }
    home.json(&["cluster", "stop", &cluster, "-y"])?;
    while home.json(&["cluster", "offers"])?["classes"][0]["hired"] != 0 {
        std::thread::sleep(Duration::from_millis(200));
    }
    // What the last one held is given back before the next one begins.
    std::thread::sleep(Duration::from_secs(3));
    Ok(took)
}

/// Ray's own programs from the image's root file system, in three network namespaces on a bridge, half a core each.
struct Hand {
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

fn root() -> Result<String> {
    let home = std::env::var("HOME").doing("HOME")?;
    Ok(format!("{home}/.cache/tetra/ray-2.60.0/root"))
}

/// A program in a namespace and in the image's root, under the limit that nodes of clusters have.
fn inside(number: u64, script: &str) -> Result<std::process::Command> {
    let root = root()?;
    let group = format!("/sys/fs/cgroup/tetra-bench-{number}");
    // A place of its own for what Ray writes: the next round must not find it, nor the image that is made of this root.
    let scratch = scratch();
    let scratch = scratch.display();
    let limited = format!(
        "mkdir -p {group} && echo '50000 100000' > {group}/cpu.max && echo $$ > {group}/cgroup.procs; \
         mount -t proc proc {root}/proc; mount --bind /dev {root}/dev 2>/dev/null; \
         mount --bind {scratch} {root}/tmp && \
         exec chroot {root} /bin/sh -c \"$1\""
    );
    let mut command = shell::program("unshare");
    command.args([
        "--mount",
        "ip",
        "netns",
        "exec",
        &format!("tetra-bench-{number}"),
        "unshare",
        "--pid",
        "--fork",
        "--kill-child",
    ]);
    command.args(["sh", "-c", &limited, "sh", script]);
    Ok(command)
}

impl Hand {
    fn start() -> Result<Self> {
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
            let log = shell::target().join(format!("bench-ray-{number}.log"));
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
        let mut command = shell::program("nsenter");
        let root = format!("--root=/proc/{head}/root");
        command.args(["--target", head, "--mount", "--net", "--pid", &root, "/bin/sh", "-c", script]);
        Ok(command)
    }

    /// Seconds from the start until a task ran with all nodes there.
    fn first_task(&self) -> Result<f64> {
        // The folder that it begins in is none of the head's.
        let script = format!("cd / && RAY_ADDRESS=10.98.0.1:6379 exec python3 -c \"{TASK}\"");
        while self.began.elapsed() < LIMIT {
            let Ok(mut driver) = self.beside_head(&script) else {
                std::thread::sleep(Duration::from_millis(50));
                continue;
            };
            let said = shell::output(&mut driver)?;
            if String::from_utf8_lossy(&said.stdout).contains(&format!("first task {NODES}")) {
                return Ok(self.began.elapsed().as_secs_f64());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Err(Failure::new(format!("Ray by hand ran no task within {} s", LIMIT.as_secs())))
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // Whoever ended already cannot be ended.
            let _ = node.kill();
            let _ = node.wait();
        }
        std::thread::sleep(Duration::from_secs(1));
        for number in 1..=NODES {
            let _ = fs::remove_dir(format!("/sys/fs/cgroup/tetra-bench-{number}"));
        }
        clear();
    }
}
