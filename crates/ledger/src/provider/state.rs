//! What is stored of providers.

use primitives::Address;
use proto::akash::provider::v1beta4::Provider;
use store::Map;

use super::MODULE;

/// Providers by owner.
pub const PROVIDERS: Map<Address, Provider> = Map::new(MODULE, 1);
/// How many active leases each provider has; absent when none.
pub const ACTIVE_LEASES: Map<Address, u64> = Map::new(MODULE, 2);
