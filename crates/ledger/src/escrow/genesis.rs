//! Escrow in genesis. Amounts with fractions are decimals of 18 places, in base units of the account's denom.

use pricing::settlement::{Unit, total_rate};
use primitives::{Dec, Denom};
use proto::akash::base::deposit::v1::Source;
use proto::akash::escrow::types::v1::State;
use serde::{Deserialize, Serialize};

use super::Scope;
use super::records::Clock;
use super::state::{self, ACCOUNTS, AccountId, CLOCK, Depositor, PAYMENTS, PaymentId};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The part's genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// In order of id. The escrow vault must hold what they hold; the invariants check it.
    pub accounts: Vec<Account>,
    /// In order of id.
    pub payments: Vec<Payment>,
    /// Billable time, if payments per millisecond ever began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<BillableTime>,
}

/// The clock of payments per millisecond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillableTime {
    /// Milliseconds billed so far.
    pub billable_ms: u64,
    /// Header time of the last block, in milliseconds since 1970.
    pub last_ms: u64,
}

/// An account in genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// `deployment` or `bid`.
    pub scope: String,
    /// Its id within the scope.
    pub xid: String,
    /// Bech32.
    pub owner: String,
    /// `open`, `closed` or `overdrawn`.
    pub state: String,
    /// What it holds and pays.
    pub denom: String,
    /// What rates are counted per: `block` or `millisecond`.
    pub unit: String,
    /// Height of the last settlement.
    pub settled_at: u64,
    /// Reading of the unit's clock at the last settlement.
    pub clock: u64,
    /// Paid into payments so far.
    pub transferred: String,
    /// In the order in which they are drawn.
    pub deposits: Vec<Deposit>,
    /// Fractions of ended payments.
    pub dust: String,
    /// Whole base units that overdrawn payments are owed.
    pub owed: String,
}

/// Someone's money in an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// Bech32.
    pub owner: String,
    /// Height of the first deposit.
    pub height: u64,
    /// `balance`.
    pub source: String,
    /// What is left.
    pub balance: String,
}

/// A payment in genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// The id of its deployment's account.
    pub account: String,
    /// Its id within the account.
    pub xid: String,
    /// Bech32 of who earns.
    pub payee: String,
    /// `open`, `closed` or `overdrawn`.
    pub state: String,
    /// Per unit of the account.
    pub rate: String,
    /// Earned and not paid out.
    pub balance: String,
    /// Whole base units due and not paid.
    pub owed: String,
    /// Whole base units paid out, take included.
    pub withdrawn: String,
    /// Percent.
    pub take_percent: u32,
}

fn refuse(name: &str, why: impl std::fmt::Display) -> Failure {
    Rejection::invalid_request(format!("genesis escrow {name}: {why}")).into()
}

/// Parses one field; the error names the thing and the field.
fn field<T>(name: &str, field: &str, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Failure> {
    parse(text).ok_or_else(|| refuse(name, format!("{field} {text:?} is malformed")))
}

fn parse_unit(text: &str) -> Option<Unit> {
    match text {
        "block" => Some(Unit::Block),
        "millisecond" => Some(Unit::Millisecond),
        _ => None,
    }
}

fn unit_text(unit: Unit) -> &'static str {
    match unit {
        Unit::Block => "block",
        Unit::Millisecond => "millisecond",
    }
}

fn parse_state(text: &str) -> Option<State> {
    State::from_str_name(text).filter(|state| *state != State::Invalid)
}

fn dec(text: &str) -> Option<Dec> {
    text.parse().ok()
}

fn whole(text: &str) -> Option<u128> {
    text.parse().ok()
}

impl Account {
    fn parse(&self, ctx: &Context) -> Result<(AccountId, state::Account), Failure> {
        let name = format!("account {}/{}", self.scope, self.xid);
        let scope = |text: &str| Scope::from_str_name(text).filter(|scope| *scope != Scope::Invalid);
        let deposit = |deposit: &Deposit| -> Result<Depositor, Failure> {
            Ok(Depositor {
                owner: ctx.address(&deposit.owner)?,
                height: deposit.height,
                source: field(&name, "source", &deposit.source, |text| {
                    Source::from_str_name(text).filter(|source| *source == Source::Balance)
                })?,
                balance: field(&name, "balance", &deposit.balance, dec)?,
            })
        };
        let id = AccountId { xid: self.xid.clone(), scope: field(&name, "scope", &self.scope, scope)? };
        let account = state::Account {
            owner: ctx.address(&self.owner)?,
            state: field(&name, "state", &self.state, parse_state)?,
            denom: field(&name, "denom", &self.denom, |text| Denom::new(text).ok())?,
            unit: field(&name, "unit", &self.unit, parse_unit)?,
            settled_at: self.settled_at,
            clock: self.clock,
            transferred: field(&name, "transferred", &self.transferred, dec)?,
            deposits: self.deposits.iter().map(deposit).collect::<Result<_, _>>()?,
            dust: field(&name, "dust", &self.dust, dec)?,
            owed: field(&name, "owed", &self.owed, whole)?,
        };
        let ever = account.deposits.iter().try_fold(account.transferred, |sum, d| sum.checked_add(d.balance));
        ever.ok_or_else(|| refuse(&name, "its amounts add up to more than the chain can count"))?;
        Ok((id, account))
    }

