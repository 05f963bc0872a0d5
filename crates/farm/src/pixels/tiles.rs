//! Tiles of a frame, and the commitment to them.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::buffers::{Buffers, MAX_PIXELS, PixelError};
use super::merkle::{self, Proof};
use crate::digest::Digest;

/// First bytes of what is hashed of a tile.
const TAG: &[u8; 16] = b"tetra.tile/v1\0\0\0";

/// A region of a frame in pixels, from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rect {
    /// Pixels to its left.
    pub x: u32,
    /// Pixels above it.
    pub y: u32,
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

impl Rect {
    /// Pixels in it.
    pub fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether it has pixels, all of them inside of a frame.
    pub fn is_within(&self, width: u32, height: u32) -> bool {
        Self { x: 0, y: 0, width, height }.contains(self)
    }

    /// Whether another one has pixels, all of them inside of this one.
    pub fn contains(&self, other: &Self) -> bool {
        let span = |at: u32, length: u32, inner: u32, inner_length: u32| {
            let (at, inner) = (u64::from(at), u64::from(inner));
            inner_length > 0 && inner >= at && inner + u64::from(inner_length) <= at + u64::from(length)
        };
        span(self.x, self.width, other.x, other.width) && span(self.y, self.height, other.y, other.height)
    }
}

/// A frame cut into tiles of one size, rows from the top, tiles from the left; those at the right and lower edge may be smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct TileGrid {
    width: u32,
    height: u32,
    tile_width: u32,
    tile_height: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    width: u32,
    height: u32,
    tile_width: u32,
    tile_height: u32,
}

impl TryFrom<Unchecked> for TileGrid {
    type Error = PixelError;

    fn try_from(grid: Unchecked) -> Result<Self, PixelError> {
        Self::new(grid.width, grid.height, grid.tile_width, grid.tile_height)
    }
}

impl TileGrid {
    /// Of a frame and a tile size in pixels.
    ///
    /// # Errors
    /// When one of them is empty, the frame has more than [`MAX_PIXELS`], or the tile is larger than the frame.
    pub fn new(width: u32, height: u32, tile_width: u32, tile_height: u32) -> Result<Self, PixelError> {
        let tile = Rect { x: 0, y: 0, width: tile_width, height: tile_height };
        if !tile.is_within(width, height) || u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(PixelError::Region { rect: tile, width, height });
        }
        Ok(Self { width, height, tile_width, tile_height })
    }

    /// Width of the frame.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height of the frame.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Tiles in a row.
    pub fn columns(&self) -> u32 {
        self.width.div_ceil(self.tile_width)
    }

    /// Rows of tiles.
    pub fn rows(&self) -> u32 {
        self.height.div_ceil(self.tile_height)
    }

    /// Tiles of the frame.
    pub fn count(&self) -> u32 {
        self.columns() * self.rows()
    }

    /// Where a tile lies; none where there is no such tile.
    pub fn rect(&self, index: u32) -> Option<Rect> {
        if index >= self.count() {
            return None;
        }
        let (x, y) = (index % self.columns() * self.tile_width, index / self.columns() * self.tile_height);
        let (width, height) = (self.tile_width.min(self.width - x), self.tile_height.min(self.height - y));
        Some(Rect { x, y, width, height })
    }

    /// All tiles in order.
    pub fn rects(&self) -> impl Iterator<Item = Rect> {
        (0..self.count()).filter_map(|index| self.rect(index))
    }
}

/// The digest of a tile's pixels. SHA-256 of: 16 bytes `tetra.tile/v1` with three zeros; x, y, width, height and the number of
/// channels (4 bytes each, as all integers little-endian); each channel's name after its length in bytes (4); then channel after
/// channel its pixels as 32-bit floats, little-endian, rows from the top.
pub fn tile_digest(tile: &Buffers) -> Digest {
    let mut hash = Sha256::new();
    let rect = tile.rect();
    hash.update(TAG);
    for number in [rect.x, rect.y, rect.width, rect.height, tile.channels().len() as u32] {
        hash.update(number.to_le_bytes());
    }
    for channel in tile.channels() {
        hash.update((channel.name.len() as u32).to_le_bytes());
        hash.update(channel.name.as_bytes());
    }
    let mut bytes = Vec::with_capacity(rect.width as usize * 4);
    for row in tile.channels().iter().flat_map(|channel| channel.pixels.chunks(rect.width.max(1) as usize)) {
        bytes.clear();
        bytes.extend(row.iter().flat_map(|pixel| pixel.to_le_bytes()));
        hash.update(&bytes);
    }
    Digest(hash.finalize().into())
}

/// What a node commits to before it is known which tiles are looked at: the tiles of a frame, under one root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    grid: TileGrid,
    leaves: Vec<Digest>,
}

/// That a tile with this digest belongs to a committed frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TileProof {
    /// [`tile_digest`] of the tile.
    pub tile: Digest,
    /// The way to the root.
    pub proof: Proof,
}

impl TileProof {
    /// Whether the tile is number `index` of `grid` under `root`.
    pub fn holds(&self, grid: &TileGrid, index: u32, root: &Digest) -> bool {
        self.proof.index == u64::from(index)
            && self.proof.total == u64::from(grid.count())
            && self.proof.leads(&merkle::leaf_hash(&self.tile.0), root)
    }
}

