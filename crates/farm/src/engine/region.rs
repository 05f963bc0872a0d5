//! What an engine computed of a region, as one file: it waits there for the others of its frame.
//!
//! An uncompressed EXR of all channels. Beside the texts that belong to the pixels it has an attribute `tetra.region`: JSON of the
//! frame's size, the region's place, and the view layers that are to be denoised.

use std::io::{Read, Seek, Write};

use serde::{Deserialize, Serialize};

use super::types::Rendered;
use crate::pixels::{PixelError, Rect, read_exr, read_exr_texts, write_exr};

/// The attribute that says what the file is of.
const PLACE: &str = "tetra.region";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    width: u32,
    height: u32,
    region: Rect,
    denoised: Vec<String>,
}

impl Rendered {
    /// Writes a region with all that its frame is finished from.
    ///
    /// # Errors
    /// When the writer refuses.
    pub fn write(&self, file: impl Write + Seek) -> Result<(), PixelError> {
        let place = Place {
            width: self.buffers.frame_width(),
            height: self.buffers.frame_height(),
            region: self.buffers.rect(),
            denoised: self.denoised.clone(),
        };
        let place = serde_json::to_string(&place).map_err(|error| PixelError::Unreadable(error.to_string()))?;
        let mut texts: Vec<(String, String)> = self.metadata.clone().into_iter().collect();
        texts.push((PLACE.to_owned(), place));
        write_exr(file, &self.buffers, &texts)
    }

    /// Reads what [`write`](Self::write) wrote; times and the device are not among it.
    ///
    /// # Errors
    /// When it is no such file, or larger than can be decoded.
    pub fn read(mut file: impl Read + Seek) -> Result<Self, PixelError> {
        let texts = read_exr_texts(&mut file)?;
        let place = texts.get(PLACE).ok_or_else(|| PixelError::Unreadable(format!("it has no {PLACE}")))?;
        let place: Place = serde_json::from_str(place).map_err(|error| PixelError::Unreadable(error.to_string()))?;
        if !place.region.is_within(place.width, place.height) {
            let Place { width, height, region: rect, .. } = place;
            return Err(PixelError::Region { rect, width, height });
        }
        file.rewind()?;
        let (buffers, mut metadata) = read_exr(file, place.width, place.height, place.region)?;
        metadata.remove(PLACE);
        Ok(Self { buffers, metadata, denoised: place.denoised, device: String::new(), seconds: 0.0, load_seconds: 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::pixels::{Buffers, Channel};

    fn region(x: u32) -> Rendered {
        let rect = Rect { x, y: 0, width: 4, height: 4 };
        let channel = |name: &str| Channel { name: name.to_owned(), pixels: (0..16u8).map(f32::from).collect() };
        Rendered {
            buffers: Buffers::new(8, 4, rect, vec![channel("L.Combined.R")]).unwrap(),
            metadata: [("cryptomatte/1/name".to_owned(), "L.CryptoObject".to_owned())].into(),
            denoised: vec!["L".to_owned()],
            device: "CPU".to_owned(),
            seconds: 1.0,
            load_seconds: 1.0,
        }
    }

    #[test]
    fn regions_are_read_back_and_make_their_frame() {
        let back = |region: &Rendered| {
            let mut file = Cursor::new(Vec::new());
            region.write(&mut file).unwrap();
            file.set_position(0);
            Rendered::read(file).unwrap()
        };
        let (left, right) = (back(&region(0)), back(&region(4)));
        assert!(left.buffers.identical(&region(0).buffers) && left.denoised == ["L"]);
        assert_eq!(left.metadata, region(0).metadata);
        assert!(Rendered::merge(vec![right, left]).unwrap().buffers.is_whole());
        assert!(Rendered::read(Cursor::new(b"no picture".to_vec())).is_err());
        let mut plain = Cursor::new(Vec::new());
        write_exr(&mut plain, &region(0).buffers, &[]).unwrap();
        plain.set_position(0);
        assert!(Rendered::read(plain).unwrap_err().to_string().contains(PLACE));
    }
}
