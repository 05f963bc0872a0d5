//! Renders, end to end: a scene of our own, two nodes on this machine that count as one host's, real Cycles, frames that are
//! proven, approved, fetched and made a film, and an epoch whose burn and mint follow from the formulas. This shares no code with
//! the chain.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::chain::Chain;
use super::checks::Checks;
use super::network::{Home, Network};
use super::{build, indented, step};
use crate::failure::{Doing, Failure, Result};
use crate::{setup, shell};

/// What makes the scene, in Blender's Python.
const SCENE: &str = "crates/farm/src/scenes/demo.py";
const LUX: &str = "ulux";
/// What is paid in, base units of LUX.
const PAID: u128 = 10_000_000;
/// The network's share of a payment, and the job pool's of the schedule, in ten-thousandths (docs/protocol.md, "Credits and
/// epochs").
const NETWORK_BP: u128 = 500;
const JOB_POOL_BP: u128 = 1_325;
/// What the first year emits, base units of LUX, and its length in milliseconds.
const FIRST_YEAR: u128 = 9_126_804_000_000;
const YEAR_MS: u128 = 31_556_952_000;
/// How long an epoch of the demo is.
const EPOCH_S: u128 = 60;
/// How long nodes may take to be ready: they render the benchmark first.
const READY_LIMIT: Duration = Duration::from_secs(300);

/// Options of `demo render`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Frames of the animation
    #[arg(long, default_value_t = 24)]
    frames: u32,
    /// Width and height in pixels
    #[arg(long, default_value = "640x360")]
    size: String,
    /// Samples a pixel
    #[arg(long, default_value_t = 64)]
    samples: u32,
    /// With the release build of `tetra`
    #[arg(long)]
    release: bool,
    /// Leave the network up
    #[arg(long)]
    keep: bool,
}

/// Runs it.
///
/// # Errors
/// When a step fails, or a claim does not hold.
pub(crate) fn run(args: &Args) -> Result {
    setup::run(setup::RUN)?;
    setup::run(setup::FILMS)?;
    if !setup::is_root() {
        return Err(Failure::new("providers need root: namespaces and firewall rules of their own")
            .hint("sudo -E env PATH=\"$PATH\" cargo xtask demo render"));
    }
    let home = if args.release {
        shell::show(shell::cargo().args(["build", "--release", "--locked", "-p", "tetra"]))?;
        Home::release()
    } else {
        build()?;
        Home::new()
    };
    step("Blender, as bpy of PyPI");
    let installed = home.json(&["provider", "render", "install"])?;
    let python = PathBuf::from(text(&installed, "/environment")?).join("bin/python");
    step(&format!("two render nodes on this machine, epochs of {EPOCH_S} s"));
    let epoch = format!("{EPOCH_S}s");
    let network = Network::start_with(home.clone(), &["--providers", "2", "--render", "--epoch", &epoch])?;
    let mut checks = Checks::default();
    let scene = make_scene(&home, &python, args)?;
    let nodes = ready_nodes(&home)?;
    checks.claim(nodes == 2, format!("{nodes} nodes are ready"));

    let supply = home.json(&["render", "supply"])?;
    let before = amount(&supply, "supply")? + amount(&supply, "burned")? - amount(&supply, "minted")?;
    step("tetra render credits buy 10lux");
    let bought = home.json(&["render", "credits", "buy", "10lux", "-y"])?;
    let credits = number(&bought, "/gets_ucredits")?;
    println!("  {PAID} ulux buy {credits} millionths of a credit");

    step("tetra render submit");
    let began = Instant::now();
    let submitted = home.json(&["render", "submit", &scene.display().to_string(), "-y"])?;
    let jseq = number(&submitted, "/jseq")?.to_string();
    println!("  {} frames after {} s", args.frames, began.elapsed().as_secs());
    look(&home, &jseq, args, &mut checks)?;

    step("tetra render approve, download, and a film");
    home.json(&["render", "approve", &jseq, "-y"])?;
    fetch(&home, &jseq, args, &mut checks)?;
    let job = home.json(&["render", "show", &jseq])?;
    checks.claim(job["state"] == "done", format!("the job is {}", job["state"]));
    let spent = number(&job, "/spent_ucredits")?;

    step("the epoch, recomputed");
    money(&home, credits, spent, before, &mut checks)?;
    step("tetra render rewards --claim, by both nodes' owners");
    rewards(&home, &network, &mut checks)?;
    network.finish(args.keep, checks)
}

