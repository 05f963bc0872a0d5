//! Free space on the node's disk. A node stops while what it has written is whole, not when a write fails half-way.

use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use thiserror::Error;

/// Why a node does not go on writing.
#[derive(Debug, Error)]
pub enum SpaceError {
    /// Less is free than the node keeps.
    #[error(
        "{free} bytes are free on the disk of {dir}, less than the {least} of `min_free_bytes` in node.json; the node \
         stopped while all that it stored is whole: make room, then start it again"
    )]
    TooLittle {
        /// Where.
        dir: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes wanted.
        least: u64,
    },
    /// The file system does not tell.
    #[error("the free space of {dir} is not known: {source}")]
    Unknown {
        /// Where.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Makes sure that at least so many bytes are free on the file system of a folder.
///
/// # Errors
/// [`SpaceError::TooLittle`] otherwise.
pub fn check(dir: &Path, least: u64) -> Result<(), SpaceError> {
    let stat = statvfs(dir).map_err(|errno| SpaceError::Unknown { dir: dir.to_owned(), source: errno.into() })?;
    let free = stat.blocks_available().saturating_mul(stat.fragment_size());
    if free < least { Err(SpaceError::TooLittle { dir: dir.to_owned(), free, least }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_refused_with_numbers() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check(dir.path(), 0).is_ok());
        let said = check(dir.path(), u64::MAX).unwrap_err().to_string();
        assert!(said.contains(&u64::MAX.to_string()) && said.contains("min_free_bytes"), "{said}");
        assert!(matches!(check(&dir.path().join("absent"), 0), Err(SpaceError::Unknown { .. })));
    }
}
