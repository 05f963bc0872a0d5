//! Layers into one tree. Every layer is taken to be hostile.
//!
//! Paths are resolved by the kernel inside of the tree (`openat2` with `RESOLVE_IN_ROOT`), so no
//! `..` and no symbolic link of any layer leads out of it; only the last component is acted upon,
//! and never followed. Device nodes are left out: containers get their own `/dev`, and nothing
//! else is mounted with devices. Extended attributes are left out too: capabilities of files are
//! void under `no_new_privs`, and `trusted.overlay.*` would steer the overlay.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, chmodat, chownat, fchmod,
    fchown, futimens, linkat, mkdirat, mknodat, openat, openat2, readlinkat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use tar::{Entry, EntryType};

use super::ImageLimits;
use super::format::{Compression, Digest};
use crate::error::{Error, IoContext, Result};
use crate::slots::UID_RANGE;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Longest path of a directory in the tree: bounds the depth that removing it descends to.
const MAX_PATH: usize = 3072;

/// Applies layers in their order to one tree.
pub(crate) struct Unpacker {
    root: OwnedFd,
    root_path: PathBuf,
    limits: ImageLimits,
    /// Bytes read of all layers, decompressed.
    bytes: u64,
    /// Bytes of all files: a sparse one holds more than its layer.
    content: u64,
    entries: u64,
}

