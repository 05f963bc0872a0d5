//! Pixels as engines compute them, tiles of them, and what a node commits to.
//!
//! | module | what it holds |
//! |---|---|
//! | `buffers` | [`Buffers`]: every channel of a region of a frame as 32-bit floats |
//! | `tiles` | [`Rect`], [`TileGrid`], and the [`Commitment`] to a frame's tiles |
//! | [`merkle`] | RFC 6962 trees: root, proof, check |
//! | `compare` | how far two renders are apart, and what that means |
//! | `files` | EXR, PNG and JPEG files |

mod buffers;
mod compare;
mod files;
pub mod merkle;
mod tiles;

pub use buffers::{Buffers, Channel, MAX_PIXELS, PixelError};
pub use compare::{Comparison, Thresholds, Verdict, compare};
pub use files::{DecodedImage, read_exr, read_exr_texts, read_image, write_exr};
pub use tiles::{Commitment, Rect, TileGrid, TileProof, tile_digest};
