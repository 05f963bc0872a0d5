//! `tetra render estimate`: a few tiles of the hardest of three frames, rendered on a node or here, as a band of cost and time.
//!
//! Work is time by the power of who renders: its benchmark gives the one, tiles the other. Nodes are paid by what auditors measure,
//! never by this.

use std::path::PathBuf;

use client::render::{Trial, TrialAsk};
use farm::engine::{Blender, Device, Options, RenderEngine, Work};
use farm::estimate::{Band, Sample, Samples, three};
use farm::frames::FrameList;
use farm::scenes;
use proto::tetra::render::v1::{NodeState, Params, Tier};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::names::{self, TierName};
use super::scene::{self, Prepared};
use super::submit::SceneOptions;
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::gateways::{AuthOption, Caller};
use crate::output::{self, Talk, row};

/// Rounds of the benchmark; the fastest counts.
const ROUNDS: usize = 2;
/// How many nodes are asked at most.
const NODES: usize = 3;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    scene: SceneOptions,
    /// Price class
    #[arg(long, value_enum, default_value_t)]
    tier: TierName,
    /// Render the tiles on this machine; nothing is uploaded
    #[arg(long)]
    here: bool,
    #[command(flatten)]
    auth: AuthOption,
}

/// What was estimated, and who rendered the tiles.
pub struct Estimated {
    /// What a frame takes.
    pub band: Band,
    /// Who, for people.
    by: String,
    /// Who, for programs.
    data: Value,
}

/// This machine's benchmark, kept in the home folder.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    engine: String,
    device_class: String,
    seconds: f64,
}

async fn benchmark(context: &Context, engine: &Blender, talk: &Talk) -> Result<f64> {
    let path = context.home.join("render/benchmark.json");
    let build = engine.build().to_string();
    let class = farm::DeviceClass::of_cpu().to_string();
    let kept = std::fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Measured>(&text).ok());
    if let Some(kept) = kept.filter(|kept| kept.engine == build && kept.device_class == class && kept.seconds > 0.0) {
        return Ok(kept.seconds);
    }
    talk.step("measuring this machine with the benchmark scene, once");
    let program = farm::engine::blender::Program::find().map_err(|fault| scene::explain(&fault))?;
    let found = scenes::benchmark(engine, &program, Device::Cpu, ROUNDS, &|_| {}).await;
    let found = found.map_err(|fault| scene::explain(&fault))?;
    let seconds = found.seconds.iter().copied().fold(f64::INFINITY, f64::min);
    std::fs::create_dir_all(context.home.join("render")).class(Class::Machine)?;
    let text = serde_json::to_string_pretty(&Measured { engine: build, device_class: class, seconds });
    std::fs::write(&path, text.class(Class::Internal)?).class(Class::Machine)?;
    Ok(seconds)
}

/// Renders tiles on this machine and says what a frame takes.
///
/// # Errors
/// When it cannot be rendered.
pub async fn here(
    context: &Context,
    engine: &Blender,
    prepared: &Prepared,
    options: &Options,
    frames: &FrameList,
    talk: &Talk,
) -> Result<Estimated> {
    let own = benchmark(context, engine, talk).await?;
    let (scene, options) = (prepared.file.clone(), options.clone());
    let work = Work { scene, frame: 0, options, device: Device::Cpu, threads: None };
    let tell = |text: &str| talk.step(text);
    let samples = farm::estimate::measure(engine, &work, &three(frames.frames()), &tell).await;
    let samples = samples.map_err(|fault| scene::explain(&fault))?;
    let data = json!({ "engine": engine.build().to_string(), "device_class": farm::DeviceClass::of_cpu().to_string() });
    Ok(Estimated { band: samples.band(own), by: "this machine".to_owned(), data })
}

/// Uploads what is missing of the scene to a node that is idle, which renders the tiles.
///
/// # Errors
/// When no node takes it.
pub async fn there(
    chain: &Chain,
    caller: &Caller,
    prepared: &Prepared,
    overrides: String,
    frames: &FrameList,
    tier: Tier,
    talk: &Talk,
) -> Result<Estimated> {
    let ask = TrialAsk { frames: three(frames.frames()), overrides };
    let name = prepared.manifest.id().to_string();
    let mut last = None;
    for node in scene::targets(chain, tier, NODES).await? {
        let owner = node.id.clone().unwrap_or_default().owner;
        let tried = async {
            scene::upload(chain, caller, prepared, std::slice::from_ref(&node), talk).await?;
            talk.step(&format!("{} renders a few tiles", node.endpoint));
            let gateway = caller.gateway(chain, &owner, &node.endpoint).await?;
            Ok::<Trial, CliError>(gateway.trial(&name, &ask).await?)
        };
        match tried.await {
            Ok(trial) => return Ok(of_trial(&trial, &names::node_text(node.id.as_ref()), &node.endpoint)),
            Err(error) => {
                talk.line(&format!("note: {} rendered no tiles: {error}", node.endpoint));
                last = Some(error);
            }
        }
    }
    let none = || CliError::new(Class::NotFound, "no node was asked");
    Err(last.unwrap_or_else(none).hint("--here renders them on this machine, where it has Blender"))
}

fn of_trial(trial: &Trial, node: &str, endpoint: &str) -> Estimated {
    let tile = |tile: &client::render::TrialTile| Sample { seconds: tile.seconds, pixels: tile.pixels };
    let samples = Samples {
        frame: trial.frame,
        size: (trial.width, trial.height),
        tiles: trial.tiles.iter().map(tile).collect(),
        first_seconds: trial.first_seconds,
    };
    let data = json!({
        "node": node, "endpoint": endpoint, "engine": trial.engine, "device_class": trial.device_class,
    });
    // A node that claims no benchmark claims nothing.
    let benchmark = trial.benchmark_seconds.max(0.001);
    Estimated { band: samples.band(benchmark), by: format!("node {node}"), data }
}

