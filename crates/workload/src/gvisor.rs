//! The hardened class: gVisor's `runsc`, in which a tenant's system calls reach a kernel of its own, in user space.
//!
//! Measured with Debian's runsc 0.0~20221219 on Linux 6.18:
//!
//! * platform `ptrace` works; `kvm` hangs, and `systrap` is not in this version
//! * its own network stack works in the pod's network namespace, with two helps: this version takes a namespace for
//!   the host's where `/proc/sys/net/core/rmem_default` exists, which newer kernels show in all of them, so that
//!   `/proc/sys/net` is hidden from it; and the address must have no peer, for it takes the address away from the
//!   interface by its local part alone
//! * it mounts a file system in memory over `/tmp` where that is empty and no mount stands there, so that files in it would
//!   count as memory and not as disk: the writable layer's own `/tmp` is mounted there, by `keep_tmp`
//! * the process of the sandbox ends with the exit code of the container, 128 and its number for a signal; `runsc wait`
//!   tells the same, but nothing once the sandbox is gone
//! * cgroups: the group around it is made here, and it starts inside, so that what the sandbox itself uses counts too
//! * a user namespace of ours does not work together with its network stack (the sandbox ends at once); it makes one
//!   by itself, in which the sandbox is nobody and its file server keeps no more than file capabilities
//!
//! Files of such a pod therefore belong to the uids that its processes have inside, behind a directory that root alone
//! may enter.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::{Error, IoContext, Result};
use crate::shell::Call;

/// Flags for every call that starts a sandbox.
const FLAGS: [&str; 3] = ["--platform=ptrace", "--network=sandbox", "--ignore-cgroups"];

/// Enters the groups that are named up to `--`, hides what confuses this version, and becomes the rest.
const ENTER: &str = "set -e
while [ \"$1\" != -- ]; do echo $$ >\"$1\"; shift; done
shift
mount -t tmpfs -o ro,size=4k tmpfs /proc/sys/net
exec \"$@\"";

/// The program and its first arguments, to which a shim adds what it would to runc's.
pub(crate) fn command(runsc: &Path, entrances: &[PathBuf]) -> Vec<PathBuf> {
    let words = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", ENTER, "sh"].map(PathBuf::from);
    let mut command: Vec<PathBuf> = words.into();
    command.extend_from_slice(entrances);
    command.push("--".into());
    command.push(runsc.to_owned());
    command.extend(FLAGS.map(PathBuf::from));
    command
}

/// Takes from a configuration what this runtime has in its own way: it makes its user and cgroup namespaces, filters
/// system calls by implementing them, and mounts its own /dev.
pub(crate) fn adapt(mut config: Value) -> Value {
    let kept = |list: &Value, key: &str, gone: &[&str]| {
        let all = list.as_array().cloned().unwrap_or_default();
        let stays = |one: &Value| !gone.iter().any(|name| one[key] == **name);
        Value::Array(all.into_iter().filter(stays).collect())
    };
    config["mounts"] = kept(&config["mounts"], "type", &["cgroup", "mqueue"]);
    let linux = &config["linux"];
    config["linux"] = json!({ "namespaces": kept(&linux["namespaces"], "type", &["user", "cgroup"]) });
    config
}

/// Has `/tmp` be part of the writable layer. An image without one gets it, as this runtime makes one in any case; a link or
/// a mount of the tenant's stays what it is.
pub(crate) fn keep_tmp(mut config: Value, rootfs: &Path) -> Result<Value> {
    let tmp = rootfs.join("tmp");
    let found = match std::fs::symlink_metadata(&tmp) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            std::fs::create_dir(&tmp).at("making", &tmp)?;
            std::fs::set_permissions(&tmp, Permissions::from_mode(0o1777)).at("opening", &tmp)?;
            std::fs::symlink_metadata(&tmp)
        }
        found => found,
    };
    let is_directory = found.at("reading", &tmp)?.is_dir();
    let write = if config["root"]["readonly"] == true { "ro" } else { "rw" };
    let mount = json!({
        "destination": "/tmp",
        "type": "bind",
        "source": tmp,
        "options": ["bind", "nosuid", "nodev", write],
    });
    if let Some(mounts) = config["mounts"].as_array_mut()
        && is_directory
        && mounts.iter().all(|mount| mount["destination"] != "/tmp")
    {
        // First, so that it hides no mount below it.
        mounts.insert(0, mount);
    }
    Ok(config)
}

