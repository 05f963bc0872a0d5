//! Groups, resources and prices as amino JSON. The Go types call quantities of memory and storage `size`.

use ledger::Rejection;
use proto::akash::base::attributes::v1::{Attribute, PlacementRequirements};
use proto::akash::base::resources::v1beta4::{Cpu, Endpoint, Gpu, Memory, ResourceValue, Resources, Storage};
use proto::akash::deployment::v1beta4::{GroupSpec, ResourceUnit};
use proto::cosmos::base::v1beta1::DecCoin;
use serde_json::Value;

use super::object::Object;
use super::unsupported;

type Result<T> = std::result::Result<T, Rejection>;

/// Decimal places of prices on the wire, where they stand without a point.
const PLACES: usize = 18;

pub(super) fn group(group: &GroupSpec) -> Result<Object> {
    let units = group.resources.iter().map(|unit| self::unit(unit).map(Object::value));
    Ok(Object::default()
        .text("name", &group.name)
        .object("requirements", requirements(group.requirements.as_ref()))
        .list("resources", units.collect::<Result<_>>()?))
}

fn requirements(requirements: Option<&PlacementRequirements>) -> Object {
    let Some(requirements) = requirements else { return Object::default() };
    let names = |names: &[String]| names.iter().map(|name| Value::from(name.as_str())).collect();
    let signed_by = requirements.signed_by.as_ref().map(|signed_by| {
        Object::default().list("all_of", names(&signed_by.all_of)).list("any_of", names(&signed_by.any_of))
    });
    Object::default()
        .object("signed_by", signed_by.unwrap_or_default())
        .list("attributes", attributes(&requirements.attributes))
}

fn attributes(attributes: &[Attribute]) -> Vec<Value> {
    let attribute =
        |attribute: &Attribute| Object::default().text("key", &attribute.key).text("value", &attribute.value).value();
    attributes.iter().map(attribute).collect()
}

fn unit(unit: &ResourceUnit) -> Result<Object> {
    let resource = unit.resource.as_ref().map(resources).transpose()?;
    let unit_price = unit.price.as_ref().map(price).transpose()?;
    Ok(Object::default()
        .object("resource", resource.unwrap_or_default())
        .number("count", unit.count)
        .object("price", unit_price.unwrap_or_default()))
}

fn price(price: &DecCoin) -> Result<Object> {
    let digits = &price.amount;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(unsupported(&format!("the price {digits:?}")));
    }
    let padded = format!("{digits:0>width$}", width = PLACES + 1);
    let (whole, fraction) = padded.split_at_checked(padded.len().saturating_sub(PLACES)).unwrap_or((&padded, ""));
    Ok(Object::default().text("denom", &price.denom).put("amount", Value::from(format!("{whole}.{fraction}"))))
}

fn resources(resources: &Resources) -> Result<Object> {
    let volumes = resources.storage.iter().map(|volume| storage(volume).map(Object::value));
    let object = Object::default()
        .number("id", resources.id)
        .list("storage", volumes.collect::<Result<_>>()?)
        .list("endpoints", resources.endpoints.iter().map(endpoint).collect());
    let object = object.object("cpu", resources.cpu.as_ref().map(cpu).transpose()?.unwrap_or_default());
    let object = object.object("memory", resources.memory.as_ref().map(memory).transpose()?.unwrap_or_default());
    Ok(object.object("gpu", resources.gpu.as_ref().map(gpu).transpose()?.unwrap_or_default()))
}

fn cpu(cpu: &Cpu) -> Result<Object> {
    quantity("units", cpu.units.as_ref(), &cpu.attributes)
}

fn memory(memory: &Memory) -> Result<Object> {
    quantity("size", memory.quantity.as_ref(), &memory.attributes)
}

fn gpu(gpu: &Gpu) -> Result<Object> {
    quantity("units", gpu.units.as_ref(), &gpu.attributes)
}

fn storage(volume: &Storage) -> Result<Object> {
    Ok(quantity("size", volume.quantity.as_ref(), &volume.attributes)?.text("name", &volume.name))
}

fn quantity(name: &str, value: Option<&ResourceValue>, of: &[Attribute]) -> Result<Object> {
    let object = Object::default().list("attributes", attributes(of));
    let Some(value) = value else { return Ok(object) };
    // The wire carries the number as decimal text in bytes.
    let text = str::from_utf8(&value.val).map_err(|_| unsupported("a quantity that is no number"))?;
    Ok(object.object(name, Object::default().text("val", text)))
}

/// A `sequence_number` of 0 is written.
fn endpoint(endpoint: &Endpoint) -> Value {
    Object::default()
        .choice("kind", endpoint.kind)
        .put("sequence_number", Value::from(endpoint.sequence_number))
        .value()
}
