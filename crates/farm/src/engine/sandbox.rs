//! What a process that reads a hostile scene is put into.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::fault::Fault;
use super::types::Device;

/// What the shell of the sandbox says before why it gives up.
pub(super) const REFUSAL: &str = "tetra-sandbox: ";

/// Sets up the new root and becomes the command; see there.
const SCRIPT: &str = include_str!("confine.sh");

/// Programs and libraries of the system; those of them that are there.
const SYSTEM: [&str; 7] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr", "/etc/ld.so.cache"];

/// The uid of whoever has none: nobody owns files by it.
const NOBODY: u32 = 65_534;

/// What one process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory of its own that each process may have. What it reads from files counts for nothing.
    pub memory: u64,
    /// Bytes of address space of each process. Drivers of GPUs reserve more than there is, so that these have no such limit.
    pub address_space: u64,
    /// Seconds of processor time of each process.
    pub cpu_seconds: u64,
    /// Bytes of each file that is written.
    pub file_bytes: u64,
    /// How long it may report nothing.
    pub no_progress: Duration,
    /// How long it may take in all.
    pub total: Duration,
}

impl Default for Limits {
    /// 64 GiB of either, a day of one processor, 16 GiB, ten minutes, six hours.
    fn default() -> Self {
        Self {
            memory: 64 << 30,
            address_space: 64 << 30,
            cpu_seconds: 24 * 3_600,
            file_bytes: 16 << 30,
            no_progress: Duration::from_secs(600),
            total: Duration::from_secs(6 * 3_600),
        }
    }
}

impl Limits {
    /// The prefix that sets them: `prlimit` of util-linux.
    pub(super) fn prefix(&self, device: Device) -> Vec<OsString> {
        let limit = |name: &str, soft: u64, hard: u64| OsString::from(format!("--{name}={soft}:{hard}"));
        let space = (device == Device::Cpu).then(|| limit("as", self.address_space, self.address_space));
        let mut prefix: Vec<OsString> = vec!["prlimit".into()];
        prefix.extend(space);
        prefix.extend([
            limit("data", self.memory, self.memory),
            // The soft limit tells by its signal which limit it was; the hard one ends what does not listen.
            limit("cpu", self.cpu_seconds, self.cpu_seconds.saturating_add(5)),
            limit("fsize", self.file_bytes, self.file_bytes),
            limit("core", 0, 0),
            "--".into(),
        ]);
        prefix
    }
}

/// What one process may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The folder that it may write: absolute, there, and with a folder `tmp` in it.
    pub work: PathBuf,
    /// An empty folder outside of `work`, which becomes the root.
    pub root: PathBuf,
    /// Files and folders that it may read, beside the system's programs and libraries: absolute.
    pub read: Vec<PathBuf>,
    /// Devices of GPUs that it may use.
    pub devices: Vec<PathBuf>,
}

/// Puts a command line into a sandbox.
pub trait Confine: Send + Sync {
    /// The command line that runs `command` inside of `cell`.
    ///
    /// # Errors
    /// [`Fault::Sandbox`] where this machine cannot, with the reason.
    fn confine(&self, cell: &Cell, command: Vec<OsString>) -> Result<Vec<OsString>, Fault>;

    /// Who owns what the process is to write, where that is not the caller.
    fn owner(&self) -> Option<u32>;
}

/// Namespaces of the kernel's own, made by `unshare` of util-linux: no network, no other processes, no files but those of the
/// cell, read-only but for the work folder, no capabilities. As root, the process becomes a user without files; as anybody else,
/// it stays the caller in a user namespace. Its size in memory is the limits' matter and its caller's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Namespaces;