fn text<'a>(data: &'a Value, path: &str) -> Result<&'a str> {
    data.pointer(path).and_then(Value::as_str).ok_or_else(|| Failure::new(format!("{path} is missing in {data}")))
}

fn number(data: &Value, path: &str) -> Result<u128> {
    let found = data.pointer(path).and_then(Value::as_u64).map(u128::from);
    found.ok_or_else(|| Failure::new(format!("{path} is missing in {data}")))
}

/// The amount of a coin.
fn amount(data: &Value, name: &str) -> Result<u128> {
    text(data, &format!("/{name}/amount"))?.parse().doing(name)
}

/// The scene, by the script that everybody can read; it is denoised.
fn make_scene(home: &Home, python: &Path, args: &Args) -> Result<PathBuf> {
    step("the scene: packed textures, a moving light and camera, denoised");
    let scene = home.file("demo.blend");
    let (width, height) = args.size.split_once('x').ok_or_else(|| Failure::new("--size is written as 640x360"))?;
    let mut command = shell::program(python);
    command.arg("-I").arg(shell::root().join(SCENE)).arg("--out").arg(&scene);
    let numbers = [("--frames", args.frames.to_string()), ("--samples", args.samples.to_string())];
    command.args(["--width", width, "--height", height, "--seed", "7", "--texture", "256"]);
    command.args(numbers.iter().flat_map(|(name, number)| [*name, number]));
    command.args(["--denoise", "--format", "PNG"]);
    shell::read(&mut command)?;
    println!("  {}", scene.display());
    Ok(scene)
}

