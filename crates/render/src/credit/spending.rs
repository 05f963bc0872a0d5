//! Setting credits aside, and spending them.

use ledger::{Context, Failure, Rejection, bank};
use primitives::Address;
use proto::tetra::render::v1::{Credits, Lot};

use super::lots::Checked;
use super::state::{BALANCES, LOTS};
use super::{LUX, MODULE, USD, coin, coins, lots_account, network_account, vault_account};
use crate::epoch;

/// Why burns of approved frames are announced.
const REASON: &str = "render_frame";

/// Where the money of a payment went, in base units.
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

/// What an account has, without its lots.
///
/// # Errors
/// When the state fails.
pub fn balance(ctx: &Context, creator: &Address) -> Result<Credits, Failure> {
    Ok(BALANCES.get(&ctx.state, creator)?.unwrap_or_default())
}

pub(super) fn put(ctx: &mut Context, creator: &Address, has: &Credits) {
    if has.free_ucredits == 0 && has.locked_ucredits == 0 {
        BALANCES.remove(&mut ctx.state, creator);
    } else {
        BALANCES.set(&mut ctx.state, creator, has);
    }
}

/// Sets free credits aside for a job.
///
/// # Errors
/// `sdk` 5 when fewer are free.
pub fn set_aside(ctx: &mut Context, creator: &Address, ucredits: u64) -> Result<(), Failure> {
    let mut has = balance(ctx, creator)?;
    has.free_ucredits = has.free_ucredits.checked_sub(ucredits).ok_or_else(|| {
        let free = has.free_ucredits;
        Rejection::insufficient_funds(format!(
            "{ucredits} millionths of a credit are wanted, {free} are free: buy more credits"
        ))
    })?;
    // Both sum to what the lots have, which fits.
    has.locked_ucredits = has.locked_ucredits.saturating_add(ucredits);
    put(ctx, creator, &has);
    Ok(())
}

fn unlocked(has: &Credits, ucredits: u64) -> Result<u64, Rejection> {
    let locked = has.locked_ucredits;
    let few = || Rejection::insufficient_funds(format!("{ucredits} are wanted, {locked} are set aside"));
    locked.checked_sub(ucredits).ok_or_else(few)
}

/// Frees credits that were set aside.
///
/// # Errors
/// `sdk` 5 when fewer are set aside.
pub fn give_back(ctx: &mut Context, creator: &Address, ucredits: u64) -> Result<(), Failure> {
    let mut has = balance(ctx, creator)?;
    has.locked_ucredits = unlocked(&has, ucredits)?;
    has.free_ucredits = has.free_ucredits.saturating_add(ucredits);
    put(ctx, creator, &has);
    Ok(())
}

/// Spends credits that were set aside, of the oldest lots first. The network's share of each lot's payment goes to
/// [`network_account`]; the rest is burned if it is LUX, or goes to the vault if it is USD. What a lot has paid so far is
/// floor(payment × credits spent / credits), all of it at its last credit, and the network's part of that is rounded
/// down: cutting a job into frames changes no sum. The payment counts in the open epoch.
///
/// # Errors
/// `sdk` 5 when fewer are set aside; then nothing has changed.
pub fn spend(ctx: &mut Context, creator: &Address, ucredits: u64) -> Result<Paid, Failure> {
    let mut has = balance(ctx, creator)?;
    has.locked_ucredits = unlocked(&has, ucredits)?;
    let (mut rest, mut paid, mut worth) = (ucredits, Paid::default(), 0u128);
    for (key, mut lot) in LOTS.under(&ctx.state, creator)? {
        if rest == 0 {
            break;
        }
        let taken = rest.min(lot.left_ucredits);
        let checked = Checked::parse(&lot)?;
        let (after, split) = checked.lock.pay(taken.into()).map_err(|error| broken(&lot, error.to_string()))?;
        worth = worth.saturating_add(checked.worth(after.split()).saturating_sub(checked.worth(checked.lock.split())));
        let (burned, network) = match checked.is_lux {
            true => (&mut paid.lux_burned, &mut paid.lux_network),
            false => (&mut paid.usd_vault, &mut paid.usd_network),
        };
        *burned = burned.saturating_add(split.burned);
        *network = network.saturating_add(split.network);
        rest -= taken;
        lot.left_ucredits -= taken;
        if let Some(left) = lot.left.as_mut() {
            left.amount = after.refund().to_string();
        }
        if lot.left_ucredits == 0 {
            LOTS.remove(&mut ctx.state, &key);
        } else {
            LOTS.set(&mut ctx.state, &key, &lot);
        }
    }
    if rest > 0 {
        let why = format!("the lots of {} have {rest} fewer credits than it", ctx.text(creator));
        return Err(store::Error::Corrupt { module: MODULE.0, key: hex::encode(BALANCES.key(creator)), why }.into());
    }
    put(ctx, creator, &has);
    let (from, network) = (lots_account(), network_account());
    bank::burn(ctx, REASON, &from, &coin(LUX, paid.lux_burned)?)?;
    bank::send(ctx, &from, &network, &coins(LUX, paid.lux_network)?)?;
    bank::send(ctx, &from, &vault_account(), &coins(USD, paid.usd_vault)?)?;
    bank::send(ctx, &from, &network, &coins(USD, paid.usd_network)?)?;
    epoch::spent(ctx, &paid, worth)?;
    Ok(paid)
}

fn broken(lot: &Lot, why: String) -> Failure {
    store::Error::Corrupt { module: MODULE.0, key: format!("lot {}", lot.id), why }.into()
}

/// Free credits for tests: a lot of one base unit of USD for each, minted for the purpose.
#[cfg(test)]
pub(crate) fn grant(ctx: &mut Context, creator: &Address, ucredits: u64) -> Result<(), Failure> {
    bank::mint(ctx, "none", "faucet", creator, &coin(USD, ucredits.into())?)?;
    let rates = super::messages::Rates { price_micros: 1_000_000, eur_usd_micros: 4_000_000 };
    super::messages::add_lot(ctx, creator, &coin(USD, ucredits.into())?, ucredits, rates)
}
