//! How renders fail: one taxonomy for all engines, after SheepIt's.

use std::path::PathBuf;
use std::time::Duration;

use crate::pixels::PixelError;

/// Why an engine gave no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Main memory ran out, or its limit was reached.
    #[error("the render ran out of memory: {0}")]
    OutOfMemory(String),
    /// The GPU's memory ran out.
    #[error("the render ran out of memory of the GPU: {0}")]
    OutOfVideoMemory(String),
    /// A signal from outside ended it.
    #[error("the renderer was killed from outside by signal {signal}")]
    Killed {
        /// Number of the signal.
        signal: i32,
    },
    /// It reported nothing for too long and was ended.
    #[error("the renderer reported nothing for {} s during {stage} and was ended", after.as_secs())]
    NoProgress {
        /// What it was doing.
        stage: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// It took longer than allowed, or used more processor time, and was ended.
    #[error("the renderer took more than the {} s that it has and was ended", after.as_secs())]
    OverTime {
        /// How long it had.
        after: Duration,
    },
    /// It crashed.
    #[error("the renderer crashed ({how}): {text}")]
    Crashed {
        /// Signal or exit status.
        how: String,
        /// The last that it said.
        text: String,
    },
    /// Python code inside of the renderer failed.
    #[error("a script inside of the renderer failed: {0}")]
    Script(String),
    /// The engine gave up by itself.
    #[error("the renderer gave up: {0}")]
    Engine(String),
    /// Files that the scene names are not there.
    #[error("missing: {}", paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    MissingFile {
        /// Every one of them.
        paths: Vec<PathBuf>,
    },
    /// The scene has no camera, or not the one that is asked for.
    #[error("{0}")]
    MissingCamera(String),
    /// No engine is installed.
    #[error("no renderer is installed: {0}")]
    MissingEngine(String),
    /// A library of the system is missing.
    #[error("the renderer does not start because a library is missing: {0}")]
    MissingLibrary(String),
    /// The file is no scene that this engine reads.
    #[error("the scene cannot be read: {0}")]
    BadScene(String),
    /// What came out is no image, or another one than was asked for.
    #[error("the renderer wrote a bad image: {0}")]
    BadImage(#[from] PixelError),
    /// The image is larger than is taken.
    #[error("the image of {width} by {height} pixels is too large")]
    ImageTooLarge {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// No device of the kind that is asked for.
    #[error("{0}")]
    NoDevice(String),
    /// The disk is full, or a file is larger than the limit.
    #[error("there is no room for what the renderer writes: {0}")]
    NoRoom(String),
    /// Asked for something that is not supported, and why.
    #[error("{0}")]
    Unsupported(String),
    /// The process cannot be confined on this machine.
    #[error("scenes are not opened without a sandbox, and none can be made: {0}")]
    Sandbox(String),
    /// The process said something that is not in the protocol.
    #[error("the renderer's process broke the protocol: {0}")]
    Protocol(String),
    /// The disk or the system.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Fault {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// One word for metrics and statistics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::OutOfMemory(_) => "out_of_memory",
            Self::OutOfVideoMemory(_) => "out_of_video_memory",
            Self::Killed { .. } => "killed",
            Self::NoProgress { .. } => "no_progress",
            Self::OverTime { .. } => "over_time",
            Self::Crashed { .. } => "crashed",
            Self::Script(_) => "script",
            Self::Engine(_) => "engine",
            Self::MissingFile { .. } => "missing_file",
            Self::MissingCamera(_) => "missing_camera",
            Self::MissingEngine(_) => "missing_engine",
            Self::MissingLibrary(_) => "missing_library",
            Self::BadScene(_) => "bad_scene",
            Self::BadImage(_) => "bad_image",
            Self::ImageTooLarge { .. } => "image_too_large",
            Self::NoDevice(_) => "no_device",
            Self::NoRoom(_) => "no_room",
            Self::Unsupported(_) => "unsupported",
            Self::Sandbox(_) => "sandbox",
            Self::Protocol(_) => "protocol",
            Self::Io { .. } => "io",
        }
    }

    /// Whether the scene is at fault, so that another node would fail in the same way.
    pub fn is_of_the_scene(&self) -> bool {
        matches!(
            self,
            Self::Script(_)
                | Self::MissingFile { .. }
                | Self::MissingCamera(_)
                | Self::BadScene(_)
                | Self::ImageTooLarge { .. }
                | Self::Unsupported(_)
        )
    }

    /// What the driver reports by kind.
    pub(crate) fn reported(kind: &str, text: String, paths: Vec<PathBuf>) -> Self {
        match kind {
            "out_of_memory" => Self::OutOfMemory(text),
            "missing_file" => Self::MissingFile { paths },
            "missing_camera" => Self::MissingCamera(text),
            "bad_scene" => Self::BadScene(text),
            "no_device" => Self::NoDevice(text),
            "unsupported" => Self::Unsupported(text),
            "script" => Self::Script(text),
            "engine" => from_words(&text).unwrap_or(Self::Engine(text)),
            _ => Self::Protocol(format!("a failure of the unknown kind {kind:?}: {text}")),
        }
    }

    /// How a process ended that did not say so itself, from its status and the last that it printed.
    pub(crate) fn ended(signal: Option<i32>, code: Option<i32>, said: &str, cpu: Duration) -> Self {
        if let Some(fault) = from_words(said) {
            return fault;
        }
        let text = last_lines(said);
        // Shells and `unshare` tell a signal as 128 and its number.
        let signal = signal.or(code.filter(|code| (129..160).contains(code)).map(|code| code - 128));
        match (signal, code) {
            // SIGXCPU and SIGXFSZ.
            (Some(24), _) => Self::OverTime { after: cpu },
            (Some(25), _) => Self::NoRoom(text),
            (Some(signal @ (1 | 2 | 9 | 15)), _) => Self::Killed { signal },
            (Some(signal), _) => Self::Crashed { how: format!("signal {signal}"), text },
            (None, Some(code)) => Self::Crashed { how: format!("exit status {code}"), text },
            (None, None) => Self::Crashed { how: "no status".to_owned(), text },
        }
    }
}