impl Commitment {
    /// To the tiles of a whole frame.
    ///
    /// # Errors
    /// When the buffers are not the whole frame of the grid.
    pub fn to(frame: &Buffers, grid: TileGrid) -> Result<Self, PixelError> {
        if !frame.is_whole() || (frame.frame_width(), frame.frame_height()) != (grid.width, grid.height) {
            return Err(PixelError::Region { rect: frame.rect(), width: grid.width, height: grid.height });
        }
        let leaf = |rect| frame.crop(rect).map(|tile| tile_digest(&tile));
        Ok(Self { grid, leaves: grid.rects().map(leaf).collect::<Result<_, _>>()? })
    }

    /// The grid.
    pub fn grid(&self) -> TileGrid {
        self.grid
    }

    /// Digests of the tiles in order.
    pub fn tiles(&self) -> &[Digest] {
        &self.leaves
    }

    fn hashes(&self) -> Vec<Digest> {
        self.leaves.iter().map(|tile| merkle::leaf_hash(&tile.0)).collect()
    }

    /// The root: RFC 6962 over the tiles' digests.
    pub fn root(&self) -> Digest {
        merkle::root(&self.hashes())
    }

    /// The proof for a tile; none where there is no such tile.
    pub fn prove(&self, index: u32) -> Option<TileProof> {
        let proof = merkle::prove(&self.hashes(), index as usize)?;
        Some(TileProof { tile: *self.leaves.get(index as usize)?, proof })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::buffers::Channel;
    use super::*;

    fn frame(width: u32, height: u32) -> Buffers {
        let rect = Rect { x: 0, y: 0, width, height };
        let channel = |name: &str, from: u32| {
            let pixels = (0..width * height).map(|i| (i + from) as f32 / 7.0).collect();
            Channel { name: name.to_owned(), pixels }
        };
        Buffers::new(width, height, rect, vec![channel("L.Combined.R", 1), channel("L.Combined.A", 5)]).unwrap()
    }

    #[test]
    fn the_hashed_bytes_are_exact() {
        let tile = frame(3, 2).crop(Rect { x: 1, y: 0, width: 2, height: 2 }).unwrap();
        let mut bytes = TAG.to_vec();
        for number in [1u32, 0, 2, 2, 2] {
            bytes.extend(number.to_le_bytes());
        }
        for name in ["L.Combined.A", "L.Combined.R"] {
            bytes.extend(12u32.to_le_bytes());
            bytes.extend(name.as_bytes());
        }
        for value in [6.0f32, 7.0, 9.0, 10.0, 2.0, 3.0, 5.0, 6.0] {
            bytes.extend((value / 7.0).to_le_bytes());
        }
        assert_eq!(tile_digest(&tile), Digest::of(&bytes));
        insta::assert_snapshot!(tile_digest(&tile), @"b7eba7dcd8664426dc640fd62da4124767d552abb2c6a546a1638861d8e408da");
    }

    #[test]
    fn what_is_no_grid_is_refused() {
        for (width, height, tile_width, tile_height) in
            [(0, 9, 1, 1), (9, 9, 0, 1), (9, 9, 10, 1), (20_000, 20_000, 64, 64)]
        {
            assert!(TileGrid::new(width, height, tile_width, tile_height).is_err());
        }
        assert!(serde_json::from_str::<TileGrid>(r#"{"width":9,"height":9,"tile_width":0,"tile_height":1}"#).is_err());
        assert!(Commitment::to(&frame(4, 4), TileGrid::new(4, 5, 2, 2).unwrap()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn tiles_are_the_frame_and_each_is_proved(width in 1u32..40, height in 1u32..40, tile in (1u32..40, 1u32..40), at in 0u32..1600) {
            let grid = TileGrid::new(width, height, tile.0.min(width), tile.1.min(height)).unwrap();
            let whole = frame(width, height);
            let tiles: Vec<Buffers> = grid.rects().map(|rect| whole.crop(rect).unwrap()).collect();
            prop_assert_eq!(tiles.len() as u32, grid.count());
            let mut turned = tiles.clone();
            turned.reverse();
            prop_assert!(Buffers::merge(&turned).unwrap().identical(&whole));
            if tiles.len() > 1 {
                prop_assert!(Buffers::merge(&tiles[1..]).is_err());
                turned[0] = turned[1].clone();
                prop_assert!(Buffers::merge(&turned).is_err());
            }
            let commitment = Commitment::to(&whole, grid).unwrap();
            let (root, at) = (commitment.root(), at % grid.count());
            let proof = commitment.prove(at).unwrap();
            prop_assert_eq!(proof.tile, tile_digest(&tiles[at as usize]));
            prop_assert!(proof.holds(&grid, at, &root));
            prop_assert!(!proof.holds(&grid, at + 1, &root));
            let forged = TileProof { tile: Digest::of(b"another"), ..proof };
            prop_assert!(!forged.holds(&grid, at, &root));
            prop_assert!(commitment.prove(grid.count()).is_none());
        }
    }
}
