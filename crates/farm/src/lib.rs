//! Render engines, and everything about scenes and pixels that needs no chain.
//!
//! | module | what it holds |
//! |---|---|
//! | [`frames`] | which frames a job has, in what order, and how their files are called |
//! | [`chunks`] | scenes as content-addressed chunks: only what is missing moves |
//! | [`engine`] | the trait of render engines, Blender behind it, sandbox and failures |
//! | [`pixels`] | buffers of engines, tiles, the commitment to them, comparisons |
//! | [`class`] | classes of devices, within which honest renders are the same to the bit |
//! | [`mod@unit`] | the unit of work: everything that decides pixels |
//! | [`estimate`] | what a scene will take, by a few of its tiles |
//! | [`preview`] | watermarked pictures while it renders |
//! | [`video`] | films, by ffmpeg |
//! | [`scenes`] | the demo scene, and the benchmark |
//! | [`digest`] | SHA-256 digests as text |
//!
//! ```text
//! scene.blend ─▶ engine.inspect, engine.pack ─▶ chunks ─▶ store of a node ─▶ assemble
//!             ─▶ engine.render: buffers before denoising ─▶ tiles ─▶ commitment ─▶ (audit: render a tile again, compare)
//!             ─▶ engine.finish: denoise, composite, write ─▶ files ─▶ preview, video
//! ```

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod chunks;
pub mod class;
pub mod digest;
pub mod engine;
pub mod estimate;
pub mod frames;
pub mod pixels;
pub mod preview;
pub mod scenes;
pub mod unit;
pub mod video;

pub use class::DeviceClass;
pub use digest::Digest;
pub use unit::WorkUnit;
