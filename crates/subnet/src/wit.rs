//! WIT, and the accounts that hold it for this market.

use ledger::accounts::modules;
use ledger::{Context, Failure, Rejection, bank};
use primitives::{Address, Coin, Coins, Denom};

/// Its base unit, 10^-9 WIT.
pub(crate) const DENOM: &str = "nwit";
/// The policy by which it comes into being.
const POLICY: &str = "capped";

pub(crate) fn denom() -> Result<Denom, Failure> {
    Denom::new(DENOM).map_err(|error| Rejection::invalid_coins(error.to_string()).into())
}

/// The account of all stakes.
pub(crate) fn stakes() -> Address {
    Address::of_module(modules::SUBNET_STAKES)
}

/// The account of what owners locked for their subnets.
pub(crate) fn locks() -> Address {
    Address::of_module(modules::SUBNET_LOCKS)
}

/// The account of emission that no epoch has paid yet.
pub(crate) fn emission() -> Address {
    Address::of_module(modules::SUBNET_EMISSION)
}

/// Moves base units from one account to another; none moves nothing.
pub(crate) fn send(ctx: &mut Context, from: &Address, to: &Address, amount: u64) -> Result<(), Failure> {
    if amount == 0 {
        return Ok(());
    }
    let mut coins = Coins::new();
    let coin = Coin { denom: denom()?, amount: amount.into() };
    coins.add(&coin).ok_or_else(|| Rejection::overflow("an amount of WIT"))?;
    bank::send(ctx, from, to, &coins)
}

/// Brings emission into being.
pub(crate) fn mint(ctx: &mut Context, amount: u64) -> Result<(), Failure> {
    let coin = Coin { denom: denom()?, amount: amount.into() };
    bank::mint(ctx, POLICY, "emission", &emission(), &coin)
}

/// Destroys base units of an account: they may be minted again.
pub(crate) fn recycle(ctx: &mut Context, from: &Address, amount: u64, reason: &str) -> Result<(), Failure> {
    if amount == 0 {
        return Ok(());
    }
    let coin = Coin { denom: denom()?, amount: amount.into() };
    bank::burn(ctx, reason, from, &coin)?;
    crate::epoch::emission::count_recycled(ctx, amount)
}

/// What an account has.
pub(crate) fn balance(ctx: &Context, account: &Address) -> Result<u128, Failure> {
    bank::balance(ctx, account, &denom()?)
}

/// What exists: the issuance by which emission halves.
pub(crate) fn issuance(ctx: &Context) -> Result<u128, Failure> {
    bank::supply_of(ctx, &denom()?)
}
