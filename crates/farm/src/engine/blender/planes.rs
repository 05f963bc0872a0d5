//! Buffers on their way into the driver and out of it.
//!
//! Cycles denoises what it has in memory, rows from below; its denoiser of files takes rows as they stand, and a neural filter is
//! not the same upside down. Files for it are therefore written with their rows turned, and what comes back is turned again. For
//! some scenes this gives the bits of a render with its denoiser on; for others the two differ by rounding (4e-6 of a value, one 8-bit
//! value in 43,200, in what was measured), because Cycles' two ways into the denoiser round differently. What is delivered is always
//! the replay, so that whoever checks it has the same way.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::super::fault::Fault;
use super::super::types::Rendered;
use super::Desk;
use crate::pixels::{Buffers, Channel, Rect, read_exr, write_exr};

/// Prefix of Cryptomatte's attributes.
pub(super) const CRYPTOMATTE: &str = "cryptomatte/";

/// In which order the components of a pass stand.
const COMPONENTS: &str = "RGBXYZWUVArgba";

/// Passes that a denoiser needs, as Cycles calls them.
const GUIDES: [&str; 3] = ["Denoising Normal", "Denoising Albedo", "Denoising Depth"];

/// Attributes that belong to the pixels.
pub(super) fn is_kept(name: &str) -> bool {
    name.starts_with(CRYPTOMATTE) || (name.starts_with("cycles.") && name.ends_with(".samples"))
}

/// A view layer that is to be denoised.
pub(super) struct Input {
    layer: String,
    buffers: Buffers,
    samples: String,
}

/// Names of the view layers and passes of a channel list.
fn passes(buffers: &Buffers) -> BTreeMap<(&str, &str), Vec<&Channel>> {
    let mut passes: BTreeMap<(&str, &str), Vec<&Channel>> = BTreeMap::new();
    for channel in buffers.channels() {
        let (layer, pass, _) = channel.parts();
        passes.entry((layer, pass)).or_default().push(channel);
    }
    let place = |channel: &Channel| channel.parts().2.chars().next().and_then(|c| COMPONENTS.find(c));
    for channels in passes.values_mut() {
        channels.sort_by_key(|channel| place(channel));
    }
    passes
}

/// The view layers that are to be denoised.
pub(super) fn inputs(rendered: &Rendered) -> Result<Vec<Input>, Fault> {
    let passes = passes(&rendered.buffers);
    let input = |layer: &String| {
        let wanted = |pass: &str| pass == "Combined" || GUIDES.contains(&pass);
        let mine = passes.iter().filter(|((of, pass), _)| *of == layer && wanted(pass));
        let mut channels: Vec<Channel> = mine.flat_map(|(_, channels)| channels.iter().map(|c| (*c).clone())).collect();
        // The denoiser of files wants motion vectors too, which it uses for sequences only.
        let still = vec![0.0; rendered.buffers.rect().area() as usize];
        channels.extend(
            ["X", "Y", "Z", "W"]
                .map(|component| Channel { name: format!("{layer}.Vector.{component}"), pixels: still.clone() }),
        );
        let rect = rendered.buffers.rect();
        let buffers = Buffers::new(rect.width, rect.height, rect, channels)?;
        let samples = rendered.metadata.get(&format!("cycles.{layer}.samples")).cloned();
        let samples = samples.ok_or_else(|| Fault::Engine(format!("it did not say the samples of {layer}")))?;
        Ok(Input { layer: layer.clone(), buffers, samples })
    };
    rendered.denoised.iter().map(input).collect()
}

fn turned(buffers: &Buffers) -> Result<Buffers, Fault> {
    let rect = buffers.rect();
    let turn = |channel: &Channel| {
        let rows = channel.pixels.chunks_exact(rect.width as usize).rev();
        Channel { name: channel.name.clone(), pixels: rows.flatten().copied().collect() }
    };
    Ok(Buffers::new(rect.width, rect.height, rect, buffers.channels().iter().map(turn).collect())?)
}

fn result(desk: &Desk, index: usize) -> PathBuf {
    desk.out().join(format!("denoised-{index}.exr"))
}

/// Writes the files to be denoised, and the list of them for the driver.
pub(super) fn lay(inputs: &[Input], desk: &Desk) -> Result<serde_json::Value, Fault> {
    let mut files = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let (file, path) = desk.put(&format!("noisy-{index}.exr"))?;
        write_exr(
            file,
            &turned(&input.buffers)?,
            &[(format!("cycles.{}.samples", input.layer), input.samples.clone())],
        )?;
        files.push(json!({ "layer": input.layer, "in": path, "out": desk.work().join(result(desk, index)) }));
    }
    Ok(files.into())
}

/// The `Combined` passes of the denoised files.
pub(super) fn pick_up(inputs: &[Input], desk: &Desk) -> Result<Vec<Channel>, Fault> {
    let mut denoised = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let Rect { width, height, .. } = input.buffers.rect();
        let (buffers, _) = read_exr(desk.take(&result(desk, index))?, width, height, input.buffers.rect())?;
        let combined = turned(&buffers)?;
        let combined = combined.channels().iter().filter(|channel| channel.parts().1 == "Combined");
        denoised.extend(combined.cloned());
    }
    if denoised.len() < inputs.len() * 3 {
        return Err(Fault::Engine("the denoiser left channels out".to_owned()));
    }
    Ok(denoised)
}

/// Writes each pass as raw floats, rows from below, components of a pixel together, and the table of them for the driver. What
/// was computed for the denoiser alone stays away unless the scene keeps it; a noisy image stands beside a denoised one.
pub(super) fn write(rendered: &Rendered, denoised: &[Channel], desk: &Desk) -> Result<serde_json::Value, Fault> {
    let width = rendered.buffers.rect().width as usize;
    let denoised: BTreeMap<&str, &Channel> = denoised.iter().map(|channel| (channel.name.as_str(), channel)).collect();
    let mut table = Vec::new();
    let mut put = |layer: &str, pass: &str, channels: &[&Channel]| -> Result<(), Fault> {
        let name = format!("pass-{}.f32", table.len());
        let rows = rendered.buffers.rect().height as usize;
        let mut bytes = Vec::with_capacity(rows * width * channels.len() * 4);
        for row in (0..rows).rev() {
            for at in row * width..(row + 1) * width {
                for channel in channels {
                    bytes.extend_from_slice(&channel.pixels.get(at).copied().unwrap_or_default().to_le_bytes());
                }
            }
        }
        let components: String = channels.iter().map(|channel| channel.parts().2).collect();
        let (mut file, path) = desk.put(&name)?;
        file.write_all(&bytes).map_err(Fault::io(format!("writing {name}")))?;
        table.push(json!({ "layer": layer, "pass": pass, "channels": components, "file": path }));
        Ok(())
    };
    for ((layer, pass), channels) in passes(&rendered.buffers) {
        let clean: Vec<&Channel> =
            channels.iter().map(|channel| denoised.get(channel.name.as_str()).copied().unwrap_or(channel)).collect();
        put(layer, pass, &clean)?;
        if pass == "Combined" && channels.iter().any(|channel| denoised.contains_key(channel.name.as_str())) {
            put(layer, "Noisy Image", &channels)?;
        }
    }
    Ok(table.into())
}
