//! Watermarked pictures as frames come, and the newest of them in three sizes.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use farm::pixels::read_image;
use farm::preview::LastRendered;
use proto::tetra::render::v1::{Frame, FrameState, JobId};

use super::follow::rests;
use super::{fetch, names};
use crate::chain::Chain;
use crate::error::{Class, Classify, Result};
use crate::gateways::Caller;
use crate::output::Talk;

/// Between two looks at the chain.
const LOOK: Duration = Duration::from_secs(1);
/// Folder of the newest picture.
const LAST: &str = "last";

/// Fetches pictures until no frame is waited for any more, or the job waits for its creator. An interruption changes nothing of the job.
///
/// # Errors
/// When the chain does not answer, or the disk refuses. A node that does not answer is asked again.
pub(super) async fn run(
    chain: &Chain,
    caller: &Caller,
    id: &JobId,
    width: u32,
    folder: &Path,
    name: &(dyn Fn(&Frame) -> Result<PathBuf> + Sync),
) -> Result {
    let (talk, last) = (Talk::start(), LastRendered::new(folder.join(LAST)));
    let mut seen = BTreeSet::new();
    loop {
        let frames = chain.render_frames(id).await?;
        for frame in frames.iter().filter(|frame| is_rendered(frame)) {
            if seen.contains(&(names::index_of(frame), frame.attempt)) {
                continue;
            }
            let Ok(picture) = fetch::frame(chain, caller, id, frame, &name(frame)?, Some(width)).await else {
                continue;
            };
            seen.insert((names::index_of(frame), frame.attempt));
            let image = read_image(File::open(&picture.path).class(Class::Machine)?).class(Class::Provider)?;
            // Its node has marked it.
            last.update(&image.to_rgb8().class(Class::Provider)?, true).class(Class::Machine)?;
            talk.line(&format!("frame {}  {}", names::frame_text(frame), picture.path.display()));
        }
        talk.step(&format!("{} of {} frames are rendered", seen.len(), frames.len()));
        if !frames.iter().any(is_awaited) || rests(chain.render_job(id).await?.state()) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn is_rendered(frame: &Frame) -> bool {
    matches!(frame.state(), FrameState::Committed | FrameState::Auditing | FrameState::Review | FrameState::Approved)
}

/// Whether its first picture is still to come.
fn is_awaited(frame: &Frame) -> bool {
    matches!(frame.state(), FrameState::Pending | FrameState::Assigned)
}
