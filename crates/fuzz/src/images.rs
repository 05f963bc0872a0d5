//! What foreign registries send.

use std::fs;

use workload::image::foreign;

/// A file beside the tree of an image, and what it holds.
const OUTSIDE: (&str, &[u8]) = ("outside", b"untouched");

/// The first byte chooses: a name, a document, or a layer, which is unpacked beside a file that must stay as it is.
pub(crate) fn image(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    match first % 5 {
        0 => {
            if let Ok(name) = std::str::from_utf8(bytes) {
                let _ = foreign::name(name);
            }
        }
        1 => {
            let _ = foreign::index(bytes);
        }
        2 => {
            let _ = foreign::manifest(bytes);
        }
        3 => {
            let _ = foreign::config(bytes);
        }
        _ => {
            let folder = tempfile::tempdir().unwrap();
            let (root, outside) = (folder.path().join("root"), folder.path().join(OUTSIDE.0));
            fs::create_dir(&root).unwrap();
            fs::write(&outside, OUTSIDE.1).unwrap();
            let _ = foreign::unpack(bytes, &root);
            assert_eq!(fs::read(&outside).unwrap(), OUTSIDE.1, "a layer changes a file outside");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "a layer makes or removes files outside");
        }
    }
}
