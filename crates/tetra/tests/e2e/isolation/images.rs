//! Images that reach for the host: loaded as an operator would, none of them touches anything outside of its own tree.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use tar::EntryType;

use super::image::{Layer, archive, archive_of, config, digest};
use super::{Row, Table};
use crate::net::Net;

/// A hostile image: its name, what it tries, and its layers.
type Hostile = (&'static str, &'static str, Vec<Layer>);

#[test]
fn images_reach_nothing_outside_of_themselves() {
    let Some(net) = Net::start(false) else { return };
    let home = tempfile::tempdir().unwrap();
    let victim = Victim::new(home.path());
    let mut table = Table::default();
    let mut expected = BTreeSet::new();

    for (name, tried, layers) in refused_images(&victim) {
        let file = archive(home.path(), name, &["/x"], layers);
        let said = net.fails(2, &["image", "load", file.to_str().unwrap()]);
        let reason = said.lines().next().unwrap_or_default();
        assert!(reason.contains("refused") || reason.contains("not usable"), "{name}: {said}");
        table.add(vec![Row::new(name, tried, victim.is_whole(), reason)]);
        expected.insert(name.to_owned());
    }
    for (name, tried, layers) in tamed_images(&victim) {
        let file = archive(home.path(), name, &["/x"], layers);
        net.json(&["image", "load", file.to_str().unwrap()]);
        let wrong = dangerous(&net.provider());
        let answer = if wrong.is_empty() { "loaded, harmless".to_owned() } else { format!("{wrong:?}") };
        table.add(vec![Row::new(name, tried, victim.is_whole() && wrong.is_empty(), answer)]);
        expected.insert(name.to_owned());
    }
    for (name, tried, files) in tampered_archives(&victim) {
        let file = archive_of(home.path(), name, &files);
        let said = net.fails(2, &["image", "load", file.to_str().unwrap()]);
        table.add(vec![Row::new(name, tried, victim.is_whole(), said.lines().next().unwrap_or_default())]);
        expected.insert(name.to_owned());
    }
    table.judge("images", &expected);
    let names: Vec<String> =
        net.json(&["image", "list"]).as_array().unwrap().iter().map(|i| i["name"].to_string()).collect();
    assert!(names.iter().all(|name| name.contains("tamed")), "what was refused has no name: {names:?}");
}

/// What the images are after.
struct Victim {
    dir: PathBuf,
}

impl Victim {
    fn new(home: &Path) -> Self {
        let dir = home.join("victim");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("secret"), "host").unwrap();
        Self { dir }
    }

    /// An absolute path.
    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// A path that climbs to it from anywhere.
    fn climbing(&self, name: &str) -> String {
        format!("{}{}", "../".repeat(16), self.path(name).trim_start_matches('/'))
    }

    fn is_whole(&self) -> bool {
        let names: Vec<_> = std::fs::read_dir(&self.dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        let meta = std::fs::metadata(self.dir.join("secret"));
        names == ["secret"]
            && meta.is_ok_and(|meta| meta.nlink() == 1)
            && std::fs::read_to_string(self.dir.join("secret")).is_ok_and(|text| text == "host")
    }
}

fn refused_images(victim: &Victim) -> Vec<Hostile> {
    let (new, secret, dir) = (victim.climbing("new"), victim.path("secret"), victim.path(""));
    let evil = b"evil";
    vec![
        ("traversal", "write to ../", vec![Layer::new().file(&new, 0o644, evil)]),
        ("traversal-inside", "write to a/../../", vec![Layer::new().file(&format!("a/{new}"), 0o644, evil)]),
        (
            "symlink-through",
            "write through a link out",
            vec![Layer::new().symlink("out", &dir).file("out/new", 0o644, evil)],
        ),
        (
            "symlink-lower-layer",
            "write through a link of another layer",
            vec![Layer::new().symlink("out", &dir), Layer::new().file("out/new", 0o644, evil)],
        ),
        ("hard-link", "a hard link to a host's file", vec![Layer::new().hard_link("mine", &secret)]),
        ("hard-link-climbing", "a hard link to ../", vec![Layer::new().hard_link("mine", &victim.climbing("secret"))]),
        (
            "hard-link-by-symlink",
            "a hard link through a link out",
            vec![Layer::new().symlink("out", &dir).hard_link("mine", "out/secret")],
        ),
        ("whiteout-of-parent", "a whiteout of ..", vec![Layer::new().file(".wh...", 0o644, b"")]),
        (
            "whiteout-traversal",
            "a whiteout below ../",
            vec![Layer::new().file(&victim.climbing(".wh.secret"), 0o644, b"")],
        ),
        (
            "opaque-traversal",
            "an opaque whiteout of ../",
            vec![Layer::new().file(&victim.climbing(".wh..wh..opq"), 0o644, b"")],
        ),
        ("foreign-owner", "a file of a uid beyond the lease's", vec![huge_owner()]),
        ("bomb-of-bytes", "a layer that unpacks to 1 TiB", vec![sparse_bomb()]),
    ]
}

