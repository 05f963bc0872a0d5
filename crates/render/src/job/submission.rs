//! What a job may ask for.

use ledger::{Context, Rejection};
use proto::tetra::render::v1::{FrameOrder, JobOptions, Scene, Tier, TileGrid};

use super::order;
use crate::engine;
use crate::node::messages::is_endpoint;
use crate::refusal::job as refusal;
use crate::time::{now_ms, some_ms};

/// The most units of a job.
pub const MOST_UNITS: u64 = 1_000_000;
/// The most ranges of frames.
pub const MOST_RANGES: usize = 64;
/// The most columns, and rows, of a grid.
pub const MOST_TILES: u32 = 64;
const MOST_ORIGINS: usize = 8;
const MOST_OVERRIDES: usize = 4096;
const LONGEST_NAME: usize = 128;
/// The longest time until a deadline: a year.
const LONGEST_DEADLINE_MS: u64 = 366 * 86_400_000;

/// Checks the scene of a submission.
///
/// # Errors
/// `render_job` 2.
pub fn check_scene(scene: Option<&Scene>) -> Result<Scene, Rejection> {
    let scene = scene.ok_or_else(|| refusal::invalid("the scene is missing"))?;
    if scene.manifest.len() != 32 {
        return Err(refusal::invalid("the scene's manifest is named by its SHA-256, 32 bytes"));
    }
    if scene.bytes == 0 || scene.chunks == 0 || u64::from(scene.chunks) > scene.bytes {
        return Err(refusal::invalid("the scene must have bytes and chunks, no chunk of them empty"));
    }
    if scene.origins.is_empty() || scene.origins.len() > MOST_ORIGINS {
        return Err(refusal::invalid(format!("1 to {MOST_ORIGINS} origins of the scene are wanted")));
    }
    match scene.origins.iter().find(|origin| !is_endpoint(origin)) {
        Some(origin) => Err(refusal::invalid(format!("origin {origin:?} is no http(s) address"))),
        None => Ok(scene.clone()),
    }
}

/// Checks the options of a submission and counts its units.
///
/// # Errors
/// `render_job` 2.
pub fn check_options(ctx: &Context, options: Option<&JobOptions>) -> Result<(JobOptions, u32), Rejection> {
    let options = options.ok_or_else(|| refusal::invalid("the options are missing"))?;
    let frames = count_frames(options)?;
    let grid = check_grid(options.grid.as_ref())?;
    let units = match (options.split, frames) {
        (true, 1) => u64::from(grid.columns) * u64::from(grid.rows),
        (true, _) => return Err(refusal::invalid(format!("only a single frame can be split, not {frames}"))),
        (false, _) => frames,
    };
    match options.order() {
        FrameOrder::Unspecified => return Err(refusal::invalid("the order of frames is missing")),
        FrameOrder::Every if options.every < 2 => return Err(refusal::invalid("every must be 2 or more")),
        FrameOrder::Every | FrameOrder::Forward | FrameOrder::Bisect => {}
    }
    if options.tier() == Tier::Unspecified {
        return Err(refusal::invalid("the tier is missing"));
    }
    engine::check(options.engine.as_ref(), true).map_err(refusal::invalid)?;
    if options.expected_work_milli == 0 {
        return Err(refusal::invalid("expected_work_milli is missing; take it from an estimate"));
    }
    if let Some(deadline) = some_ms(options.deadline.as_ref()) {
        let ahead = deadline.saturating_sub(now_ms(ctx));
        if ahead == 0 || ahead > LONGEST_DEADLINE_MS {
            return Err(refusal::invalid("the deadline must lie ahead, by at most 366 days"));
        }
    }
    check_overrides(&options.overrides)?;
    let plain = |c: char| !c.is_control() && c != '/' && c != '\\';
    if options.name.len() > LONGEST_NAME || !options.name.chars().all(plain) {
        let why = format!("the name template has more than {LONGEST_NAME} bytes, a slash or control characters");
        return Err(refusal::invalid(why));
    }
    Ok((options.clone(), u32::try_from(units).unwrap_or(u32::MAX)))
}

/// Ranges must stand in order and not overlap, so that no frame comes twice.
fn count_frames(options: &JobOptions) -> Result<u64, Rejection> {
    if options.frames.is_empty() || options.frames.len() > MOST_RANGES {
        return Err(refusal::invalid(format!("1 to {MOST_RANGES} ranges of frames are wanted")));
    }
    let (mut frames, mut after) = (0u64, None);
    for range in &options.frames {
        let length = order::length(range);
        let length = length.ok_or_else(|| refusal::invalid("a range ends before it begins, or has no step"))?;
        if after.is_some_and(|last| range.first <= last) {
            return Err(refusal::invalid("ranges of frames must stand in order and not overlap"));
        }
        after = Some(range.last);
        frames = frames.saturating_add(length);
    }
    if frames > MOST_UNITS {
        return Err(refusal::invalid(format!("{frames} frames; a job has at most {MOST_UNITS}")));
    }
    Ok(frames)
}

fn check_grid(grid: Option<&TileGrid>) -> Result<TileGrid, Rejection> {
    let grid = grid.ok_or_else(|| refusal::invalid("the grid of tiles is missing"))?;
    let fine = 1..=MOST_TILES;
    if fine.contains(&grid.columns) && fine.contains(&grid.rows) {
        return Ok(*grid);
    }
    Err(refusal::invalid(format!("a grid has 1 to {MOST_TILES} columns and rows")))
}

/// Overrides are a JSON object as this very code writes it: keys in order, no spaces, each once.
fn check_overrides(text: &str) -> Result<(), Rejection> {
    if text.is_empty() {
        return Ok(());
    }
    if text.len() > MOST_OVERRIDES {
        return Err(refusal::invalid(format!("overrides have at most {MOST_OVERRIDES} bytes")));
    }
    let parsed: serde_json::Result<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(text);
    let parsed = parsed.map_err(|error| refusal::invalid(format!("overrides are no JSON object: {error}")))?;
    let written = serde_json::Value::Object(parsed).to_string();
    if written != text {
        return Err(refusal::invalid("overrides are not canonical: keys in order, no spaces, each key once"));
    }
    Ok(())
}
