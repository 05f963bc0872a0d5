//! A file as a list of chunks.

use serde::{Deserialize, Serialize};

use super::cut::MAX_CHUNK_BYTES;
use crate::digest::Digest;

/// The largest scene: 64 GiB.
pub const MAX_SCENE_BYTES: u64 = 64 << 30;

/// First bytes of the encoding; a change of it or of where files are cut changes the last digit.
const TAG: &[u8; 16] = b"tetra.scene/v1\0\0";
/// Bytes of one chunk in the encoding.
const CHUNK_BYTES: usize = 36;
/// Bytes before the first chunk.
const HEAD_BYTES: usize = 16 + 8 + 4;

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Another kind of file, or another version.
    #[error("this is no manifest of a scene of version 1")]
    Kind,
    /// Bytes are missing or left over.
    #[error("the manifest has {got} bytes where its head announces {expected}")]
    Length {
        /// What the head announces.
        expected: u64,
        /// What is there.
        got: u64,
    },
    /// A chunk without bytes or with too many.
    #[error("chunk {index} has {length} bytes; chunks have 1 to {MAX_CHUNK_BYTES}")]
    Chunk {
        /// Its position.
        index: usize,
        /// Its length.
        length: u32,
    },
    /// The chunks do not add up to the file.
    #[error("the chunks have {got} bytes together where the file has {expected}")]
    Sum {
        /// Bytes of the file.
        expected: u64,
        /// Bytes of the chunks.
        got: u64,
    },
    /// Too large.
    #[error("the scene has {0} bytes; at most {MAX_SCENE_BYTES} are taken")]
    TooLarge(u64),
}

/// One chunk of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// SHA-256 of its bytes.
    pub id: Digest,
    /// How many bytes it has.
    pub length: u32,
}

/// A file as chunks in order. The same bytes have the same manifest, and the same [`id`](Self::id), everywhere.
///
/// Encoding, integers little-endian: 16 bytes `tetra.scene/v1` with two zeros, the file's length (8 bytes), the number of chunks
/// (4), then each chunk's digest (32) and length (4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Manifest {
    bytes: u64,
    chunks: Vec<Chunk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    bytes: u64,
    chunks: Vec<Chunk>,
}

impl TryFrom<Unchecked> for Manifest {
    type Error = ManifestError;

    fn try_from(unchecked: Unchecked) -> Result<Self, ManifestError> {
        let manifest = Self::new(unchecked.chunks)?;
        let got = manifest.bytes;
        if got == unchecked.bytes { Ok(manifest) } else { Err(ManifestError::Sum { expected: unchecked.bytes, got }) }
    }
}

