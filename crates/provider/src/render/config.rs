//! What a render node is told: `render` in `provider.json`.

use std::path::PathBuf;

use farm::engine::Device;
use proto::tetra::capacity::v1::Resources;
use proto::tetra::render::v1::{SleepHours, Tier};
use serde::{Deserialize, Serialize};

/// `render` in `provider.json`. An agent that runs looks at it every few seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RenderConfig {
    /// Whether this machine is offered as a render node.
    pub enabled: bool,
    /// Whether the node, where it is not enabled, leaves for good, to be paid what is kept back of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leave: bool,
    /// Virtual environment with `bpy`; else the one that set-up makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venv: Option<PathBuf>,
    /// The program `blender`, instead of a virtual environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blender: Option<PathBuf>,
    /// Whether the GPUs of this machine render, instead of its processor. They must be of one class.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gpu: bool,
    /// Threads of a render; none is as many as the window has cores, at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// The window: thousandths of a core.
    pub cpu_milli: u64,
    /// The window: memory in bytes.
    pub memory: u64,
    /// The window: disk in bytes.
    pub storage: u64,
    /// The tier that is offered.
    pub tier: RenderTier,
    /// Hours of each day, UTC, in which nothing is taken: first and last, `[22, 6]`.
    pub sleep: Vec<[u32; 2]>,
    /// The most bytes of scenes' chunks on disk.
    pub cache_bytes: u64,
    /// Where creators and other nodes reach the gateway; none is `host_uri`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Days after which results are thrown away.
    pub keep_days: u64,
}

impl Default for RenderConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            leave: false,
            venv: None,
            blender: None,
            gpu: false,
            threads: None,
            cpu_milli: 1000,
            memory: 2 << 30,
            storage: 4 << 30,
            tier: RenderTier::Economy,
            sleep: Vec::new(),
            cache_bytes: 4 << 30,
            endpoint: None,
            keep_days: 30,
        }
    }
}

/// Price classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RenderTier {
    /// For nodes that the authority named.
    Trusted,
    /// Dearer, served first.
    Priority,
    /// The cheapest.
    Economy,
}

impl RenderConfig {
    /// The tier, as the chain writes it.
    pub(crate) fn wire_tier(&self) -> Tier {
        match self.tier {
            RenderTier::Trusted => Tier::Trusted,
            RenderTier::Priority => Tier::Priority,
            RenderTier::Economy => Tier::Economy,
        }
    }

    /// The window, as the chain writes it.
    pub(crate) fn window(&self) -> Resources {
        let Self { cpu_milli, memory, storage, .. } = *self;
        Resources { cpu_milli, memory, storage, devices: Vec::new() }
    }

    /// The hours of sleep, as the chain writes them.
    pub(crate) fn hours(&self) -> Vec<SleepHours> {
        self.sleep.iter().map(|[from, to]| SleepHours { from: *from, to: *to }).collect()
    }

    /// What renders.
    pub(crate) fn device(&self) -> Device {
        if self.gpu { Device::Gpu } else { Device::Cpu }
    }

    /// Threads of a render.
    pub(crate) fn threads(&self) -> u32 {
        let cores = u32::try_from(self.cpu_milli / 1000).unwrap_or(u32::MAX);
        self.threads.unwrap_or(cores).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_fields_are_enough_and_mistakes_are_named() {
        let config: RenderConfig =
            serde_json::from_str(r#"{"enabled":true,"cpu_milli":2500,"tier":"priority"}"#).unwrap();
        assert_eq!((config.threads(), config.wire_tier()), (2, Tier::Priority));
        let error = serde_json::from_str::<RenderConfig>(r#"{"enable":true}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `enable`"), "{error}");
        let text = serde_json::to_string(&RenderConfig::default()).unwrap();
        assert_eq!(serde_json::from_str::<RenderConfig>(&text).unwrap(), RenderConfig::default());
    }
}
