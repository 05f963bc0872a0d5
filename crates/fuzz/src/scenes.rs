//! What creators upload and render nodes give.

use std::io::Cursor;

use farm::chunks::Manifest;
use farm::engine::Rendered;
use farm::pixels::read_image;

/// A list of a scene's chunks.
pub(crate) fn scene(bytes: &[u8]) {
    let Ok(manifest) = Manifest::decode(bytes) else { return };
    assert_eq!(manifest.encode(), bytes);
    assert_eq!(manifest.bytes(), manifest.chunks().iter().map(|chunk| u64::from(chunk.length)).sum::<u64>());
}

/// A picture, or a region of a frame.
pub(crate) fn pixels(bytes: &[u8]) {
    if let Ok(image) = read_image(Cursor::new(bytes)) {
        let (width, height) = image.size();
        assert!(width > 0 && height > 0);
        // A picture without three colours has no such form.
        let _ = image.to_rgb8();
    }
    if let Ok(region) = Rendered::read(Cursor::new(bytes)) {
        let (width, height) = (region.buffers.frame_width(), region.buffers.frame_height());
        let rect = region.buffers.rect();
        assert!(rect.x + rect.width <= width && rect.y + rect.height <= height);
    }
}