/// What `runsc` says of its version, once a sandbox has run a program here.
///
/// # Errors
/// [`Error::ToolMissing`], [`Error::ToolFailed`] or [`Error::ToolTimeout`] with what it said.
pub async fn probe(data_dir: &Path) -> Result<String> {
    let version = Call::new("runsc").arg("--version").run().await?;
    let root = data_dir.join(format!(".runsc-probe-{}", std::process::id()));
    let ran = Call::new("runsc")
        .arg("--root")
        .arg(&root)
        .args(["--platform=ptrace", "--network=none", "--ignore-cgroups", "do", "/bin/true"])
        .run()
        .await;
    let _ = std::fs::remove_dir_all(&root);
    ran?;
    Ok(version.lines().next().unwrap_or_default().to_owned())
}

/// Refuses early, with the package, where the program is not there.
pub(crate) async fn check_installed(runsc: &Path) -> Result<()> {
    Call::new(runsc).arg("--version").run().await.map(drop).map_err(|error| match error {
        missing @ Error::ToolMissing { .. } => missing,
        other => Error::Unsupported { what: "isolation by gVisor".to_owned(), reason: other.to_string() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_gets_neither_our_user_namespace_nor_our_filter() {
        let config = json!({
            "process": { "noNewPrivileges": true },
            "mounts": [{ "type": "proc" }, { "type": "cgroup" }, { "type": "mqueue" }, { "type": "bind" }],
            "linux": {
                "namespaces": [{ "type": "pid" }, { "type": "user", "path": "/u" }, { "type": "network", "path": "/n" }],
                "uidMappings": [], "seccomp": {}, "cgroupsPath": "/g",
            },
        });
        let expected = json!({
            "process": { "noNewPrivileges": true },
            "mounts": [{ "type": "proc" }, { "type": "bind" }],
            "linux": { "namespaces": [{ "type": "pid" }, { "type": "network", "path": "/n" }] },
        });
        assert_eq!(adapt(config), expected);
    }

    #[test]
    fn tmp_is_on_the_disk_unless_a_mount_or_a_link_stands_there() {
        let root = tempfile::tempdir().unwrap();
        let config =
            |readonly: bool| json!({ "root": { "readonly": readonly }, "mounts": [{ "destination": "/proc" }] });
        let options = |config: &Value| config["mounts"][0]["options"][3].clone();
        let made = keep_tmp(config(false), root.path()).unwrap();
        let tmp = root.path().join("tmp");
        assert_eq!((&made["mounts"][0]["source"], options(&made)), (&json!(tmp), json!("rw")));
        assert_eq!(std::fs::metadata(&tmp).unwrap().permissions().mode() & 0o7777, 0o1777);
        assert_eq!(options(&keep_tmp(config(true), root.path()).unwrap()), "ro");

        let own = json!({ "mounts": [{ "destination": "/tmp", "source": "volume" }] });
        assert_eq!(keep_tmp(own.clone(), root.path()).unwrap(), own);
        std::fs::remove_dir(&tmp).unwrap();
        // Where it leads is of the host.
        std::os::unix::fs::symlink("/etc", &tmp).unwrap();
        assert_eq!(keep_tmp(config(false), root.path()).unwrap(), config(false));
    }

    #[test]
    fn it_enters_the_groups_before_it_is_runsc() {
        let words = command(Path::new("runsc"), &["/g/memory/cgroup.procs".into(), "/g/pids/cgroup.procs".into()]);
        let words: Vec<_> = words.iter().skip(7).map(|word| word.to_str().unwrap()).collect();
        let expected = ["sh", "/g/memory/cgroup.procs", "/g/pids/cgroup.procs", "--", "runsc"];
        assert_eq!(words[..5], expected);
        assert_eq!(words[5..], FLAGS);
    }
}
