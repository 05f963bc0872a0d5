//! Accounts that belong to parts of the chain. Users may not send coins to them.

use primitives::Address;

/// The account that collects fees.
pub const FEE_COLLECTOR: &str = "fee_collector";
/// The account that holds what is in escrow.
pub const ESCROW: &str = "escrow";
/// The account that takes and dust go to.
pub const COMMUNITY_POOL: &str = "community_pool";

/// The account that holds deposits of appeals against verdicts on renders.
pub const RENDER_APPEALS: &str = "render_appeals";

/// All module accounts.
pub const NAMES: [&str; 4] = [FEE_COLLECTOR, ESCROW, COMMUNITY_POOL, RENDER_APPEALS];

/// The name of the module account at an address, if it is one.
pub fn name_of(address: &Address) -> Option<&'static str> {
    NAMES.into_iter().find(|name| Address::of_module(name) == *address)
}