impl Unpacker {
    /// `root` must be an existing directory that nobody else writes to.
    pub(crate) fn new(root: &Path, limits: ImageLimits) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root_path = root.canonicalize().at("resolving", root)?;
        let root = openat(CWD, &root_path, flags, Mode::empty()).at("opening", root)?;
        chmodat(CWD, &root_path, Mode::from_raw_mode(0o755), AtFlags::empty()).at("opening up", &root_path)?;
        Ok(Self { root, root_path, limits, bytes: 0, content: 0, entries: 0 })
    }

    /// Applies one layer, whose uncompressed content must hash to `diff_id`.
    pub(crate) fn apply(&mut self, mut blob: File, diff_id: &Digest) -> Result<()> {
        let invalid = |error: io::Error| Error::image(format!("layer {diff_id}"), error);
        let mut head = [0; 4];
        let length = blob.read(&mut head).map_err(invalid)?;
        blob.rewind().map_err(invalid)?;
        let blob = BufReader::with_capacity(1 << 16, blob);
        let reader: Box<dyn Read> = match Compression::of(&head[..length]) {
            Compression::None => Box::new(blob),
            Compression::Gzip => Box::new(MultiGzDecoder::new(blob)),
            Compression::Zstd => Box::new(
                ruzstd::decoding::StreamingDecoder::new(blob)
                    .map_err(|error| invalid(io::Error::other(error.to_string())))?,
            ),
        };
        let budget = self.limits.unpacked_bytes.saturating_sub(self.bytes);
        let mut reader = HashingReader { inner: reader, hash: Sha256::new(), length: 0, budget };
        let mut made = HashSet::new();
        let mut archive = tar::Archive::new(&mut reader);
        for entry in archive.entries().map_err(invalid)? {
            self.apply_entry(entry.map_err(invalid)?, &mut made)?;
        }
        // Padding after the end of the archive belongs to the hash.
        io::copy(&mut reader, &mut io::sink()).map_err(invalid)?;
        self.bytes += reader.length;
        let digest = Digest::from_hash(&reader.hash.finalize());
        match digest == *diff_id {
            true => Ok(()),
            false => Err(Error::image(format!("layer {diff_id}"), format!("its content hashes to {digest}"))),
        }
    }

    fn apply_entry<R: Read>(&mut self, mut entry: Entry<'_, R>, made: &mut HashSet<PathBuf>) -> Result<()> {
        let raw = PathBuf::from(std::ffi::OsString::from_vec(entry.path_bytes().into_owned()));
        let refuse = |reason: &str| refusal(&raw, reason);
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(refuse(&format!("the image has more than {} entries", self.limits.entries)));
        }
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        let path = inside(&raw)?;
        let Some(name) = path.file_name().map(ToOwned::to_owned) else {
            return self.set_root(&entry).at("setting owner of", &self.root_path);
        };
        let parent = self.parent(&path)?;
        if name.as_bytes() == OPAQUE {
            return clear_lower(&parent, &path, made).at("clearing", &raw);
        }
        if let Some(hidden) = name.as_bytes().strip_prefix(WHITEOUT) {
            return self.whiteout(&parent, &path, hidden, made);
        }
        self.content = self.content.saturating_add(entry.size());
        if self.content > self.limits.unpacked_bytes {
            return Err(refuse(&format!("with it the image holds more than {} bytes", self.limits.unpacked_bytes)));
        }
        let owner = owner(&entry).map_err(|reason| refuse(&reason))?;
        let mode = Mode::from_raw_mode(entry.header().mode().map_err(|e| refuse(&e.to_string()))? & 0o7777);
        self.make_way(&parent, &name, kind).at("replacing", &raw)?;
        match kind {
            EntryType::Directory => make_directory(&parent, &name, owner, mode).at("making", &raw)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let modified = entry.header().mtime().unwrap_or(0);
                make_file(&parent, &name, &mut entry, owner, mode, modified).at("writing", &raw)?;
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().ok_or_else(|| refuse("a link without a target"))?;
                symlinkat(std::ffi::OsStr::from_bytes(&target), &parent, &name)
                    .and_then(|()| chown_link(&parent, &name, owner))
                    .at("linking", &raw)?;
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().ok_or_else(|| refuse("a link without a target"))?;
                self.hard_link(&parent, &name, Path::new(std::ffi::OsStr::from_bytes(&target)), &raw)?;
            }
            EntryType::Fifo => mknodat(&parent, &name, FileType::Fifo, mode, 0)
                .and_then(|()| chown_link(&parent, &name, owner))
                .at("making", &raw)?,
            EntryType::Char | EntryType::Block => return Ok(()),
            _ => return Err(refuse("an entry of unknown type")),
        }
        made.insert(path);
        Ok(())
    }

    fn set_root<R: Read>(&self, entry: &Entry<'_, R>) -> Result<(), Errno> {
        let mode = entry.header().mode().unwrap_or(0o755) & 0o7777;
        chmodat(CWD, &self.root_path, Mode::from_raw_mode(mode), AtFlags::empty())
    }

    fn whiteout(&self, parent: &OwnedFd, path: &Path, hidden: &[u8], made: &HashSet<PathBuf>) -> Result<()> {
        // aufs keeps its own records under names that begin with a doubled prefix.
        if hidden.starts_with(WHITEOUT) {
            return Ok(());
        }
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(refusal(path, "a whiteout of no name"));
        }
        let hidden = std::ffi::OsStr::from_bytes(hidden);
        if made.contains(&path.with_file_name(hidden)) {
            return Ok(());
        }
        remove(parent.as_fd(), hidden).at("removing", path)
    }

    fn hard_link(&self, parent: &OwnedFd, name: &std::ffi::OsStr, target: &Path, raw: &Path) -> Result<()> {
        let target = inside(target)?;
        let missing = || refusal(raw, &format!("a hard link to `{}`, which is no file of the image", target.display()));
        let (Some(target_name), Some(above)) = (target.file_name(), target.parent()) else {
            return Err(missing());
        };
        let above = self.open_dir(above).map_err(|_| missing())?;
        let found = statat(&above, target_name, AtFlags::SYMLINK_NOFOLLOW).map_err(|_| missing())?;
        if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
            return Err(missing());
        }
        linkat(&above, target_name, parent, name, AtFlags::empty()).at("linking", raw)
    }

    /// Opens the directory that holds `path`, making what layers left out.
    fn parent(&self, path: &Path) -> Result<OwnedFd> {
        let dir = path.parent().unwrap_or(Path::new(""));
        match self.open_dir(dir) {
            Ok(fd) => self.checked_depth(fd, path),
            Err(Errno::NOENT | Errno::NOTDIR) => {
                self.make_parents(dir)?;
                let fd = self.open_dir(dir).at("opening", dir)?;
                self.checked_depth(fd, path)
            }
            Err(error) => Err(error).at("opening", dir),
        }
    }

    fn make_parents(&self, dir: &Path) -> Result<()> {
        let mut done = PathBuf::new();
        for part in dir.components() {
            let above = self.open_dir(&done).at("opening", &done)?;
            done.push(part);
            match self.open_dir(&done) {
                Ok(_) => continue,
                Err(Errno::NOTDIR) => remove(above.as_fd(), part.as_os_str()).at("replacing", &done)?,
                Err(_) => {}
            }
            let mode = Mode::from_raw_mode(0o755);
            mkdirat(&above, part.as_os_str(), mode)
                .map_err(|_| refusal(&done, "its directory is a link that leads nowhere in the image"))?;
        }
        Ok(())
    }

    fn open_dir(&self, dir: &Path) -> Result<OwnedFd, Errno> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        openat2(&self.root, dir, flags, Mode::empty(), resolve)
    }

    fn checked_depth(&self, dir: OwnedFd, path: &Path) -> Result<OwnedFd> {
        let link = format!("/proc/self/fd/{}", dir.as_raw_fd());
        let place = readlinkat(CWD, link, Vec::new()).at("resolving", path)?;
        match place.to_bytes().len() <= MAX_PATH {
            true => Ok(dir),
            false => Err(refusal(path, &format!("its directory's path is longer than {MAX_PATH} bytes"))),
        }
    }

    /// Removes what stands at the place of a new entry; a directory stays for a directory.
    fn make_way(&self, parent: &OwnedFd, name: &std::ffi::OsStr, kind: EntryType) -> Result<(), Errno> {
        match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error),
            Ok(found) => {
                let is_dir = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
                match is_dir && kind == EntryType::Directory {
                    true => Ok(()),
                    false => remove(parent.as_fd(), name),
                }
            }
        }
    }
}

