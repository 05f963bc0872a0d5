//! `tetra render download`: files of approved frames, what is missing of them; a film of them, if wanted.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use client::render::UnitPath;
use farm::Digest;
use farm::frames::{NameTemplate, Names};
use farm::video;
use proto::tetra::render::v1::{Frame, FrameState, JobId, NodeState};
use serde_json::{Value, json};
use sha2::Digest as _;

use super::join;
use super::names::{self, JobName, Units};
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::gateways::{AuthOption, Caller};
use crate::output::{self, Talk};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Your job
    job: JobName,
    /// Where files go [default: render-NUMBER]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Only these frames: 1,4,10-20, or places in the order of work as in #0-9
    #[arg(long, value_name = "LIST")]
    frames: Option<Units>,
    /// How files are called [default: as the job says]
    #[arg(long, value_name = "TEMPLATE")]
    name: Option<NameTemplate>,
    /// Watermarked pictures instead, also of frames that are not approved
    #[arg(long, conflicts_with = "video")]
    previews: bool,
    /// Width of those pictures in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 640, requires = "previews")]
    width: u32,
    /// Makes a film of the frames as well, by ffmpeg
    #[arg(long, value_name = "FILE.mp4")]
    video: Option<PathBuf>,
    /// Frames a second of the film
    #[arg(long, value_name = "N", default_value_t = 24.0, requires = "video")]
    fps: f64,
    /// The scene as it was submitted, of which the tiles of a split frame become a picture
    #[arg(long, value_name = "SCENE.blend")]
    scene: Option<PathBuf>,
    #[command(flatten)]
    auth: AuthOption,
}

/// What became of a frame.
struct Fetched {
    number: i32,
    path: PathBuf,
    /// Bytes that were moved; none when the file was there.
    moved: u64,
}

/// Runs it.
///
/// # Errors
/// When nothing is approved, or a node does not give what the chain promises.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let id = args.job.id(context, &chain)?;
    let job = chain.render_job(&id).await?;
    let all = chain.render_frames(&id).await?;
    let mut wanted: Vec<&Frame> = match &args.frames {
        Some(units) => units.pick(&all)?,
        None => all.iter().collect(),
    };
    let asked = wanted.len();
    wanted.retain(|frame| has_pixels(frame, args.previews));
    wanted.sort_by_key(|frame| (frame.number, frame.tile));
    if wanted.is_empty() {
        let what = if args.previews {
            "no frame has been begun yet"
        } else {
            "no frame is approved yet, and clean files come after approval"
        };
        return Err(CliError::new(Class::NotFound, what).hint(format!(
            "`tetra render frames {0}` shows them; --previews fetches pictures; `tetra render approve {0}` approves",
            id.jseq
        )));
    }
    let folder = args.to.clone().unwrap_or_else(|| PathBuf::from(format!("render-{}", id.jseq)));
    std::fs::create_dir_all(&folder)
        .map_err(|error| CliError::new(Class::Machine, format!("{}: {error}", folder.display())))?;
    let template = match &args.name {
        Some(template) => template.clone(),
        None => {
            let name = job.options.as_ref().map(|options| options.name.clone()).filter(|name| !name.is_empty());
            name.as_deref().unwrap_or("{frame}").parse().class(Class::Usage)?
        }
    };
    let caller = Caller::of(context, &chain, args.auth.kind).await?;
    let talk = Talk::start();
    let (mut fetched, mut left) = (Vec::new(), Vec::new());
    for (place, frame) in wanted.iter().enumerate() {
        talk.step(&format!("frame {} ({} of {})", names::frame_text(frame), place + 1, wanted.len()));
        let stem = folder.join(stem(&template, &id, frame)?);
        match fetch(&chain, &caller, &id, frame, &stem, args.previews.then_some(args.width)).await {
            Ok(one) => fetched.push(one),
            Err(error) => left.push((names::frame_text(frame), error)),
        }
    }
    let is_split = job.options.as_ref().is_some_and(|options| options.split);
    if is_split && !args.previews && left.is_empty() {
        let tiles: Vec<&Path> = fetched.iter().map(|one| one.path.as_path()).collect();
        let stem = template_stem(&template, &id, &all)?;
        if let Some(picture) = join::picture(&job, &tiles, args.scene.as_deref(), &folder.join(stem), &talk).await? {
            fetched.extend(picture.into_iter().map(|path| Fetched { number: all[0].number, path, moved: 0 }));
        }
    }
    if let Some(target) = args.video.as_ref().filter(|_| left.is_empty()) {
        talk.step("making the film");
        let frames: Vec<PathBuf> = fetched.iter().map(|one| one.path.clone()).collect();
        video::film(&frames, args.fps, target).await.class(Class::Machine)?;
    }
    drop(talk);
    if let Some((frame, error)) = left.first() {
        let what = format!("{} of {} frames did not come, such as frame {frame}: {error}", left.len(), wanted.len());
        return Err(CliError::new(error.class(), what).hint("the same command fetches what is missing"));
    }
    let moved: u64 = fetched.iter().map(|one| one.moved).sum();
    let files: Vec<Value> =
        fetched.iter().map(|one| json!({ "frame": one.number, "file": one.path, "moved_bytes": one.moved })).collect();
    let data = json!({ "folder": folder, "files": files, "moved_bytes": moved, "video": args.video });
    output::show(context.format(), &data, |_| {
        let waiting = match asked - wanted.len() {
            0 => String::new(),
            others => format!("; {others} more are not there yet"),
        };
        let film = args.video.as_ref().map(|target| format!("\nfilm: {}", target.display())).unwrap_or_default();
        format!("{} files in {}, {moved} bytes moved{waiting}{film}", fetched.len(), folder.display())
    })
}

