//! What a bid may offer (spec/akash.md 1.7).

use std::collections::BTreeSet;

use proto::akash::market::v1beta5::ResourceOffer;
use sdl::GroupSpec;

/// An offer may be empty; else each of its parts names a unit of the order, each once, with the unit's count. What is
/// offered for it is not compared, as upstream.
///
/// # Errors
/// Says which part names no unit, or one twice, or another count.
pub fn check(group: &GroupSpec, offers: &[ResourceOffer]) -> Result<(), String> {
    let mut named = BTreeSet::new();
    for offer in offers {
        let id = offer.resources.as_ref().map_or(0, |resources| resources.id);
        let unit = group.units.iter().find(|unit| unit.resources.id == id);
        let unit = unit.ok_or_else(|| format!("the offer names unit {id}, which the order does not have"))?;
        if unit.count != offer.count {
            return Err(format!("the offer has {} of unit {id}, the order wants {}", offer.count, unit.count));
        }
        if !named.insert(id) {
            return Err(format!("the offer names unit {id} twice"));
        }
    }
    Ok(())
}
