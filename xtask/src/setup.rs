//! System packages: what is missing is installed with apt, or named where that cannot be.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::shell;

/// A Debian package, and how to see that it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    package: &'static str,
    proof: Proof,
    why: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Proof {
    Program(&'static str),
    /// A program that also runs in a root file system without libraries.
    Static(&'static str),
    File(&'static str),
    /// What Python can import.
    Python(&'static str),
}

/// All packages that a developer needs.
pub(crate) const ALL: &[Need] = &[
    Need { package: "runc", proof: Proof::Program("runc"), why: "runs containers" },
    Need { package: "nftables", proof: Proof::Program("nft"), why: "keeps tenants apart" },
    Need { package: "iproute2", proof: Proof::Program("ip"), why: "network namespaces and links" },
    Need { package: "e2fsprogs", proof: Proof::Program("mkfs.ext4"), why: "volumes of fixed size" },
    Need { package: "mount", proof: Proof::Program("mount"), why: "volumes of fixed size" },
    Need { package: "util-linux", proof: Proof::Program("unshare"), why: "user namespaces" },
    Need { package: "busybox-static", proof: Proof::Static("busybox"), why: "the image of examples/hello-web" },
    Need {
        package: "ca-certificates",
        proof: Proof::File("/etc/ssl/certs/ca-certificates.crt"),
        why: "images from registries",
    },
    Need { package: "runsc", proof: Proof::Program("runsc"), why: "isolation by gVisor, and its tests" },
    NODE,
    Need { package: "npm", proof: Proof::Program("npm"), why: "the end-to-end tests with CosmJS, chain-sdk and Keplr" },
    Need {
        package: "python3-venv",
        proof: Proof::Python("import ensurepip, venv"),
        why: "the end-to-end tests with cosmpy and grpcio",
    },
];

const NODE: Need = Need {
    package: "nodejs",
    proof: Proof::Program("node"),
    why: "the end-to-end tests with CosmJS, chain-sdk and Keplr",
};

/// What running a network needs: all but the tools of the tests with other people's clients, and the isolation that
/// providers may choose.
pub(crate) const RUN: &[Need] = match ALL {
    [run @ .., _, _, _, _] => run,
    few => few,
};

/// What the image of Ray's nodes is made with, and what the demo of clusters looks at machines with.
pub(crate) const RAY: &[Need] = &[
    Need { package: "debootstrap", proof: Proof::Program("debootstrap"), why: "the image of Ray's nodes" },
    Need { package: "python3-pip", proof: Proof::Python("import pip"), why: "Ray from PyPI, for that image" },
    Need { package: "procps", proof: Proof::Program("pkill"), why: "kills what the demo of clusters kills" },
    Need { package: "openssh-server", proof: Proof::File("/usr/sbin/sshd"), why: "a machine that SSH alone leads to" },
];

/// What makes films of frames.
pub(crate) const FILMS: &[Need] =
    &[Need { package: "ffmpeg", proof: Proof::Program("ffmpeg"), why: "films of frames" }];

/// What libFuzzer is built with.
pub(crate) const FUZZ: &[Need] = &[Need { package: "g++", proof: Proof::Program("g++"), why: "builds libFuzzer" }];

/// Installs what is missing.
///
/// # Errors
/// When something is missing and there is no apt or no root; the failure names the command to run.
pub(crate) fn run(needs: &[Need]) -> Result {
    let missing: Vec<&Need> = needs.iter().filter(|need| !need.is_met()).collect();
    if missing.is_empty() {
        println!("system packages: all {} are there", needs.len());
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let list: Vec<String> = missing.iter().map(|need| format!("  {} ({})", need.package, need.why)).collect();
    println!("system packages: missing:\n{}", list.join("\n"));
    let command = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    let refused = |why: &str| {
        Failure::new(format!("{} system packages are missing, and {why}", packages.len()))
            .hint(format!("as root: apt-get update && {command}"))
    };
    if shell::find("apt-get").is_none() {
        let names = packages.join(" ");
        let why = format!("{} system packages are missing, and this machine has no apt-get", packages.len());
        return Err(Failure::new(why).hint(format!("install what Debian calls: {names}")));
    }
    if !is_root() {
        return Err(refused("only root can install them"));
    }
    let apt =
        |args: &[&str]| shell::show(shell::program("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive"));
    apt(&["update", "-q"])?;
    apt(&[&["install", "-y", "-q", "--no-install-recommends"], packages.as_slice()].concat())?;
    match missing.iter().find(|need| !need.is_met()) {
        None => Ok(()),
        Some(need) => Err(refused(&format!("{} is still missing after its installation", need.package))),
    }
}

/// Whether this process may do what a provider must.
pub(crate) fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    uids.split_whitespace().nth(1) == Some("0")
}

impl Need {
    fn is_met(&self) -> bool {
        match self.proof {
            Proof::Program(name) => shell::find(name).is_some(),
            Proof::Static(name) => shell::find(name).is_some_and(|path| is_static(&path)),
            Proof::File(path) => Path::new(path).is_file(),
            Proof::Python(import) => {
                let mut python = Command::new("python3");
                python.args(["-c", import]).stdout(Stdio::null()).stderr(Stdio::null());
                python.status().is_ok_and(|status| status.success())
            }
        }
    }
}

/// Whether a program names no dynamic loader, which it would do in its first bytes.
fn is_static(program: &Path) -> bool {
    let mut head = Vec::new();
    let read = fs::File::open(program).and_then(|file| file.take(4096).read_to_end(&mut head));
    read.is_ok() && head.starts_with(b"\x7fELF") && !String::from_utf8_lossy(&head).contains("/ld-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_needs_no_clients_of_others() {
        assert_eq!(RUN.len() + 4, ALL.len());
        assert!(RUN.iter().all(|need| !["runsc", "nodejs", "npm", "python3-venv"].contains(&need.package)));
    }

    #[test]
    fn what_is_missing_is_seen() {
        let need = |proof| Need { package: "p", proof, why: "w" };
        assert!(need(Proof::Program("sh")).is_met());
        assert!(!need(Proof::Program("no-such-program")).is_met());
        assert!(!need(Proof::File("/no/such/file")).is_met());
        assert!(!need(Proof::Python("import no_such_module")).is_met());
        // The test itself uses the loader.
        assert!(!is_static(&std::env::current_exe().unwrap()));
    }
}
