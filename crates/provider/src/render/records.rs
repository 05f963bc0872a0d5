//! What is on disk before a message that needs it later: results with their tiles and salts, and what was found in audits.
//!
//! ```text
//! render/results/<creator>-<jseq>-<index>/<attempt>/record.json, buffers.exr, file
//! render/audits/<creator>-<jseq>-<index>-<attempt>-<round>.json
//! ```

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use client::render::UnitPath;
use farm::Digest;
use farm::pixels::{Buffers, Channel, PixelError, read_exr, tile_digest, write_exr};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::cut::Cut;
use crate::home::write_private;

/// What a node committed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attempt {
    pub(crate) unit: UnitPath,
    pub(crate) attempt: u32,
    pub(crate) cut: Cut,
    /// Digests of the tiles in order.
    pub(crate) tiles: Vec<Digest>,
    /// Tiles for which a wrong digest is committed to, rising; whoever asks for one before the opening is shown a decoy.
    pub(crate) planted: Vec<u32>,
    /// Salt of the commitment to them, hex.
    pub(crate) salt: String,
    /// What the file is called.
    pub(crate) name: String,
    pub(crate) file: Digest,
    pub(crate) file_bytes: u64,
    pub(crate) elapsed_ms: u64,
}

/// What an auditor found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    /// Salt of the commitment, hex.
    pub(crate) salt: String,
    pub(crate) cut: Cut,
    pub(crate) tiles: Vec<FoundTile>,
}

/// A tile that an auditor rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FoundTile {
    pub(crate) index: u32,
    pub(crate) hash: Digest,
    pub(crate) elapsed_ms: u64,
}

/// The folders.
#[derive(Clone)]
pub(crate) struct Records(PathBuf);

fn name(unit: &UnitPath) -> String {
    // Of a chain's answer, but it becomes a path.
    let creator: String = unit.creator.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{creator}-{}-{}", unit.jseq, unit.index)
}

fn other(error: impl ToString) -> std::io::Error {
    std::io::Error::other(error.to_string())
}

fn save<T: Serialize>(path: &Path, value: &T) -> std::io::Result<()> {
    write_private(path, &serde_json::to_vec_pretty(value)?).map_err(other)
}

