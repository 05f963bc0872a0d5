//! What a scene will take: a few tiles of the hardest of three frames.

use serde::{Deserialize, Serialize};

use crate::engine::{Fault, RenderEngine, Work};
use crate::pixels::Rect;
use crate::scenes::BENCHMARK_UNITS;

/// Tiles of the hardest frame that are rendered.
const TILES: usize = 4;
/// A tile is one part in so many of each side.
const PART: u32 = 6;
/// A region whose render tells how large a frame is; frames have four pixels at least, by Blender's own rule.
const PROBE: Rect = Rect { x: 0, y: 0, width: 4, height: 4 };

/// A tile that was rendered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// How long it took.
    pub seconds: f64,
    /// How many pixels it has.
    pub pixels: u64,
}

/// Tiles of the hardest of three frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// The frame.
    pub frame: u32,
    /// Its width and height in pixels.
    pub size: (u32, u32),
    /// Its tiles.
    pub tiles: Vec<Sample>,
    /// Seconds that a render takes for one pixel.
    pub first_seconds: f64,
}

/// What a frame takes, in thousandths of a work unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// If all of it were as its easiest tile.
    pub least: u64,
    /// By the mean of its tiles.
    pub expected: u64,
    /// If all of it were as its hardest tile.
    pub most: u64,
}

/// The first, the middle and the last of a list of frames.
pub fn three(frames: &[u32]) -> Vec<u32> {
    let last = frames.len().saturating_sub(1);
    let mut picked: Vec<u32> = [0, frames.len() / 2, last].iter().filter_map(|at| frames.get(*at).copied()).collect();
    picked.dedup();
    picked
}

/// Tiles spread over a frame; the first lies in its middle.
fn tiles(width: u32, height: u32) -> [Rect; TILES] {
    let (tile_width, tile_height) = ((width / PART).max(1), (height / PART).max(1));
    let at = |x: u32, y: u32| Rect {
        x: (width - tile_width) * x / 4,
        y: (height - tile_height) * y / 4,
        width: tile_width,
        height: tile_height,
    };
    [at(2, 2), at(1, 1), at(3, 2), at(2, 3)]
}

/// Width and height of a frame in pixels, as its scene and options make it.
///
/// # Errors
/// When it cannot be rendered.
pub async fn frame_size(engine: &dyn RenderEngine, work: &Work) -> Result<(u32, u32), Fault> {
    let probe = engine.render(work, Some(PROBE), &|_| {}).await?;
    Ok((probe.buffers.frame_width(), probe.buffers.frame_height()))
}

/// Renders a tile of each frame, and further ones of the hardest. `work` names the scene and how it is rendered; its own frame does
/// not count. `tell` hears what is done.
///
/// # Errors
/// When a tile cannot be rendered, or no frame is named.
pub async fn measure(
    engine: &dyn RenderEngine,
    work: &Work,
    frames: &[u32],
    tell: &(dyn Fn(&str) + Send + Sync),
) -> Result<Samples, Fault> {
    let no_frames = || Fault::Unsupported("no frame is named".to_owned());
    let mut frame = *frames.first().ok_or_else(no_frames)?;
    tell("looking how large a frame is");
    let size = frame_size(engine, &Work { frame, ..work.clone() }).await?;
    let render = async |frame: u32, tile: Rect| {
        let rendered = engine.render(&Work { frame, ..work.clone() }, Some(tile), &|_| {}).await?;
        Ok::<Sample, Fault>(Sample { seconds: rendered.seconds, pixels: tile.area() })
    };
    let [middle, others @ ..] = tiles(size.0, size.1);
    let mut hardest: Option<Sample> = None;
    for candidate in frames {
        tell(&format!("rendering a tile of frame {candidate}"));
        let sample = render(*candidate, middle).await?;
        if hardest.is_none_or(|most| sample.seconds > most.seconds) {
            (frame, hardest) = (*candidate, Some(sample));
        }
    }
    let mut tiles: Vec<Sample> = hardest.into_iter().collect();
    for tile in others {
        tell(&format!("rendering a tile of frame {frame}, the hardest of them"));
        tiles.push(render(frame, tile).await?);
    }
    tell(&format!("rendering one pixel of frame {frame}: what each render takes before its first"));
    let pixel = render(frame, Rect { width: 1, height: 1, ..middle }).await?;
    Ok(Samples { frame, size, tiles, first_seconds: pixel.seconds })
}

impl Samples {
    /// What a frame takes, by the seconds of the benchmark on the machine that rendered the tiles. Rounded up; nothing is free.
    pub fn band(&self, benchmark_seconds: f64) -> Band {
        let (first, pixels) = (self.first_seconds, f64::from(self.size.0) * f64::from(self.size.1));
        let rate = |tile: &Sample| (tile.seconds - first).max(0.0) / (tile.pixels.max(1) as f64);
        let rates: Vec<f64> = self.tiles.iter().map(rate).collect();
        let milli = |rate: f64| {
            let units = (first + rate * pixels) / benchmark_seconds * BENCHMARK_UNITS;
            ((units * 1_000.0).ceil() as u64).max(1)
        };
        let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
        Band {
            least: milli(rates.iter().copied().fold(f64::INFINITY, f64::min)),
            expected: milli(mean),
            most: milli(rates.iter().copied().fold(0.0, f64::max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_spans_the_easiest_and_the_hardest_tile() {
        let samples = |rates: &[f64]| Samples {
            frame: 1,
            size: (100, 10),
            tiles: rates.iter().map(|rate| Sample { seconds: 0.5 + rate * 10.0, pixels: 10 }).collect(),
            first_seconds: 0.5,
        };
        // 1000 pixels of 2 ms each and half a second before the first, on a machine whose benchmark takes a second: two and
        // a half benchmarks of five units.
        let told = |rates: &[f64]| {
            let Band { least, expected, most } = samples(rates).band(1.0);
            // Rounded up, of numbers that are not exact.
            [least, expected, most].map(|milli| (milli / 10) * 10)
        };
        assert_eq!(told(&[0.002]), [12_500, 12_500, 12_500]);
        assert_eq!(told(&[0.001, 0.003]), [7_500, 12_500, 17_500]);
        assert_eq!(Samples { first_seconds: 0.0, ..samples(&[]) }.band(1.0).most, 1, "nothing is free");
    }

    #[test]
    fn tiles_lie_within_the_frame() {
        for (width, height) in [(640, 360), (5, 3), (1, 1)] {
            let inside =
                |tile: &Rect| tile.x + tile.width <= width && tile.y + tile.height <= height && tile.area() > 0;
            assert!(tiles(width, height).iter().all(inside), "{width} by {height}");
        }
        assert_eq!(three(&(1..=24).collect::<Vec<_>>()), [1, 13, 24]);
        assert_eq!((three(&[7]), three(&[])), (vec![7], vec![]));
    }
}
