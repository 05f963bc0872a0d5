//! A unit from its assignment to the commitment.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::render::UnitPath;
use farm::Digest;
use farm::engine::{Options, Progress, RenderEngine, Rendered, Stage, Work};
use farm::estimate::frame_size;
use proto::ToAny;
use proto::tetra::render::v1 as wire;
use rand::seq::index::sample;
use sha2::{Digest as _, Sha256};

use super::chain::{job_id, unit_id};
use super::cut::Cut;
use super::node::RenderNode;
use super::records::{Attempt, decoy_digest};
use super::tools::Tools;
use super::trouble::Trouble;
use crate::agent::lock;

/// Tiles for which wrong digests are planted.
const PLANTED: usize = 8;
/// Thousandths of progress at which fetching, and rendering, is done.
const FETCHED: u32 = 100;
const RENDERED: u32 = 900;

/// What a job changes of its scene's settings.
pub(super) fn options(job: &wire::Job) -> Result<Options, Trouble> {
    let text = job.options.as_ref().map(|options| options.overrides.as_str()).unwrap_or_default();
    if text.is_empty() {
        return Ok(Options::default());
    }
    let wrong = |error| Trouble::Unsupported(format!("the job's overrides cannot be followed: {error}"));
    serde_json::from_str(text).map_err(wrong)
}

/// The number of a frame in its scene.
pub(super) fn frame_number(frame: &wire::Frame) -> Result<u32, Trouble> {
    let negative = |_| Trouble::Unsupported(format!("frame {} is below zero", frame.number));
    u32::try_from(frame.number).map_err(negative)
}

impl RenderNode {
    /// Renders a unit and commits to it, or gives it back with the reason.
    pub(super) async fn unit(
        self: Arc<Self>,
        tools: Arc<Tools>,
        no_progress: Duration,
        unit: UnitPath,
        frame: wire::Frame,
    ) {
        let attempt = frame.attempt;
        lock(&self.board).begin(&unit, attempt, frame.number, frame.permille);
        let ended = tokio::select! {
            ended = self.try_unit(&tools, &unit, &frame) => ended,
            never = self.report(&unit, attempt, frame.permille, no_progress) => match never {},
        };
        match ended {
            Ok(()) => {
                self.metrics.frames.one(&["committed"]);
                tracing::info!(unit = %unit, attempt, "committed to a render");
            }
            Err(trouble) => {
                self.trouble(Some(&unit), &trouble);
                if let Some(code) = trouble.code() {
                    self.metrics.frames.one(&[code]);
                    self.give_back(&unit, attempt, code, trouble.text()).await;
                }
            }
        }
        lock(&self.board).end(&unit, attempt);
    }

    async fn give_back(&self, unit: &UnitPath, attempt: u32, code: &str, text: String) {
        let (node, id) = (Some(self.id()), Some(unit_id(unit)));
        let message = wire::MsgFailFrame { node, unit: id, attempt, code: code.to_owned(), text };
        if let Err(error) = self.chain.send(vec![message.to_any()]).await {
            self.trouble(Some(unit), &error.into());
        }
    }

