//! Deployment files: the Akash SDL, from text to what the chain and the providers need (spec/akash.md section 2).
//!
//! ```
//! let text = std::include_str!("../tests/data/hello.yaml");
//! let sdl = sdl::Sdl::parse(text)?;          // lenient, as upstream's parser
//! sdl.validate()?;                           // what the chain and providers demand beyond it
//! let groups = sdl.groups();                 // for MsgCreateDeployment
//! let manifest = sdl.manifest();             // for the provider
//! let hash: [u8; 32] = manifest.hash();      // binds the two
//! assert_eq!((groups.len(), hash[0]), (1, 0xa8));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Upstream has three layers of strictness; each has its entry point here. [`Sdl::parse`] takes what the Go parser
//! takes, [`Sdl::validate`] adds the group limits and the manifest rules, [`Sdl::lint`] lists what the strict schema
//! of the TypeScript tools would refuse.
//!
//! | module | what it is |
//! |---|---|
//! | `yaml`, `field`, `place` | text to a tree with places; typed values out of it; places for errors |
//! | `parse` | the grammar, one file per section |
//! | [`model`] | the file as its author wrote it |
//! | `check` | names resolve, endpoints and mounts fit |
//! | [`units`], `storage`, `endpoints` | exact quantities; order of volumes; numbers of endpoints |
//! | `build` | the file to [`groups`] and [`manifest`] |
//! | [`resources`] | what groups and manifests share |
//! | [`canonical`], [`received`] | canonical JSON, hashes, a manifest as a provider gets it |
//! | [`limits`], `validate`, `matching` | what chain and providers accept; manifest against groups |
//! | [`placement`], [`capability`] | whether a provider is what a group asks for |
//! | `wire` | groups to and from protobuf |
//! | `lint`, [`reprice`], [`present`] | warnings, prices in another coin, what the command line shows |
//!
//! Everything here is pure: no I/O, no clock, no floats, and no panic on any input.

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

mod build;
pub mod canonical;
pub mod capability;
mod check;
mod endpoints;
mod error;
mod field;
pub mod groups;
pub mod limits;
mod lint;
pub mod manifest;
mod matching;
pub mod model;
mod parse;
mod place;
pub mod placement;
pub mod present;
pub mod received;
pub mod reprice;
pub mod resources;
mod storage;
pub mod units;
mod validate;
mod wire;
mod yaml;

pub use error::{ErrorKind, Location, Place, SdlError};
pub use groups::{GroupSpec, ResourceUnit};
pub use limits::{GroupProblem, LimitError};
pub use lint::LintWarning;
pub use manifest::Manifest;
pub use matching::MismatchError;
pub use model::Sdl;
pub use present::{GroupSummary, ServiceSummary, Summary};
pub use received::{ManifestDigests, ReceiveError, ReceivedManifest};
pub use reprice::{Rate, RepriceError};
pub use validate::{DeployError, ManifestError, ServiceProblem};
pub use wire::WireError;
