//! The file of a frame, from the node that rendered it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use client::render::UnitPath;
use farm::Digest;
use proto::tetra::render::v1::{Frame, JobId, NodeState};
use sha2::Digest as _;

use super::names;
use crate::chain::Chain;
use crate::error::{Class, Classify, CliError, Result};
use crate::gateways::Caller;

/// What became of a frame.
pub(super) struct Fetched {
    pub(super) number: i32,
    pub(super) path: PathBuf,
    /// Bytes that were moved; none when the file was there.
    pub(super) moved: u64,
}

/// Fetches a frame's file, or what is missing of it; with a width, a watermarked picture of it instead. `stem` is the path without
/// its ending.
///
/// # Errors
/// When its node does not answer, or gives another file than it committed to.
pub(super) async fn frame(
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
pub(super) fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

pub(super) fn digest(path: &Path) -> Result<Digest> {
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
}