/// Whether there is something to fetch of a frame.
fn has_pixels(frame: &Frame, previews: bool) -> bool {
    match frame.state() {
        FrameState::Approved => true,
        FrameState::Assigned | FrameState::Committed | FrameState::Auditing | FrameState::Review => previews,
        _ => false,
    }
}

/// The file's path without its ending.
fn stem(template: &NameTemplate, id: &JobId, frame: &Frame) -> Result<String> {
    let number = u32::try_from(frame.number).class(Class::Internal)?;
    let job = id.jseq.to_string();
    let filled = template.fill(number, &Names { scene: Some("scene"), job: Some(&job), ..Names::default() });
    let filled = filled.map_err(|error| CliError::new(Class::Usage, error).hint("name files with --name '{frame}'"))?;
    Ok(if frame.tile >= 0 { format!("{filled}-{}", frame.tile) } else { filled })
}

/// The path of a split frame's picture without its ending.
fn template_stem(template: &NameTemplate, id: &JobId, frames: &[Frame]) -> Result<String> {
    let whole = frames.first().map(|frame| Frame { tile: -1, ..frame.clone() }).unwrap_or_default();
    stem(template, id, &whole)
}

async fn fetch(
    chain: &Chain,
    caller: &Caller,
    id: &JobId,
    frame: &Frame,
    stem: &Path,
    preview: Option<u32>,
) -> Result<Fetched> {
    let number = frame.number;
    if let Some(path) = preview.is_none().then(|| whole(stem, &frame.file)).flatten() {
        return Ok(Fetched { number, path, moved: 0 });
    }
    let node = frame.node.clone().unwrap_or_default();
    let nodes = chain.render_nodes(&node.owner).await?;
    let found = nodes.into_iter().find(|one| one.id.as_ref() == Some(&node));
    let found = found.ok_or_else(|| {
        CliError::new(Class::NotFound, format!("the chain no longer knows node {}", names::node_text(Some(&node))))
    })?;
    let gateway = caller.gateway(chain, &node.owner, &found.endpoint).await?;
    let unit = UnitPath { creator: id.creator.clone(), jseq: id.jseq, index: names::index_of(frame) };
    if let Some(parent) = stem.parent() {
        std::fs::create_dir_all(parent).class(Class::Machine)?;
    }
    if let Some(width) = preview {
        let picture = gateway.preview(&unit, width).await?;
        let path = with_ending(stem, "preview.jpg");
        std::fs::write(&path, &picture).class(Class::Machine)?;
        return Ok(Fetched { number, path, moved: picture.len() as u64 });
    }
    let part = with_ending(stem, "part");
    let have = std::fs::metadata(&part).map_or(0, |part| part.len());
    // A part that is no beginning of this file is begun anew.
    let have = if have >= frame.file_bytes { 0 } else { have };
    let hint = |error: client::GatewayError| {
        let state = NodeState::try_from(found.state).unwrap_or_default();
        let error = CliError::from(error);
        match state {
            NodeState::Ready => error,
            state => error.hint(format!("its node is {}", names::short(state.as_str_name(), "NODE_STATE_"))),
        }
    };
    let mut download = gateway.unit_file(&unit, have).await.map_err(hint)?;
    let mut options = OpenOptions::new();
    let mut file = match have {
        0 => options.write(true).create(true).truncate(true),
        _ => options.append(true),
    }
    .open(&part)
    .class(Class::Machine)?;
    let mut moved = 0;
    while let Some(piece) = download.piece().await? {
        moved += piece.len() as u64;
        if have + moved > frame.file_bytes {
            return Err(CliError::new(Class::Provider, "the node sends more than the file has by the chain"));
        }
        file.write_all(&piece).class(Class::Machine)?;
    }
    file.sync_all().class(Class::Machine)?;
    if digest(&part)?.0.as_slice() != frame.file {
        std::fs::remove_file(&part).class(Class::Machine)?;
        return Err(CliError::new(Class::Provider, "the file is not the one that its node committed to")
            .hint("run it again; if it stays so, the node cheats its creators"));
    }
    let ending = download.name.rsplit_once('.').map_or("bin", |(_, ending)| ending);
    let path = with_ending(stem, ending);
    std::fs::rename(&part, &path).class(Class::Machine)?;
    Ok(Fetched { number, path, moved })
}

