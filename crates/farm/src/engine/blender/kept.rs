//! Processes that have opened a scene, and stay between requests where the engine keeps them.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::super::Watch;
use super::super::fault::Fault;
use super::super::session::Session;
use super::super::types::Device;
use super::desk::Desk;
use super::{Blender, Done, Seconds};

/// No process is used again that is older: the limits of a process are counted from its start.
const OLDEST: Duration = Duration::from_secs(600);

/// Which process can open a scene: it sees the file that was there when it began, whatever bears its name now.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    scene: PathBuf,
    file: (u64, u64, u64, i64, i64),
    device: Device,
}

impl Name {
    fn of(scene: &Path, device: Device) -> Result<Self, Fault> {
        let told: Metadata = std::fs::metadata(scene).map_err(Fault::io("looking at the scene"))?;
        let file = (told.dev(), told.ino(), told.len(), told.mtime(), told.mtime_nsec());
        Ok(Self { scene: scene.to_owned(), file, device })
    }
}

/// A process with an open scene, fresh from its file.
pub(super) struct Open {
    pub(super) session: Session,
    pub(super) desk: Desk,
    pub(super) load_seconds: f64,
    name: Name,
}

/// The place of a process between two requests; clones share it.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Option<Open>>>);

impl Kept {
    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes it out.
    pub(super) fn take(&self) -> Option<Open> {
        self.slot().take()
    }
}

impl Open {
    /// Opens the scene once more, in the same process.
    async fn again(mut self, blender: &Blender, watch: Watch<'_>) -> Result<Self, Fault> {
        self.session.renew(&blender.limits);
        let _: Done = self.session.ask(&json!({ "do": "clear" }), watch).await?;
        self.desk.turn();
        let opened: Seconds = self.session.ask(&json!({ "do": "open", "scene": self.name.scene }), watch).await?;
        Ok(Self { load_seconds: opened.seconds, ..self })
    }
}

impl Blender {
    /// A process with the scene as its file has it: the one that is kept, else a new one.
    pub(super) async fn opened(&self, scene: &Path, device: Device, watch: Watch<'_>) -> Result<Open, Fault> {
        let name = Name::of(scene, device)?;
        let kept = self.kept.as_ref().and_then(Kept::take);
        if let Some(kept) = kept.filter(|kept| kept.name == name && kept.session.age() < OLDEST) {
            match kept.again(self, watch).await {
                Ok(open) => return Ok(open),
                // What became of it meanwhile is not this request's matter; a new process says what is.
                Err(fault) => tracing::debug!(%fault, "a kept process is of no more use"),
            }
        }
        let desk = Desk::new(self)?;
        let (session, load_seconds) = self.open(&desk, scene, &[], device, watch).await?;
        Ok(Open { session, desk, load_seconds, name })
    }

    /// After all of its answers were used.
    pub(super) async fn put_back(&self, open: Open) {
        match &self.kept {
            Some(kept) => drop(kept.slot().replace(open)),
            None => open.session.finish().await,
        }
    }
}
