//! Frames as a film, by the program `ffmpeg`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::engine::sandbox::find_in_path;
use crate::pixels::{PixelError, read_image};

/// Why there is no film.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// The program is not installed.
    #[error(
        "films need the program ffmpeg, which is not installed (Debian: apt-get install ffmpeg); frames are delivered without"
    )]
    Absent,
    /// No frames.
    #[error("a film needs at least one frame")]
    Empty,
    /// Not a rate.
    #[error("{0} is no number of frames a second; 1 to 240 are")]
    Rate(f64),
    /// A frame that cannot be read.
    #[error("frame {path}: {source}")]
    Frame {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PixelError,
    },
    /// Frames of different sizes.
    #[error("frame {path} has another size than the first one")]
    Sizes {
        /// The file.
        path: PathBuf,
    },
    /// The program failed.
    #[error("ffmpeg: {0}")]
    Failed(String),
    /// The disk.
    #[error("the film: {0}")]
    Io(#[from] std::io::Error),
}

/// Makes an H.264 film in an MP4 file out of frames in order: PNG, JPEG or EXR, seen through nothing but sRGB. Frames are decoded
/// here first, so that ffmpeg never reads what came from a scene. Sides are cut to even numbers of pixels.
///
/// # Errors
/// When ffmpeg is absent or fails, or a frame cannot be read.
pub async fn film(frames: &[PathBuf], frames_a_second: f64, target: &Path) -> Result<(), VideoError> {
    let program = find_in_path("ffmpeg").ok_or(VideoError::Absent)?;
    film_by(&program, frames, frames_a_second, target).await
}

async fn film_by(program: &Path, frames: &[PathBuf], rate: f64, target: &Path) -> Result<(), VideoError> {
    if !(1.0..=240.0).contains(&rate) {
        return Err(VideoError::Rate(rate));
    }
    if frames.is_empty() {
        return Err(VideoError::Empty);
    }
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = tempfile::tempdir_in(parent)?;
    let (frames, pictures) = (frames.to_vec(), folder.path().to_owned());
    tokio::task::spawn_blocking(move || lay(&frames, &pictures))
        .await
        .map_err(|error| VideoError::Failed(error.to_string()))??;
    let film = folder.path().join("film.mp4");
    let output = Command::new(program)
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file"])
        .args(["-framerate", &rate.to_string(), "-i"])
        .arg(folder.path().join("%06d.png"))
        .args(["-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart"])
        .args(["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2"])
        .arg(&film)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.trim().lines().next_back().unwrap_or("it said nothing").to_owned();
        return Err(VideoError::Failed(last));
    }
    std::fs::rename(&film, target)?;
    Ok(())
}

/// The frames as PNG files `000000.png` and so on.
fn lay(frames: &[PathBuf], folder: &Path) -> Result<(), VideoError> {
    let mut size = None;
    for (number, path) in frames.iter().enumerate() {
        let told = |source| VideoError::Frame { path: path.clone(), source };
        let file = std::fs::File::open(path).map_err(|error| told(error.into()))?;
        let picture = read_image(file).and_then(|image| image.to_rgb8()).map_err(told)?;
        if *size.get_or_insert(picture.dimensions()) != picture.dimensions() {
            return Err(VideoError::Sizes { path: path.clone() });
        }
        picture.save(folder.join(format!("{number:06}.png"))).map_err(|error| VideoError::Failed(error.to_string()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(folder: &Path, count: u32, width: u32) -> Vec<PathBuf> {
        let frame = |number: u32| {
            let path = folder.join(format!("{number}.png"));
            image::RgbImage::from_fn(width, 34, |x, y| image::Rgb([(x * number) as u8, y as u8, 60]))
                .save(&path)
                .unwrap();
            path
        };
        (1..=count).map(frame).collect()
    }

    #[tokio::test]
    async fn frames_become_a_film() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("film.mp4");
        match film(&frames(folder.path(), 5, 65), 24.0, &target).await {
            Err(VideoError::Absent) => println!("skipped: {}", VideoError::Absent),
            result => {
                result.unwrap();
                let bytes = std::fs::read(&target).unwrap();
                assert_eq!(&bytes[4..8], b"ftyp");
                let probe = std::process::Command::new("ffprobe")
                    .args(["-v", "error", "-count_frames", "-show_entries", "stream=width,height,nb_read_frames"])
                    .args(["-of", "csv=p=0"])
                    .arg(&target)
                    .output()
                    .unwrap();
                assert_eq!(String::from_utf8_lossy(&probe.stdout).trim(), "64,34,5");
            }
        }
    }

    #[tokio::test]
    async fn what_makes_no_film_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("film.mp4");
        let program = Path::new("/bin/false");
        let two = frames(folder.path(), 2, 64);
        let told = async |frames: &[PathBuf], rate| film_by(program, frames, rate, &target).await.unwrap_err();
        assert!(matches!(told(&[], 24.0).await, VideoError::Empty));
        assert!(matches!(told(&two, 0.0).await, VideoError::Rate(_)));
        assert!(matches!(told(&two, f64::NAN).await, VideoError::Rate(_)));
        assert_eq!(told(&two, 24.0).await.to_string(), "ffmpeg: it said nothing");
        let mut mixed = two.clone();
        let wide = folder.path().join("wide");
        std::fs::create_dir(&wide).unwrap();
        mixed.extend(frames(&wide, 1, 80));
        assert!(matches!(told(&mixed, 24.0).await, VideoError::Sizes { .. }));
        std::fs::write(&mixed[0], "no image").unwrap();
        assert!(matches!(told(&mixed, 24.0).await, VideoError::Frame { .. }));
        assert!(!target.exists());
    }
}
