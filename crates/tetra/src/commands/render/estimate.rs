//! `tetra render estimate`: a few tiles of the hardest of three frames, rendered on this machine, as a band of cost and time.
//!
//! Work is time by the power of who renders: this machine's own benchmark gives the one, tiles the other. Nodes are paid by what
//! auditors measure, never by this.

use std::path::PathBuf;

use farm::engine::{Blender, Device, Options, RenderEngine, Work};
use farm::frames::FrameList;
use farm::pixels::Rect;
use farm::scenes;
use proto::tetra::render::v1::{NodeState, Params, Tier};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::names::{self, TierName};
use super::scene::{self, Prepared};
use super::submit::SceneOptions;
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::output::{self, Talk, row};

/// Tiles of the hardest frame that are rendered.
const TILES: u32 = 4;
/// A tile is one part in so many of each side.
const PART: u32 = 6;
/// Rounds of the benchmark; the fastest counts.
const ROUNDS: usize = 2;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    scene: SceneOptions,
    /// Price class
    #[arg(long, value_enum, default_value_t)]
    tier: TierName,
}

/// What a frame takes, in thousandths of a work unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// If all of it were as its easiest tile.
    pub least: u64,
    /// By the mean of its tiles.
    pub expected: u64,
    /// If all of it were as its hardest tile.
    pub most: u64,
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

/// The first, the middle and the last.
fn three(frames: &FrameList) -> Vec<u32> {
    let all = frames.frames();
    let mut picked: Vec<u32> =
        [0, all.len() / 2, all.len() - 1].iter().filter_map(|at| all.get(*at).copied()).collect();
    picked.dedup();
    picked
}

/// Tiles spread over a frame; the first lies in its middle.
fn tiles(width: u32, height: u32) -> Vec<Rect> {
    let (tile_width, tile_height) = ((width / PART).max(1), (height / PART).max(1));
    let at = |x: u32, y: u32| Rect {
        x: (width - tile_width) * x / 4,
        y: (height - tile_height) * y / 4,
        width: tile_width,
        height: tile_height,
    };
    [at(2, 2), at(1, 1), at(3, 2), at(2, 3)].into_iter().take(TILES as usize).collect()
}

/// Renders tiles and says what a frame takes.
///
/// # Errors
/// When it cannot be rendered.
pub async fn measure(
    context: &Context,
    engine: &Blender,
    prepared: &Prepared,
    options: &Options,
    frames: &FrameList,
    talk: &Talk,
) -> Result<Band> {
    let report = prepared.report.as_ref();
    let report = report.ok_or_else(|| CliError::new(Class::Internal, "the scene was not looked at"))?;
    let own = benchmark(context, engine, talk).await?;
    let percent = |side: u32| options.percentage.map_or(side, |percent| (side * percent / 100).max(1));
    let width = percent(options.width.unwrap_or(report.width));
    let height = percent(options.height.unwrap_or(report.height));
    let render = async |frame: u32, tile: Rect| {
        let work =
            Work { scene: prepared.file.clone(), frame, options: options.clone(), device: Device::Cpu, threads: None };
        let rendered = engine.render(&work, Some(tile), &|_| {}).await.map_err(|fault| scene::explain(&fault))?;
        Ok::<Sample, CliError>(Sample { seconds: rendered.seconds, pixels: tile.area() as f64 })
    };
    let tiles = tiles(width, height);
    let Some((middle, others)) = tiles.split_first() else {
        return Err(CliError::new(Class::Internal, "a frame without tiles"));
    };
    let mut hardest: Option<(u32, Sample)> = None;
    for frame in three(frames) {
        talk.step(&format!("rendering a tile of frame {frame}"));
        let sample = render(frame, *middle).await?;
        if hardest.is_none_or(|(_, most)| sample.seconds > most.seconds) {
            hardest = Some((frame, sample));
        }
    }
    let (frame, sample) = hardest.unwrap_or_default();
    let mut samples = vec![sample];
    for tile in others {
        talk.step(&format!("rendering a tile of frame {frame}, the hardest of them"));
        samples.push(render(frame, *tile).await?);
    }
    talk.step(&format!("rendering one pixel of frame {frame}: what each render takes before its first"));
    let pixel = render(frame, Rect { width: 1, height: 1, ..*middle }).await?;
    Ok(band(&samples, pixel.seconds, f64::from(width) * f64::from(height), own))
}

