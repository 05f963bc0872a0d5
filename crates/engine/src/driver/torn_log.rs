//! A log that was cut off while it was made.
//!
//! Malachite's log begins with version and height, twelve bytes that it writes in two pieces before it synchronises for
//! the first time. A power failure in between leaves fewer, and the log refuses to open. Such a log never held an entry,
//! so that no vote can depend on it: it is begun again.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use arc_malachitebft_app_channel::app::wal::constants::HEADER_SIZE;
use tracing::warn;

/// Whether a log of this length was cut off while it was made.
pub(super) fn is_torn(len: u64) -> bool {
    (1..HEADER_SIZE).contains(&len)
}

/// Empties the log if it was cut off while it was made.
pub(super) fn clear(path: &Path) -> io::Result<()> {
    let len = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?.len(),
    };
    if is_torn(len) {
        warn!(path = %path.display(), bytes = len, "the engine's log was cut off before its first entry; it is begun again");
        File::options().write(true).open(path)?.set_len(0)?;
    }
    Ok(())
}
