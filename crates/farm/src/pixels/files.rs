//! Files of pixels. They come from engines that ran hostile scenes: sizes are checked before anything is decoded.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};

use exr::meta::attribute::AttributeValue;
use exr::prelude::{
    AnyChannel, AnyChannels, Encoding, FlatSamples, Image, ImageAttributes, IntegerBounds, Layer, LayerAttributes,
    MetaData, ReadChannels, ReadLayers, Text, Vec2, WritableImage, read,
};
use image::ImageDecoder;

use super::buffers::{Buffers, Channel, MAX_PIXELS, PixelError};
use super::tiles::Rect;

/// The most channels of one frame.
const MAX_CHANNELS: usize = 1_024;
/// The most bytes that decoded pixels may take: 16 GiB.
const MAX_DECODED_BYTES: u64 = 16 << 30;

fn unreadable(error: impl std::fmt::Display) -> PixelError {
    PixelError::Unreadable(error.to_string())
}

/// Reads every channel of an EXR file, of one part or several, and its attributes that are text. The region's position comes from
/// the caller: Blender's cropped files count from zero.
///
/// # Errors
/// When the file is no EXR, has another size than the region, or more than can be decoded.
pub fn read_exr(
    file: impl Read + Seek,
    width: u32,
    height: u32,
    rect: Rect,
) -> Result<(Buffers, BTreeMap<String, String>), PixelError> {
    let mut file = BufReader::new(file);
    let meta = MetaData::read_from_buffered(&mut file, false).map_err(unreadable)?;
    let mut channels = 0;
    for header in &meta.headers {
        let (got_width, got_height) = (header.layer_size.width() as u64, header.layer_size.height() as u64);
        if (got_width, got_height) != (rect.width.into(), rect.height.into()) {
            return Err(PixelError::Size { width: rect.width, height: rect.height, got_width, got_height });
        }
        channels += header.channels.list.len();
    }
    if channels == 0 || channels > MAX_CHANNELS || channels as u64 * rect.area() * 4 > MAX_DECODED_BYTES {
        let pixels = rect.area();
        return Err(PixelError::Unreadable(format!("it has {channels} channels of {pixels} pixels each")));
    }
    file.seek(SeekFrom::Start(0))?;
    let reader = read().no_deep_data().largest_resolution_level().all_channels().all_layers().all_attributes();
    let image = reader.non_parallel().from_buffered(file).map_err(unreadable)?;
    let mut channels = Vec::new();
    let mut texts = BTreeMap::new();
    let shared = image.attributes.other;
    for (name, value) in
        shared.into_iter().chain(image.layer_data.iter().flat_map(|layer| layer.attributes.other.clone()))
    {
        if let AttributeValue::Text(value) = value {
            texts.insert(name.to_string(), value.to_string());
        }
    }
    for layer in image.layer_data {
        let part = layer.attributes.layer_name.as_ref().map(Text::to_string);
        for channel in layer.channel_data.list {
            let name = channel.name.to_string();
            let name = match &part {
                Some(part) if !name.contains('.') => format!("{part}.{name}"),
                _ => name,
            };
            let pixels = match channel.sample_data {
                FlatSamples::F32(pixels) => pixels,
                other => other.values_as_f32().collect(),
            };
            channels.push(Channel { name, pixels });
        }
    }
    Ok((Buffers::new(width, height, rect, channels)?, texts))
}

/// The attributes of an EXR file that are text, without its pixels.
///
/// # Errors
/// When the file is no EXR.
pub fn read_exr_texts(file: impl Read + Seek) -> Result<BTreeMap<String, String>, PixelError> {
    let meta = MetaData::read_from_buffered(BufReader::new(file), false).map_err(unreadable)?;
    let all = meta
        .headers
        .into_iter()
        .flat_map(|header| header.shared_attributes.other.into_iter().chain(header.own_attributes.other));
    let text = |(name, value): (Text, AttributeValue)| match value {
        AttributeValue::Text(value) => Some((name.to_string(), value.to_string())),
        _ => None,
    };
    Ok(all.filter_map(text).collect())
}

/// Writes channels as an uncompressed EXR of one part, with text attributes.
///
/// # Errors
/// When a name cannot stand in an EXR, or the writer refuses.
pub fn write_exr(
    file: impl Write + Seek,
    buffers: &Buffers,
    attributes: &[(String, String)],
) -> Result<(), PixelError> {
    let text =
        |text: &str| Text::new_or_none(text).ok_or_else(|| unreadable(format!("the name {text:?} is not ASCII")));
    let rect = buffers.rect();
    let size = Vec2(rect.width as usize, rect.height as usize);
    let mut list = exr::prelude::SmallVec::new();
    for channel in buffers.channels() {
        list.push(AnyChannel::new(text(&channel.name)?, FlatSamples::F32(channel.pixels.clone())));
    }
    let layer = Layer::new(size, LayerAttributes::default(), Encoding::UNCOMPRESSED, AnyChannels::sort(list));
    let mut head = ImageAttributes::new(IntegerBounds::from_dimensions(size));
    for (name, value) in attributes {
        head.other.insert(text(name)?, AttributeValue::Text(text(value)?));
    }
    let image = Image::empty(head).with_layer(layer);
    image.write().non_parallel().to_buffered(std::io::BufWriter::new(file)).map_err(unreadable)
}

/// A final image as it was delivered.
#[derive(Debug, Clone, PartialEq)]
pub enum DecodedImage {
    /// From PNG or JPEG: 8 or 16 bits a component, as the file has them.
    Integer(image::DynamicImage),
    /// From EXR.
    Float(Buffers),
}

