use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use flate2::write::GzEncoder;
use tar::Header;

use super::*;

/// A layer under construction.
#[derive(Default)]
struct Layer(Vec<(Header, Vec<u8>, Vec<u8>)>);

impl Layer {
    fn add(mut self, kind: EntryType, path: &str, link: &str, content: &str) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        // Written raw: the tar crate itself refuses the names that are tested here.
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        let target = &mut header.as_old_mut().linkname;
        target[..link.len()].copy_from_slice(link.as_bytes());
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_uid(fs::metadata("/proc/self").unwrap().uid().into());
        header.set_gid(fs::metadata("/proc/self").unwrap().gid().into());
        header.set_size(content.len() as u64);
        header.set_mtime(1);
        header.set_cksum();
        self.0.push((header, path.into(), content.into()));
        self
    }

    fn dir(self, path: &str) -> Self {
        self.add(EntryType::Directory, path, "", "")
    }

    fn file(self, path: &str, content: &str) -> Self {
        self.add(EntryType::Regular, path, "", content)
    }

    fn symlink(self, path: &str, target: &str) -> Self {
        self.add(EntryType::Symlink, path, target, "")
    }

    fn owned_by(mut self, uid: u64) -> Self {
        let header = &mut self.0.last_mut().unwrap().0;
        header.set_uid(uid);
        header.set_cksum();
        self
    }

    fn tar(&self) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (header, _, content) in &self.0 {
            builder.append(header, content.as_slice()).unwrap();
        }
        builder.into_inner().unwrap()
    }
}

struct Image {
    home: tempfile::TempDir,
}

impl Image {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("root")).unwrap();
        fs::write(home.path().join("secret"), "host").unwrap();
        Self { home }
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.home.path().join("root").join(inside)
    }

    fn unpack_with(&self, limits: ImageLimits, layers: &[Layer]) -> Result<()> {
        let mut unpacker = Unpacker::new(&self.path(""), limits)?;
        layers.iter().try_for_each(|layer| {
            let tar = layer.tar();
            let id = Digest::from_hash(&Sha256::digest(&tar));
            unpacker.apply(self.blob(&tar), &id)
        })
    }

    fn unpack(&self, layers: &[Layer]) -> Result<()> {
        self.unpack_with(ImageLimits::default(), layers)
    }

    fn blob(&self, bytes: &[u8]) -> File {
        let path = self.home.path().join("blob");
        fs::write(&path, bytes).unwrap();
        File::open(path).unwrap()
    }

    fn read(&self, inside: &str) -> Option<String> {
        fs::read_to_string(self.path(inside)).ok()
    }

    fn is_host_untouched(&self) -> bool {
        let names: Vec<_> = fs::read_dir(self.home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.len() <= 3 && fs::read_to_string(self.home.path().join("secret")).unwrap() == "host"
    }
}

#[test]
fn whiteouts_hide_lower_layers_only() {
    let image = Image::new();
    let lower = Layer::default().dir("d").file("d/old", "1").file("gone", "1").dir("o").file("o/old", "1");
    let upper = Layer::default()
        .file(".wh.gone", "")
        .file("o/new", "2")
        .file("o/.wh..wh..opq", "")
        .file("d/fresh", "2")
        .file("d/.wh.fresh", "")
        .file("d/.wh.old", "");
    image.unpack(&[lower, upper]).unwrap();
    assert_eq!(image.read("gone"), None);
    assert_eq!((image.read("o/old"), image.read("o/new").as_deref()), (None, Some("2")));
    assert_eq!((image.read("d/old"), image.read("d/fresh").as_deref()), (None, Some("2")));
    assert!(!image.path("o/.wh..wh..opq").exists());
}

#[test]
fn upper_layers_replace_files_directories_and_links() {
    let image = Image::new();
    let lower = Layer::default().dir("a").file("a/x", "1").file("b", "1").symlink("c", "b");
    let upper = Layer::default().file("a", "file").dir("b").file("b/y", "2").file("c", "plain");
    image.unpack(&[lower, upper]).unwrap();
    assert_eq!(image.read("a").as_deref(), Some("file"));
    assert_eq!(image.read("b/y").as_deref(), Some("2"));
    assert!(image.path("c").symlink_metadata().unwrap().is_file());
}

#[test]
fn paths_through_a_merged_usr_stay_in_the_image() {
    let image = Image::new();
    let lower = Layer::default().dir("usr").dir("usr/bin").symlink("bin", "/usr/bin");
    let upper = Layer::default().file("bin/tool", "t");
    image.unpack(&[lower, upper]).unwrap();
    assert_eq!(image.read("usr/bin/tool").as_deref(), Some("t"));
}

#[test]
fn nothing_is_written_outside() {
    let escape = |layer: Layer| {
        let image = Image::new();
        let outcome = image.unpack(&[layer]);
        assert!(image.is_host_untouched());
        outcome
    };
    for path in ["../secret", "a/../../secret", "/../secret"] {
        let error = escape(Layer::default().file(path, "evil")).unwrap_err();
        assert!(matches!(error, Error::HostileLayer { .. }), "{error}");
    }
    // Absolute names and links are taken relative to the image's root.
    escape(Layer::default().file("/secret", "evil")).unwrap();
    escape(Layer::default().dir("up").symlink("up/out", "../..").file("up/out/secret", "evil")).unwrap();
    escape(Layer::default().symlink("secret", "../secret").file("secret", "evil")).unwrap();
}