/// What engines and loaders say when they end in a known way.
fn from_words(said: &str) -> Option<Fault> {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let text = || last_lines(said);
    if has(&["Out of memory in CUDA", "out of GPU memory", "System is out of GPU", "CUDA_ERROR_OUT_OF_MEMORY"]) {
        return Some(Fault::OutOfVideoMemory(text()));
    }
    if has(&["std::bad_alloc", "MemoryError", "Cannot allocate memory", "returns null", "System is out of memory"]) {
        return Some(Fault::OutOfMemory(text()));
    }
    if has(&["error while loading shared libraries", "cannot open shared object file"]) {
        return Some(Fault::MissingLibrary(text()));
    }
    if has(&["No space left on device", "File too large"]) {
        return Some(Fault::NoRoom(text()));
    }
    if has(&["No module named 'bpy'"]) {
        return Some(Fault::MissingEngine(text()));
    }
    None
}

fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = lines.get(lines.len().saturating_sub(4)..).unwrap_or_default().join(" / ");
    if text.is_empty() { "it said nothing".to_owned() } else { text.chars().take(600).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_apart() {
        let kind = |signal, code, said: &str| Fault::ended(signal, code, said, Duration::ZERO).kind();
        assert_eq!(kind(Some(9), None, ""), "killed");
        assert_eq!(kind(None, Some(137), ""), "killed");
        assert_eq!(kind(Some(11), None, "Writing: crash.txt"), "crashed");
        assert_eq!(
            kind(Some(6), None, "terminate called after throwing an instance of 'std::bad_alloc'"),
            "out_of_memory"
        );
        assert_eq!(kind(None, Some(127), "x: error while loading shared libraries: libSM.so.6"), "missing_library");
        assert_eq!(kind(None, Some(1), "ModuleNotFoundError: No module named 'bpy'"), "missing_engine");
        assert_eq!(kind(Some(25), None, ""), "no_room");
        assert_eq!(kind(None, Some(152), "CPU time limit exceeded"), "over_time");
        assert_eq!(kind(None, Some(3), ""), "crashed");
        assert_eq!(
            Fault::reported("engine", "System is out of GPU memory".into(), vec![]).kind(),
            "out_of_video_memory"
        );
        assert_eq!(Fault::reported("nonsense", String::new(), vec![]).kind(), "protocol");
    }
}
