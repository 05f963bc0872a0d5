//! Render engines, and everything about scenes and pixels that needs no chain.
//!
//! | module | what it holds |
//! |---|---|
//! | [`frames`] | which frames a job has, in what order, and how their files are called |
//! | [`chunks`] | scenes as content-addressed chunks: only what is missing moves |
//! | [`engine`] | the trait of render engines, Blender behind it, sandbox and failures |
//! | [`pixels`] | buffers of engines, tiles, the commitment to them, comparisons |
//! | [`digest`] | SHA-256 digests as text |

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod chunks;
pub mod digest;
pub mod engine;
pub mod frames;
pub mod pixels;

pub use digest::Digest;