    fn from_state(ctx: &Context, id: &AccountId, account: &state::Account) -> Self {
        let deposit = |deposit: &Depositor| Deposit {
            owner: ctx.text(&deposit.owner),
            height: deposit.height,
            source: deposit.source.as_str_name().to_owned(),
            balance: deposit.balance.to_string(),
        };
        Self {
            scope: id.scope.as_str_name().to_owned(),
            xid: id.xid.clone(),
            owner: ctx.text(&account.owner),
            state: account.state.as_str_name().to_owned(),
            denom: account.denom.to_string(),
            unit: unit_text(account.unit).to_owned(),
            settled_at: account.settled_at,
            clock: account.clock,
            transferred: account.transferred.to_string(),
            deposits: account.deposits.iter().map(deposit).collect(),
            dust: account.dust.to_string(),
            owed: account.owed.to_string(),
        }
    }
}

impl Payment {
    fn parse(&self, ctx: &Context) -> Result<(PaymentId, state::Payment), Failure> {
        let name = format!("payment {}/{}", self.account, self.xid);
        if self.take_percent > 100 {
            return Err(refuse(&name, "take_percent is above 100"));
        }
        let rate = field(&name, "rate", &self.rate, dec)?;
        if rate.is_zero() {
            return Err(refuse(&name, "its rate is zero: a payment must have a price"));
        }
        let payment = state::Payment {
            payee: ctx.address(&self.payee)?,
            state: field(&name, "state", &self.state, parse_state)?,
            rate,
            balance: field(&name, "balance", &self.balance, dec)?,
            owed: field(&name, "owed", &self.owed, whole)?,
            withdrawn: field(&name, "withdrawn", &self.withdrawn, whole)?,
            take_percent: self.take_percent,
        };
        Ok((PaymentId::new(&self.account, &self.xid), payment))
    }

    fn from_state(ctx: &Context, id: &PaymentId, payment: &state::Payment) -> Self {
        Self {
            account: id.xid.clone(),
            xid: id.payment.clone(),
            payee: ctx.text(&payment.payee),
            state: payment.state.as_str_name().to_owned(),
            rate: payment.rate.to_string(),
            balance: payment.balance.to_string(),
            owed: payment.owed.to_string(),
            withdrawn: payment.withdrawn.to_string(),
            take_percent: payment.take_percent,
        }
    }
}

/// What would keep an account from ever being settled.
fn check_billing(ctx: &Context, id: &AccountId, account: &state::Account) -> Result<(), Failure> {
    let name = format!("account {}/{}", id.scope.as_str_name(), id.xid);
    if account.unit == Unit::Millisecond {
        let clock = CLOCK.get(&ctx.state)?;
        let clock = clock.ok_or_else(|| refuse(&name, "it bills per millisecond, and the clock is missing"))?;
        if account.clock > clock.billable_ms {
            let (settled, billed) = (account.clock, clock.billable_ms);
            return Err(refuse(&name, format!("it was settled at millisecond {settled}, the clock shows {billed}")));
        }
    }
    let open = state::payments(ctx, id, State::Open)?;
    let rates: Vec<Dec> = open.iter().map(|(_, payment)| payment.rate).collect();
    total_rate(&rates).map_err(|error| refuse(&name, error))?;
    Ok(())
}

/// Reads genesis into the state.
///
/// # Errors
/// `sdk` 7 and 18 when something is malformed, repeated, or a payment has no account, or when an account could not
/// be settled: per millisecond without the clock, or rates that are too large to add up.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    for account in &genesis.accounts {
        let (id, account) = account.parse(ctx)?;
        if ACCOUNTS.has(&ctx.state, &id)? {
            return Err(refuse(&format!("account {}", id.xid), "it stands there twice"));
        }
        state::put_account(ctx, &id, &account)?;
    }
    for payment in &genesis.payments {
        let (id, payment) = payment.parse(ctx)?;
        let name = format!("payment {}/{}", id.xid, id.payment);
        if PAYMENTS.has(&ctx.state, &id)? {
            return Err(refuse(&name, "it stands there twice"));
        }
        if !ACCOUNTS.has(&ctx.state, &id.account())? {
            return Err(refuse(&name, "its account is not there"));
        }
        state::put_payment(ctx, &id, &payment)?;
    }
    if let Some(BillableTime { billable_ms, last_ms }) = genesis.clock {
        CLOCK.set(&mut ctx.state, &Clock { billable_ms, last_ms });
    }
    for (id, account) in ACCOUNTS.all(&ctx.state)? {
        check_billing(ctx, &id, &account)?;
    }
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let accounts = ACCOUNTS.all(&ctx.state)?;
    let payments = PAYMENTS.all(&ctx.state)?;
    let clock = CLOCK.get(&ctx.state)?;
    Ok(Genesis {
        accounts: accounts.iter().map(|(id, account)| Account::from_state(ctx, id, account)).collect(),
        payments: payments.iter().map(|(id, payment)| Payment::from_state(ctx, id, payment)).collect(),
        clock: clock.map(|Clock { billable_ms, last_ms }| BillableTime { billable_ms, last_ms }),
    })
}
