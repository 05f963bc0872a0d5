//! Scenes as content-addressed chunks: only what is missing moves, and what was moved is not moved again.
//!
//! | module | what it holds |
//! |---|---|
//! | `manifest` | [`Manifest`]: a file as chunks, its exact encoding and its id |
//! | `cut` | where a file is cut |
//! | `store` | [`ChunkStore`]: chunks on disk, with a quota and least-recently-used eviction |
//! | `assembly` | a file out of a store, resumable |

mod assembly;
mod cut;
mod manifest;
mod store;

pub use assembly::assemble;
pub use cut::{AVERAGE_BYTES, Cuts, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, cut, manifest_of};
pub use manifest::{Chunk, MAX_SCENE_BYTES, Manifest, ManifestError};
pub use store::{ChunkStore, Pin, StoreError};
