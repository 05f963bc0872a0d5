//! What may be looked at before it is paid for: small pictures, and large ones under a watermark.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};

/// Widths and heights into which the last rendered image of a job is fitted: to be shown large, in a page, in a list.
pub const SIZES: [(u32, u32); 3] = [(1920, 1080), (600, 338), (200, 112)];
/// Quality of JPEG files, of 100.
const QUALITY: u8 = 85;
/// Distance of the watermark's bands in pixels, for an image of 640 pixels or less on its longer side.
const BAND: u32 = 48;
/// How much of a pixel the watermark takes, in per cent.
const STRENGTH: u32 = 45;

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The encoder.
    #[error("the preview cannot be encoded: {0}")]
    Encode(#[from] image::ImageError),
    /// The disk.
    #[error("the preview at {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The largest image of the same proportions that fits into a box; never larger than the image itself.
pub fn fit(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (w, h) = (u64::from(image.width().max(1)), u64::from(image.height().max(1)));
    let (width, height) = (u64::from(width.max(1)).min(w), u64::from(height.max(1)).min(h));
    // Rounded down, but to no less than a pixel.
    let (fit_w, fit_h) = if w * height > h * width { (width, h * width / w) } else { (w * height / h, height) };
    let side = |side: u64| u32::try_from(side.max(1)).unwrap_or(u32::MAX);
    if (fit_w, fit_h) == (w, h) {
        return image.clone();
    }
    resize(image, side(fit_w), side(fit_h), FilterType::Triangle)
}

/// Crossed diagonal bands all over an image, light in dark places and dark in light ones, so that no part of it can be used.
pub fn watermark(image: &mut RgbImage) {
    let longer = image.width().max(image.height());
    let band = (BAND * longer.div_ceil(640)).max(8);
    let height = image.height();
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let (falling, rising) = ((x + height - y) % band, (x + y) % band);
        if falling >= band / 6 && rising >= band / 6 {
            continue;
        }
        let Rgb(colour) = *pixel;
        let light = colour.iter().map(|component| u32::from(*component)).sum::<u32>() / 3;
        let ink = if light < 128 { 255 } else { 0 };
        *pixel = Rgb(colour.map(|component| {
            let mixed = u32::from(component) * (100 - STRENGTH) + ink * STRENGTH;
            u8::try_from(mixed / 100).unwrap_or(u8::MAX)
        }));
    }
}

/// JPEG bytes of an image.
///
/// # Errors
/// When it is too large for JPEG.
pub fn jpeg(image: &RgbImage) -> Result<Vec<u8>, PreviewError> {
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(image)?;
    Ok(bytes.into_inner())
}

/// The newest image of a job, in all [`SIZES`], in a folder: `large.jpg`, `page.jpg`, `list.jpg`. Every one of them bears the
/// watermark until the job is paid for.
pub struct LastRendered {
    folder: PathBuf,
}

impl LastRendered {
    /// In a folder, which is made when the first image comes.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Replaces the images. A reader sees the old or the new one, never half of it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn update(&self, image: &RgbImage, paid: bool) -> Result<Vec<PathBuf>, PreviewError> {
        let told = |path: &Path| {
            let path = path.to_owned();
            move |source| PreviewError::Io { path, source }
        };
        std::fs::create_dir_all(&self.folder).map_err(told(&self.folder))?;
        let mut written = Vec::new();
        for ((width, height), name) in SIZES.into_iter().zip(["large.jpg", "page.jpg", "list.jpg"]) {
            let mut small = fit(image, width, height);
            if !paid {
                watermark(&mut small);
            }
            let path = self.folder.join(name);
            let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(told(&path))?;
            std::io::Write::write_all(&mut file, &jpeg(&small)?).map_err(told(&path))?;
            let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            file.as_file().set_permissions(readable).map_err(told(&path))?;
            file.persist(&path).map_err(|error| told(&path)(error.error))?;
            written.push(path);
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 3) as u8, (y * 5) as u8, 90]))
    }

    #[test]
    fn a_watermark_leaves_no_part_clean() {
        let clean = picture(640, 360);
        let mut marked = clean.clone();
        watermark(&mut marked);
        // In every square of 48 pixels, a quarter of them or more.
        for (left, top) in (0..592).step_by(37).flat_map(|x| (0..312).step_by(37).map(move |y| (x, y))) {
            let inside = (left..left + 48).flat_map(|x| (top..top + 48).map(move |y| (x, y)));
            let changed = inside.filter(|(x, y)| clean.get_pixel(*x, *y) != marked.get_pixel(*x, *y)).count();
            assert!(changed >= 48 * 48 / 4, "{changed} at {left},{top}");
        }
    }

    #[test]
    fn the_newest_image_is_shown_marked_until_paid() {
        let folder = tempfile::tempdir().unwrap();
        let last = LastRendered::new(folder.path().join("job"));
        let sizes = |files: &[PathBuf]| -> Vec<(u32, u32)> {
            files.iter().map(|file| image::image_dimensions(file).unwrap()).collect()
        };
        let files = last.update(&picture(2560, 1080), false).unwrap();
        assert_eq!(sizes(&files), [(1920, 810), (600, 253), (200, 84)]);
        let marked = std::fs::read(&files[2]).unwrap();
        last.update(&picture(2560, 1080), true).unwrap();
        assert_ne!(std::fs::read(&files[2]).unwrap(), marked);
        assert_eq!(sizes(&last.update(&picture(20, 400), true).unwrap()), [(20, 400), (16, 338), (5, 112)]);
        assert_eq!(std::fs::read_dir(folder.path().join("job")).unwrap().count(), 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_fits_is_inside_and_touches_a_side(size in (1u32..90, 1u32..90), boxed in (1u32..90, 1u32..90)) {
            let fitted = fit(&picture(size.0, size.1), boxed.0, boxed.1);
            prop_assert!(fitted.width() <= boxed.0.min(size.0) && fitted.height() <= boxed.1.min(size.1));
            let touches = [(fitted.width(), boxed.0), (fitted.height(), boxed.1), (fitted.width(), size.0), (fitted.height(), size.1)];
            prop_assert!(touches.iter().any(|(a, b)| a == b));
        }
    }
}