impl DecodedImage {
    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Integer(image) => (image.width(), image.height()),
            Self::Float(buffers) => (buffers.rect().width, buffers.rect().height),
        }
    }

    /// To be shown: 8-bit sRGB. Floats are taken as linear light in sRGB's primaries, from the first `Combined` pass, or from a
    /// file's only red, green and blue.
    ///
    /// # Errors
    /// When an EXR has no colours.
    pub fn to_rgb8(&self) -> Result<image::RgbImage, PixelError> {
        let buffers = match self {
            Self::Integer(image) => return Ok(image.to_rgb8()),
            Self::Float(buffers) => buffers,
        };
        let combined = buffers.channels().iter().find(|channel| matches!(channel.parts(), (_, "Combined", "R")));
        let red = combined.or_else(|| buffers.channels().iter().find(|channel| channel.parts().2 == "R"));
        let stem = red.map(|red| red.name.trim_end_matches('R')).unwrap_or_default();
        let plane = |component: &str| buffers.channel(&format!("{stem}{component}")).map(|channel| &channel.pixels);
        let (Some(r), Some(g), Some(b)) = (plane("R"), plane("G"), plane("B")) else {
            return Err(PixelError::Unreadable("it has no channels of red, green and blue".to_owned()));
        };
        let bytes = r.iter().zip(g).zip(b).flat_map(|((r, g), b)| [*r, *g, *b].map(super::compare::eight_bit));
        let rect = buffers.rect();
        image::RgbImage::from_raw(rect.width, rect.height, bytes.collect())
            .ok_or_else(|| PixelError::Unreadable("its channels are shorter than its size".to_owned()))
    }
}

/// Reads a delivered image by what its first bytes say: EXR, PNG or JPEG.
///
/// # Errors
/// When it is none of them, too large, or broken.
pub fn read_image(mut file: impl Read + Seek) -> Result<DecodedImage, PixelError> {
    let mut magic = [0; 4];
    file.read_exact(&mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    if magic == [0x76, 0x2f, 0x31, 0x01] {
        let meta = MetaData::read_from_buffered(BufReader::new(&mut file), false).map_err(unreadable)?;
        file.seek(SeekFrom::Start(0))?;
        let size = meta.headers.first().map(|header| header.layer_size).unwrap_or_default();
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let (width, height) = (side(size.width()), side(size.height()));
        return read_exr(file, width, height, Rect { x: 0, y: 0, width, height })
            .map(|(buffers, _)| DecodedImage::Float(buffers));
    }
    let mut reader = image::ImageReader::new(BufReader::new(file)).with_guessed_format()?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        let rect = Rect { x: 0, y: 0, width, height };
        return Err(PixelError::Region { rect, width, height });
    }
    image::DynamicImage::from_decoder(decoder).map(DecodedImage::Integer).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn tile() -> Buffers {
        let rect = Rect { x: 4, y: 1, width: 3, height: 2 };
        let channel = |name: &str, scale: f32| Channel {
            name: name.to_owned(),
            pixels: [0.0, 0.5, 1.0, -0.0, f32::NAN, f32::INFINITY].map(|value| value * scale).to_vec(),
        };
        let channels = ["Combined.R", "Combined.G", "Combined.B", "Depth.Z"].map(|name| format!("View.001.{name}"));
        Buffers::new(9, 4, rect, channels.iter().map(|name| channel(name, 0.3)).collect()).unwrap()
    }

    fn written() -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        write_exr(&mut file, &tile(), &[("cycles.View.001.samples".to_owned(), "8".to_owned())]).unwrap();
        file.into_inner()
    }

    #[test]
    fn an_exr_keeps_every_bit() {
        let bytes = written();
        let (read, texts) = read_exr(Cursor::new(&bytes), 9, 4, tile().rect()).unwrap();
        assert!(read.identical(&tile()));
        assert_eq!(texts["cycles.View.001.samples"], "8");
        assert_eq!(tile().channels()[0].parts(), ("View.001", "Combined", "B"));
        let name = b"cycles.View.001.samples\0string\0";
        assert!(bytes.windows(name.len()).any(|window| window == name));
    }

    #[test]
    fn other_sizes_and_other_files_are_refused() {
        let bytes = written();
        let rect = Rect { x: 0, y: 0, width: 3, height: 3 };
        assert!(matches!(read_exr(Cursor::new(&bytes), 9, 4, rect), Err(PixelError::Size { got_height: 2, .. })));
        let cut = &bytes[..bytes.len() - 9];
        assert!(matches!(read_exr(Cursor::new(cut), 9, 4, tile().rect()), Err(PixelError::Unreadable(_))));
        assert!(matches!(read_image(Cursor::new(b"GIF89a..")), Err(PixelError::Unreadable(_))));
        assert!(read_image(Cursor::new(b"")).is_err());
    }

    #[test]
    fn images_are_read_by_their_first_bytes() {
        let shown = read_image(Cursor::new(written())).unwrap().to_rgb8().unwrap();
        assert_eq!(shown.get_pixel(2, 0).0, [149; 3]);
        let mut png = Cursor::new(Vec::new());
        image::DynamicImage::from(shown.clone()).write_to(&mut png, image::ImageFormat::Png).unwrap();
        png.set_position(0);
        let read = read_image(png).unwrap();
        assert_eq!((read.size(), read.to_rgb8().unwrap()), ((3, 2), shown));
    }
}
