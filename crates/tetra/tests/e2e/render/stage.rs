//! A network of render nodes with a scene, and its money counted from outside.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use farm::engine::blender::Program;
use farm::scenes::Demo;
use provider::Home;
use provider::render::RenderConfig;
use serde_json::Value;

use crate::net::Net;

/// Blender starts a dozen times for a frame and its audits, each time for seconds of a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);
const STEP: Duration = Duration::from_millis(300);
const GIB: u64 = 1 << 30;

/// Looks again and again until something is there.
pub(super) fn patiently<T>(what: &str, mut look: impl FnMut() -> Result<T, Value>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(last) if Instant::now() > until => panic!("{what}: {last:#}"),
            Err(_) => std::thread::sleep(STEP),
        }
    }
}

fn blender() -> Option<Program> {
    match Program::find() {
        Ok(program) => Some(program),
        Err(fault) => {
            println!("skipped: {fault}");
            None
        }
    }
}

/// The Python of Blender's module; none where it is installed as a program.
pub(super) fn bpy() -> Option<PathBuf> {
    match Program::find() {
        Ok(Program::Module { environment }) => Some(environment.join("bin/python")),
        _ => {
            println!("skipped: the script needs bpy");
            None
        }
    }
}

/// What tests share: it takes Blender seconds to make and is always the same.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A copy under a name that nobody reads before it is whole.
fn keep(from: &Path, name: &str) {
    let part = kept(&format!("{name}.{}", std::process::id()));
    std::fs::copy(from, &part).unwrap();
    std::fs::rename(part, kept(name)).unwrap();
}

fn make(program: &Program, demo: &Demo, folder: &Path) -> PathBuf {
    let scene = folder.join("demo.blend");
    let script = include_str!("../../../../farm/src/scenes/demo.py");
    let name = format!("{}.blend", farm::Digest::of(format!("{program:?} {demo:?} {script}").as_bytes()));
    if !kept(&name).is_file() {
        tokio::runtime::Runtime::new().unwrap().block_on(demo.make(program, &scene)).unwrap();
        keep(&scene, &name);
    }
    std::fs::copy(kept(&name), &scene).unwrap();
    scene
}

/// The benchmark of this machine's engine, as a node keeps it; one of another engine is measured anew by the node.
const BENCHMARK: &str = "benchmark.json";

/// A node that knows the machine already need not measure it.
fn lend_benchmark(home: &Home) {
    let folder = home.path().join("render");
    if kept(BENCHMARK).is_file() && !folder.join(BENCHMARK).exists() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(kept(BENCHMARK), folder.join(BENCHMARK)).unwrap();
    }
}

/// The smallest scene.
pub(super) fn small() -> Demo {
    Demo { width: 96, height: 54, samples: 4, frames: 2, texture: 32, ..Demo::default() }
}

/// A scene of which a frame takes a few seconds, so that it can be met in the middle.
pub(super) fn heavy() -> Demo {
    Demo { width: 320, height: 180, samples: 96, frames: 1, texture: 32, ..Demo::default() }
}

/// The demo scene, small; none where Blender is not installed.
pub(super) fn scene(folder: &Path) -> Option<PathBuf> {
    Some(make(&blender()?, &small(), folder))
}

fn states(frames: &Value) -> Vec<&str> {
    frames.as_array().into_iter().flatten().filter_map(|frame| frame["state"].as_str()).collect()
}

/// Whether there are two frames in this state, and no others.
pub(super) fn all(frames: &Value, wanted: &str) -> bool {
    states(frames) == [wanted; 2]
}

/// A network of nodes that are ready, and a scene.
pub(super) struct Stage {
    pub(super) net: Net,
    pub(super) folder: tempfile::TempDir,
    pub(super) scene: PathBuf,
    /// What Alice bought, in millionths of a credit and base units of LUX.
    bought: (u64, u64),
    genesis_lux: u128,
}

impl Stage {
    /// None where it cannot be.
    pub(super) fn start(nodes: usize, demo: &Demo, options: &RenderConfig) -> Option<Self> {
        let program = blender()?;
        let folder = tempfile::tempdir().unwrap();
        let scene = make(&program, demo, folder.path());
        let net = Net::start_with(&["--providers", &nodes.to_string(), "--epoch", "20s"], false)?;
        let mut stage = Self { net, folder, scene, bought: (0, 0), genesis_lux: 0 };
        // Frames are paid at once, so that every unit of money shows; a node's goal is the one at its enabling.
        stage.set(&["hold_back_ucredits=0"]);
        for place in 0..nodes {
            stage.enable(place, options);
        }
        stage.ready(nodes);
        keep(&stage.home(0).path().join("render").join(BENCHMARK), BENCHMARK);
        let supply = stage.net.json(&["render", "supply"]);
        stage.genesis_lux = amount(&supply["supply"]) + amount(&supply["burned"]) - amount(&supply["minted"]);
        stage.net.json(&["render", "credits", "buy", "10lux", "--yes"]);
        let credits = stage.net.json(&["render", "credits", "show"]);
        stage.bought = (credits["free_ucredits"].as_u64().unwrap(), 10_000_000);
        Some(stage)
    }

