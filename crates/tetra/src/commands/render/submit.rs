//! `tetra render submit`: a scene becomes a job.

use std::path::PathBuf;
use std::time::Duration;

use farm::engine::{ColorDepth, ColorMode, Format, Options, SceneReport};
use farm::frames::{FrameList, NameTemplate, Order};
use proto::ToAny;
use proto::tetra::render::v1 as wire;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::names::{self, TierName, parse_credits};
use super::scene::{self, Prepared};
use super::{estimate, follow, review};
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::gateways::{AuthOption, Caller};
use crate::output::{Talk, row};
use crate::spend::{Plan, Spend};

/// Columns and rows of tiles unless the frame is too small for them; a tile has at least so many pixels a side.
const TILES: u32 = 8;
const LEAST_SIDE: u32 = 16;

/// A scene and what is to be rendered of it.
#[derive(Debug, clap::Args)]
pub struct SceneOptions {
    /// The scene's file
    #[arg(value_name = "SCENE.blend")]
    pub scene: PathBuf,
    /// Frames, such as 1,4,10-20,1-100:5 [default: the scene's own range]
    #[arg(long, value_name = "LIST")]
    pub frames: Option<FrameList>,
    /// Folder that may be read beside the scene's own; once for each
    #[arg(long, value_name = "DIR")]
    pub assets: Vec<PathBuf>,
    /// Samples a pixel, instead of the scene's
    #[arg(long, value_name = "N")]
    samples: Option<u32>,
    /// Width and height in pixels, instead of the scene's
    #[arg(long, value_name = "WxH", value_parser = parse_pair)]
    size: Option<(u32, u32)>,
    /// Per cent of both that are rendered
    #[arg(long, value_name = "PERCENT")]
    percentage: Option<u32>,
    /// Denoise, by the scene's own denoiser, or do not
    #[arg(long, value_name = "BOOL")]
    denoise: Option<bool>,
    /// Camera by its name
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// View layer by its name; once for each
    #[arg(long = "layer", value_name = "NAME")]
    layers: Vec<String>,
    /// File format: PNG, JPEG, OPEN_EXR or OPEN_EXR_MULTILAYER
    #[arg(long, value_name = "FORMAT", value_parser = parse_word::<Format>)]
    format: Option<Format>,
    /// Bits of a component: 8, 16 or 32
    #[arg(long, value_name = "BITS", value_parser = parse_word::<ColorDepth>)]
    color_depth: Option<ColorDepth>,
    /// Components of a pixel: BW, RGB or RGBA
    #[arg(long, value_name = "MODE", value_parser = parse_word::<ColorMode>)]
    color_mode: Option<ColorMode>,
}

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    scene: SceneOptions,
    /// Price class
    #[arg(long, value_enum, default_value_t)]
    tier: TierName,
    /// Credits to set aside [default: what all frames cost by the estimate, and a quarter more]
    #[arg(long, value_name = "CREDITS", value_parser = parse_credits)]
    credits: Option<u64>,
    /// Work of a frame in units [default: by rendering a few tiles, here if this machine has Blender, else on a node]
    #[arg(long, value_name = "UNITS", value_parser = parse_work)]
    work: Option<u64>,
    /// Most that a frame may cost, in credits; a dearer one pauses the job
    #[arg(long, value_name = "CREDITS", value_parser = parse_credits)]
    ceiling: Option<u64>,
    /// Order of work: forward, nth:N or bisect
    #[arg(long, value_name = "ORDER", default_value = "forward")]
    order: Order,
    /// Frames are paid as soon as they are proven, without your look at them
    #[arg(long)]
    auto_approve: bool,
    /// When it must be done, such as 2026-12-01T12:00:00Z; what is not by then is not rendered
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    deadline: Option<i64>,
    /// Memory that a node must have, in GiB
    #[arg(long, value_name = "GIB", default_value_t = 0)]
    min_memory: u64,
    /// Columns and rows of tiles that are proven one by one [default: 8x8, fewer for small frames]
    #[arg(long, value_name = "WxH", value_parser = parse_pair)]
    grid: Option<(u32, u32)>,
    /// Each tile is work of its own, for a single heavy frame; `download --scene` joins them
    #[arg(long)]
    split: bool,
    /// How files are called: text, {scene}, {job}, {camera}, {frame}, {frame:6} or ####
    #[arg(long, value_name = "TEMPLATE", default_value = "{frame}")]
    name: NameTemplate,
    /// How many nodes get the scene at once; others fetch it from them
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    copies: u8,
    /// Do not follow the job
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    auth: AuthOption,
    #[command(flatten)]
    spend: Spend,
}

