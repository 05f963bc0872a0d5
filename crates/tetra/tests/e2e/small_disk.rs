//! File systems so small that they fill.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

const MIB: u64 = 1 << 20;

/// A small file system in the place of a folder, with what the folder held.
pub(crate) struct SmallDisk {
    at: PathBuf,
    /// Holds the file of the file system.
    _file: tempfile::TempDir,
}

impl SmallDisk {
    pub(crate) fn over(at: &Path, size: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (file, kept) = (folder.path().join("disk.ext4"), at.with_extension("kept"));
        fs::File::create(&file).unwrap().set_len(size).unwrap();
        run("mkfs.ext4", &["-q", "-m", "0", file.to_str().unwrap()]);
        fs::rename(at, &kept).unwrap();
        fs::create_dir(at).unwrap();
        run("mount", &["-o", "loop", file.to_str().unwrap(), at.to_str().unwrap()]);
        let disk = Self { at: at.to_owned(), _file: folder };
        run("cp", &["-a", &format!("{}/.", kept.display()), at.to_str().unwrap()]);
        disk
    }

    pub(crate) fn ballast(&self) -> PathBuf {
        self.at.join("ballast")
    }

    /// Fills it until so many bytes are free.
    pub(crate) fn fill(&self, leaving: u64) {
        let stat = nix::sys::statvfs::statvfs(&self.at).unwrap();
        let free = stat.blocks_available() * stat.fragment_size();
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        let most = free.saturating_sub(leaving + MIB);
        nix::fcntl::posix_fallocate(&ballast, 0, most.cast_signed()).unwrap();
        ballast.seek(SeekFrom::End(0)).unwrap();
        let block = [0; 4096];
        let last = if leaving == 0 { u64::MAX } else { MIB / 4096 };
        for _ in 0..last {
            if ballast.write_all(&block).is_err() {
                return;
            }
        }
    }

    pub(crate) fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