#[test]
fn links_out_of_the_image_open_nothing() {
    let image = Image::new();
    let outside = image.home.path().to_str().unwrap().to_owned();
    let layer = Layer::default().symlink("out", &outside).file("out/secret", "evil");
    assert!(image.unpack(&[layer]).is_err());
    assert!(image.is_host_untouched());

    let image = Image::new();
    for target in ["../secret", "/etc/passwd", ""] {
        let layer = Layer::default().add(EntryType::Link, "hard", target, "");
        let error = image.unpack(&[layer]).unwrap_err();
        assert!(matches!(error, Error::HostileLayer { .. }), "{error}");
    }
}

#[test]
fn a_link_that_stood_in_the_tree_before_is_not_followed_out() {
    let image = Image::new();
    symlink(image.home.path(), image.path("out")).unwrap();
    let _ = image.unpack(&[Layer::default().file("out/new", "evil")]);
    assert!(image.is_host_untouched() && !image.home.path().join("new").exists());
}

#[test]
fn hard_links_inside_work() {
    let image = Image::new();
    let layer = Layer::default().file("a", "x").add(EntryType::Link, "b", "./a", "");
    image.unpack(&[layer]).unwrap();
    let inode = |name| fs::metadata(image.path(name)).unwrap().ino();
    assert_eq!(inode("a"), inode("b"));
}

#[test]
fn device_nodes_are_left_out() {
    let image = Image::new();
    let layer = Layer::default().add(EntryType::Char, "null", "", "").add(EntryType::Block, "sda", "", "");
    image.unpack(&[layer]).unwrap();
    assert!(!image.path("null").exists() && !image.path("sda").exists());
}

#[test]
fn foreign_owners_and_unknown_entries_are_refused() {
    let image = Image::new();
    let refused = |layer: Layer| image.unpack(&[layer]).unwrap_err().to_string();
    assert!(refused(Layer::default().file("x", "").owned_by(65_536)).contains("65536"));
    assert!(refused(Layer::default().add(EntryType::new(b'V'), "v", "", "")).contains("unknown type"));
    assert!(refused(Layer::default().file(".wh...", "")).contains("no name"));
}

#[test]
fn limits_end_a_bomb() {
    let image = Image::new();
    let few = ImageLimits { entries: 2, ..ImageLimits::default() };
    let layer = Layer::default().file("a", "").file("b", "").file("c", "");
    assert!(image.unpack_with(few, &[layer]).is_err());
    let small = ImageLimits { unpacked_bytes: 4096, ..ImageLimits::default() };
    let layer = Layer::default().file("a", &"x".repeat(10_000));
    assert!(image.unpack_with(small, &[layer]).is_err());
}

#[test]
fn a_sparse_file_counts_with_all_that_it_claims() {
    let image = Image::new();
    let mut header = Header::new_gnu();
    header.set_path("bomb").unwrap();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(512);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.set_real_size(1 << 20);
    gnu.sparse[0].set_offset((1 << 20) - 512);
    gnu.sparse[0].set_length(512);
    header.set_cksum();
    let bomb = || Layer(vec![(header.clone(), b"bomb".to_vec(), vec![b'x'; 512])]);
    let small = ImageLimits { unpacked_bytes: 64 << 10, ..ImageLimits::default() };
    let error = image.unpack_with(small, &[bomb()]).unwrap_err();
    assert!(matches!(error, Error::HostileLayer { .. }), "{error}");
    assert!(!image.path("bomb").exists(), "nothing of it was written");
    let _ = image.unpack(&[bomb()]);
    assert!(image.is_host_untouched());
}

#[test]
fn compressed_layers_are_checked_against_their_content() {
    let image = Image::new();
    let tar = Layer::default().file("a", "1").tar();
    let id = Digest::from_hash(&Sha256::digest(&tar));
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut gzip, &tar).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(tar.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    for blob in [&tar, &gzip, &zstd] {
        let mut unpacker = Unpacker::new(&image.path(""), ImageLimits::default()).unwrap();
        unpacker.apply(image.blob(blob), &id).unwrap();
    }
    let wrong = Digest::from_hash(&[0; 32]);
    let mut unpacker = Unpacker::new(&image.path(""), ImageLimits::default()).unwrap();
    assert!(unpacker.apply(image.blob(&gzip), &wrong).is_err());
}

#[test]
fn set_uid_bits_survive() {
    let image = Image::new();
    let mut layer = Layer::default().file("su", "x");
    layer.0[0].0.set_mode(0o4755);
    layer.0[0].0.set_cksum();
    image.unpack(&[layer]).unwrap();
    assert_eq!(fs::metadata(image.path("su")).unwrap().permissions().mode() & 0o7777, 0o4755);
}