fn parse_pair(text: &str) -> std::result::Result<(u32, u32), String> {
    let pair = text.split_once(['x', 'X']).and_then(|(one, other)| Some((one.parse().ok()?, other.parse().ok()?)));
    pair.filter(|(one, other)| *one > 0 && *other > 0)
        .ok_or_else(|| "two numbers are wanted, such as 640x360".to_owned())
}

/// A word that a type knows by its JSON name.
fn parse_word<T: serde::de::DeserializeOwned>(text: &str) -> std::result::Result<T, String> {
    serde_json::from_value(json!(text.to_uppercase())).map_err(|error| error.to_string())
}

/// Thousandths of work units.
fn parse_work(text: &str) -> std::result::Result<u64, String> {
    let milli = parse_credits(text)?.div_ceil(1_000);
    Some(milli).filter(|milli| *milli > 0).ok_or_else(|| "a frame takes more than no work".to_owned())
}

/// Seconds since 1970.
fn parse_time(text: &str) -> std::result::Result<i64, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339);
    time.map(OffsetDateTime::unix_timestamp)
        .map_err(|error| format!("a time such as 2026-12-01T12:00:00Z is wanted: {error}"))
}

impl SceneOptions {
    /// What differs from the scene's own settings.
    ///
    /// # Errors
    /// When a number cannot be meant.
    pub fn overrides(&self) -> Result<Options> {
        if self.percentage.is_some_and(|percent| percent == 0 || percent > 1_000) || self.samples == Some(0) {
            return Err(CliError::new(Class::Usage, "--percentage lies between 1 and 1000, --samples is at least 1"));
        }
        Ok(Options {
            samples: self.samples,
            width: self.size.map(|(width, _)| width),
            height: self.size.map(|(_, height)| height),
            percentage: self.percentage,
            denoise: self.denoise,
            camera: self.camera.clone(),
            layers: (!self.layers.is_empty()).then(|| self.layers.clone()),
            format: self.format,
            color_depth: self.color_depth,
            color_mode: self.color_mode,
        })
    }

    /// The frames: those that were named, else the scene's own.
    ///
    /// # Errors
    /// When none were named and nobody could look into the scene, or its range is none.
    pub fn frames(&self, report: Option<&SceneReport>) -> Result<FrameList> {
        match (&self.frames, report) {
            (Some(frames), _) => Ok(frames.clone()),
            (None, Some(report)) => report.frames().class(Class::Usage),
            (None, None) => Err(CliError::new(Class::Usage, "without Blender on this machine the frames must be said")
                .hint("name them, such as --frames 1-24")),
        }
    }
}

/// Frames as ranges of the wire; three or more at one distance are one.
fn ranges(frames: &FrameList) -> Vec<wire::FrameRange> {
    let number = |frame: u32| i32::try_from(frame).unwrap_or(i32::MAX);
    let mut ranges: Vec<wire::FrameRange> = Vec::new();
    let mut rest = frames.frames();
    while let [first, after @ ..] = rest {
        let step = after.first().map_or(1, |second| second - first);
        let run = 1 + rest.windows(2).take_while(|pair| matches!(pair, [one, other] if other - one == step)).count();
        // Two that lie apart are no range.
        let run = if run == 2 && step > 1 { 1 } else { run };
        let last = rest.get(run - 1).copied().unwrap_or(*first);
        ranges.push(wire::FrameRange {
            first: number(*first),
            last: number(last),
            step: if run == 1 { 1 } else { step },
        });
        rest = rest.get(run..).unwrap_or_default();
    }
    ranges
}

fn grid(wanted: Option<(u32, u32)>, options: &Options, report: Option<&SceneReport>) -> wire::TileGrid {
    if let Some((columns, rows)) = wanted {
        return wire::TileGrid { columns, rows };
    }
    let side = |side: Option<u32>| side.map_or(TILES, |side| (side / LEAST_SIDE).clamp(1, TILES));
    wire::TileGrid {
        columns: side(options.width.or(report.map(|report| report.width))),
        rows: side(options.height.or(report.map(|report| report.height))),
    }
}