    /// Tells the chain that a unit goes on, four times within the time that silence would take it away. While it waits for its
    /// turn it goes on by a thousandth a time, which it can do but a few hundred times.
    async fn report(
        &self,
        unit: &UnitPath,
        attempt: u32,
        mut told: u32,
        no_progress: Duration,
    ) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(no_progress / 4).await;
            let found = lock(&self.board).of(unit, attempt).cloned();
            let Some(found) = found else { continue };
            let waits = found.stage != "rendering";
            let permille = found.permille.max(if waits { told + 1 } else { 0 }).min(999);
            if permille <= told {
                continue;
            }
            let (node, id) = (Some(self.id()), Some(unit_id(unit)));
            let message = wire::MsgReportProgress { node, unit: id, attempt, permille };
            match self.chain.send(vec![message.to_any()]).await {
                Ok(_) => {
                    told = permille;
                    lock(&self.board).goes_on(unit, attempt, &found.stage, permille);
                }
                Err(error) => tracing::debug!(unit = %unit, %error, "progress is not taken"),
            }
        }
    }

    fn goes_on(&self, unit: &UnitPath, attempt: u32, stage: &str, permille: u32) {
        lock(&self.board).goes_on(unit, attempt, stage, permille);
    }

    async fn try_unit(&self, tools: &Tools, unit: &UnitPath, frame: &wire::Frame) -> Result<(), Trouble> {
        let attempt = frame.attempt;
        if let Some(known) = self.records.attempt(unit, attempt)? {
            return self.commit(tools, &known).await;
        }
        let job = self.chain.render_job(&job_id(unit)).await?;
        let job = job.ok_or_else(|| Trouble::Odd("the chain has no such job".to_owned()))?;
        let (number, options) = (frame_number(frame)?, options(&job)?);
        let scene = job.scene.clone().unwrap_or_default();
        self.goes_on(unit, attempt, "fetching", 0);
        let fetched = |permille: u32| self.goes_on(unit, attempt, "fetching", permille * FETCHED / 1000);
        let (manifest, _pin) = self.fetch(&scene, &fetched).await?;
        self.goes_on(unit, attempt, "waiting", FETCHED);
        let turn = self.turn.acquire().await.map_err(|error| Trouble::Odd(error.to_string()))?;
        let begin = Instant::now();
        let scene = self.scene_file(&scene, &manifest).await?;
        let work = Work { scene, frame: number, options, device: tools.device, threads: Some(tools.threads) };
        let watch = |progress: Progress| {
            let (done, of) = (progress.done.unwrap_or(0), progress.of.unwrap_or(0));
            let share = (u64::from(done) * u64::from(RENDERED - FETCHED)).checked_div(of.into()).unwrap_or(0);
            let share = if progress.stage == Stage::Rendering { u32::try_from(share).unwrap_or(0) } else { 0 };
            self.goes_on(unit, attempt, "rendering", FETCHED + share.min(RENDERED - FETCHED));
        };
        let wanted = job.options.as_ref().and_then(|options| options.grid.as_ref());
        let region = match frame.tile >= 0 {
            true => Some(Cut::of(wanted, frame_size(&tools.engine, &work).await?, frame.tile)?.region),
            false => None,
        };
        let rendered = tools.engine.render(&work, region, &watch).await?;
        self.metrics.frame_seconds.observe(&[], Duration::from_secs_f64(rendered.seconds.max(0.0)));
        self.goes_on(unit, attempt, "finishing", RENDERED);
        let size = (rendered.buffers.frame_width(), rendered.buffers.frame_height());
        let cut = Cut::of(wanted, size, frame.tile)?;
        let folder = self.records.folder(unit, attempt);
        let out = folder.join("out");
        fs::create_dir_all(&out)?;
        // A tile waits for the others: who has all of them denoises, composites and writes the frame.
        let files = match cut.is_part() {
            true => vec![write_region(&rendered, &out)?],
            false => tools.engine.finish(&work, &rendered, &out, &|_| {}).await?,
        };
        // What is left is hashing and waiting for a block: the next unit need not wait for it.
        drop(turn);
        self.metrics.busy_seconds.observe(&["frame"], begin.elapsed());
        let (records, unit_of) = (self.records.clone(), unit.clone());
        let kept = tokio::task::spawn_blocking(move || {
            let known = record(unit_of, attempt, cut, &rendered, &folder, &files)?;
            records.save_attempt(&known, &rendered.buffers)?;
            Ok::<_, Trouble>(known)
        });
        let known = kept.await.map_err(|error| Trouble::Odd(error.to_string()))??;
        workload::crash::at("render-kept");
        self.commit(tools, &known).await
    }

    /// Commits to what is on disk.
    async fn commit(&self, tools: &Tools, known: &Attempt) -> Result<(), Trouble> {
        self.goes_on(&known.unit, known.attempt, "committing", 990);
        let commitment = farm::pixels::merkle::root(
            &known.tiles.iter().map(|tile| farm::pixels::merkle::leaf_hash(&tile.0)).collect::<Vec<_>>(),
        );
        let planted = self.planted(known)?;
        let salt = hex::decode(&known.salt).map_err(|error| Trouble::Odd(error.to_string()))?;
        let plants = match planted.is_empty() {
            true => Vec::new(),
            false => ::render::proof::commitments::plants(&salt, &planted).to_vec(),
        };
        let message = wire::MsgCommitFrame {
            node: Some(self.id()),
            unit: Some(unit_id(&known.unit)),
            attempt: known.attempt,
            root: commitment.0.to_vec(),
            plants,
            file: known.file.0.to_vec(),
            file_bytes: known.file_bytes,
            elapsed_ms: known.elapsed_ms,
            engine: Some(tools.named.clone()),
        };
        self.chain.send(vec![message.to_any()]).await?;
        Ok(())
    }

    /// The wrong digests that an attempt planted, by tile.
    pub(super) fn planted(&self, known: &Attempt) -> Result<Vec<wire::OpenedTile>, Trouble> {
        let mut planted = Vec::new();
        for index in &known.planted {
            let hash = decoy_digest(&self.records.tile(known, *index)?)?.0.to_vec();
            planted.push(wire::OpenedTile { index: *index, hash, path: Vec::new() });
        }
        Ok(planted)
    }
}

