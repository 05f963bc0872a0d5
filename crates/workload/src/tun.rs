//! The TUN device of containers that may make network devices: a node of this runtime's own, for that of the machine may be open to
//! root alone, who is nobody in a container.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::io::Errno;

use crate::error::{IoContext, Result};

/// Its number, in the kernel's list of devices.
pub(crate) const MAJOR: u32 = 10;
pub(crate) const MINOR: u32 = 200;
/// Where containers see it.
pub(crate) const PATH: &str = "/dev/net/tun";

/// The node in a runtime's data folder; made where it is not there.
///
/// # Errors
/// [`crate::Error::Io`] when the kernel makes none.
pub(crate) fn node(data: &Path) -> Result<PathBuf> {
    let node = data.join("tun");
    match mknodat(CWD, &node, FileType::CharacterDevice, Mode::empty(), makedev(MAJOR, MINOR)) {
        Err(Errno::EXIST) => {}
        made => made.at("making device", &node)?,
    }
    // Whoever opens it can do no more than their rights over their network allow.
    fs::set_permissions(&node, Permissions::from_mode(0o666)).at("opening up", &node)?;
    Ok(node)
}

/// Whether containers could be given one.
///
/// # Errors
/// [`crate::Error::Io`] when the kernel has none, or the file system takes no device nodes (it is mounted `nodev`).
pub fn probe(data: &Path) -> Result<()> {
    fs::create_dir_all(data).at("making", data)?;
    let node = node(data)?;
    OpenOptions::new().read(true).write(true).open(&node).map(drop).at("opening", node)
}
