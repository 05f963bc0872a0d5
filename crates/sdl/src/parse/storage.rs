//! `profiles.compute.<name>.resources.storage` (spec/akash.md 2.3).

use super::compute::size;
use crate::error::{ErrorKind, SdlError};
use crate::field::Field;
use crate::resources::{Attribute, Storage};
use crate::storage::canonical_order;

const CLASSES: [&str; 5] = ["default", "beta1", "beta2", "beta3", "ram"];

/// The volumes of a profile in canonical order. A single mapping is one volume named `default`.
pub(super) fn volumes(field: &Field<'_>) -> Result<Vec<Storage>, SdlError> {
    let mut volumes: Vec<Storage> = Vec::new();
    if field.is_sequence() {
        for item in field.items()? {
            let name = match item.text_of("name")? {
                name if name.is_empty() => "default".to_owned(),
                name => name,
            };
            if volumes.iter().any(|known| known.name == name) {
                return Err(item.error(
                    ErrorKind::Rule,
                    format!("a second volume is named {name:?}"),
                    "give every volume a `name` of its own; a volume without one is named default",
                ));
            }
            volumes.push(volume(&item, name)?);
        }
    } else {
        volumes.push(volume(field, "default".to_owned())?);
    }
    canonical_order(&mut volumes);
    Ok(volumes)
}

fn volume(field: &Field<'_>, name: String) -> Result<Storage, SdlError> {
    let attributes = match field.get("attributes")? {
        Some(given) => attributes(&given)?,
        None => Vec::new(),
    };
    Ok(Storage { name, size: size(field)?, attributes })
}

fn attributes(field: &Field<'_>) -> Result<Vec<Attribute>, SdlError> {
    field.only(&["persistent", "class"])?;
    let persistent = match field.get("persistent")? {
        Some(given) => match given.text()? {
            "true" | "on" | "yes" => true,
            "false" | "off" | "no" => false,
            _ => {
                return Err(given.invalid("true or false", "write `persistent: true` or `persistent: false`"));
            }
        },
        None => false,
    };
    let class = class(field, persistent)?;
    let mut attributes: Vec<Attribute> = class.map(|class| Attribute::new("class", class)).into_iter().collect();
    attributes.push(Attribute::new("persistent", if persistent { "true" } else { "false" }));
    Ok(attributes)
}

fn class(field: &Field<'_>, persistent: bool) -> Result<Option<&'static str>, SdlError> {
    let given = field.get("class")?;
    let text = given.as_ref().map_or(Ok(""), |given| given.text())?;
    let place = given.as_ref().unwrap_or(field);
    if text.is_empty() {
        return Ok(persistent.then_some("default"));
    }
    let Some(class) = CLASSES.into_iter().find(|class| *class == text) else {
        return Err(place.invalid("a storage class", format!("choose from {}", CLASSES.join(", "))));
    };
    match (class, persistent) {
        ("ram", true) => Err(place.error(
            ErrorKind::Rule,
            "a volume in memory cannot be persistent",
            "remove `persistent`, or choose beta1, beta2 or beta3",
        )),
        ("ram", false) | (_, true) => Ok(Some(class)),
        (_, false) => Err(place.error(
            ErrorKind::Rule,
            format!("an ephemeral volume has class {class}"),
            "add `persistent: true`, or remove `class`",
        )),
    }
}
