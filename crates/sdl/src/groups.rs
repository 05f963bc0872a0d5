//! What the chain gets to know: one group per placement (spec/akash.md 2.5).

use primitives::{Dec, DecCoin};

use crate::model::SignedBy;
use crate::resources::{Attribute, Resources};

/// The demand of one placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSpec {
    /// Name of the placement.
    pub name: String,
    /// What a provider must claim, sorted by key.
    pub attributes: Vec<Attribute>,
    /// Whose signature the provider's attributes need.
    pub signed_by: SignedBy,
    /// Units in order of id.
    pub units: Vec<ResourceUnit>,
}

/// Some equal replicas and the highest price of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceUnit {
    /// What one replica needs.
    pub resources: Resources,
    /// Replicas.
    pub count: u32,
    /// The highest price of one replica per block.
    pub price: DecCoin,
}

impl GroupSpec {
    /// The highest bid for the whole group per block: the sum of price × count, exact. `None` when the group is
    /// empty, mixes denoms or overflows, which [`crate::limits::validate_groups`] refuses.
    pub fn price(&self) -> Option<DecCoin> {
        let denom = &self.units.first()?.price.denom;
        let mut amount = Dec::ZERO;
        for unit in &self.units {
            if unit.price.denom != *denom {
                return None;
            }
            amount = amount.checked_add(unit.price.amount.checked_mul_int(u128::from(unit.count))?)?;
        }
        Some(DecCoin { denom: denom.clone(), amount })
    }
}
