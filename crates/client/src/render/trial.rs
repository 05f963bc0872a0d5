//! A few tiles of a scene, rendered by an idle node at no charge, to tell what the scene will take.

use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::gateway::{Gateway, GatewayError};

/// Longer than a node tries.
const LIMIT: Duration = Duration::from_secs(150);

/// What is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialAsk {
    /// Frames of the scene, at most three.
    pub frames: Vec<u32>,
    /// What is changed of the scene's settings, as a job's `overrides`: JSON, or nothing.
    pub overrides: String,
}

/// A tile that was rendered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialTile {
    /// How long it took.
    pub seconds: f64,
    /// How many pixels it has.
    pub pixels: u64,
}

/// What came of it. Nobody is paid by it: bills are what auditors measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The hardest of the frames, whose tiles these are.
    pub frame: u32,
    /// Width of a frame in pixels.
    pub width: u32,
    /// Height of a frame in pixels.
    pub height: u32,
    /// Its tiles.
    pub tiles: Vec<TrialTile>,
    /// Seconds that a render takes for one pixel.
    pub first_seconds: f64,
    /// Seconds of the benchmark on that node.
    pub benchmark_seconds: f64,
    /// Build of its engine.
    pub engine: String,
    /// Class of its device.
    pub device_class: String,
}

impl Gateway {
    /// Asks a node to render a few tiles of a scene that it holds.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 429 while it has work or was asked a moment ago, 404 when it lacks the scene, 422 when the
    /// scene cannot be rendered; or when it cannot be reached.
    pub async fn trial(&self, manifest: &str, ask: &TrialAsk) -> Result<Trial, GatewayError> {
        let what = "the trial";
        let request = self.request(Method::POST, &format!("render/v1/scenes/{manifest}/trial"))?;
        let text = self.send(request.json(ask), what, LIMIT).await?;
        serde_json::from_str(&text).map_err(|error| self.garbled(what, error))
    }
}