/// What work costs in a tier, in millionths of a credit, rounded up.
pub fn cost(params: &Params, tier: Tier, work_milli: u64) -> Result<u64> {
    let found = params.tiers.iter().find(|price| price.tier() == tier).filter(|price| price.work_milli_per_credit > 0);
    let price = found.ok_or_else(|| CliError::new(Class::Internal, "the chain has no price for this tier"))?;
    let ucredits = u128::from(work_milli) * 1_000_000;
    u64::try_from(ucredits.div_ceil(price.work_milli_per_credit.into())).class(Class::Usage)
}

/// Power of all ready nodes that take a tier, thousandths of a unit a second.
async fn power(chain: &Chain, tier: Tier) -> Result<u64> {
    let nodes = chain.render_nodes("").await?;
    let takes = |node: &&proto::tetra::render::v1::Node| {
        node.state() == NodeState::Ready && i32::from(node.tier()) <= i32::from(tier)
    };
    Ok(nodes.iter().filter(takes).map(|node| node.power_milli).sum())
}

/// Runs it.
///
/// # Errors
/// When no node takes the scene and this machine has no Blender, or the scene cannot be taken.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let talk = Talk::start();
    let options = args.scene.overrides()?;
    let engine = scene::engine().await?;
    let prepared = scene::prepare(engine.as_ref(), &args.scene.scene, &args.scene.assets, &options, &talk).await?;
    let frames = args.scene.frames(prepared.report.as_ref())?;
    let Estimated { band, by, data } = match (args.here, &engine) {
        (true, Some(engine)) => here(context, engine, &prepared, &options, &frames, &talk).await?,
        (true, None) => {
            return Err(CliError::new(Class::Machine, "this machine has no Blender to render tiles with")
                .hint("without --here a node renders them; `tetra provider render install` installs bpy"));
        }
        (false, engine) => {
            let caller = Caller::of(context, &chain, args.auth.kind).await?;
            let overrides = serde_json::to_string(&options).class(Class::Internal)?;
            let tried = there(&chain, &caller, &prepared, overrides, &frames, args.tier.wire(), &talk).await;
            match (tried, engine) {
                (Err(error), Some(engine)) => {
                    talk.line(&format!("note: no node rendered tiles, so that this machine does: {error}"));
                    here(context, engine, &prepared, &options, &frames, &talk).await?
                }
                (tried, _) => tried?,
            }
        }
    };
    let (params, tier) = (chain.render_params().await?, args.tier.wire());
    let count = frames.len() as u64;
    let per_frame = [band.least, band.expected, band.most].map(|work| cost(&params, tier, work));
    let [least, expected, most] = per_frame;
    let costs = [least?, expected?, most?];
    let power = power(&chain, tier).await?;
    // Frames of one job run beside each other, so that the sum of powers counts.
    let seconds = |work: u64| (power > 0).then(|| u128::from(work) * u128::from(count) / u128::from(power));
    let times = [band.least, band.expected, band.most].map(seconds);
    drop(talk);
    let data = json!({
        "scene": PathBuf::from(&args.scene.scene), "manifest": prepared.manifest.id().to_string(), "frames": count,
        "tier": names::tier(tier), "work_milli": band, "power_milli": power,
        "by": data, "ucredits_a_frame": costs, "ucredits": costs.map(|one| one.saturating_mul(count)), "seconds": times,
    });
    output::show(context.format(), &data, |_| {
        let span = |least: String, expected: String, most: String| format!("{expected} (between {least} and {most})");
        let credits = |times: u64| {
            let [least, expected, most] = costs.map(|one| names::credits(one.saturating_mul(times)));
            span(least, expected, most)
        };
        let time = match times {
            [Some(least), Some(expected), Some(most)] => {
                let [least, expected, most] = [least, expected, most].map(|seconds| format!("{seconds} s"));
                span(least, expected, most)
            }
            _ => "no node is ready".to_owned(),
        };
        output::table(&[
            row(["frames", &count.to_string()]),
            row(["tier", &names::tier(tier)]),
            row(["work a frame", &span(names::work(band.least), names::work(band.expected), names::work(band.most))]),
            row(["a frame costs", &credits(1)]),
            row(["all cost", &credits(count)]),
            row(["all take", &time]),
            row([
                "by",
                &format!("tiles of the hardest of three frames, on {by}; auditors' measurements decide the bill"),
            ]),
        ])
    })
}

#[cfg(test)]
mod tests {
    use proto::tetra::render::v1::TierPrice;

    use super::*;

    #[test]
    fn costs_are_rounded_up_as_the_chain_does() {
        let tier =
            |work_milli_per_credit| TierPrice { tier: Tier::Economy.into(), work_milli_per_credit, least: 1, most: 1 };
        let params = Params { tiers: vec![tier(200_000)], ..Params::default() };
        assert_eq!(cost(&params, Tier::Economy, 8_000).unwrap(), 40_000);
        assert_eq!(cost(&params, Tier::Economy, 8_001).unwrap(), 40_005);
        let params = Params { tiers: vec![tier(300_000)], ..Params::default() };
        assert_eq!(cost(&params, Tier::Economy, 1).unwrap(), 4);
        assert!(cost(&params, Tier::Priority, 1).is_err());
    }
}
