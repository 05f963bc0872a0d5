//! Disk volumes: a sparse file with an ext4 of exactly the size that was paid for, mounted
//! through a loop device, so that the kernel itself refuses the byte too many.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat, statvfs};

use crate::error::{Error, IoContext, Result};
use crate::shell::Call;

/// What a volume is for; decides whether it needs a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A tenant's data, which outlives a crash of the machine.
    Data,
    /// The writable layer of a root file system, made anew for every container.
    Scratch,
}

/// Makes the file at `path` unless it exists; its root directory belongs to `owner` (uid, gid).
pub(crate) async fn create(path: &Path, size: u64, owner: (u32, u32), purpose: Purpose) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    // Made under another name first: an existing volume is always a complete one.
    let draft = path.with_extension("draft");
    let file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).at("creating", &draft)?;
    file.set_len(size).at("sizing", &draft)?;
    let made = format(&draft, owner, purpose).await;
    if let Err(error) = made {
        let _ = fs::remove_file(&draft);
        return Err(error);
    }
    fs::rename(&draft, path).at("renaming", path)
}

async fn format(path: &Path, (uid, gid): (u32, u32), purpose: Purpose) -> Result<()> {
    let call = Call::new("mkfs.ext4")
        // No blocks for root: the tenant paid for all of them.
        .args(["-q", "-F", "-m", "0"])
        .arg("-E")
        .arg(format!("root_owner={uid}:{gid},lazy_itable_init=1,lazy_journal_init=1,nodiscard"));
    let call = match purpose {
        Purpose::Data => call,
        Purpose::Scratch => call.args(["-O", "^has_journal"]),
    };
    call.arg(path).run().await.map(drop)
}

/// Mounts the file system in the file `image` at the directory `target`.
pub(crate) async fn mount(image: &Path, target: &Path, read_only: bool) -> Result<()> {
    ensure_loop_control()?;
    fs::create_dir_all(target).at("making", target)?;
    let access = if read_only { "ro" } else { "rw" };
    let mounted = Call::new("mount")
        .args(["-t", "ext4", "-o"])
        .arg(format!("loop,nosuid,nodev,{access}"))
        .args([image, target])
        .run()
        .await;
    mounted.map(drop).map_err(|error| match &error {
        Error::ToolFailed { stderr, .. } if stderr.contains("loop device") => {
            Error::LoopUnavailable { reason: stderr.clone() }
        }
        _ => error,
    })
}

/// Makes sure that what was promised fits.
pub(crate) fn check_space(dir: &Path, what: &str, needed: u64) -> Result<()> {
    let free = unpromised_bytes(dir)?;
    match needed <= free {
        true => Ok(()),
        false => Err(Error::NoSpace { what: what.to_owned(), needed, free, path: dir.to_owned() }),
    }
}

/// Bytes free on the file system of `dir`, less what the volumes below it have not written yet.
pub(crate) fn unpromised_bytes(dir: &Path) -> Result<u64> {
    Ok(free_bytes(dir)?.saturating_sub(unwritten(dir)))
}

/// Bytes that an unprivileged process could still write below `dir`.
pub(crate) fn free_bytes(dir: &Path) -> Result<u64> {
    let stat = statvfs(dir).at("asking the free space of", dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Size of the file system of `dir` in bytes.
pub(crate) fn total_bytes(dir: &Path) -> Result<u64> {
    let stat = statvfs(dir).at("asking the size of", dir)?;
    Ok(stat.f_blocks.saturating_mul(stat.f_frsize))
}

/// Whether sizes can be enforced: makes, mounts and unmounts a small volume in `dir`.
///
/// # Errors
/// Says which step failed.
pub(crate) async fn probe(dir: &Path) -> Result<()> {
    let scratch = dir.join(format!(".loop-probe-{}", std::process::id()));
    fs::create_dir_all(&scratch).at("making", &scratch)?;
    let (image, target) = (scratch.join("image"), scratch.join("mounted"));
    let outcome = match create(&image, 4 << 20, (0, 0), Purpose::Scratch).await {
        Ok(()) => mount(&image, &target, false).await,
        Err(error) => Err(error),
    };
    let _ = rustix::mount::unmount(&target, rustix::mount::UnmountFlags::DETACH);
    let _ = fs::remove_dir_all(&scratch);
    outcome
}

/// Sum over all sparse files below `dir` of size less allocated bytes.
fn unwritten(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match (entry.file_type(), entry.metadata()) {
            (Ok(kind), _) if kind.is_dir() => unwritten(&entry.path()),
            (Ok(kind), Ok(meta)) if kind.is_file() && is_volume(&entry.path()) => {
                meta.len().saturating_sub(meta.blocks().saturating_mul(512))
            }
            _ => 0,
        })
        .sum()
}

fn is_volume(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == VOLUME_EXTENSION)
}

/// Extension of volume files.
pub(crate) const VOLUME_EXTENSION: &str = "ext4";

/// Minimal machines have the driver but no node for it.
fn ensure_loop_control() -> Result<()> {
    let path = PathBuf::from("/dev/loop-control");
    if path.exists() {
        return Ok(());
    }
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, &path, FileType::CharacterDevice, mode, makedev(10, 237)).map_err(|error| Error::LoopUnavailable {
        reason: format!("/dev/loop-control is absent and cannot be made: {error}"),
    })
}