impl Confine for Namespaces {
    fn confine(&self, cell: &Cell, command: Vec<OsString>) -> Result<Vec<OsString>, Fault> {
        for tool in ["unshare", "mount", "pivot_root", "setpriv", "findmnt", "prlimit"] {
            if !in_path(tool) {
                return Err(Fault::Sandbox(format!("{tool} is not installed (Debian: util-linux, mount)")));
            }
        }
        let told = |name: &Path| Fault::Sandbox(format!("{} is not an absolute path", name.display()));
        let named = cell.read.iter().chain(&cell.devices).chain([&cell.work, &cell.root]);
        if let Some(path) = named.into_iter().find(|path| !path.is_absolute()) {
            return Err(told(path));
        }
        let mut line: Vec<OsString> = vec!["unshare".into()];
        if self.owner().is_none() {
            line.extend(["--user".into(), "--map-root-user".into()]);
        }
        let spaces = ["--mount", "--net", "--ipc", "--uts", "--cgroup", "--pid", "--fork", "--kill-child"];
        line.extend(spaces.map(OsString::from));
        line.extend(["sh".into(), "-c".into(), SCRIPT.into(), "sh".into()]);
        line.extend([cell.root.clone().into_os_string(), cell.work.clone().into_os_string()]);
        line.push(self.owner().map_or_else(|| "same".into(), |uid| uid.to_string().into()));
        line.extend(SYSTEM.iter().filter(|path| Path::new(path).symlink_metadata().is_ok()).map(OsString::from));
        line.extend(cell.read.iter().chain(&cell.devices).map(|path| path.clone().into_os_string()));
        line.push("--".into());
        line.extend(command);
        Ok(line)
    }

    fn owner(&self) -> Option<u32> {
        rustix::process::geteuid().is_root().then_some(NOBODY)
    }
}

/// A command line that the caller puts before the engine's, because it has a sandbox of its own. What is empty confines nothing:
/// for scenes of one's own making.
#[derive(Debug, Clone, Default)]
pub struct Prefix(pub Vec<OsString>);

impl Confine for Prefix {
    fn confine(&self, _: &Cell, command: Vec<OsString>) -> Result<Vec<OsString>, Fault> {
        Ok(self.0.iter().cloned().chain(command).collect())
    }

    fn owner(&self) -> Option<u32> {
        None
    }
}

/// Whether a program is in `PATH` or where the system's own are.
pub(super) fn in_path(program: &str) -> bool {
    find_in_path(program).is_some()
}

/// Where a program is.
pub(crate) fn find_in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from));
    folders.map(|folder| folder.join(OsStr::new(program))).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A cell with a file that may be read, and the output of a script in it.
    fn inside(script: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["work/tmp", "root"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        std::fs::write(at("scene"), "scene").unwrap();
        std::fs::write(at("other"), "other").unwrap();
        let sandbox = Namespaces;
        if let Some(uid) = sandbox.owner() {
            std::os::unix::fs::chown(at("work"), Some(uid), Some(uid)).unwrap();
        }
        let read = vec![at("scene")];
        let cell = Cell { work: at("work"), root: at("root"), read, devices: vec![] };
        let script = script.replace("FOLDER", &folder.path().display().to_string());
        let line = sandbox.confine(&cell, ["sh", "-c", &script].map(OsString::from).to_vec()).unwrap();
        let output = Command::new(&line[0]).args(&line[1..]).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        // Machines may forbid namespaces to those who are not root.
        if errors.contains("unshare failed: Operation not permitted") {
            println!("skipped: needs namespaces: {errors}");
            return None;
        }
        assert!(output.status.success(), "{errors}");
        Some(String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn a_cell_has_its_files_and_no_others() {
        let script = "cat FOLDER/scene; ls FOLDER; echo new > FOLDER/work/file && cat FOLDER/work/file; \
            ls / /root /home 2>/dev/null | tr '\\n' ' '; ls /proc | grep -c '^[0-9]'";
        let Some(told) = inside(script) else { return };
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[..4], ["scenescene", "work", "new", lines[3]]);
        assert!(!lines[3].contains("home") && !lines[3].contains("root"), "{told}");
        assert!(lines.last().unwrap().split(' ').next_back().unwrap().parse::<u32>().unwrap() <= 5, "{told}");
    }

    #[test]
    fn nothing_can_be_changed_and_nobody_reached() {
        let script = "for file in FOLDER/scene FOLDER/new /usr/new /new /proc/sys/kernel/hostname /etc/ld.so.cache; do \
            (echo x > $file) 2>/dev/null && echo \"wrote $file\"; done; \
            mount -t tmpfs none FOLDER/work 2>/dev/null && echo mounted; \
            chroot / true 2>/dev/null && echo chrooted; \
            grep -v '^ *lo:' /proc/net/dev | tail -n +3; grep CapEff /proc/self/status; grep CapBnd /proc/self/status; \
            grep NoNewPrivs /proc/self/status";
        let Some(told) = inside(script) else { return };
        let none = "0000000000000000";
        assert_eq!(told, format!("CapEff:\t{none}\nCapBnd:\t{none}\nNoNewPrivs:\t1\n"));
    }
}