fn load<T: DeserializeOwned>(path: &Path) -> std::io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Records {
    pub(crate) fn open(home: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(home.join("results"))?;
        fs::create_dir_all(home.join("audits"))?;
        Ok(Self(home.to_owned()))
    }

    fn unit(&self, unit: &UnitPath) -> PathBuf {
        self.0.join("results").join(name(unit))
    }

    /// The folder of an attempt.
    pub(crate) fn folder(&self, unit: &UnitPath, attempt: u32) -> PathBuf {
        self.unit(unit).join(attempt.to_string())
    }

    /// Writes an attempt: its buffers first, its record last, so that a record says that all of it is there.
    pub(crate) fn save_attempt(&self, attempt: &Attempt, buffers: &Buffers) -> Result<(), PixelError> {
        let folder = self.folder(&attempt.unit, attempt.attempt);
        fs::create_dir_all(&folder)?;
        let file = File::create(folder.join("buffers.exr"))?;
        write_exr(&file, buffers, &[])?;
        file.sync_all()?;
        Ok(save(&folder.join("record.json"), attempt)?)
    }

    pub(crate) fn attempt(&self, unit: &UnitPath, attempt: u32) -> std::io::Result<Option<Attempt>> {
        load(&self.folder(unit, attempt).join("record.json"))
    }

    /// The newest attempt of a unit that is whole.
    pub(crate) fn newest(&self, unit: &UnitPath) -> std::io::Result<Option<Attempt>> {
        let folders = fs::read_dir(self.unit(unit)).into_iter().flatten().flatten();
        let mut numbers: Vec<u32> =
            folders.filter_map(|folder| folder.file_name().to_str().and_then(|name| name.parse().ok())).collect();
        numbers.sort_unstable();
        for number in numbers.into_iter().rev() {
            if let Some(found) = self.attempt(unit, number)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A tile of an attempt as it was rendered.
    pub(crate) fn tile(&self, attempt: &Attempt, index: u32) -> Result<Buffers, PixelError> {
        let (width, height) = attempt.cut.frame;
        let path = self.folder(&attempt.unit, attempt.attempt).join("buffers.exr");
        let (buffers, _) = read_exr(BufReader::new(File::open(path)?), width, height, attempt.cut.region)?;
        let rect = attempt.cut.rect(index);
        let rect = rect.ok_or_else(|| PixelError::Unreadable(format!("the unit has no tile {index}")))?;
        buffers.crop(rect)
    }

    fn audit_path(&self, unit: &UnitPath, attempt: u32, round: u32) -> PathBuf {
        self.0.join("audits").join(format!("{}-{attempt}-{round}.json", name(unit)))
    }

    /// Where an auditor keeps a tile that it rendered, to compare it after the opening.
    pub(crate) fn audited_tile(&self, unit: &UnitPath, attempt: u32, tile: u32) -> PathBuf {
        self.0.join("audits").join(format!("{}-{attempt}-tile{tile}.exr", name(unit)))
    }

    pub(crate) fn save_found(&self, unit: &UnitPath, attempt: u32, round: u32, found: &Found) -> std::io::Result<()> {
        save(&self.audit_path(unit, attempt, round), found)
    }

    pub(crate) fn found(&self, unit: &UnitPath, attempt: u32, round: u32) -> std::io::Result<Option<Found>> {
        load(&self.audit_path(unit, attempt, round))
    }

    /// Throws away what is older than so long.
    pub(crate) fn prune(&self, age: Duration) {
        let old = |path: &Path| {
            let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
            changed.is_ok_and(|changed| SystemTime::now().duration_since(changed).is_ok_and(|since| since > age))
        };
        for folder in ["results", "audits"] {
            for entry in fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten() {
                let path = entry.path();
                if old(&path) {
                    let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                    if let Err(error) = removed {
                        tracing::warn!(path = %path.display(), %error, "an old result cannot be removed");
                    }
                }
            }
        }
    }
}

/// What is shown of a planted tile before the opening: the tile with the last bit of each channel's first value turned over. An
/// honest auditor never asks so early; whose digest is this one's has copied.
pub(crate) fn decoy(tile: &Buffers) -> Result<Buffers, PixelError> {
    let turned = tile.channels().iter().map(|channel| {
        let mut pixels = channel.pixels.clone();
        if let Some(first) = pixels.first_mut() {
            *first = f32::from_bits(first.to_bits() ^ 1);
        }
        Channel { name: channel.name.clone(), pixels }
    });
    Buffers::new(tile.frame_width(), tile.frame_height(), tile.rect(), turned.collect())
}

/// The digest of a planted tile's decoy.
pub(crate) fn decoy_digest(tile: &Buffers) -> Result<Digest, PixelError> {
    Ok(tile_digest(&decoy(tile)?))
}

/// A tile as an EXR file in memory.
pub(crate) fn as_exr(tile: &Buffers) -> Result<Vec<u8>, PixelError> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    write_exr(&mut bytes, tile, &[])?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use farm::pixels::Rect;
    use proto::tetra::render::v1::TileGrid;

    use super::*;

    fn frame() -> Buffers {
        let rect = Rect { x: 0, y: 0, width: 8, height: 4 };
        let channel = |name: &str, by: f32| Channel {
            name: name.to_owned(),
            pixels: (0..32u8).map(|n| f32::from(n) * by).collect(),
        };
        Buffers::new(8, 4, rect, vec![channel("L.Combined.R", 0.5), channel("L.Combined.G", -3.0)]).unwrap()
    }

    #[test]
    fn what_was_committed_to_is_read_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(folder.path()).unwrap();
        let cut = Cut::of(Some(&TileGrid { columns: 2, rows: 2 }), (8, 4), -1).unwrap();
        let tiles = cut.digests(&frame()).unwrap();
        let unit = UnitPath { creator: "tetra1a".to_owned(), jseq: 3, index: 1 };
        let attempt = Attempt {
            unit: unit.clone(),
            attempt: 2,
            cut,
            tiles: tiles.clone(),
            planted: vec![1],
            salt: "00".repeat(32),
            name: "0001.png".to_owned(),
            file: Digest::of(b"file"),
            file_bytes: 4,
            elapsed_ms: 5,
        };
        assert_eq!(records.newest(&unit).unwrap(), None);
        records.save_attempt(&attempt, &frame()).unwrap();
        assert_eq!(records.newest(&unit).unwrap(), Some(attempt.clone()));
        for (index, digest) in tiles.iter().enumerate() {
            let tile = records.tile(&attempt, index as u32).unwrap();
            assert_eq!(tile_digest(&tile), *digest);
            assert_ne!(decoy_digest(&tile).unwrap(), *digest);
        }
        assert!(records.tile(&attempt, 4).is_err());
        records.prune(Duration::from_secs(60));
        assert!(records.newest(&unit).unwrap().is_some());
        let long_ago = SystemTime::now() - Duration::from_secs(120);
        File::open(records.unit(&unit)).unwrap().set_modified(long_ago).unwrap();
        records.prune(Duration::from_secs(60));
        assert_eq!(records.newest(&unit).unwrap(), None);
    }
}
