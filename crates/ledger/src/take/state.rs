//! What is stored of the take.

use proto::akash::take::v1::Params;
use store::Item;

use super::MODULE;

/// Parameters; absent only before genesis.
pub const PARAMS: Item<Params> = Item::new(MODULE, 1);
