//! What is stored of escrow.

use pricing::settlement::Unit;
use primitives::{Address, Dec, Denom, Height};
use proto::akash::base::deposit::v1::Source;
use proto::akash::escrow::id::v1::Scope;
use proto::akash::escrow::types::v1::State;
use store::{Item, Key, Map};

use super::MODULE;
use super::errors;
use super::records::Clock;
use crate::context::Context;
use crate::failure::Failure;

/// Accounts: text id, then one byte of scope.
pub const ACCOUNTS: Map<AccountId, Account> = Map::new(MODULE, 1);
/// Payments: text id of the deployment's account, then text id of the payment.
pub const PAYMENTS: Map<PaymentId, Payment> = Map::new(MODULE, 2);
/// Accounts by state number.
pub const ACCOUNTS_BY_STATE: Map<(u8, AccountId), ()> = Map::new(MODULE, 3);
/// Payments by state number.
pub const PAYMENTS_BY_STATE: Map<(u8, PaymentId), ()> = Map::new(MODULE, 4);
/// Billable time since the first payment per millisecond; absent before.
pub const CLOCK: Item<Clock> = Item::new(MODULE, 5);

/// Names an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountId {
    /// Text that is unique within the scope, `owner/dseq` for a deployment.
    pub xid: String,
    /// Whose business it is.
    pub scope: Scope,
}

impl AccountId {
    /// The account of a deployment, `owner/dseq`.
    pub fn deployment(xid: impl Into<String>) -> Self {
        Self { xid: xid.into(), scope: Scope::Deployment }
    }

    /// The account of a bid, `owner/dseq/gseq/oseq/provider`.
    pub fn bid(xid: impl Into<String>) -> Self {
        Self { xid: xid.into(), scope: Scope::Bid }
    }
}

impl Key for AccountId {
    fn write(&self, out: &mut Vec<u8>) {
        self.xid.write(out);
        out.push(self.scope as u8);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let xid = String::read(bytes)?;
        let scope = Scope::try_from(i32::from(u8::read(bytes)?)).ok()?;
        Some(Self { xid, scope })
    }
}

/// Names a payment out of a deployment's account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PaymentId {
    /// The id of its account, of deployment scope.
    pub xid: String,
    /// Its own id within the account, `gseq/oseq/provider` for a lease.
    pub payment: String,
}

impl PaymentId {
    /// A payment of the deployment account `xid`.
    pub fn new(xid: impl Into<String>, payment: impl Into<String>) -> Self {
        Self { xid: xid.into(), payment: payment.into() }
    }

    /// The account that it flows from.
    pub fn account(&self) -> AccountId {
        AccountId::deployment(&self.xid)
    }
}

impl Key for PaymentId {
    fn write(&self, out: &mut Vec<u8>) {
        self.xid.write(out);
        self.payment.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { xid: String::read(bytes)?, payment: String::read(bytes)? })
    }
}

/// An account. All amounts are base units of its one denom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose it is.
    pub owner: Address,
    /// Open, closed or overdrawn.
    pub state: State,
    /// What it holds and pays.
    pub denom: Denom,
    /// What its payments' rates are counted per: one account bills in one unit.
    pub unit: Unit,
    /// Height of the last settlement.
    pub settled_at: Height,
    /// Reading of the clock of its unit at the last settlement.
    pub clock: u64,
    /// Paid into payments so far.
    pub transferred: Dec,
    /// What is left of each depositor's money, in the order in which it is drawn.
    pub deposits: Vec<Depositor>,
    /// Fractions of ended payments, until the account ends.
    pub dust: Dec,
    /// Whole base units that its overdrawn payments are still owed.
    pub owed: u128,
}

/// Someone's money in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depositor {
    /// Who put it in, and gets back what is left.
    pub owner: Address,
    /// Height of the first deposit.
    pub height: Height,
    /// Where it came from.
    pub source: Source,
    /// What is left.
    pub balance: Dec,
}

