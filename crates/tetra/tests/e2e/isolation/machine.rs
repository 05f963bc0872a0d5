//! What of the machine lies around the sandboxes of a provider: it must be the same before and after attempts that a
//! sandbox answers by itself.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::net::Net;

/// Switches of the machine's kernel that an attempt wants to change.
const SWITCHES: [&str; 6] = [
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/domainname",
    "/proc/sys/kernel/core_pattern",
    "/proc/irq/default_smp_affinity",
    "/proc/swaps",
];

/// Devices and rings of the machine that no process of a sandbox may hold open.
const FOREIGN: [&str; 6] = ["/dev/net/tun", "/dev/fuse", "/dev/kvm", "/dev/mem", "/dev/kmsg", "anon_inode:[io_uring]"];

/// What a sandbox's file server may do: own, read and write files of any owner, and enter a root. By the kernel's numbers:
/// CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, SYS_CHROOT.
const FILE_SERVER: u64 = 1 << 18 | 0b11111;

/// Interfaces, addresses and routes at both ends of every link, the firewall, and the kernel's switches.
pub(super) fn around(net: &Net) -> BTreeMap<String, String> {
    let held = net.held();
    let of = |kind: &str| held.get(kind).cloned().unwrap_or_default();
    let mut seen = BTreeMap::new();
    let mut see = |call: Vec<&str>| {
        let output = Command::new(call[0]).args(&call[1..]).output().unwrap();
        assert!(output.status.success(), "{call:?}: {output:?}");
        seen.insert(call.join(" "), String::from_utf8(output.stdout).unwrap());
    };
    for link in &of("links") {
        see(vec!["ip", "-o", "addr", "show", "dev", link]);
        see(vec!["ip", "-d", "-o", "link", "show", "dev", link]);
    }
    for namespace in &of("network namespaces") {
        see(vec!["ip", "-n", namespace, "-o", "addr"]);
        see(vec!["ip", "-n", namespace, "-d", "-o", "link"]);
        see(vec!["ip", "-n", namespace, "route"]);
    }
    for table in &of("nft tables") {
        let family_and_name = table.trim_start_matches("table ").split(' ');
        see(["nft", "-s", "list", "table"].into_iter().chain(family_and_name).collect());
    }
    assert!(seen.len() >= 12, "two sandboxes have links, namespaces and tables: {seen:#?}");
    seen.extend(SWITCHES.map(|path| (path.to_owned(), fs::read_to_string(path).unwrap())));
    seen
}

/// A process of a sandbox.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    status: BTreeMap<String, String>,
    user_namespace: PathBuf,
    open: Vec<String>,
    oom_score_adj: String,
    nice: String,
}

impl Process {
    /// None once it has ended.
    fn of(pid: &str) -> Option<Self> {
        let dir = Path::new("/proc").join(pid);
        let line = fs::read(dir.join("cmdline")).ok()?;
        let name = String::from_utf8_lossy(line.split(|byte| *byte == 0).next()?).into_owned();
        let status = fs::read_to_string(dir.join("status")).ok()?;
        let fields = status.lines().filter_map(|line| line.split_once(":\t"));
        let open = fs::read_dir(dir.join("fd")).ok()?.flatten();
        let open = open.filter_map(|entry| Some(fs::read_link(entry.path()).ok()?.display().to_string()));
        let stat = fs::read_to_string(dir.join("stat")).ok()?;
        // The 19th field (proc_pid_stat(5)); the second, the name, is in brackets.
        let nice = stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.to_owned();
        Some(Self {
            name,
            status: fields.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect(),
            user_namespace: fs::read_link(dir.join("ns/user")).ok()?,
            open: open.collect(),
            oom_score_adj: fs::read_to_string(dir.join("oom_score_adj")).ok()?.trim().to_owned(),
            nice,
        })
    }

    /// Fails where it has more of the machine than a sandbox needs.
    fn check(&self, own_oom_score_adj: &str) {
        let held: Vec<_> = self.open.iter().filter(|file| FOREIGN.contains(&file.as_str())).collect();
        assert!(held.is_empty(), "it holds {held:?}: {self:#?}");
        assert_eq!((self.nice.as_str(), self.oom_score_adj.as_str()), ("0", own_oom_score_adj), "{self:#?}");
        if self.name == "runsc-gofer" {
            let may = u64::from_str_radix(&self.status["CapEff"], 16).unwrap();
            assert_eq!(may & !FILE_SERVER, 0, "{self:#?}");
        } else {
            // Whatever it may do inside of a user namespace of its own, to the machine it is nobody.
            assert_eq!(self.status["Uid"].split_whitespace().next(), Some("65534"), "{self:#?}");
            assert_ne!(self.user_namespace, fs::read_link("/proc/self/ns/user").unwrap(), "{self:#?}");
        }
        assert_eq!(self.status["Seccomp"], "2", "a filter of its own: {self:#?}");
    }
}

/// Looks at every process in the groups of the provider's sandboxes; how many of them are the sandboxes themselves.
pub(super) fn check_processes(net: &Net) -> usize {
    let own = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let processes: Vec<Process> = net.processes().iter().filter_map(|pid| Process::of(pid)).collect();
    for process in &processes {
        process.check(own.trim());
    }
    println!("{} processes of sandboxes", processes.len());
    processes.iter().filter(|process| process.name == "runsc-sandbox").count()
}

/// Looks at what sandboxes wrote: no device, no file with capabilities, and no way for anybody but root.
pub(super) fn check_files(net: &Net) {
    let layers: Vec<PathBuf> = net.writable_layers();
    assert_eq!(layers.len(), 2, "{layers:?}");
    let mut seen = 0;
    for layer in &layers {
        let closed = layer.ancestors().nth(2).unwrap();
        assert_eq!(fs::metadata(closed).unwrap().permissions().mode() & 0o777, 0o700, "{}", closed.display());
        walk(layer, &mut |path, found| {
            let kind = found.file_type();
            // The overlay marks what was removed by a device of number 0.
            let is_device = (kind.is_char_device() || kind.is_block_device()) && found.rdev() != 0;
            assert!(!is_device, "{}: {found:?}", path.display());
            let capabilities = rustix::fs::lgetxattr(path, "security.capability", &mut [0_u8; 64]);
            assert_eq!(capabilities, Err(rustix::io::Errno::NODATA), "{}", path.display());
            seen += usize::from(path.ends_with("capable"));
        });
    }
    assert!(seen > 0, "the file that was to have capabilities is on the disk: {layers:?}");
}

fn walk(dir: &Path, see: &mut impl FnMut(&Path, &Metadata)) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let found = fs::symlink_metadata(entry.path()).unwrap();
        see(&entry.path(), &found);
        if found.is_dir() {
            walk(&entry.path(), see);
        }
    }
}