/// A tile that was rendered.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    seconds: f64,
    pixels: f64,
}

/// From tiles, the seconds that a render takes for its first pixel, pixels of a frame, and seconds of this machine's benchmark.
fn band(samples: &[Sample], first: f64, pixels: f64, benchmark: f64) -> Band {
    let rates = samples.iter().map(|sample| (sample.seconds - first).max(0.0) / sample.pixels.max(1.0));
    let rates: Vec<f64> = rates.collect();
    let milli =
        |rate: f64| (((first + rate * pixels) / benchmark * scenes::BENCHMARK_UNITS * 1_000.0).ceil() as u64).max(1);
    let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
    Band {
        least: milli(rates.iter().copied().fold(f64::INFINITY, f64::min)),
        expected: milli(mean),
        most: milli(rates.iter().copied().fold(0.0, f64::max)),
    }
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
/// When this machine has no Blender, or the scene cannot be taken.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let talk = Talk::start();
    let options = args.scene.overrides()?;
    let Some(engine) = scene::engine().await? else {
        return Err(CliError::new(
            Class::Machine,
            "an estimate renders tiles, and this machine has no Blender; nodes offer none",
        )
        .hint(
            "install `blender`, or bpy 5.0.1 in a virtual environment that TETRA_RENDER_VENV names; or say the work of a frame to `tetra render submit --work`",
        ));
    };
    let prepared = scene::prepare(Some(&engine), &args.scene.scene, &args.scene.assets, &options, &talk).await?;
    let frames = args.scene.frames(prepared.report.as_ref())?;
    let band = measure(context, &engine, &prepared, &options, &frames, &talk).await?;
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
        "ucredits_a_frame": costs, "ucredits": costs.map(|one| one.saturating_mul(count)), "seconds": times,
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
                "tiles of the hardest of three frames, on this machine; auditors' measurements decide the bill",
            ]),
        ])
    })
}

#[cfg(test)]
mod tests {
    use proto::tetra::render::v1::TierPrice;

    use super::*;

    #[test]
    fn a_band_spans_the_easiest_and_the_hardest_tile() {
        let samples = |rates: &[f64]| {
            rates.iter().map(|rate| Sample { seconds: 0.5 + rate * 10.0, pixels: 10.0 }).collect::<Vec<_>>()
        };
        // 1000 pixels of 2 ms each and half a second before the first, on a machine whose benchmark takes a second: two and
        // a half benchmarks of five units.
        let told = |rates: &[f64]| {
            let Band { least, expected, most } = band(&samples(rates), 0.5, 1_000.0, 1.0);
            // Rounded up, of numbers that are not exact.
            [least, expected, most].map(|milli| (milli / 10) * 10)
        };
        assert_eq!(told(&[0.002]), [12_500, 12_500, 12_500]);
        assert_eq!(told(&[0.001, 0.003]), [7_500, 12_500, 17_500]);
        assert_eq!(band(&[], 0.0, 1.0, 1.0).most, 1, "nothing is free");
    }

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

    #[test]
    fn tiles_lie_within_the_frame() {
        for (width, height) in [(640, 360), (5, 3), (1, 1)] {
            let inside =
                |tile: &Rect| tile.x + tile.width <= width && tile.y + tile.height <= height && tile.area() > 0;
            assert!(tiles(width, height).iter().all(inside), "{width} by {height}");
        }
        assert_eq!(three(&"1-24".parse().unwrap()), [1, 13, 24]);
        assert_eq!(three(&"7".parse().unwrap()), [7]);
    }
}
