//! Namespaces that outlive the processes in them, and id-mapped mounts.
//!
//! Each replica gets a user namespace (its lease's uid range) that owns its network namespace, as
//! the kernel wants it for `/sys` and for binding low ports. Both are pinned by bind mounts.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::mount::{MountFlags, MountPropagationFlags, mount_bind, mount_change};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::error::{Error, IoContext, Result};
use crate::idmap;
use crate::rootfs::mounts_below;
use crate::slots::UID_RANGE;

/// Where iproute2 looks for named network namespaces.
pub(crate) const NETNS_DIR: &str = "/run/netns";

const READY: Duration = Duration::from_secs(20);

/// Makes the pair of namespaces and pins them at `user` and at the name `net`.
pub(crate) async fn pin_namespaces(uid_base: u32, user: &Path, net: &str) -> Result<()> {
    share(Path::new(NETNS_DIR))?;
    let mut holder = Holder::spawn().await?;
    let outcome = holder.pin(uid_base, user, &netns_path(net));
    holder.release().await;
    outcome
}

/// Makes the folder of named network namespaces a shared mount point, as `ip netns add` does where it is none yet:
/// iproute2 would mount it over itself and hide what is pinned there, which then could not be taken away any more.
fn share(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).at("making", dir)?;
    // iproute2 takes the same lock.
    let lock = File::open(dir).at("opening", dir)?;
    flock(&lock, FlockOperation::LockExclusive).at("locking", dir)?;
    // What is pinned there already must not be hidden by this either.
    if mounts_below(dir).is_empty() {
        mount_bind(dir, dir).at("mounting", dir)?;
        mount_change(dir, MountPropagationFlags::SHARED).at("sharing", dir)?;
    }
    Ok(())
}

pub(crate) fn netns_path(name: &str) -> PathBuf {
    Path::new(NETNS_DIR).join(name)
}

/// Shows the tree at `source` at `target`, its owners shifted by the user namespace's mapping.
pub(crate) fn mount_shifted(source: &Path, target: &Path, user: &Path) -> Result<()> {
    let namespace = File::open(user).at("opening", user)?;
    idmap::bind_mapped(source, target, &namespace)
        .map_err(|error| Error::IdmapUnavailable { path: source.to_owned(), reason: error.to_string() })
}

/// A process that sits in the new namespaces until its standard input closes. `unshare` cannot be
/// called in this process: making a user namespace needs a single thread.
struct Holder {
    child: Child,
    pid: u32,
}

impl Holder {
    async fn spawn() -> Result<Self> {
        let failed = |reason: String| Error::ToolFailed {
            command: "unshare --user --net".to_owned(),
            status: "no namespaces".to_owned(),
            stderr: reason,
        };
        let mut child = Command::new("unshare")
            .args(["--user", "--net", "sh", "-c", "echo ready; read _"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let pid = child.id().ok_or_else(|| failed("it ended at once".to_owned()))?;
        let stdout = child.stdout.take();
        let mut line = String::new();
        if let Some(stdout) = stdout {
            let mut reader = BufReader::new(stdout);
            let _ = tokio::time::timeout(READY, reader.read_line(&mut line)).await;
        }
        match line.trim() {
            "ready" => Ok(Self { child, pid }),
            _ => Err(failed("user namespaces are switched off here; see user.max_user_namespaces".to_owned())),
        }
    }

    fn pin(&self, uid_base: u32, user: &Path, net: &Path) -> Result<()> {
        let proc = PathBuf::from(format!("/proc/{}", self.pid));
        let map = format!("0 {uid_base} {UID_RANGE}\n");
        for name in ["uid_map", "gid_map"] {
            let path = proc.join(name);
            fs::write(&path, &map).at("writing", path)?;
        }
        pin(&proc.join("ns/user"), user)?;
        pin(&proc.join("ns/net"), net)
    }

    async fn release(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait().await;
    }
}

fn pin(namespace: &Path, target: &Path) -> Result<()> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).at("making", parent)?;
    }
    File::create(target).at("creating", target)?;
    mount_bind(namespace, target).at("pinning namespace", target)
}

/// Whether the kernel can shift owners on the file system of `dir`.
pub(crate) async fn probe_idmap(dir: &Path) -> Result<()> {
    let scratch = dir.join(format!(".idmap-probe-{}", std::process::id()));
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    fs::create_dir_all(&source).at("making", &source)?;
    fs::create_dir_all(&target).at("making", &target)?;
    let mut holder = Holder::spawn().await?;
    let user = PathBuf::from(format!("/proc/{}/ns/user", holder.pid));
    let map = fs::write(format!("/proc/{}/uid_map", holder.pid), "0 524288 65536\n")
        .and_then(|()| fs::write(format!("/proc/{}/gid_map", holder.pid), "0 524288 65536\n"));
    let outcome = map.at("writing", &user).and_then(|()| mount_shifted(&source, &target, &user));
    holder.release().await;
    let _ = rustix::mount::unmount(&target, rustix::mount::UnmountFlags::DETACH);
    let _ = fs::remove_dir_all(&scratch);
    outcome
}

/// Makes an existing mount refuse set-uid bits and device nodes.
pub(crate) const SAFE: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);
