//! What goes wrong with renders, and by which code the chain hears of it (docs/protocol.md, "Renders").

use client::NodeError;
use farm::chunks::StoreError;
use farm::engine::Fault;
use farm::pixels::PixelError;
use thiserror::Error;

use super::desk::RenderRefusal;

/// The longest text that a failure may have on the chain, in bytes.
const LONGEST: usize = 256;

/// Why a unit, an audit or the node itself does not go on.
#[derive(Debug, Error)]
pub(crate) enum Trouble {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] Fault),
    /// Pixels.
    #[error(transparent)]
    Pixels(#[from] PixelError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] NodeError),
    /// The scene cannot be had.
    #[error("the scene cannot be fetched: {0}")]
    Fetch(String),
    /// The job asks for what this node does not do.
    #[error("{0}")]
    Unsupported(String),
    /// The disk.
    #[error("the disk: {0}")]
    Disk(#[from] std::io::Error),
    /// The chain says something that does not fit.
    #[error("{0}")]
    Odd(String),
}

impl From<RenderRefusal> for Trouble {
    fn from(refusal: RenderRefusal) -> Self {
        Self::Fetch(refusal.to_string())
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io { source, .. } => Self::Disk(source),
            StoreError::Full { .. } => Self::Disk(std::io::Error::new(std::io::ErrorKind::StorageFull, error)),
            StoreError::Mismatch { .. } | StoreError::Missing(_) => Self::Fetch(error.to_string()),
        }
    }
}

impl Trouble {
    /// The code by which a unit is given back; none where trying again is right.
    pub(crate) fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Engine(fault) => match fault.kind() {
                "out_of_memory" => "out_of_memory",
                "out_of_video_memory" => "out_of_video_memory",
                "killed" => "killed",
                "no_progress" | "over_time" => "no_progress",
                "script" => "python_error",
                "missing_library" | "missing_engine" | "sandbox" | "no_device" => "missing_library",
                "missing_file" => "missing_file",
                "missing_camera" | "bad_scene" | "unsupported" => "bad_scene",
                "image_too_large" => "image_too_large",
                "bad_image" => "bad_image",
                "no_room" | "io" => "disk_full",
                _ => "crashed",
            },
            Self::Pixels(_) => "bad_image",
            Self::Fetch(_) => "fetch_failed",
            Self::Unsupported(_) => "bad_scene",
            Self::Disk(_) => "disk_full",
            Self::Chain(_) | Self::Odd(_) => return None,
        })
    }

    /// What happened, as long as the chain takes it.
    pub(crate) fn text(&self) -> String {
        let mut text = self.to_string();
        let mut end = text.len().min(LONGEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chain refuses other codes.
    #[test]
    fn every_failure_has_a_code_that_the_chain_knows() {
        let known = [
            "out_of_memory",
            "out_of_video_memory",
            "killed",
            "crashed",
            "no_progress",
            "python_error",
            "missing_library",
            "missing_file",
            "bad_scene",
            "image_too_large",
            "bad_image",
            "disk_full",
            "fetch_failed",
            "interrupted",
        ];
        let io = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let faults = [
            Fault::OutOfMemory(String::new()),
            Fault::Killed { signal: 9 },
            Fault::Crashed { how: String::new(), text: String::new() },
            Fault::Script(String::new()),
            Fault::MissingCamera(String::new()),
            Fault::Sandbox(String::new()),
            Fault::Protocol(String::new()),
            Fault::Io { what: String::new(), source: io() },
        ];
        let others = [Trouble::Fetch(String::new()), Trouble::Unsupported(String::new()), Trouble::Disk(io())];
        for trouble in faults.into_iter().map(Trouble::Engine).chain(others) {
            assert!(known.contains(&trouble.code().unwrap()), "{trouble:?}");
        }
        assert_eq!(Trouble::Odd(String::new()).code(), None);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let text = Trouble::Fetch("é".repeat(400)).text();
        assert!(text.len() <= LONGEST && text.len() >= LONGEST - 1);
    }
}
