//! What a render node says of its own work.

use serde::{Deserialize, Serialize};

use super::UnitPath;

/// What a render node says of itself, to its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RenderStatus {
    /// What the agent is doing: `starting`, `measuring`, `enabling`, `ready`, `asleep`, `yielded`, `offline`, `disabled`, `banned`,
    /// `waiting` (it cannot start, and [`reason`](Self::reason) says why).
    pub state: String,
    /// Why, where there is something to say.
    pub reason: Option<String>,
    /// Build of the engine.
    pub engine: String,
    /// Class of the device that renders.
    pub device_class: String,
    /// Milliseconds of each round of the benchmark, without starting and loading.
    pub benchmark_ms: Vec<u64>,
    /// Units in hand.
    pub working: Vec<Working>,
    /// Audits that are open: as the audited, or as an auditor.
    pub audits: Vec<UnitPath>,
    /// Scenes on disk.
    pub cache: Cache,
    /// What went wrong lately, the newest first.
    pub errors: Vec<Problem>,
}

/// A unit in hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    /// The unit.
    pub unit: UnitPath,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// Number of its frame in the scene.
    pub frame: i32,
    /// `waiting`, `fetching`, `rendering`, `finishing`, `committing`.
    pub stage: String,
    /// Thousandths that are done.
    pub permille: u32,
}

/// Scenes on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// Bytes of chunks.
    pub bytes: u64,
    /// Most bytes that they may have.
    pub quota: u64,
    /// Scenes that are whole, by manifest.
    pub scenes: Vec<String>,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// When, RFC 3339.
    pub at: String,
    /// Of which unit, if of one.
    pub unit: Option<UnitPath>,
    /// A word of the taxonomy of failures.
    pub code: String,
    /// What happened.
    pub text: String,
}