impl Manifest {
    /// Of chunks in order.
    ///
    /// # Errors
    /// When a chunk is empty or too long, or all together are.
    pub fn new(chunks: Vec<Chunk>) -> Result<Self, ManifestError> {
        let mut bytes = 0u64;
        for (index, chunk) in chunks.iter().enumerate() {
            if chunk.length == 0 || chunk.length > MAX_CHUNK_BYTES {
                return Err(ManifestError::Chunk { index, length: chunk.length });
            }
            bytes = bytes.saturating_add(chunk.length.into());
        }
        if bytes > MAX_SCENE_BYTES { Err(ManifestError::TooLarge(bytes)) } else { Ok(Self { bytes, chunks }) }
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Its chunks in order; one may stand more than once.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// What names the file: SHA-256 of the encoding.
    pub fn id(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// The exact encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.chunks.len() * CHUNK_BYTES);
        bytes.extend_from_slice(TAG);
        bytes.extend_from_slice(&self.bytes.to_le_bytes());
        // At most MAX_SCENE_BYTES chunks of a byte each: callers' chunks are far larger, and 2^32 of them do not fit in memory.
        bytes.extend_from_slice(&u32::try_from(self.chunks.len()).unwrap_or(u32::MAX).to_le_bytes());
        for chunk in &self.chunks {
            bytes.extend_from_slice(&chunk.id.0);
            bytes.extend_from_slice(&chunk.length.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else.
    ///
    /// # Errors
    /// When the bytes are no manifest.
    pub fn decode(encoded: &[u8]) -> Result<Self, ManifestError> {
        let (head, rest) = encoded.split_first_chunk::<HEAD_BYTES>().ok_or(ManifestError::Kind)?;
        let (tag, numbers) = head.split_first_chunk::<16>().ok_or(ManifestError::Kind)?;
        let (bytes, count) = numbers.split_first_chunk::<8>().ok_or(ManifestError::Kind)?;
        let (count, _) = count.split_first_chunk::<4>().ok_or(ManifestError::Kind)?;
        if tag != TAG {
            return Err(ManifestError::Kind);
        }
        let expected = u64::from(u32::from_le_bytes(*count)) * CHUNK_BYTES as u64;
        if expected != rest.len() as u64 {
            let head = HEAD_BYTES as u64;
            return Err(ManifestError::Length { expected: head + expected, got: encoded.len() as u64 });
        }
        let chunks = rest.chunks_exact(CHUNK_BYTES).filter_map(|chunk| {
            let (id, length) = chunk.split_first_chunk::<32>()?;
            Some(Chunk { id: Digest(*id), length: u32::from_le_bytes(length.try_into().ok()?) })
        });
        Unchecked { bytes: u64::from_le_bytes(*bytes), chunks: chunks.collect() }.try_into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn two() -> Manifest {
        let chunk = |bytes: &[u8]| Chunk { id: Digest::of(bytes), length: bytes.len() as u32 };
        Manifest::new(vec![chunk(b"abc"), chunk(b"de")]).unwrap()
    }

    #[test]
    fn the_encoding_is_exact() {
        let encoded = hex::encode(two().encode());
        let lines: Vec<&str> = encoded.as_bytes().chunks(72).map(|line| std::str::from_utf8(line).unwrap()).collect();
        insta::assert_snapshot!(format!("{}\nid {}", lines.join("\n"), two().id()));
        insta::assert_json_snapshot!(two());
    }

    #[test]
    fn other_bytes_are_refused() {
        let encoded = two().encode();
        assert_eq!(Manifest::decode(&encoded), Ok(two()));
        assert_eq!(Manifest::decode(&encoded[..27]), Err(ManifestError::Kind));
        assert_eq!(Manifest::decode(&encoded[1..]), Err(ManifestError::Kind));
        let short = Manifest::decode(&encoded[..encoded.len() - 1]);
        assert_eq!(short, Err(ManifestError::Length { expected: 100, got: 99 }));
        let mut other = encoded.clone();
        other[16] = 6;
        assert_eq!(Manifest::decode(&other), Err(ManifestError::Sum { expected: 6, got: 5 }));
        let mut empty = encoded;
        empty[60..64].fill(0);
        assert_eq!(Manifest::decode(&empty), Err(ManifestError::Chunk { index: 0, length: 0 }));
        let json = serde_json::to_string(&two()).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&json).unwrap(), two());
        assert!(serde_json::from_str::<Manifest>(&json.replace("\"bytes\":5", "\"bytes\":4")).is_err());
    }

    proptest! {
        #[test]
        fn whatever_decodes_encodes_to_the_same(lengths in proptest::collection::vec(1u32..=MAX_CHUNK_BYTES, 0..20), flip in 0usize..800) {
            let chunks = lengths.iter().map(|length| Chunk { id: Digest::of(&length.to_le_bytes()), length: *length });
            let mut encoded = Manifest::new(chunks.collect()).unwrap().encode();
            prop_assert_eq!(Manifest::decode(&encoded).unwrap().encode(), encoded.clone());
            if let Some(byte) = encoded.get_mut(flip) {
                *byte ^= 1;
            }
            if let Ok(manifest) = Manifest::decode(&encoded) {
                prop_assert_eq!(manifest.encode(), encoded);
            }
        }
    }
}