fn wire_order(order: Order) -> (wire::FrameOrder, u32) {
    match order {
        Order::Forward => (wire::FrameOrder::Forward, 0),
        Order::EveryNth(n) => (wire::FrameOrder::Every, n),
        Order::Bisect => (wire::FrameOrder::Bisect, 0),
    }
}

/// The tiles of a frame that is split, and the work of each in thousandths of a unit, rounded up.
fn split(frames: &FrameList, grid: wire::TileGrid, work: u64) -> Result<(u64, u64)> {
    if frames.len() != 1 {
        let what = format!("only a single frame can be split, and these are {}", frames.len());
        return Err(CliError::new(Class::Usage, what).hint("name one with --frames, or leave --split out"));
    }
    let tiles = u64::from(grid.columns) * u64::from(grid.rows);
    if tiles < 2 {
        return Err(CliError::new(Class::Usage, "a frame of one tile is not split").hint("cut it with --grid 4x4"));
    }
    Ok((tiles, work.div_ceil(tiles)))
}

/// What the job asks of nodes.
fn job_options(
    args: &Args,
    prepared: &Prepared,
    options: &Options,
    frames: &FrameList,
    work: u64,
) -> Result<wire::JobOptions> {
    let (order, every) = wire_order(args.order);
    // Through a value, so that keys stand in order: what the chain calls canonical.
    let overrides = match serde_json::to_value(options).class(Class::Internal)? {
        serde_json::Value::Object(fields) if fields.is_empty() => String::new(),
        value => value.to_string(),
    };
    Ok(wire::JobOptions {
        frames: ranges(frames),
        order: order.into(),
        every,
        tier: args.tier.wire().into(),
        min_memory: args.min_memory.saturating_mul(1 << 30),
        engine: Some(wire::Engine { name: "cycles".to_owned(), ..wire::Engine::default() }),
        grid: Some(grid(args.grid, options, prepared.report.as_ref())),
        split: args.split,
        auto_approve: args.auto_approve,
        deadline: args.deadline.map(|seconds| proto::Timestamp { seconds, nanos: 0 }),
        ceiling_ucredits: args.ceiling.unwrap_or(0),
        expected_work_milli: work,
        overrides,
        name: args.name.to_string(),
    })
}

