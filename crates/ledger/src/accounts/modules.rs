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
/// The account that holds what bought credits of renders, until they are spent.
pub const RENDER_CREDITS: &str = "render_credits";
/// The account of USD that buys LUX of holders at the end of an epoch.
pub const RENDER_VAULT: &str = "render_vault";
/// The account that holds LUX that is offered to the vault.
pub const RENDER_ASKS: &str = "render_asks";
/// The account of the network's share of payments for renders, which pays auditors.
pub const RENDER_NETWORK: &str = "render_network";
/// The account that holds what epochs owe to owners of nodes.
pub const RENDER_REWARDS: &str = "render_rewards";
/// The account of what was minted for nodes and paid to none.
pub const RENDER_RESERVE: &str = "render_reserve";
/// The account of what is staked to hotkeys of subnets.
pub const SUBNET_STAKES: &str = "subnet_stakes";
/// The account of what owners locked for their subnets.
pub const SUBNET_LOCKS: &str = "subnet_locks";
/// The account of WIT that was minted for subnets and that no epoch has paid yet.
pub const SUBNET_EMISSION: &str = "subnet_emission";
/// The account of what suppliers of clusters stand good with.
pub const CLUSTER_COLLATERAL: &str = "cluster_collateral";

/// All module accounts.
pub const NAMES: [&str; 14] = [
    FEE_COLLECTOR,
    ESCROW,
    COMMUNITY_POOL,
    RENDER_APPEALS,
    RENDER_CREDITS,
    RENDER_VAULT,
    RENDER_ASKS,
    RENDER_NETWORK,
    RENDER_REWARDS,
    RENDER_RESERVE,
    SUBNET_STAKES,
    SUBNET_LOCKS,
    SUBNET_EMISSION,
    CLUSTER_COLLATERAL,
];

/// The name of the module account at an address, if it is one.
pub fn name_of(address: &Address) -> Option<&'static str> {
    NAMES.into_iter().find(|name| Address::of_module(name) == *address)
}
