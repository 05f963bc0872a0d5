//! The root file system of one container: the image, shared and read-only, under a writable layer
//! of limited size.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Gid, Uid};
use rustix::mount::{UnmountFlags, mount_bind, unmount};

use crate::error::{IoContext, Result};
use crate::spec::PodSpec;
use crate::userns;

/// Directories of one replica under the run directory.
#[derive(Clone, Debug)]
pub(crate) struct ReplicaDirs {
    base: PathBuf,
}

impl ReplicaDirs {
    pub(crate) fn new(pod_run_dir: &Path, replica: &str) -> Self {
        Self { base: pod_run_dir.join(replica) }
    }

    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    /// `config.json` and the records of the shim.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.base.join("bundle")
    }

    pub(crate) fn user_namespace(&self) -> PathBuf {
        self.base.join("userns")
    }

    pub(crate) fn rootfs(&self) -> PathBuf {
        self.base.join("rootfs")
    }

    /// The image with shifted owners.
    pub(crate) fn lower(&self) -> PathBuf {
        self.base.join("image")
    }

    /// File system of the writable layer.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.base.join("scratch")
    }

    pub(crate) fn volume(&self, name: &str) -> PathBuf {
        self.base.join("volumes").join(name)
    }

    /// Makes the directories that mounts need. All users may pass: the container's do.
    pub(crate) fn create(&self) -> Result<()> {
        for dir in [self.bundle(), self.rootfs(), self.lower(), self.scratch(), self.base.join("volumes")] {
            fs::create_dir_all(&dir).at("making", dir)?;
        }
        Ok(())
    }
}

/// Mounts the root file system: `tree` under the scratch volume, whose owner is `root_uid`. It is shifted by the user
/// namespace, unless its files belong to the machine's own root.
pub(crate) fn mount(dirs: &ReplicaDirs, tree: &Path, root_uid: u32) -> Result<()> {
    let (upper, work) = (dirs.scratch().join("upper"), dirs.scratch().join("work"));
    for dir in [&upper, &work] {
        fs::create_dir_all(dir).at("making", dir)?;
    }
    let (uid, gid) = (Uid::from_raw(root_uid), Gid::from_raw(root_uid));
    rustix::fs::chownat(CWD, &upper, Some(uid), Some(gid), rustix::fs::AtFlags::empty())
        .at("setting owner of", &upper)?;
    let mode = fs::metadata(tree).at("reading", tree)?.permissions();
    fs::set_permissions(&upper, mode).at("setting mode of", &upper)?;
    match root_uid {
        0 => {
            fs::set_permissions(dirs.base(), Permissions::from_mode(0o700)).at("closing", dirs.base())?;
            mount_bind(tree, dirs.lower()).at("mounting", dirs.lower())?;
        }
        _ => userns::mount_shifted(tree, &dirs.lower(), &dirs.user_namespace())?,
    }
    let options =
        format!("lowerdir={},upperdir={},workdir={}", dirs.lower().display(), upper.display(), work.display());
    let options = std::ffi::CString::new(options).map_err(|e| std::io::Error::new(ErrorKind::InvalidInput, e));
    let options = options.at("mounting", dirs.rootfs())?;
    rustix::mount::mount("overlay", dirs.rootfs(), "overlay", userns::SAFE, options.as_c_str())
        .at("mounting overlay at", dirs.rootfs())
}

/// Writes the files that name the network, and returns where the container sees them.
pub(crate) fn write_network_files(
    dirs: &ReplicaDirs,
    spec: &PodSpec,
    own_name: &str,
    own_address: Ipv4Addr,
    peers: &[(&str, Ipv4Addr)],
    name_servers: &[Ipv4Addr],
) -> Result<Vec<(PathBuf, &'static str)>> {
    let mut hosts = String::from("127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
    // A service's own name means this very replica.
    hosts.push_str(&format!("{own_address} {own_name}\n"));
    for (name, address) in peers.iter().filter(|(name, _)| *name != own_name) {
        hosts.push_str(&format!("{address} {name}\n"));
    }
    let servers: String = match spec.egress {
        crate::spec::Egress::Internet => name_servers.iter().map(|s| format!("nameserver {s}\n")).collect(),
        crate::spec::Egress::None => String::new(),
    };
    let mut files = Vec::new();
    for (name, target, text) in [
        ("hosts", "/etc/hosts", hosts),
        ("hostname", "/etc/hostname", format!("{own_name}\n")),
        ("resolv.conf", "/etc/resolv.conf", servers),
    ] {
        let path = dirs.base().join(name);
        fs::write(&path, text).at("writing", &path)?;
        files.push((path, target));
    }
    Ok(files)
}

/// Mount points at or below `dir`, deepest and newest first.
pub(crate) fn mounts_below(dir: &Path) -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut points: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|point| PathBuf::from(point.replace("\\040", " ")))
        .filter(|point| point.starts_with(dir))
        .collect();
    points.reverse();
    points
}

/// Unmounts everything at or below `dir` at once; what is still in use goes when it ends.
pub(crate) fn unmount_below(dir: &Path) -> Result<()> {
    for point in mounts_below(dir) {
        // A clean unmount frees the loop device before returning; in use, it is detached.
        if unmount(&point, UnmountFlags::empty()).is_err() {
            unmount(&point, UnmountFlags::DETACH).at("unmounting", &point)?;
        }
    }
    Ok(())
}