fn tamed_images(victim: &Victim) -> Vec<Hostile> {
    let dir = victim.path("");
    vec![
        (
            "absolute-path-tamed",
            "write to an absolute path",
            vec![Layer::new().file(&victim.path("new"), 0o644, b"evil")],
        ),
        (
            "symlink-replaced-tamed",
            "a link out, then a file in its place",
            vec![Layer::new().symlink("secret", &victim.path("secret")).file("secret", 0o644, b"evil")],
        ),
        (
            "symlink-chmod-tamed",
            "a link out, then a mode for it",
            vec![Layer::new().symlink("out", &dir).dir("out", 0o777)],
        ),
        (
            "device-nodes-tamed",
            "device nodes of memory and a disk",
            vec![Layer::new().add(EntryType::Char, "mem", 0o666, "", b"").add(
                EntryType::Block,
                "disk",
                0o666,
                "",
                b"",
            )],
        ),
        (
            "whiteout-of-symlink-tamed",
            "a whiteout through a link out",
            vec![Layer::new().symlink("out", &dir), Layer::new().file(".wh.out", 0o644, b"")],
        ),
        (
            "opaque-root-tamed",
            "an opaque whiteout of the root",
            vec![Layer::new().file("x", 0o644, b""), Layer::new().file(".wh..wh..opq", 0o644, b"")],
        ),
    ]
}

fn huge_owner() -> Layer {
    let mut header = tar::Header::new_ustar();
    header.set_path("mine").unwrap();
    header.set_mode(0o644);
    header.set_uid(700_000);
    header.set_gid(0);
    header.set_size(0);
    header.set_cksum();
    Layer::new().with(&header, &[])
}

/// Claims a terabyte, and has none of it: a reader that believed the header would reserve or write it.
fn sparse_bomb() -> Layer {
    let mut header = tar::Header::new_gnu();
    header.set_path("bomb").unwrap();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(EntryType::GNUSparse);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.set_real_size(1 << 40);
    let head = &mut gnu.sparse[0];
    head.set_offset((1 << 40) - 512);
    head.set_length(512);
    header.set_size(512);
    header.set_cksum();
    Layer::new().with(&header, &[b'x'; 512])
}

/// A name, what is tried, and the files of the archive.
type Tampered = (&'static str, &'static str, Vec<(String, Vec<u8>)>);

/// Archives whose parts are not what they say.
fn tampered_archives(victim: &Victim) -> Vec<Tampered> {
    let layer = Layer::new().file("x", 0o644, b"x").bytes();
    let told = config(&["/x"], &[digest(b"another")]).to_string().into_bytes();
    let layout = |blob: &[u8], layer_digest: &str| {
        let text = config(&["/x"], &[digest(&layer)]).to_string().into_bytes();
        let part = |media: &str, digest: &str, size: usize| json!({ "mediaType": format!("application/vnd.oci.image.{media}"), "digest": digest, "size": size });
        let manifest = json!({
            "schemaVersion": 2,
            "config": part("config.v1+json", &digest(&text), text.len()),
            "layers": [part("layer.v1.tar", layer_digest, blob.len())],
        });
        let manifest = manifest.to_string().into_bytes();
        let mut entry = part("manifest.v1+json", &digest(&manifest), manifest.len());
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "tampered:latest" });
        let path = |digest: &str| format!("blobs/sha256/{}", digest.trim_start_matches("sha256:"));
        vec![
            ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
            ("index.json".to_owned(), json!({ "schemaVersion": 2, "manifests": [entry] }).to_string().into_bytes()),
            (path(&digest(&manifest)), manifest),
            (path(&digest(&text)), text),
            (path(layer_digest), blob.to_vec()),
        ]
    };
    let saved = |config: &str, layer: &str| {
        json!([{ "Config": config, "RepoTags": ["tampered:latest"], "Layers": [layer] }]).to_string().into_bytes()
    };
    vec![
        ("blob-digest", "a layer that is not what its digest says", layout(b"tampered", &digest(&layer))),
        (
            "diff-id",
            "a layer that is not what the configuration says",
            vec![
                ("manifest.json".to_owned(), saved("config.json", "0.tar")),
                ("config.json".to_owned(), told.clone()),
                ("0.tar".to_owned(), layer.clone()),
            ],
        ),
        (
            "archive-traversal",
            "an archive that unpacks to ../",
            vec![
                ("manifest.json".to_owned(), saved("config.json", "0.tar")),
                (victim.climbing("new"), b"evil".to_vec()),
            ],
        ),
        (
            "layer-of-the-host",
            "a layer that is a file of the host",
            vec![
                ("manifest.json".to_owned(), saved("config.json", &victim.climbing("secret"))),
                ("config.json".to_owned(), told),
            ],
        ),
    ]
}

/// Device nodes in the trees of images.
fn dangerous(provider: &Path) -> Vec<PathBuf> {
    fn look(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let meta = entry.path().symlink_metadata().unwrap();
            match meta.mode() & 0o170_000 {
                0o020_000 | 0o060_000 => found.push(entry.path()),
                0o040_000 => look(&entry.path(), found),
                _ => {}
            }
        }
    }
    let (trees, mut found) = (provider.join("data/images/trees"), Vec::new());
    assert!(std::fs::read_dir(&trees).unwrap().next().is_some(), "loading unpacks");
    look(&trees, &mut found);
    found
}
