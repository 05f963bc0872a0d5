//! `tetra render download`: files of approved frames, what is missing of them; a film of them, if wanted.

use std::path::{Path, PathBuf};

use farm::Digest;
use farm::frames::{NameTemplate, Names};
use farm::video;
use proto::tetra::render::v1::{Frame, FrameState, Job, JobId};
use serde_json::{Value, json};

use super::bucket::{self, Bucket};
use super::fetch::{self, Fetched};
use super::names::{self, JobName, Units};
use super::{join, watch};
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
    /// Where files go: a folder, or a prefix in an object store such as s3://bucket/prefix [default: render-NUMBER]
    #[arg(long, value_name = "DIR|URL")]
    to: Option<String>,
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
    /// Fetches pictures as they come, until no more do; the newest one is last/large.jpg, page.jpg and list.jpg
    #[arg(long, requires = "previews", conflicts_with = "frames")]
    watch: bool,
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

/// Where files go: straight into a folder, or through one into a bucket.
struct Place {
    folder: PathBuf,
    bucket: Option<Bucket>,
}

impl Place {
    async fn open(context: &Context, args: &Args, id: &JobId) -> Result<Self> {
        let given = args.to.clone().unwrap_or_else(|| format!("render-{}", id.jseq));
        let bucket = if bucket::is_url(&given) { Some(Bucket::open(&given)?) } else { None };
        let folder = match &bucket {
            None => PathBuf::from(given),
            // What is cut off is found there again.
            Some(_) => context.home.join("downloads").join(format!("{}-{}", id.creator, id.jseq)),
        };
        // Wrong rights show before anything is fetched.
        if let Some(bucket) = &bucket {
            bucket.answers().await?;
        }
        std::fs::create_dir_all(&folder)
            .map_err(|error| CliError::new(Class::Machine, format!("{}: {error}", folder.display())))?;
        Ok(Self { folder, bucket })
    }

    /// What is in the bucket already of a frame.
    async fn known(&self, stem: &str, frame: &Frame) -> Result<Option<Fetched>> {
        let (Some(bucket), Ok(digest)) = (&self.bucket, <[u8; 32]>::try_from(frame.file.as_slice())) else {
            return Ok(None);
        };
        let found = bucket.whole(stem, &Digest(digest)).await?;
        Ok(found.map(|name| Fetched { number: frame.number, path: name.into(), moved: 0 }))
    }

    /// Moves a file of the folder into the bucket, if there is one.
    async fn deliver(&self, fetched: Fetched) -> Result<Fetched> {
        let Some(bucket) = &self.bucket else { return Ok(fetched) };
        // What is in the bucket already.
        let Ok(name) = fetched.path.strip_prefix(&self.folder) else { return Ok(fetched) };
        let name = name.to_str().ok_or_else(|| CliError::new(Class::Internal, "a name that is no text"))?;
        let delivered = bucket.put(name, &fetched.path, &fetch::digest(&fetched.path)?).await?;
        std::fs::remove_file(&fetched.path).class(Class::Machine)?;
        Ok(Fetched { path: delivered.into(), ..fetched })
    }

    /// Where files are to be found, as one writes it.
    fn text(&self, args: &Args) -> String {
        match (&self.bucket, &args.to) {
            (Some(_), Some(url)) => url.clone(),
            _ => self.folder.display().to_string(),
        }
    }