/// Waits until both nodes are ready; how many are.
fn ready_nodes(home: &Home) -> Result<usize> {
    step("nodes measure themselves with the benchmark scene");
    let deadline = Instant::now() + READY_LIMIT;
    loop {
        let nodes = home.json(&["render", "nodes"])?;
        let ready = nodes.as_array().map_or(0, |nodes| nodes.iter().filter(|node| node["state"] == "ready").count());
        if ready >= 2 || Instant::now() >= deadline {
            indented(&shell::read(&mut home.tetra(&["render", "nodes"]))?);
            return Ok(ready);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Every frame came, and what was audited was found honest.
fn look(home: &Home, jseq: &str, args: &Args, checks: &mut Checks) -> Result {
    let frames = home.json(&["render", "frames", jseq])?;
    let frames = frames.as_array().cloned().unwrap_or_default();
    let waiting = frames.iter().filter(|frame| frame["state"] == "review").count();
    checks.claim(waiting == args.frames as usize, format!("{waiting} of {} frames wait for review", args.frames));
    let owners: std::collections::BTreeSet<String> = frames.iter().map(|frame| frame["node"].to_string()).collect();
    checks.claim(owners.len() == 2, format!("{} nodes rendered", owners.len()));
    let mut honest = 0;
    for frame in &frames {
        let audited = home.outcome(&["render", "audit", jseq, &format!("#{}", frame["index"]), "-o", "json"])?;
        // Others were not drawn.
        if audited.status.success() {
            let audit: Value = serde_json::from_slice(&audited.stdout).doing("an audit")?;
            checks.claim(audit["verdict"] == "honest", format!("frame {}: {}", frame["number"], audit["verdict"]));
            honest += 1;
        }
    }
    checks.claim(honest >= 3, format!("{honest} frames were audited"));
    indented(&shell::read(&mut home.tetra(&["render", "explain", jseq, "#0"]))?);
    Ok(())
}

/// Files come once, whole, and make a film.
fn fetch(home: &Home, jseq: &str, args: &Args, checks: &mut Checks) -> Result {
    let folder = home.file("frames");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).doing(folder.display())?;
    }
    let (folder_text, film) = (folder.display().to_string(), home.file("demo.mp4"));
    let download = ["render", "download", jseq, "--to", &folder_text];
    let video = film.display().to_string();
    let fetched = home.json(&[download.as_slice(), &["--video", &video]].concat())?;
    let files = fetched["files"].as_array().map_or(0, Vec::len);
    let images = std::fs::read_dir(&folder).doing(folder.display())?.flatten();
    let png = |path: PathBuf| std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    let images = images.filter(|entry| png(entry.path())).count();
    let wanted = args.frames as usize;
    checks.claim(files == wanted && images == wanted, format!("{images} PNG files in {folder_text}"));
    let again = home.json(&download)?;
    checks.claim(again["moved_bytes"] == 0, "a second download moves nothing");
    let bytes = std::fs::metadata(&film).map_or(0, |film| film.len());
    checks.claim(bytes > 0, format!("a film of {bytes} bytes: {video}"));
    Ok(())
}

/// What was burned and minted, beside the formulas.
fn money(home: &Home, credits: u128, spent: u128, before: u128, checks: &mut Checks) -> Result {
    let used = PAID * spent / credits;
    let network = used * NETWORK_BP / 10_000;
    let burned = used - network;
    println!(
        "  {spent} of {credits} millionths spent: {used} of {PAID} ulux, {network} to the network, {burned} burned"
    );
    let last = number(&home.json(&["render", "epoch"])?, "/number")?;
    wait_for_epoch(home, last + 1)?;
    let (mut told_burned, mut told_network, mut told_minted) = (0, 0, 0);
    for epoch in 1..=last {
        let told = home.json(&["render", "epoch", &epoch.to_string()])?;
        let emitted = |epochs: u128| FIRST_YEAR * (epochs * EPOCH_S * 1_000) / YEAR_MS;
        let scheduled = emitted(epoch) - emitted(epoch - 1);
        let found = amount(&told, "scheduled")?;
        let (base, minted) = (amount(&told, "pool_base")?, amount(&told, "minted_work")?);
        let due = (scheduled * JOB_POOL_BP / 10_000).min(base);
        let holds = found == scheduled && minted == due;
        let value = number(&told, "/value_ucredits")?;
        checks.claim(
            holds,
            format!(
                "epoch {epoch}: {scheduled} ulux scheduled; for work of {value} at most {base}, minted {minted} = {due}"
            ),
        );
        told_burned += amount(&told, "lux_burned")?;
        told_network += amount(&told, "lux_network")?;
        told_minted += minted;
        checks.claim(minted <= amount(&told, "lux_burned")?, "not more was minted for work than was burned for it");
        checks.claim(told["anomaly"] == "", format!("the chain tells of no anomaly{}", told["anomaly"]));
    }
    let signed = |amount: u128| i128::try_from(amount).unwrap_or(i128::MAX);
    checks
        .claim(told_burned > 0 && told_minted > 0, format!("{told_burned} ulux burned, {told_minted} minted for work"));
    checks.equal("ulux burned of the payment", signed(told_burned), signed(burned));
    checks.equal("ulux to the network", signed(told_network), signed(network));
    let supply = home.json(&["render", "supply"])?;
    let expected = before + amount(&supply, "minted")? - amount(&supply, "burned")?;
    checks.equal("ulux in existence", signed(amount(&supply, "supply")?), signed(expected));
    indented(&shell::read(&mut home.tetra(&["render", "supply"]))?);
    Ok(())
}

/// All that closed epochs minted for work and for idle nodes goes to those who rendered and were idle: nobody else has nodes.
fn rewards(home: &Home, network: &Network, checks: &mut Checks) -> Result {
    let chain = Chain::new(network.rpc()?);
    let open = number(&home.json(&["render", "epoch"])?, "/number")?;
    let mut due = 0;
    for epoch in 1..open {
        let told = home.json(&["render", "epoch", &epoch.to_string()])?;
        due += amount(&told, "minted_work")? + amount(&told, "minted_availability")?;
    }
    let mut claimed = 0;
    for provider in &network.report.providers {
        let before = chain.balance(&provider.address, LUX, 0)?;
        home.json(&["render", "rewards", "--claim", "-y", "--from", &provider.name])?;
        let got = chain.balance(&provider.address, LUX, 0)? - before;
        println!("  {} claimed {got} ulux", provider.name);
        checks.claim(got > 0, format!("{} was paid", provider.name));
        claimed += got;
    }
    // An epoch that closed in between was claimed of by one of them alone.
    let after = number(&home.json(&["render", "epoch"])?, "/number")?;
    checks.claim(after == open, "no epoch closed between the claims");
    let signed = |amount: u128| i128::try_from(amount).unwrap_or(i128::MAX);
    checks.equal("ulux claimed of what closed epochs minted", signed(claimed), signed(due));
    Ok(())
}

fn wait_for_epoch(home: &Home, number_wanted: u128) -> Result {
    let seconds = u64::try_from(2 * EPOCH_S).unwrap_or(u64::MAX);
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while number(&home.json(&["render", "epoch"])?, "/number")? < number_wanted {
        if Instant::now() >= deadline {
            return Err(Failure::new(format!("epoch {number_wanted} does not begin")));
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}
