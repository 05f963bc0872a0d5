//! The tiles of a split frame become its picture: merged, denoised, composited and written by Blender on this machine, as a node
//! does it with a frame that it rendered whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use farm::engine::{Device, Options, RenderEngine, Rendered, Work};
use proto::tetra::render::v1::Job;

use super::scene;
use crate::error::{Class, Classify, CliError, Result};
use crate::output::Talk;

/// Joins the tiles of a job; none where some of them are not there yet.
///
/// # Errors
/// When no scene was named, no Blender is here, or the tiles do not make a frame.
pub(super) async fn picture(
    job: &Job,
    tiles: &[&Path],
    scene: Option<&Path>,
    stem: &Path,
    talk: &Talk,
) -> Result<Option<Vec<PathBuf>>> {
    if tiles.len() != job.units as usize {
        return Ok(None);
    }
    let options = job.options.clone().unwrap_or_default();
    let number = options.frames.first().map_or(0, |range| range.first);
    let frame = u32::try_from(number).class(Class::Internal)?;
    let scene = scene.ok_or_else(|| {
        CliError::new(
            Class::Usage,
            format!("the {} tiles are here; a picture is made of them and the scene", tiles.len()),
        )
        .hint("the same command with --scene SCENE.blend, as it was submitted; it moves nothing again")
    })?;
    let engine = scene::engine().await?.ok_or_else(|| {
        CliError::new(Class::Machine, "Blender joins the tiles of a split frame, and is not on this machine")
            .hint("tetra provider render install")
    })?;
    talk.step("joining the tiles");
    let read = |path: &&Path| Rendered::read(File::open(path).class(Class::Machine)?).class(Class::Provider);
    let whole = Rendered::merge(tiles.iter().map(read).collect::<Result<_>>()?).class(Class::Provider)?;
    let overrides: Options = match options.overrides.as_str() {
        "" => Options::default(),
        text => serde_json::from_str(text).class(Class::Internal)?,
    };
    let work = Work { scene: scene.to_owned(), frame, options: overrides, device: Device::Cpu, threads: None };
    let folder = stem.with_extension("joined");
    let files = engine.finish(&work, &whole, &folder, &|_| {}).await.class(Class::Machine)?;
    let mut pictures = Vec::new();
    for file in files {
        let target = match file.strip_prefix(&folder).ok().filter(|name| name.file_stem() == Some("frame".as_ref())) {
            Some(name) => stem.with_extension(name.extension().unwrap_or_default()),
            // What the compositor's own nodes wrote stays beside it.
            None => continue,
        };
        std::fs::rename(&file, &target).class(Class::Machine)?;
        pictures.push(target);
    }
    // Empty unless the compositor wrote more.
    let _ = std::fs::remove_dir(&folder);
    Ok(Some(pictures))
}
