//! Wire types of Tetra.
//!
//! The modules below mirror the packages of the `.proto` files in `proto/`: the message
//! `akash.market.v1beta5.MsgCreateBid` is [`akash::market::v1beta5::MsgCreateBid`]. One prost generation builds
//! them all, and [`DESCRIPTORS`] is the descriptor set from which REST routes and reflection are derived.
//!
//! Field numbers and names are public facts of the networks whose clients Tetra speaks to (Cosmos SDK, Akash);
//! packages under `tetra` are ours.

#![allow(missing_docs, reason = "generated from .proto files, which carry the documentation")]
#![allow(clippy::doc_markdown, clippy::large_enum_variant, clippy::derive_partial_eq_without_eq)]

include!(concat!(env!("OUT_DIR"), "/packages.rs"));

mod any;

pub use any::{AnyError, CanonicalError, FromAny, ToAny, canonical, type_url};
pub use prost::{Message, Name};
pub use prost_types::{Any, Duration, Timestamp};

/// The encoded `google.protobuf.FileDescriptorSet` of every package, with `google.api.http` annotations.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