    pub(super) fn home(&self, place: usize) -> Home {
        Home::new(self.net.report["providers"][place]["dir"].as_str().unwrap())
    }

    pub(super) fn enable(&self, place: usize, options: &RenderConfig) {
        lend_benchmark(&self.home(place));
        provider::render::enable(&self.home(place), options.clone()).unwrap();
    }

    /// Waits until so many nodes are ready.
    pub(super) fn ready(&self, count: usize) {
        patiently("ready nodes", || {
            let nodes = self.net.json(&["render", "nodes"]);
            let ready = nodes.as_array().unwrap().iter().filter(|node| node["state"] == "ready").count();
            if ready == count { Ok(()) } else { Err(nodes) }
        });
    }

    /// Sets parameters of the market.
    pub(super) fn set(&self, settings: &[&str]) {
        self.net.json(&[&["render", "params", "--from", "authority", "--yes"], settings].concat());
    }

    /// Submits the scene; the job's number.
    pub(super) fn submit(&self, options: &[&str]) -> String {
        let scene = self.scene.display().to_string();
        let submit = [&["render", "submit", &scene, "--no-wait", "--yes"], options].concat();
        self.net.json(&submit)["jseq"].to_string()
    }

    pub(super) fn frames(&self, job: &str) -> Vec<Value> {
        self.net.json(&["render", "frames", job]).as_array().unwrap().clone()
    }

    pub(super) fn job(&self, job: &str) -> Value {
        self.net.json(&["render", "show", job])
    }

    /// Waits until every frame of a job is in a state.
    pub(super) fn until_all(&self, job: &str, state: &str) {
        patiently(state, || {
            let frames = self.frames(job);
            let all = frames.iter().all(|frame| frame["state"] == state);
            if all { Ok(()) } else { Err(Value::Array(frames)) }
        });
    }

    /// Waits until a frame renders: its node has told of it, or its process runs.
    pub(super) fn until_rendering(&self) {
        patiently("a process that renders", || if self.processes() > 0 { Ok(()) } else { Err(Value::Null) });
    }

    /// Processes of renders of this network.
    pub(super) fn processes(&self) -> usize {
        renders(&self.net)
    }

    /// The money of the creator: free, set aside, and what the job spent make what it bought; of the LUX that was used, closed and
    /// open epochs burned 95 of 100 and gave the network the rest; LUX in existence is genesis, what was minted and what was
    /// burned.
    pub(super) fn money(&self, jobs: &[&str]) {
        let credits = self.net.json(&["render", "credits", "show"]);
        let spent: u64 = jobs.iter().map(|job| self.job(job)["spent_ucredits"].as_u64().unwrap()).sum();
        let billed: u64 = jobs
            .iter()
            .flat_map(|job| self.frames(job))
            .filter(|frame| frame["state"] == "approved")
            .map(|frame| frame["bill"]["ucredits"].as_u64().unwrap())
            .sum();
        assert_eq!(spent, billed, "what jobs spent is the bills of their approved frames");
        let of = |name: &str| credits[name].as_u64().unwrap();
        assert_eq!(of("free_ucredits") + of("locked_ucredits") + spent, self.bought.0, "{credits:#}");
        let left: u128 = credits["lots"].as_array().unwrap().iter().map(|lot| amount(&lot["left"])).sum();
        let used = u128::from(self.bought.1) - left;
        let supply = self.net.json(&["render", "supply"]);
        let burned = amount(&supply["burned"]);
        let open = self.net.json(&["render", "epoch"])["number"].as_u64().unwrap();
        let epochs: Vec<Value> =
            (1..=open).map(|number| self.net.json(&["render", "epoch", &number.to_string()])).collect();
        let sum = |name: &str| epochs.iter().map(|epoch| amount(&epoch[name])).sum::<u128>();
        assert_eq!(sum("lux_burned") + sum("lux_network"), used, "every unit that was used went somewhere");
        assert_eq!(sum("lux_burned"), burned);
        // Each frame rounds by less than a unit.
        let frames = jobs.iter().map(|job| self.frames(job).len()).sum::<usize>() as u128;
        assert!((used * 95).abs_diff(burned * 100) <= 100 * frames, "{used} used, {burned} burned");
        assert_eq!(amount(&supply["supply"]), self.genesis_lux + amount(&supply["minted"]) - burned, "{supply:#}");
    }

    /// No process of a render.
    pub(super) fn clean(&self) {
        patiently("no process", || match self.processes() {
            0 => Ok(()),
            count => Err(Value::from(count)),
        });
    }
}

/// Processes of renders of a network.
pub(super) fn renders(net: &Net) -> usize {
    let output = Command::new("ps").args(["-eo", "args"]).output().unwrap();
    let home = net.home().display().to_string();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.contains("driver.py") && line.contains(&home)).count()
}

/// The amount of a coin in JSON.
pub(super) fn amount(coin: &Value) -> u128 {
    coin["amount"].as_str().unwrap().parse().unwrap()
}

/// A window of one thread.
pub(super) fn one_thread() -> RenderConfig {
    RenderConfig {
        cpu_milli: 500,
        memory: GIB,
        storage: GIB / 2,
        cache_bytes: GIB / 2,
        threads: Some(1),
        ..RenderConfig::default()
    }
}