/// Runs it.
///
/// # Errors
/// Why no job came of it. Nothing is paid before the scene is whole on a node.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let talk = Talk::start();
    let options = args.scene.overrides()?;
    let engine = scene::engine().await?;
    let prepared = scene::prepare(engine.as_ref(), &args.scene.scene, &args.scene.assets, &options, &talk).await?;
    let frames = args.scene.frames(prepared.report.as_ref())?;
    let work = match (args.work, &engine) {
        (Some(work), _) => work,
        (None, Some(engine)) => {
            estimate::here(context, engine, &prepared, &options, &frames, &talk).await?.band.expected
        }
        (None, None) if !args.spend.is_dry_run() => {
            let caller = Caller::of(context, &chain, args.auth.kind).await?;
            let overrides = serde_json::to_string(&options).class(Class::Internal)?;
            let tier = args.tier.wire();
            estimate::there(&chain, &caller, &prepared, overrides, &frames, tier, &talk).await?.band.expected
        }
        (None, None) => {
            return Err(CliError::new(
                Class::Usage,
                "without Blender on this machine the work of a frame must be said",
            )
            .hint("say it with --work UNITS; the benchmark's frame, 320 by 180 pixels at 32 samples, is 5 units"));
        }
    };
    let (params, tier) = (chain.render_params().await?, args.tier.wire());
    let (units, work) = match args.split {
        true => split(&frames, grid(args.grid, &options, prepared.report.as_ref()), work)?,
        false => (frames.len() as u64, work),
    };
    let cost = estimate::cost(&params, tier, work)?.saturating_mul(units);
    let ucredits = args.credits.unwrap_or(cost.saturating_add(cost.div_ceil(4)));
    let account = context.account(&chain.network).await?;
    let creator = account.text();
    review::require_free(&chain, &creator, ucredits).await?;
    let nodes = scene::targets(&chain, tier, usize::from(args.copies)).await?;
    let (origins, moved) = if args.spend.is_dry_run() {
        (nodes.iter().map(|node| node.endpoint.clone()).collect(), scene::Moved::default())
    } else {
        let caller = Caller::with(context, &chain, &account, args.auth.kind).await?;
        scene::upload(&chain, &caller, &prepared, &nodes, &talk).await?
    };
    let manifest = prepared.manifest.id();
    let stored = wire::Scene {
        manifest: manifest.0.to_vec(),
        bytes: prepared.manifest.bytes(),
        chunks: u32::try_from(prepared.manifest.chunks().len()).class(Class::Usage)?,
        origins,
    };
    let jseq = chain.height().await?.max(1);
    let uploaded = match args.spend.is_dry_run() {
        true => "nothing in a dry run".to_owned(),
        false => format!("{} chunks, {} bytes; of a scene of {} bytes", moved.chunks, moved.bytes, stored.bytes),
    };
    let mut rows = vec![
        row(["job", &format!("{creator}/{jseq}")]),
        row(["scene", &manifest.to_string()]),
        row(["uploaded", &uploaded]),
    ];
    rows.extend(stored.origins.iter().map(|origin| row(["to", origin])));
    rows.extend([
        row(["frames", &format!("{frames} ({})", frames.len())]),
        row(["units", &format!("{units} {}", if args.split { "tiles" } else { "frames" })]),
        row(["tier", &names::tier(tier)]),
        row([if args.split { "work a tile" } else { "work a frame" }, &format!("{}, expected", names::work(work))]),
        row(["expected to cost", &names::credits(cost)]),
        row(["sets aside", &names::credits(ucredits)]),
    ]);
    let plan = Plan {
        data: json!({
            "creator": creator, "jseq": jseq, "manifest": manifest.to_string(), "bytes": stored.bytes,
            "chunks": stored.chunks, "uploaded_chunks": moved.chunks, "uploaded_bytes": moved.bytes,
            "origins": stored.origins, "packed": prepared.packed, "frames": frames.to_string(), "units": units,
            "work_milli": work, "expected_ucredits": cost, "ucredits": ucredits,
        }),
        rows,
        question: format!("Set {} aside and submit?", names::credits(ucredits)),
    };
    let job_options = job_options(&args, &prepared, &options, &frames, work)?;
    drop(talk);
    let id = wire::JobId { creator: creator.clone(), jseq };
    let message =
        wire::MsgSubmitJob { creator, jseq, scene: Some(stored), options: Some(job_options), ucredits }.to_any();
    let sent = args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await?;
    if !sent || args.no_wait {
        return Ok(());
    }
    follow::run(&chain, &id, Duration::from_millis(chain.network.block_interval_ms.max(500))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_become_few_ranges() {
        let told = |list: &str| {
            let ranges = ranges(&list.parse().unwrap());
            ranges
                .iter()
                .map(|range| format!("{}-{}:{}", range.first, range.last, range.step))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(told("1-24"), "1-24:1");
        assert_eq!(told("7"), "7-7:1");
        assert_eq!(told("1-11:5,12,13"), "1-11:5 12-13:1");
        assert_eq!(told("1,3,10"), "1-1:1 3-3:1 10-10:1");
    }

    #[test]
    fn small_frames_have_fewer_tiles() {
        let size = |width, height| {
            let options = Options { width: Some(width), height: Some(height), ..Options::default() };
            let grid = grid(None, &options, None);
            (grid.columns, grid.rows)
        };
        assert_eq!(size(640, 360), (8, 8));
        assert_eq!(size(64, 20), (4, 1));
        assert_eq!(size(1, 1), (1, 1));
        assert_eq!(grid(Some((3, 2)), &Options::default(), None), wire::TileGrid { columns: 3, rows: 2 });
    }

    #[test]
    fn words_and_numbers_are_read() {
        assert_eq!(parse_word::<Format>("png"), Ok(Format::Png));
        assert!(parse_word::<Format>("gif").is_err());
        assert_eq!(parse_pair("640x360"), Ok((640, 360)));
        assert!(parse_pair("640").is_err() && parse_pair("0x1").is_err());
        assert_eq!(parse_work("8.0004"), Ok(8_001));
        assert!(parse_work("0").is_err() && parse_time("soon").is_err());
        assert_eq!(parse_time("2023-11-14T22:13:20Z"), Ok(1_700_000_000));
    }
}
