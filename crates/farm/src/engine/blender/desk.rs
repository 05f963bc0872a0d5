//! The folder in which a process works, and which it may have made hostile.

use std::fs::File;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::super::fault::Fault;
use super::Blender;

/// The Python side of the conversation.
const DRIVER: [(&str, &str); 2] =
    [("driver.py", include_str!("driver.py")), ("scene_facts.py", include_str!("scene_facts.py"))];

/// Folder below a work folder where the driver's results go.
pub(super) const OUT: &str = "out";

/// A fresh folder for one process; gone when it is dropped. The process owns the inside of it and may lay links there.
pub(super) struct Desk {
    folder: tempfile::TempDir,
    /// Requests have places of their own, so that nothing of one is taken for another's.
    turn: u32,
}

impl Desk {
    pub(super) fn new(engine: &Blender) -> Result<Self, Fault> {
        let scratch = std::path::absolute(&engine.scratch).map_err(Fault::io("the scratch folder"))?;
        let folder = tempfile::Builder::new().prefix("tetra-render-").tempdir_in(&scratch);
        let told = Fault::io(format!("a folder below {}", scratch.display()));
        let desk = Self { folder: folder.map_err(told)?, turn: 0 };
        let told = || Fault::io("the work folder");
        for name in ["tmp", "home", OUT] {
            std::fs::create_dir_all(desk.work().join(name)).map_err(told())?;
        }
        std::fs::create_dir(desk.root()).map_err(told())?;
        for (name, text) in DRIVER {
            std::fs::write(desk.work().join(name), text).map_err(told())?;
        }
        if let Some(owner) = engine.confine.owner() {
            for name in ["", "tmp", "home", OUT] {
                chown(desk.work().join(name), Some(owner), Some(owner)).map_err(told())?;
            }
        }
        Ok(desk)
    }

    pub(super) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// The next request's places.
    pub(super) fn turn(&mut self) {
        self.turn = self.turn.saturating_add(1);
    }

    /// Below the work folder: where a request's results go. The driver makes it.
    pub(super) fn out(&self) -> PathBuf {
        Path::new(OUT).join(self.turn.to_string())
    }

    /// A new file that the process may read, and where it is.
    pub(super) fn put(&self, name: &str) -> Result<(File, PathBuf), Fault> {
        use rustix::fs::{Mode, OFlags};
        let name = PathBuf::from(format!("in-{}-{name}", self.turn));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = self
            .at(&name, flags, Mode::from_raw_mode(0o644))
            .map_err(|error| Fault::Io { what: format!("writing {}", name.display()), source: error.into() })?;
        Ok((file, self.work().join(name)))
    }

    /// Opens below the work folder, without following a link anywhere on the way.
    fn at(&self, name: &Path, flags: rustix::fs::OFlags, mode: rustix::fs::Mode) -> rustix::io::Result<File> {
        use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
        let folder = open(self.work(), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        Ok(openat2(&folder, name, flags, mode, resolve)?.into())
    }

    /// Opens what the process wrote. It may have laid links instead of files, which are not followed.
    pub(super) fn take(&self, name: &Path) -> Result<File, Fault> {
        use rustix::fs::{Mode, OFlags};
        // Without waiting, so that a pipe in place of a file holds nobody up.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = self.at(name, flags, Mode::empty()).map_err(|error| match error {
            rustix::io::Errno::NOENT => Fault::Engine(format!("it wrote no {}", name.display())),
            error => Fault::Io { what: format!("opening {}", name.display()), source: error.into() },
        })?;
        let metadata = file.metadata().map_err(Fault::io(format!("looking at {}", name.display())))?;
        if metadata.is_file() { Ok(file) } else { Err(Fault::Engine(format!("{} is no file", name.display()))) }
    }

    /// Copies what the process wrote to where it is to be.
    pub(super) fn deliver(&self, name: &Path, target: &Path) -> Result<(), Fault> {
        let mut file = self.take(name)?;
        let folder = target.parent().unwrap_or(Path::new("/"));
        let told = || Fault::io(format!("writing {}", target.display()));
        std::fs::create_dir_all(folder).map_err(told())?;
        let mut copy = tempfile::Builder::new().prefix(".tetra-").tempfile_in(folder).map_err(told())?;
        std::io::copy(&mut file, &mut copy).map_err(told())?;
        // Temporary files are their owner's alone; what was delivered may be read, by the next sandbox too.
        copy.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(told())?;
        copy.persist(target).map_err(|error| told()(error.error))?;
        Ok(())
    }

    /// A request's results, links left out.
    pub(super) fn results(&self) -> Result<Vec<PathBuf>, Fault> {
        const MOST: usize = 10_000;
        let mut found = Vec::new();
        let mut folders = vec![self.out()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(self.work().join(&folder)).map_err(Fault::io("listing results"))? {
                let entry = entry.map_err(Fault::io("listing results"))?;
                let kind = entry.file_type().map_err(Fault::io("listing results"))?;
                let path = folder.join(entry.file_name());
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    found.push(path);
                }
                if found.len() + folders.len() > MOST {
                    return Err(Fault::Engine(format!("it wrote more than {MOST} files")));
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that stays can lay links where the next request's files are to be.
    #[test]
    fn links_of_the_process_are_not_followed() {
        let mut desk = Desk { folder: tempfile::tempdir().unwrap(), turn: 0 };
        std::fs::create_dir(desk.work()).unwrap();
        let outside = desk.folder.path().join("outside");
        std::fs::write(&outside, "mine").unwrap();
        std::os::unix::fs::symlink(&outside, desk.work().join("in-0-a")).unwrap();
        std::os::unix::fs::symlink(desk.folder.path(), desk.work().join(OUT)).unwrap();
        assert!(desk.put("a").is_err(), "what is there is not written");
        assert!(desk.take(&Path::new(OUT).join("outside")).is_err(), "a folder's link is not followed");
        desk.turn();
        let (_, path) = desk.put("a").unwrap();
        assert_eq!(path, desk.work().join("in-1-a"));
        assert_eq!(std::fs::read(outside).unwrap(), b"mine");
    }
}