/// `stem.ending`; dots of the stem stay.
fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn digest(path: &Path) -> Result<Digest> {
    let mut hash = sha2::Sha256::new();
    let mut file = File::open(path).class(Class::Machine)?;
    std::io::copy(&mut file, &mut hash).class(Class::Machine)?;
    Ok(Digest(hash.finalize().into()))
}

/// The finished file that is there already, by its digest, under any ending.
fn whole(stem: &Path, wanted: &[u8]) -> Option<PathBuf> {
    let prefix = format!("{}.", stem.file_name()?.to_str()?);
    let entries = std::fs::read_dir(stem.parent()?).ok()?;
    let files =
        entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)));
    let mut files = files.map(|entry| entry.path()).filter(|path| path.is_file());
    files.find(|path| digest(path).is_ok_and(|found| found.0.as_slice() == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_whole_are_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("0001");
        assert_eq!(whole(&stem, &Digest::of(b"pixels").0), None);
        std::fs::write(with_ending(&stem, "part"), "pix").unwrap();
        assert_eq!(whole(&stem, &Digest::of(b"pixels").0), None);
        std::fs::write(with_ending(&stem, "png"), "pixels").unwrap();
        assert_eq!(whole(&stem, &Digest::of(b"pixels").0), Some(folder.path().join("0001.png")));
    }

    #[test]
    fn names_follow_the_template() {
        let id = JobId { creator: "tetra1alice".to_owned(), jseq: 7 };
        let frame = |tile| Frame { number: 12, tile, ..Frame::default() };
        let told = |template: &str, tile| stem(&template.parse().unwrap(), &id, &frame(tile)).unwrap();
        assert_eq!(told("{frame}", -1), "0012");
        assert_eq!(told("shot-{job}/####", 3), "shot-7/0012-3");
        assert!(stem(&"{layer}-{frame}".parse().unwrap(), &id, &frame(-1)).is_err());
    }
}