fn write_region(rendered: &Rendered, out: &Path) -> Result<PathBuf, Trouble> {
    let path = out.join("tile.exr");
    let file = File::create(&path)?;
    rendered.write(&file)?;
    file.sync_all()?;
    Ok(path)
}

/// What is remembered of a finished render.
fn record(
    unit: UnitPath,
    attempt: u32,
    cut: Cut,
    rendered: &Rendered,
    folder: &Path,
    files: &[PathBuf],
) -> Result<Attempt, Trouble> {
    let count = cut.grid.count() as usize;
    let mut planted: Vec<u32> = sample(&mut rand::rng(), count, PLANTED.min(count))
        .into_iter()
        .filter_map(|at| u32::try_from(at).ok())
        .collect();
    planted.sort_unstable();
    let name = one_file(folder, files)?;
    let (file, file_bytes) = digest_of(&folder.join("file"))?;
    Ok(Attempt {
        unit,
        attempt,
        cut,
        tiles: cut.digests(&rendered.buffers)?,
        planted,
        salt: hex::encode(rand::random::<[u8; 32]>()),
        name,
        file,
        file_bytes,
        elapsed_ms: (rendered.seconds * 1000.0).ceil().max(1.0) as u64,
    })
}

/// Makes one file, `file`, of what the engine delivered: the image itself, or a tar archive where the scene writes several. Returns
/// what it is called.
fn one_file(folder: &Path, files: &[PathBuf]) -> Result<String, Trouble> {
    let target = folder.join("file");
    if let [only] = files {
        let name = only.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        fs::rename(only, &target)?;
        return Ok(name.chars().map(plain).collect::<String>().trim_start_matches('.').to_owned());
    }
    let mut archive = tar::Builder::new(File::create(&target)?);
    for file in files {
        archive.append_path_with_name(file, file.strip_prefix(folder.join("out")).unwrap_or(file))?;
    }
    archive.into_inner()?.sync_all()?;
    fs::remove_dir_all(folder.join("out"))?;
    Ok("frame.tar".to_owned())
}

fn digest_of(path: &Path) -> std::io::Result<(Digest, u64)> {
    let (mut file, mut hash, mut bytes) = (File::open(path)?, Sha256::new(), 0u64);
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((Digest(hash.finalize().into()), bytes)),
            count => {
                hash.update(piece.get(..count).unwrap_or_default());
                bytes += count as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_followed_or_refused() {
        let job = |overrides: &str| {
            let options = wire::JobOptions { overrides: overrides.to_owned(), ..wire::JobOptions::default() };
            wire::Job { options: Some(options), ..wire::Job::default() }
        };
        assert_eq!(options(&job("")).unwrap(), Options::default());
        assert_eq!(options(&job(r#"{"samples":4}"#)).unwrap().samples, Some(4));
        assert!(options(&job(r#"{"sample":4}"#)).unwrap_err().to_string().contains("unknown field `sample`"));
    }

    #[test]
    fn several_files_are_delivered_as_an_archive() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let make = |name: &str| {
            let path = out.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
            path
        };
        assert_eq!(one_file(folder.path(), &[make("frame.png")]).unwrap(), "frame.png");
        assert_eq!(digest_of(&folder.path().join("file")).unwrap(), (Digest::of(b"frame.png"), 9));
        let files = [make("frame.png"), make("glow/0001.exr")];
        assert_eq!(one_file(folder.path(), &files).unwrap(), "frame.tar");
        let mut archive = tar::Archive::new(File::open(folder.path().join("file")).unwrap());
        let names: Vec<_> = archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().into_owned()).collect();
        assert_eq!(names, [Path::new("frame.png"), Path::new("glow/0001.exr")]);
    }
}