    /// Everything is delivered.
    fn tidy(&self) {
        if self.bucket.is_some() {
            // What is still in it stays: another command works there.
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

/// Runs it.
///
/// # Errors
/// When nothing is approved, or a node does not give what the chain promises.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let id = args.job.id(context, &chain)?;
    let job = chain.render_job(&id).await?;
    let template = template(&args, &job)?;
    let place = Place::open(context, &args, &id).await?;
    let caller = Caller::of(context, &chain, args.auth.kind).await?;
    if args.watch {
        let name = |frame: &Frame| stem(&template, &id, frame).map(|stem| place.folder.join(stem));
        watch::run(&chain, &caller, &id, args.width, &place.folder, &name).await?;
    }
    let all = chain.render_frames(&id).await?;
    let wanted = wanted(&args, &id, &all)?;
    let talk = Talk::start();
    let (mut fetched, mut left) = (Vec::new(), Vec::new());
    let is_split = job.options.as_ref().is_some_and(|options| options.split);
    let joins = !args.previews && (is_split || args.video.is_some());
    let preview = args.previews.then_some(args.width);
    let way = Way { chain: &chain, caller: &caller, id: &id, place: &place, preview, joins };
    for (number, frame) in wanted.iter().enumerate() {
        talk.step(&format!("frame {} ({} of {})", names::frame_text(frame), number + 1, wanted.len()));
        match way.one(frame, &stem(&template, &id, frame)?).await {
            Ok(one) => fetched.push(one),
            Err(error) => left.push((names::frame_text(frame), error)),
        }
    }
    if is_split && !args.previews && left.is_empty() {
        let tiles: Vec<&Path> = fetched.iter().map(|one| one.path.as_path()).collect();
        let stem = place.folder.join(template_stem(&template, &id, &all)?);
        if let Some(picture) = join::picture(&job, &tiles, args.scene.as_deref(), &stem, &talk).await? {
            fetched.extend(picture.into_iter().map(|path| Fetched { number: all[0].number, path, moved: 0 }));
        }
    }
    if let Some(target) = args.video.as_ref().filter(|_| left.is_empty()) {
        talk.step("making the film");
        let frames: Vec<PathBuf> = fetched.iter().map(|one| one.path.clone()).collect();
        video::film(&frames, args.fps, target).await.class(Class::Machine)?;
    }
    let mut delivered = Vec::new();
    for one in fetched {
        delivered.push(place.deliver(one).await?);
    }
    drop(talk);
    if let Some((frame, error)) = left.first() {
        let what = format!("{} of {} frames did not come, such as frame {frame}: {error}", left.len(), wanted.len());
        return Err(CliError::new(error.class(), what).hint("the same command fetches what is missing"));
    }
    place.tidy();
    let waiting = if args.frames.is_some() { 0 } else { all.len() - wanted.len() };
    show(context, &args, &place.text(&args), &delivered, waiting)
}

fn template(args: &Args, job: &Job) -> Result<NameTemplate> {
    if let Some(template) = &args.name {
        return Ok(template.clone());
    }
    let name = job.options.as_ref().map(|options| options.name.clone()).filter(|name| !name.is_empty());
    name.as_deref().unwrap_or("{frame}").parse().class(Class::Usage)
}

/// Frames that were asked for and of which there is something.
fn wanted<'a>(args: &Args, id: &JobId, all: &'a [Frame]) -> Result<Vec<&'a Frame>> {
    let mut wanted: Vec<&Frame> = match &args.frames {
        Some(units) => units.pick(all)?,
        None => all.iter().collect(),
    };
    wanted.retain(|frame| has_pixels(frame, args.previews));
    wanted.sort_by_key(|frame| (frame.number, frame.tile));
    if !wanted.is_empty() {
        return Ok(wanted);
    }
    let what = match args.previews {
        true => "no frame has been begun yet",
        false => "no frame is approved yet, and clean files come after approval",
    };
    Err(CliError::new(Class::NotFound, what).hint(format!(
        "`tetra render frames {0}` shows them; --previews fetches pictures; `tetra render approve {0}` approves",
        id.jseq
    )))
}

/// Where frames come from, and where they go.
struct Way<'a> {
    chain: &'a Chain,
    caller: &'a Caller,
    id: &'a JobId,
    place: &'a Place,
    /// Width of a watermarked picture instead of the file.
    preview: Option<u32>,
    /// Whether all of them become one picture or a film first, for which they must lie in one folder.
    joins: bool,
}

impl Way<'_> {
    /// One frame, to where it stays unless it is to be joined with others first.
    async fn one(&self, frame: &Frame, stem: &str) -> Result<Fetched> {
        let Self { chain, caller, id, place, preview, joins } = self;
        if !joins
            && preview.is_none()
            && let Some(known) = place.known(stem, frame).await?
        {
            return Ok(known);
        }
        let fetched = fetch::frame(chain, caller, id, frame, &place.folder.join(stem), *preview).await?;
        if *joins { Ok(fetched) } else { place.deliver(fetched).await }
    }
}

fn show(context: &Context, args: &Args, place: &str, delivered: &[Fetched], waiting: usize) -> Result {
    let moved: u64 = delivered.iter().map(|one| one.moved).sum();
    let files: Vec<Value> = delivered
        .iter()
        .map(|one| json!({ "frame": one.number, "file": one.path, "moved_bytes": one.moved }))
        .collect();
    let data = json!({ "folder": place, "files": files, "moved_bytes": moved, "video": args.video });
    output::show(context.format(), &data, |_| {
        let waiting = match waiting {
            0 => String::new(),
            others => format!("; {others} more are not there yet"),
        };
        let film = args.video.as_ref().map(|target| format!("\nfilm: {}", target.display())).unwrap_or_default();
        format!("{} files in {place}, {moved} bytes moved{waiting}{film}", delivered.len())
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

#[cfg(test)]
mod tests {
    use super::*;

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
