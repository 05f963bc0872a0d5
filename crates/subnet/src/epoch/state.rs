//! What is stored of emission and epochs.

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::Emission;
use store::{Item, Map};

use super::MODULE;
use crate::ids::Netuid;

/// How far the supply is; absent before the first subnet.
pub const EMISSION: Item<Emission> = Item::new(MODULE, 1);
/// Subnets by the height of their next epoch.
pub const DUE: Map<(u64, Netuid), ()> = Map::new(MODULE, 2);

/// How far the supply is.
///
/// # Errors
/// When the state fails.
pub fn emission(ctx: &Context) -> Result<Emission, Failure> {
    Ok(EMISSION.get(&ctx.state)?.unwrap_or_default())
}
