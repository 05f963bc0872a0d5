//! `profiles.compute.<name>`.

use super::{gpu, storage};
use crate::error::{ErrorKind, SdlError};
use crate::field::Field;
use crate::model::Compute;
use crate::resources::{Attribute, Cpu, Gpu, Memory, Quantity};
use crate::units::{self, UnitError};

pub(super) fn compute(field: &Field<'_>) -> Result<Compute, SdlError> {
    let resources = field.require("resources", "add `resources` with cpu, memory and storage")?;
    Ok(Compute {
        cpu: cpu(&resources.require("cpu", "add `cpu` with `units`, such as `units: 0.5`")?)?,
        memory: memory(&resources.require("memory", "add `memory` with `size`, such as `size: 512Mi`")?)?,
        storage: storage::volumes(&resources.require("storage", "add `storage` with `size`, such as `size: 1Gi`")?)?,
        gpu: match resources.get("gpu")? {
            Some(given) => gpu::gpu(&given)?,
            None => Gpu::none(),
        },
    })
}

fn cpu(field: &Field<'_>) -> Result<Cpu, SdlError> {
    field.only(&["units", "attributes"])?;
    let units = field.require("units", "write how many cores, such as `units: 0.5` or `units: 500m`")?;
    let milli = units::cpu_milli(units.text()?).map_err(|error| {
        units.error(
            ErrorKind::Value,
            format!("CPU units {:?}: {error}", units.text().unwrap_or_default()),
            "write cores such as 0.5 or thousandths such as 500m",
        )
    })?;
    let attributes = match field.get("attributes")? {
        Some(attributes) => {
            attributes.only(&["arch"])?;
            texts(&attributes)?
        }
        None => Vec::new(),
    };
    Ok(Cpu { units: Quantity(u64::from(milli)), attributes })
}

fn memory(field: &Field<'_>) -> Result<Memory, SdlError> {
    Ok(Memory { size: size(field)?, attributes: Vec::new() })
}

/// The `size` of memory or of a volume.
pub(super) fn size(field: &Field<'_>) -> Result<Quantity, SdlError> {
    let size = field.require("size", "write a size such as `size: 512Mi`")?;
    units::bytes(size.text()?).map(Quantity).map_err(|error| unit_error(&size, error))
}

/// A wrong size, with the spelling that was probably meant.
pub(super) fn unit_error(size: &Field<'_>, error: UnitError) -> SdlError {
    let text = size.text().unwrap_or_default();
    let remedy = match (error, binary_spelling(text)) {
        (UnitError::Malformed, Some(meant)) => format!("suffixes are case-sensitive: write {meant}"),
        _ => "write a number and one of Ki, Mi, Gi, Ti, Pi, Ei or k, M, G, T, P, E".to_owned(),
    };
    size.error(ErrorKind::Value, format!("size {text:?}: {error}"), remedy)
}

/// `16gi`, `6GB` and the like with the suffix that they mean in other tools.
fn binary_spelling(text: &str) -> Option<String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, suffix) = text.split_at(split);
    let letter = suffix.chars().next()?.to_ascii_uppercase();
    let known = number.trim().parse::<u64>().is_ok() && "KMGTPE".contains(letter);
    known.then(|| format!("{}{letter}i", number.trim()))
}

/// A mapping of texts as attributes sorted by key.
pub(super) fn texts(field: &Field<'_>) -> Result<Vec<Attribute>, SdlError> {
    let mut attributes = field
        .entries()?
        .into_iter()
        .map(|(key, value)| Ok(Attribute::new(key, value.text()?)))
        .collect::<Result<Vec<_>, SdlError>>()?;
    attributes.sort();
    Ok(attributes)
}
