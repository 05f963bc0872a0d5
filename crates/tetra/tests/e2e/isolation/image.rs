//! Images made by hand, so that they can be as hostile as they like.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// One layer.
pub(super) struct Layer(Builder<Vec<u8>>);

impl Layer {
    pub(super) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(super) fn add(mut self, kind: EntryType, path: &str, mode: u32, link: &str, content: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        // Written raw: the tar crate itself refuses the names that are tried here.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(content.len() as u64);
        header.set_mtime(1);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    pub(super) fn dir(self, path: &str, mode: u32) -> Self {
        self.add(EntryType::Directory, path, mode, "", b"")
    }

    pub(super) fn file(self, path: &str, mode: u32, content: &[u8]) -> Self {
        self.add(EntryType::Regular, path, mode, "", content)
    }

    pub(super) fn symlink(self, path: &str, target: &str) -> Self {
        self.add(EntryType::Symlink, path, 0o777, target, b"")
    }

    pub(super) fn hard_link(self, path: &str, target: &str) -> Self {
        self.add(EntryType::Link, path, 0o644, target, b"")
    }

    /// An entry with a header of its own.
    pub(super) fn with(mut self, header: &Header, content: &[u8]) -> Self {
        self.0.append(header, content).unwrap();
        self
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// What an image's configuration says beside its layers.
pub(super) fn config(entrypoint: &[&str], diff_ids: &[String]) -> Value {
    json!({
        "os": "linux",
        "config": { "Entrypoint": entrypoint, "Env": ["PATH=/bin"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
}

/// Writes a `docker save` archive `NAME.tar` with these layers.
pub(super) fn archive(dir: &Path, name: &str, entrypoint: &[&str], layers: Vec<Layer>) -> PathBuf {
    let layers: Vec<Vec<u8>> = layers.into_iter().map(Layer::bytes).collect();
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
    let names: Vec<String> = (0..layers.len()).map(|number| format!("{number}.tar")).collect();
    let manifest = json!([{ "Config": "config.json", "RepoTags": [format!("{name}:latest")], "Layers": names }]);
    let mut files = vec![
        ("manifest.json".to_owned(), manifest.to_string().into_bytes()),
        ("config.json".to_owned(), config(entrypoint, &diff_ids).to_string().into_bytes()),
    ];
    files.extend(names.into_iter().zip(layers));
    archive_of(dir, name, &files)
}

/// Writes an archive of these files.
pub(super) fn archive_of(dir: &Path, name: &str, files: &[(String, Vec<u8>)]) -> PathBuf {
    let archive = files.iter().fold(Layer::new(), |archive, (path, content)| archive.file(path, 0o644, content));
    let path = dir.join(format!("{name}.tar"));
    std::fs::write(&path, archive.bytes()).unwrap();
    path
}

/// The program of attempts, linked statically.
pub(super) fn attempts(dir: &Path) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/isolation/attempts");
    let program = dir.join("attempts");
    let mut compiler = Command::new("cc");
    compiler.args(["-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program);
    for name in ["main", "files", "kernel", "network", "resources"] {
        compiler.arg(sources.join(name).with_extension("c"));
    }
    let compiled = compiler.output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    program
}

/// An image that makes attempts when it is asked over HTTP; as `attempts:latest`.
pub(super) fn attempts_image(dir: &Path, program: &Path) -> PathBuf {
    let busybox = Command::new("which").arg("busybox").output().unwrap().stdout;
    let busybox = std::fs::read(String::from_utf8(busybox).unwrap().trim()).unwrap();
    let program = std::fs::read(program).unwrap();
    let layer = ["bin", "etc", "tmp", "data", "www", "www/cgi-bin"]
        .into_iter()
        .fold(Layer::new(), |layer, name| layer.dir(name, if name == "tmp" { 0o1777 } else { 0o755 }));
    let layer = ["sh", "httpd", "cp", "chmod", "sleep"]
        .into_iter()
        .fold(layer.file("bin/busybox", 0o755, &busybox), |layer, name| {
            layer.symlink(&format!("bin/{name}"), "busybox")
        });
    let layer = layer
        .file("bin/attempts", 0o755, &program)
        .file("bin/attempts-set-uid", 0o4755, &program)
        .symlink("www/cgi-bin/attempts", "/bin/attempts")
        .file("www/index.html", 0o644, b"the attacker serves");
    archive(dir, "attempts", &["/bin/httpd", "-f", "-p", "80", "-h", "/www"], vec![layer])
}
