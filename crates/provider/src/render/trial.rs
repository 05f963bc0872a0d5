//! Tiles of a scene for an estimate: at no charge, so only while there is nothing else to do, and never for long.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client::render::{Trial, TrialAsk, TrialTile};
use farm::Digest;
use farm::engine::{Options, Work};
use farm::estimate;
use tokio::time::timeout;

use super::counter::{aside, internal};
use super::desk::RenderRefusal;
use super::node::RenderNode;
use crate::agent::lock;

/// How long a trial may take.
const LIMIT: Duration = Duration::from_secs(120);
/// From one trial of a caller to the next.
const EVERY: Duration = Duration::from_secs(5);
/// The most callers that are remembered.
const MOST: usize = 4096;
/// The most frames of a trial.
const FRAMES: usize = 3;
/// How often it is looked whether work came.
const LOOK: Duration = Duration::from_millis(200);

/// When callers had their last trial.
#[derive(Default)]
pub(super) struct Trials(Mutex<BTreeMap<String, Instant>>);

impl Trials {
    fn take(&self, caller: &str) -> Result<(), RenderRefusal> {
        let mut known = lock(&self.0);
        known.retain(|_, since| since.elapsed() < EVERY);
        if known.contains_key(caller) || known.len() >= MOST {
            return Err(RenderRefusal::Busy(format!("a caller may try a scene every {EVERY:?}")));
        }
        known.insert(caller.to_owned(), Instant::now());
        Ok(())
    }
}

fn busy() -> RenderRefusal {
    RenderRefusal::Busy("the node has work; ask another one, or this one later".to_owned())
}

impl RenderNode {
    /// Renders a few tiles of a scene that is here.
    pub(super) async fn trial(
        self: &Arc<Self>,
        caller: &str,
        manifest: Digest,
        ask: TrialAsk,
    ) -> Result<Trial, RenderRefusal> {
        let malformed = |text: String| RenderRefusal::Malformed(text);
        if !(1..=FRAMES).contains(&ask.frames.len()) {
            return Err(malformed(format!("1 to {FRAMES} frames are tried, not {}", ask.frames.len())));
        }
        let options: Options = match ask.overrides.as_str() {
            "" => Options::default(),
            text => serde_json::from_str(text).map_err(|error| malformed(format!("the overrides: {error}")))?,
        };
        let tools = lock(&self.tools).clone();
        let tools = tools.ok_or_else(|| RenderRefusal::Unavailable("the node is starting".to_owned()))?;
        let none = || RenderRefusal::NotFound(format!("the scene {manifest} is not here; upload it first"));
        let found = self.scenes.manifest(&manifest).ok_or_else(none)?;
        let _pin = self.scenes.store().pin(&found);
        if !self.scenes.store().missing(&found).is_empty() {
            return Err(none());
        }
        self.trials.take(caller)?;
        if !lock(&self.board).is_idle() {
            return Err(busy());
        }
        let _turn = self.turn.try_acquire().map_err(|_| busy())?;
        let node = Arc::clone(self);
        let scene = aside(move || node.scenes.assemble(&found).map_err(internal)).await?;
        let work = Work { scene, frame: 0, options, device: tools.device, threads: Some(tools.threads) };
        let tried = tokio::select! {
            tried = timeout(LIMIT, estimate::measure(&tools.engine, &work, &ask.frames, &|_| {})) => tried,
            () = self.work_comes() => return Err(busy()),
        };
        let late = |_| RenderRefusal::TooLarge(format!("tiles of this scene take longer than {LIMIT:?}"));
        let tried = tried.map_err(late)?.map_err(|fault| malformed(fault.to_string()))?;
        let (benchmark, engine) = {
            let board = lock(&self.board);
            (board.benchmark_ms.iter().min().copied().unwrap_or_default(), board.engine.clone())
        };
        let tile = |tile: &estimate::Sample| TrialTile { seconds: tile.seconds, pixels: tile.pixels };
        Ok(Trial {
            frame: tried.frame,
            width: tried.size.0,
            height: tried.size.1,
            tiles: tried.tiles.iter().map(tile).collect(),
            first_seconds: tried.first_seconds,
            benchmark_seconds: benchmark as f64 / 1_000.0,
            engine: engine.build,
            device_class: engine.device_class,
        })
    }

    async fn work_comes(&self) {
        while lock(&self.board).is_idle() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_waits_for_its_next_trial_and_others_do_not() {
        let trials = Trials::default();
        assert_eq!(trials.take("a"), Ok(()));
        assert!(matches!(trials.take("a"), Err(RenderRefusal::Busy(_))));
        assert_eq!(trials.take("b"), Ok(()));
    }
}
