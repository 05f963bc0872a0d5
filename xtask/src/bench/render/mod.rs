//! Renders on this machine: a job of two nodes beside plain Blender on the same frames; decisions of dispatch; what the upload of a
//! scene that changed a little moves. All in release builds, on one network of the benchmark's own.

mod throughput;
mod upload;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::demo::network::{Home, Network};
use crate::failure::{Doing, Failure, Result};
use crate::{setup, shell};

/// Decisions a second that a block's dispatch makes at 10^4 nodes and 10^6 queued frames: as many as a block may hand out, 256, in
/// a tenth of the shortest usual block, 500 ms.
const GOAL_DECISIONS: f64 = 5_120.0;
/// How long nodes may take to be ready: they render the benchmark first.
const READY_LIMIT: Duration = Duration::from_secs(600);

/// Options of `bench render`. Without one of the three parts it is all of them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A job on two nodes beside plain Blender
    #[arg(long)]
    throughput: bool,
    /// Decisions of dispatch
    #[arg(long)]
    dispatch: bool,
    /// Upload of a scene of which a hundredth is new
    #[arg(long)]
    upload: bool,
    /// Frames of the heavy scene, an even number; of the light one as many
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(2..))]
    frames: u32,
    /// Width, height and samples of the heavy scene
    #[arg(long, default_value = "640x360x48")]
    heavy: throughput::Size,
    /// Width, height and samples of the light scene
    #[arg(long, default_value = "160x90x16")]
    light: throughput::Size,
    /// Megabytes of the scene that is uploaded
    #[arg(long, default_value_t = 1024)]
    megabytes: u32,
}

/// Runs it.
///
/// # Errors
/// When a step fails.
pub(crate) fn run(args: &Args) -> Result {
    let all = !(args.throughput || args.dispatch || args.upload);
    let mut told = json!({});
    if all || args.dispatch {
        told["dispatch"] = dispatch()?;
    }
    if all || args.throughput || args.upload {
        setup::run(setup::RUN)?;
        if !setup::is_root() {
            return Err(Failure::new("providers need root: namespaces and firewall rules of their own")
                .hint("sudo -E env PATH=\"$PATH\" cargo xtask bench render"));
        }
        shell::show(shell::cargo().args(["build", "--release", "--locked", "-p", "tetra"]))?;
        let mut stage = Stage::new()?;
        if all || args.throughput {
            told["throughput"] = throughput::run(&stage, args)?;
        }
        if all || args.upload {
            told["upload"] = upload::run(&stage, args.megabytes)?;
        }
        stage.network.stop()?;
    }
    println!("{told}");
    Ok(())
}

/// A network with two nodes of a thread each, and Blender.
struct Stage {
    home: Home,
    python: PathBuf,
    network: Network,
}

impl Stage {
    fn new() -> Result<Self> {
        let home = Home::release();
        let installed = home.json(&["provider", "render", "install"])?;
        let python = installed["environment"].as_str().ok_or_else(|| Failure::new("no environment of Blender's"))?;
        let python = Path::new(python).join("bin/python");
        let network = Network::start_with(home.clone(), &["--providers", "2", "--render"])?;
        println!("nodes measure themselves");
        let deadline = Instant::now() + READY_LIMIT;
        while home.json(&["render", "nodes"])?.as_array().map_or(0, |nodes| ready(nodes)) < 2 {
            if Instant::now() >= deadline {
                return Err(Failure::new("the render nodes do not become ready"));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        home.json(&["render", "credits", "buy", "50lux", "-y"])?;
        Ok(Self { home, python, network })
    }

    /// Submits without following it; what `tetra` says.
    fn submit(&self, scene: &Path, more: &[&str]) -> Result<Value> {
        let scene = scene.display().to_string();
        self.home.json(&[["render", "submit", &scene, "-y", "--no-wait"].as_slice(), more].concat())
    }
}

fn ready(nodes: &[Value]) -> usize {
    nodes.iter().filter(|node| node["state"] == "ready").count()
}

fn number(data: &Value, path: &str) -> Result<u64> {
    let found = data.pointer(path).and_then(Value::as_u64);
    found.ok_or_else(|| Failure::new(format!("{path} is missing in {data}")))
}

/// Runs a script of Blender's Python with arguments.
fn script(python: &Path, name: &str, args: &[&str]) -> std::process::Command {
    let mut command = shell::program(python);
    command.arg("-I").arg(shell::root().join("xtask/src/bench/render").join(name)).args(args);
    command
}

fn dispatch() -> Result<Value> {
    let mut command = shell::cargo();
    command.args(["run", "--release", "--locked", "--quiet", "-p", "render", "--example", "dispatch"]);
    let text = shell::read(&mut command)?;
    let told: Value = serde_json::from_str(&text).doing(shell::line(&command))?;
    let of = |name: &str| told[name].as_f64().unwrap_or_default();
    let decisions = of("dispatch_decisions_per_second");
    println!("dispatch, {} nodes, {} queued frames, {} blocks", of("nodes"), of("queued_frames"), of("blocks"));
    println!(
        "  {decisions:.0} decisions a second, planned and written ({:.0} planned only, {} reads each); goal {GOAL_DECISIONS:.0}: {}",
        of("plan_decisions_per_second"),
        of("reads_per_decision"),
        met(decisions >= GOAL_DECISIONS)
    );
    Ok(told)
}

fn met(yes: bool) -> &'static str {
    if yes { "met" } else { "missed" }
}
