//! Where a file is cut: by its content (FastCDC, Xia et al. 2020, as the crate `fastcdc` has it), so that bytes that are put in
//! or taken out move the cuts beside them only.

use std::io::{self, Read};

use fastcdc::v2020::{Normalization, StreamCDC};

use super::manifest::{Chunk, Manifest, ManifestError};
use crate::digest::Digest;

/// The shortest chunk but the last of a file.
pub const MIN_CHUNK_BYTES: u32 = 16 << 10;
/// The length around which most chunks are: a scene of 1 GiB has about 16,000 chunks and a manifest of 600 KB.
pub const AVERAGE_BYTES: u32 = 64 << 10;
/// The longest chunk.
pub const MAX_CHUNK_BYTES: u32 = 256 << 10;

/// Chunks of a file, one after the other, each with its bytes.
pub struct Cuts<R: Read>(StreamCDC<R>);

/// Cuts what a reader gives. Only one chunk is in memory at a time.
pub fn cut<R: Read>(file: R) -> Cuts<R> {
    let (min, average, max) = (MIN_CHUNK_BYTES as usize, AVERAGE_BYTES as usize, MAX_CHUNK_BYTES as usize);
    Cuts(StreamCDC::with_level(file, min, average, max, Normalization::Level2))
}

impl<R: Read> Iterator for Cuts<R> {
    type Item = io::Result<(Chunk, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.0.next()?;
        Some(next.map_err(io::Error::from).map(|cut| {
            let length = u32::try_from(cut.data.len()).unwrap_or(u32::MAX);
            (Chunk { id: Digest::of(&cut.data), length }, cut.data)
        }))
    }
}

/// The manifest of what a reader gives; its bytes are not kept.
///
/// # Errors
/// When it cannot be read; [`ManifestError::TooLarge`] inside of `InvalidData`.
pub fn manifest_of(file: impl Read) -> io::Result<Manifest> {
    let mut chunks = Vec::new();
    for cut in cut(file) {
        chunks.push(cut?.0);
    }
    Manifest::new(chunks).map_err(|error: ManifestError| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Bytes that do not repeat, from a seed.
    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed;
        let word = |_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) ^ (mixed >> 31)).to_le_bytes()
        };
        (0..length.div_ceil(8)).flat_map(word).take(length).collect()
    }

    /// Bytes of the chunks of one that the other lacks.
    fn moved(old: &Manifest, new: &Manifest) -> u64 {
        let old: BTreeSet<Chunk> = old.chunks().iter().copied().collect();
        let missing: BTreeSet<Chunk> = new.chunks().iter().copied().filter(|chunk| !old.contains(chunk)).collect();
        missing.iter().map(|chunk| u64::from(chunk.length)).sum()
    }

    #[test]
    fn cuts_do_not_change_from_version_to_version() {
        let manifest = manifest_of(noise(1, 1 << 20).as_slice()).unwrap();
        let lengths: Vec<u32> = manifest.chunks().iter().map(|chunk| chunk.length).collect();
        insta::assert_snapshot!(format!("{lengths:?}\n{}", manifest.id()));
    }

    #[test]
    fn a_scene_of_which_one_part_in_a_hundred_is_new_moves_at_most_two() {
        let old = noise(7, 64 << 20);
        let manifest = manifest_of(old.as_slice()).unwrap();
        let part = old.len() / 100;
        // Overwritten, put in, and taken out and put in elsewhere.
        let mut over = old.clone();
        over[9_000_001..9_000_001 + part].copy_from_slice(&noise(8, part));
        let mut longer = old.clone();
        longer.splice(33_333_333..33_333_333, noise(9, part));
        let mut swapped = old.clone();
        swapped.drain(1_000_000..1_000_000 + part);
        swapped.splice(50_000_000..50_000_000, noise(10, part));
        for new in [over, longer, swapped] {
            let new = manifest_of(new.as_slice()).unwrap();
            let moved = moved(&manifest, &new);
            assert!(moved * 50 <= new.bytes(), "{moved} of {} bytes move", new.bytes());
            assert!(moved >= part as u64, "what is new must move");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn chunks_put_together_are_the_file(seed: u64, length in 0usize..2_000_000, run in 0usize..600_000) {
            let mut file = noise(seed, length);
            // Scenes have long runs of one byte, where only the longest chunk ends.
            file.extend(std::iter::repeat_n(0, run));
            let mut joined = Vec::new();
            let mut chunks = Vec::new();
            for piece in cut(file.as_slice()) {
                let (chunk, bytes) = piece.unwrap();
                prop_assert_eq!(chunk, Chunk { id: Digest::of(&bytes), length: bytes.len() as u32 });
                joined.extend(bytes);
                chunks.push(chunk);
            }
            prop_assert_eq!(&joined, &file);
            let all_but_last = chunks.split_last().map_or(&[][..], |(_, rest)| rest);
            prop_assert!(all_but_last.iter().all(|chunk| chunk.length >= MIN_CHUNK_BYTES));
            prop_assert!(Manifest::new(chunks).is_ok());
        }
    }
}
