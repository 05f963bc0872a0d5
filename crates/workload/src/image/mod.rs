//! OCI images: a local content-addressed store, loading, pulling, unpacking.
//!
//! * [`store`](ImageStore): blobs by digest, names to manifests, unpacked trees by image id
//! * `layout`: OCI layouts and docker-save archives into the store
//! * `pull`: registries into the store
//! * `unpack`: layers into one tree, on the assumption that every layer is hostile
//! * [`foreign`]: doors to the decoders, for fuzzing
//! * `users`: names in the image's own passwd and group files

pub mod foreign;
mod format;
mod layout;
mod pull;
mod reference;
mod store;
pub(crate) mod unpack;
pub(crate) mod users;

use serde::{Deserialize, Serialize};

pub(crate) use format::architecture;
pub use store::{ImageStore, ImageSummary, ImageTree};

/// Bounds on what an image may hold; what exceeds one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageLimits {
    /// Bytes of all unpacked layers together.
    pub unpacked_bytes: u64,
    /// Entries of all layers together.
    pub entries: u64,
    /// Bytes of one manifest or configuration.
    pub document_bytes: u64,
}

impl Default for ImageLimits {
    /// 64 GiB, a million entries, 4 MiB: a CUDA development image has a quarter of each.
    fn default() -> Self {
        Self { unpacked_bytes: 64 << 30, entries: 1_000_000, document_bytes: 4 << 20 }
    }
}

/// What an image says about running it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageConfig {
    /// Program and its fixed arguments.
    #[serde(deserialize_with = "or_default")]
    pub entrypoint: Vec<String>,
    /// Default arguments.
    #[serde(deserialize_with = "or_default")]
    pub cmd: Vec<String>,
    /// Environment as `NAME=value`.
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// Working directory; empty means `/`.
    #[serde(deserialize_with = "or_default")]
    pub working_dir: String,
    /// `user[:group]`, by name or number; empty means root of the container.
    #[serde(deserialize_with = "or_default")]
    pub user: String,
    /// Ports that the image declares, as `80/tcp`. They open nothing by themselves.
    #[serde(deserialize_with = "or_default")]
    pub exposed_ports: std::collections::BTreeMap<String, serde_json::Value>,
}

impl ImageConfig {
    /// The process to run, by Kubernetes' rule: `command` replaces the entrypoint and with it the
    /// image's default arguments; `args` replaces the default arguments only.
    pub fn process(&self, command: &[String], args: &[String]) -> Vec<String> {
        let (program, defaults): (&[String], &[String]) = match command {
            [] => (&self.entrypoint, &self.cmd),
            command => (command, &[]),
        };
        let arguments = if args.is_empty() { defaults } else { args };
        [program, arguments].concat()
    }
}

/// Image builders write `null` for what is empty.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn command_and_args_follow_kubernetes() {
        let image = ImageConfig { entrypoint: words("/entry -e"), cmd: words("default"), ..ImageConfig::default() };
        let run = |command: &str, args: &str| image.process(&words(command), &words(args)).join(" ");
        assert_eq!(run("", ""), "/entry -e default");
        assert_eq!(run("/own", ""), "/own");
        assert_eq!(run("", "mine"), "/entry -e mine");
        assert_eq!(run("/own", "mine"), "/own mine");
    }

    #[test]
    fn nulls_are_empty() {
        let image: ImageConfig =
            serde_json::from_str(r#"{"Entrypoint":null,"Env":null,"User":"","Labels":{}}"#).unwrap();
        assert_eq!(image, ImageConfig::default());
    }
}
