//! `profiles.compute.<name>.resources.gpu`.

use super::compute::unit_error;
use crate::error::{ErrorKind, SdlError};
use crate::field::Field;
use crate::resources::{Attribute, Gpu, Quantity};
use crate::units;

const MODELS: &str = "write `attributes: {vendor: {nvidia: }}` for any model, or list models below `nvidia`";

pub(super) fn gpu(field: &Field<'_>) -> Result<Gpu, SdlError> {
    field.only(&["units", "attributes"])?;
    let count = match field.get("units")? {
        Some(given) => units::gpu_units(given.text()?)
            .map_err(|_| given.invalid("a whole number of GPUs", "write a number such as `units: 1`"))?,
        None => 0,
    };
    let attributes = match field.get("attributes")? {
        Some(given) => models(&given)?,
        None => Vec::new(),
    };
    if count > 0 && attributes.is_empty() {
        return Err(field.error(ErrorKind::Rule, "GPUs are asked for without a vendor", MODELS));
    }
    Ok(Gpu { units: Quantity(count), attributes })
}

/// The acceptable models as attribute keys, sorted; all models when none is listed.
fn models(field: &Field<'_>) -> Result<Vec<Attribute>, SdlError> {
    field.only(&["vendor"])?;
    let vendor = field.require("vendor", MODELS)?;
    vendor.only(&["nvidia"])?;
    let mut attributes = Vec::new();
    if let Some(list) = vendor.get("nvidia")? {
        for item in list.items()? {
            let attribute = Attribute::new(format!("vendor/nvidia/model/{}", model(&item)?), "true");
            if attributes.contains(&attribute) {
                return Err(item.error(ErrorKind::Rule, "this model is listed twice", "keep one of the two"));
            }
            attributes.push(attribute);
        }
    }
    if attributes.is_empty() {
        attributes.push(Attribute::new("vendor/nvidia/model/*", "true"));
    }
    attributes.sort();
    Ok(attributes)
}

/// `a100`, `a100/ram/80Gi` or `a100/ram/80Gi/interface/sxm`.
fn model(field: &Field<'_>) -> Result<String, SdlError> {
    let mut key = field.require("model", "name the model, such as `model: a100`")?.text()?.to_owned();
    if let Some(ram) = field.get("ram")? {
        let size = units::gpu_ram(ram.text()?).map_err(|error| unit_error(&ram, error))?;
        key.push_str("/ram/");
        key.push_str(&size);
    }
    if let Some(interface) = field.get("interface")? {
        match interface.text()? {
            name @ ("pcie" | "sxm") => {
                key.push_str("/interface/");
                key.push_str(name);
            }
            _ => {
                return Err(interface.invalid("`pcie` or `sxm`", "write one of the two, or remove `interface`"));
            }
        }
    }
    Ok(key)
}
