//! Credits in their simplest form: free and locked amounts by account, without the coins behind them.

use ledger::{Context, Failure, Rejection};
use primitives::Address;
use proto::tetra::render::v1::Credits;
use store::Map;

use super::MODULE;

/// Free and locked credits by account.
const BALANCES: Map<Address, Credits> = Map::new(MODULE, 1);

/// What a payment did to coins, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// LUX burned.
    pub lux_burned: u128,
    /// LUX that went to the network.
    pub lux_network: u128,
    /// USD that went to the vault.
    pub usd_vault: u128,
    /// USD that went to the network.
    pub usd_network: u128,
}

/// What an account has.
///
/// # Errors
/// When the state fails.
pub fn balance(ctx: &Context, creator: &Address) -> Result<Credits, Failure> {
    Ok(BALANCES.get(&ctx.state, creator)?.unwrap_or_default())
}

/// Gives free credits.
///
/// # Errors
/// `sdk` 41 when they are more than can be counted.
pub fn grant(ctx: &mut Context, creator: &Address, ucredits: u64) -> Result<(), Failure> {
    let mut has = balance(ctx, creator)?;
    has.free_ucredits =
        has.free_ucredits.checked_add(ucredits).ok_or_else(|| Rejection::overflow("the sum of credits"))?;
    BALANCES.set(&mut ctx.state, creator, &has);
    Ok(())
}

/// Locks free credits.
///
/// # Errors
/// `sdk` 5 when there are fewer.
pub fn set_aside(ctx: &mut Context, creator: &Address, ucredits: u64) -> Result<(), Failure> {
    let mut has = balance(ctx, creator)?;
    has.free_ucredits = has.free_ucredits.checked_sub(ucredits).ok_or_else(|| {
        let why = format!("{ucredits} millionths of a credit are wanted, {} are free", has.free_ucredits);
        Rejection::insufficient_funds(why)
    })?;
    has.locked_ucredits = has.locked_ucredits.saturating_add(ucredits);
    BALANCES.set(&mut ctx.state, creator, &has);
    Ok(())
}

/// Frees locked credits.
///
/// # Errors
/// `sdk` 5 when fewer are locked.
pub fn give_back(ctx: &mut Context, creator: &Address, ucredits: u64) -> Result<(), Failure> {
    let mut has = balance(ctx, creator)?;
    has.locked_ucredits = unlocked(&has, ucredits)?;
    has.free_ucredits = has.free_ucredits.saturating_add(ucredits);
    BALANCES.set(&mut ctx.state, creator, &has);
    Ok(())
}

fn unlocked(has: &Credits, ucredits: u64) -> Result<u64, Rejection> {
    let few = || Rejection::insufficient_funds(format!("{ucredits} are wanted, {} are locked", has.locked_ucredits));
    has.locked_ucredits.checked_sub(ucredits).ok_or_else(few)
}

/// Spends locked credits. These have no coins behind them.
///
/// # Errors
/// `sdk` 5 when fewer are locked.
pub fn spend(ctx: &mut Context, creator: &Address, ucredits: u64) -> Result<Paid, Failure> {
    let mut has = balance(ctx, creator)?;
    has.locked_ucredits = unlocked(&has, ucredits)?;
    BALANCES.set(&mut ctx.state, creator, &has);
    Ok(Paid::default())
}

/// The account that pays auditors.
pub fn network_account() -> Address {
    Address::of_module("render_network")
}