/// A payment. All amounts are base units of its account's denom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Who earns.
    pub payee: Address,
    /// Open, closed or overdrawn.
    pub state: State,
    /// Per unit of its account.
    pub rate: Dec,
    /// Earned and not yet paid out.
    pub balance: Dec,
    /// Whole base units due and not paid, once overdrawn.
    pub owed: u128,
    /// Paid out so far, take included.
    pub withdrawn: u128,
    /// The take of its payouts, fixed when it began, in percent.
    pub take_percent: u32,
}

impl Account {
    /// What is left to spend.
    pub fn funds(&self) -> Dec {
        // Checked to fit when deposits are made.
        self.deposits.iter().fold(Dec::ZERO, |sum, d| sum.checked_add(d.balance).unwrap_or(sum))
    }

    /// Draws `amount` from the deposits, oldest first. `None` when there is not enough.
    pub fn draw(&mut self, amount: Dec) -> Option<()> {
        let mut missing = amount;
        for deposit in &mut self.deposits {
            let drawn = deposit.balance.min(missing);
            deposit.balance = deposit.balance.saturating_sub(drawn);
            missing = missing.saturating_sub(drawn);
        }
        self.deposits.retain(|deposit| !deposit.balance.is_zero());
        self.transferred = self.transferred.checked_add(amount)?;
        missing.is_zero().then_some(())
    }
}

/// An account that must be there.
pub(super) fn existing(ctx: &Context, id: &AccountId) -> Result<Account, Failure> {
    ACCOUNTS.get(&ctx.state, id)?.ok_or_else(|| errors::account_not_found(id).into())
}

/// An account that must be open.
pub(super) fn open(ctx: &Context, id: &AccountId) -> Result<Account, Failure> {
    let account = existing(ctx, id)?;
    match account.state {
        State::Open => Ok(account),
        State::Overdrawn => Err(errors::account_overdrawn(id, &account).into()),
        State::Closed | State::Invalid => Err(errors::account_closed(id).into()),
    }
}

/// Stores an account and its place in the index.
pub(super) fn put_account(ctx: &mut Context, id: &AccountId, account: &Account) -> Result<(), Failure> {
    let before = ACCOUNTS.get(&ctx.state, id)?.map(|account| account.state);
    if before != Some(account.state) {
        if let Some(before) = before {
            ACCOUNTS_BY_STATE.remove(&mut ctx.state, &(before as u8, id.clone()));
        }
        ACCOUNTS_BY_STATE.set(&mut ctx.state, &(account.state as u8, id.clone()), &());
    }
    ACCOUNTS.set(&mut ctx.state, id, account);
    Ok(())
}

/// Stores a payment and its place in the index.
pub(super) fn put_payment(ctx: &mut Context, id: &PaymentId, payment: &Payment) -> Result<(), Failure> {
    let before = PAYMENTS.get(&ctx.state, id)?.map(|payment| payment.state);
    if before != Some(payment.state) {
        if let Some(before) = before {
            PAYMENTS_BY_STATE.remove(&mut ctx.state, &(before as u8, id.clone()));
        }
        PAYMENTS_BY_STATE.set(&mut ctx.state, &(payment.state as u8, id.clone()), &());
    }
    PAYMENTS.set(&mut ctx.state, id, payment);
    Ok(())
}

/// The payments of an account that are in a state, in order of id.
pub(super) fn payments(ctx: &Context, id: &AccountId, state: State) -> Result<Vec<(PaymentId, Payment)>, Failure> {
    if id.scope != Scope::Deployment {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for ((_, id), ()) in PAYMENTS_BY_STATE.under(&ctx.state, &(state as u8, id.xid.clone()))? {
        let payment = PAYMENTS.get(&ctx.state, &id)?.ok_or_else(|| errors::payment_not_found(&id))?;
        found.push((id, payment));
    }
    Ok(found)
}
