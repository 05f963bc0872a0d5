//! Every channel of a region of a frame.

use super::tiles::Rect;

/// The most pixels of a frame: 16,384 by 16,384.
pub const MAX_PIXELS: u64 = 1 << 28;

/// Why pixels are refused.
#[derive(Debug, thiserror::Error)]
pub enum PixelError {
    /// A region without pixels, outside of its frame, or too large.
    #[error("{rect:?} is no region of a frame of {width} by {height} pixels")]
    Region {
        /// The region.
        rect: Rect,
        /// Width of the frame in pixels.
        width: u32,
        /// Height of the frame in pixels.
        height: u32,
    },
    /// A channel with too many or too few pixels.
    #[error("channel {name:?} has {got} pixels where its region has {expected}")]
    Length {
        /// Name of the channel.
        name: String,
        /// Pixels of the region.
        expected: u64,
        /// Pixels that are there.
        got: u64,
    },
    /// Channels are not ascending by name, or one stands twice.
    #[error("channel {0:?} stands twice, or not in the order of names")]
    Order(String),
    /// Tiles of one frame differ in their channels.
    #[error("the regions have different channels: {0:?} and {1:?}")]
    Channels(Vec<String>, Vec<String>),
    /// Regions leave pixels out, or overlap.
    #[error("the regions cover {covered} pixels of a frame that has {expected}, or overlap")]
    Cover {
        /// Pixels of the frame.
        expected: u64,
        /// Pixels of all regions together.
        covered: u64,
    },
    /// The file is no image that can be read.
    #[error("the image cannot be read: {0}")]
    Unreadable(String),
    /// The image is not as large as it should be.
    #[error("the image has {got_width} by {got_height} pixels instead of {width} by {height}")]
    Size {
        /// Width that was expected.
        width: u32,
        /// Height that was expected.
        height: u32,
        /// Width of the image.
        got_width: u64,
        /// Height of the image.
        got_height: u64,
    },
    /// The disk.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// One channel, as `ViewLayer.Combined.R`: view layer, pass, component.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its whole name.
    pub name: String,
    /// One value a pixel, rows from the top, pixels from the left.
    pub pixels: Vec<f32>,
}

impl Channel {
    /// View layer, pass and component. Names of view layers may hold dots.
    pub fn parts(&self) -> (&str, &str, &str) {
        let (rest, component) = self.name.rsplit_once('.').unwrap_or(("", &self.name));
        let (layer, pass) = rest.rsplit_once('.').unwrap_or(("", rest));
        (layer, pass, component)
    }
}

/// Every channel of a region of a frame; channels ascend by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffers {
    width: u32,
    height: u32,
    rect: Rect,
    channels: Vec<Channel>,
}

impl Buffers {
    /// Of channels in any order.
    ///
    /// # Errors
    /// When the region is none of the frame, or channels have other lengths or the same names.
    pub fn new(width: u32, height: u32, rect: Rect, mut channels: Vec<Channel>) -> Result<Self, PixelError> {
        if !rect.is_within(width, height) || u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(PixelError::Region { rect, width, height });
        }
        channels.sort_by(|a, b| a.name.cmp(&b.name));
        for channel in &channels {
            let (expected, got) = (rect.area(), channel.pixels.len() as u64);
            if expected != got {
                return Err(PixelError::Length { name: channel.name.clone(), expected, got });
            }
        }
        if let Some(pair) = channels.windows(2).find(|pair| matches!(pair, [a, b] if a.name == b.name)) {
            return Err(PixelError::Order(pair.first().map(|channel| channel.name.clone()).unwrap_or_default()));
        }
        Ok(Self { width, height, rect, channels })
    }

    /// Width of the whole frame in pixels.
    pub fn frame_width(&self) -> u32 {
        self.width
    }

    /// Height of the whole frame in pixels.
    pub fn frame_height(&self) -> u32 {
        self.height
    }

    /// Which region of the frame this is.
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// The channels, ascending by name.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// A channel by its whole name.
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// Names of all channels.
    pub fn names(&self) -> Vec<String> {
        self.channels.iter().map(|channel| channel.name.clone()).collect()
    }

    /// Whether this is a whole frame.
    pub fn is_whole(&self) -> bool {
        self.rect == Rect { x: 0, y: 0, width: self.width, height: self.height }
    }

    /// Whether two have the same region, channels and bits. Bits, so that a pixel that is no number equals itself.
    pub fn identical(&self, other: &Self) -> bool {
        let same = |a: &Channel, b: &Channel| {
            a.name == b.name && a.pixels.iter().zip(&b.pixels).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        (self.width, self.height, self.rect) == (other.width, other.height, other.rect)
            && self.channels.len() == other.channels.len()
            && self.channels.iter().zip(&other.channels).all(|(a, b)| same(a, b))
    }

    /// A part of it; `rect` counts from the frame's top left corner.
    ///
    /// # Errors
    /// When the part is not inside.
    pub fn crop(&self, rect: Rect) -> Result<Self, PixelError> {
        let refused = PixelError::Region { rect, width: self.width, height: self.height };
        if !self.rect.contains(&rect) {
            return Err(refused);
        }
        let channel = |channel: &Channel| {
            let mut pixels = Vec::with_capacity(rect.area() as usize);
            for row in rows(self.rect, rect) {
                pixels.extend_from_slice(channel.pixels.get(row).unwrap_or_default());
            }
            Channel { name: channel.name.clone(), pixels }
        };
        Self::new(self.width, self.height, rect, self.channels.iter().map(channel).collect())
    }

    /// A whole frame out of its regions, in any order.
    ///
    /// # Errors
    /// When regions are missing, overlap, or differ in frame or channels.
    pub fn merge(regions: &[Self]) -> Result<Self, PixelError> {
        let covered = regions.iter().map(|region| region.rect.area()).sum();
        let Some(first) = regions.first() else { return Err(PixelError::Cover { expected: 1, covered }) };
        let (width, height) = (first.width, first.height);
        let whole = Rect { x: 0, y: 0, width, height };
        let mut seen = vec![false; whole.area() as usize];
        let blank = |channel: &Channel| Channel { name: channel.name.clone(), pixels: vec![0.0; seen.len()] };
        let mut channels: Vec<Channel> = first.channels.iter().map(blank).collect();
        for region in regions {
            if (region.width, region.height) != (width, height) {
                return Err(PixelError::Region { rect: region.rect, width, height });
            }
            if region.names() != first.names() {
                return Err(PixelError::Channels(first.names(), region.names()));
            }
            for row in rows(whole, region.rect) {
                let row = seen.get_mut(row).unwrap_or_default();
                if row.contains(&true) {
                    return Err(PixelError::Cover { expected: whole.area(), covered });
                }
                row.fill(true);
            }
            for (to, from) in channels.iter_mut().zip(&region.channels) {
                let sources = from.pixels.chunks_exact(region.rect.width as usize);
                for (row, source) in rows(whole, region.rect).zip(sources) {
                    to.pixels.get_mut(row).unwrap_or_default().copy_from_slice(source);
                }
            }
        }
        if seen.contains(&false) {
            return Err(PixelError::Cover { expected: whole.area(), covered });
        }
        Self::new(width, height, whole, channels)
    }
}

/// Where rows of a region lie in the pixels of one that contains it.
fn rows(outer: Rect, inner: Rect) -> impl Iterator<Item = std::ops::Range<usize>> {
    (inner.y..inner.y + inner.height).map(move |y| {
        let start = (y - outer.y) as usize * outer.width as usize + (inner.x - outer.x) as usize;
        start..start + inner.width as usize
    })
}