/// The path as components below the root; `..` is refused rather than resolved.
fn inside(raw: &Path) -> Result<PathBuf> {
    let mut path = PathBuf::new();
    for component in raw.components() {
        match component {
            Component::Normal(part) if part.len() > 255 => {
                return Err(refusal(raw, "a name longer than 255 bytes"));
            }
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir => return Err(refusal(raw, "`..` in a path")),
            Component::Prefix(_) => return Err(refusal(raw, "a path with a drive")),
        }
    }
    match path.as_os_str().as_bytes() {
        bytes if bytes.contains(&0) => Err(refusal(raw, "a NUL in a path")),
        bytes if bytes.len() > MAX_PATH => Err(refusal(raw, "its path is too long")),
        _ => Ok(path),
    }
}

fn owner<R: Read>(entry: &Entry<'_, R>) -> Result<(Uid, Gid), String> {
    let header = entry.header();
    let (uid, gid) = (header.uid().map_err(|e| e.to_string())?, header.gid().map_err(|e| e.to_string())?);
    let within = |id: u64| u32::try_from(id).ok().filter(|id| *id < UID_RANGE);
    match (within(uid), within(gid)) {
        (Some(uid), Some(gid)) => Ok((Uid::from_raw(uid), Gid::from_raw(gid))),
        _ => Err(format!("owner {uid}:{gid} lies outside of a lease's range (0 to {})", UID_RANGE - 1)),
    }
}

fn make_directory(parent: &OwnedFd, name: &std::ffi::OsStr, owner: (Uid, Gid), mode: Mode) -> Result<(), Errno> {
    match mkdirat(parent, name, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = openat(parent, name, flags, Mode::empty())?;
    fchown(&dir, Some(owner.0), Some(owner.1))?;
    fchmod(&dir, mode)
}

fn make_file(
    parent: &OwnedFd,
    name: &std::ffi::OsStr,
    content: &mut impl Read,
    owner: (Uid, Gid),
    mode: Mode,
    modified: u64,
) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(parent, name, flags, Mode::from_raw_mode(0o600))?);
    io::copy(content, &mut file)?;
    // Mode after owner: changing the owner clears the set-uid bit.
    fchown(&file, Some(owner.0), Some(owner.1))?;
    fchmod(&file, mode)?;
    let time = Timespec { tv_sec: i64::try_from(modified).unwrap_or(0), tv_nsec: 0 };
    futimens(&file, &Timestamps { last_access: time, last_modification: time })?;
    Ok(())
}

fn chown_link(parent: &OwnedFd, name: &std::ffi::OsStr, (uid, gid): (Uid, Gid)) -> Result<(), Errno> {
    chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
}

/// Removes from a directory all that lower layers put there.
fn clear_lower(parent: &OwnedFd, marker: &Path, made: &HashSet<PathBuf>) -> Result<(), Errno> {
    for name in children(parent.as_fd(), c".")? {
        if !made.contains(&marker.with_file_name(&name)) {
            remove(parent.as_fd(), &name)?;
        }
    }
    Ok(())
}

/// Removes a name and all below it, following nothing.
fn remove(parent: BorrowedFd<'_>, name: &std::ffi::OsStr) -> Result<(), Errno> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR) => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = openat(parent, name, flags, Mode::empty())?;
    for child in children(dir.as_fd(), c".")? {
        remove(dir.as_fd(), &child)?;
    }
    unlinkat(parent, name, AtFlags::REMOVEDIR)
}

fn children(parent: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<Vec<std::ffi::OsString>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = Dir::new(openat(parent, name, flags, Mode::empty())?)?;
    let mut names = Vec::new();
    for entry in dir {
        let entry = entry?;
        match entry.file_name().to_bytes() {
            b"." | b".." => {}
            name => names.push(std::ffi::OsString::from_vec(name.to_vec())),
        }
    }
    Ok(names)
}

fn refusal(path: &Path, reason: &str) -> Error {
    Error::HostileLayer { entry: path.display().to_string(), reason: reason.to_owned() }
}

/// Hashes what is read, and ends a decompression bomb.
struct HashingReader<R> {
    inner: R,
    hash: Sha256,
    length: u64,
    budget: u64,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.length += read as u64;
        match self.length > self.budget {
            true => Err(io::Error::other("the image unpacks to more bytes than this store allows")),
            false => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests;
