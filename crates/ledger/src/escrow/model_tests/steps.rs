//! The steps: what anyone may do, and the passing of time.

use std::sync::Arc;

use primitives::{Address, Dec, DecCoin};
use proptest::prelude::*;
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::cosmos::base::v1beta1::Coin as WireCoin;

use super::model::Model;
use crate::context::{Chain, Context};
use crate::escrow::{self, AccountId, CheckedDeposit, Unit};
use crate::failure::Failure;
use crate::take;
use crate::testing::{self, ALICE, BOB, CAROL, coins, denom, nobody};

pub(super) const DENOMS: [&str; 2] = ["utet", "uusd"];
/// The last one has little.
pub(super) const DEPOSITORS: [Address; 4] = [ALICE, BOB, CAROL, Address::new([9; 20])];
pub(super) const PAYEES: [Address; 3] = [Address::new([21; 20]), Address::new([22; 20]), Address::new([23; 20])];
/// Five deployments, and two bids with the ids of the first two.
pub(super) const ACCOUNT_IDS: usize = 7;
const DEPLOYMENTS: usize = 5;
const PAYMENT_IDS: usize = 5;
/// Short, so that going through it millisecond by millisecond takes no time.
pub(super) const BLOCK_INTERVAL_MS: u64 = 20;

/// What a step is about: ids as they are, or the running ones by number.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) account: usize,
    pub(super) payment: usize,
    running: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Create { at: At, owner: usize, depositor: usize, denom: usize, amount: u128 },
    Deposit { at: At, depositor: usize, denom: Option<usize>, amount: u128 },
    Pay { at: At, payee: usize, rate: u128, per_ms: bool },
    Withdraw(At),
    ClosePayment(At),
    Settle(At),
    Close(At),
    Take { denom: usize, percent: u32 },
    Advance { blocks: u64, nanos: u64 },
}

impl At {
    fn exactly(account: usize) -> Self {
        Self { account, payment: 0, running: false }
    }

    fn resolve(self, model: &Model, needs_payment: bool) -> Self {
        let running = if self.running { model.running(needs_payment) } else { Vec::new() };
        let Some(place) = (self.account * PAYMENT_IDS + self.payment).checked_rem(running.len()) else { return self };
        let (account, payment) = running[place];
        Self { account, payment: payment.unwrap_or(self.payment), running: false }
    }
}

impl Step {
    pub(super) fn settle(account: usize) -> Self {
        Self::Settle(At::exactly(account))
    }

    pub(super) fn close(account: usize) -> Self {
        Self::Close(At::exactly(account))
    }

    pub(super) fn deposit(account: usize, depositor: usize, amount: u128) -> Self {
        Self::Deposit { at: At::exactly(account), depositor, denom: None, amount }
    }

    /// The step about ids as they are.
    pub(super) fn resolve(&self, model: &Model) -> Self {
        let mut step = self.clone();
        match &mut step {
            Self::Deposit { at, .. } | Self::Pay { at, .. } | Self::Settle(at) | Self::Close(at) => {
                // A new payment's own id stays as it is.
                at.account = at.resolve(model, false).account;
            }
            Self::Withdraw(at) | Self::ClosePayment(at) => *at = at.resolve(model, true),
            Self::Create { .. } | Self::Take { .. } | Self::Advance { .. } => {}
        }
        step
    }

    pub(super) fn kind(&self) -> String {
        format!("{self:?}").chars().take_while(|letter| letter.is_alphanumeric()).collect()
    }
}

fn at() -> impl Strategy<Value = At> {
    let running = prop_oneof![5 => Just(true), 1 => Just(false)];
    (0..ACCOUNT_IDS, 0..PAYMENT_IDS, running).prop_map(|(account, payment, running)| At { account, payment, running })
}

/// From nothing to what an account of months holds.
fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![1 => Just(0u128), 4 => 1u128..100, 4 => 1u128..5_000, 2 => 1u128..1_000_000_000]
}

/// From dust to large, in atoms: a few digits at any size, and rates that no account can carry for one tick.
fn rate() -> impl Strategy<Value = u128> {
    let scaled = |digits: std::ops::Range<u128>, exponents: std::ops::Range<u32>| {
        (digits, exponents).prop_map(|(digits, exponent)| digits * 10u128.pow(exponent))
    };
    prop_oneof![
        1 => Just(0u128),
        4 => scaled(1..1000, 0..24),
        6 => scaled(1..1000, 14..19),
        1 => (1u128..9).prop_map(|eighths| u128::MAX / 8 * eighths),
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let (who, of) = (0..DEPOSITORS.len(), 0..DENOMS.len());
    prop_oneof![
        8 => (at(), who.clone(), who.clone(), of.clone(), amount())
            .prop_map(|(at, owner, depositor, denom, amount)| Step::Create { at, owner, depositor, denom, amount }),
        8 => (at(), who, prop_oneof![6 => Just(None), 1 => of.clone().prop_map(Some)], amount())
            .prop_map(|(at, depositor, denom, amount)| Step::Deposit { at, depositor, denom, amount }),
        14 => (at(), 0..PAYEES.len(), rate(), any::<bool>())
            .prop_map(|(at, payee, rate, per_ms)| Step::Pay { at, payee, rate, per_ms }),
        8 => at().prop_map(Step::Withdraw),
        4 => at().prop_map(Step::ClosePayment),
        6 => at().prop_map(Step::Settle),
        2 => at().prop_map(Step::Close),
        1 => (of, 0u32..=100).prop_map(|(denom, percent)| Step::Take { denom, percent }),
        14 => (prop_oneof![Just(1u64), 1u64..20, 1u64..300], prop_oneof![
                4 => 0..3 * BLOCK_INTERVAL_MS * 1_000_000, 1 => Just(0u64), 1 => 0u64..10_000_000_000_000,
            ])
            .prop_map(|(blocks, nanos)| Step::Advance { blocks, nanos }),
    ]
}

/// An account's id on the chain.
pub(super) fn id(account: usize) -> AccountId {
    match account.checked_sub(DEPLOYMENTS) {
        None => AccountId::deployment(format!("owner/{account}")),
        Some(bid) => AccountId::bid(format!("owner/{bid}")),
    }
}

/// The account that payments of `account` flow from: those of a bid's would be its deployment's.
pub(super) fn paying(account: usize) -> usize {
    account.checked_sub(DEPLOYMENTS).unwrap_or(account)
}

/// A payment's id within its account.
pub(super) fn payment_id(payment: usize) -> String {
    format!("1/1/{payment}")
}

/// A chain whose blocks are short.
pub(super) fn chain() -> Context {
    let mut ctx = testing::context();
    ctx.chain = Arc::new(Chain { block_interval_ms: BLOCK_INTERVAL_MS, ..testing::chain() });
    crate::bank::send(&mut ctx, &ALICE, &nobody(9), &coins("700utet,700uusd")).unwrap();
    testing::forget(&mut ctx);
    ctx
}

/// A deposit as a message carries it.
fn checked(of: usize, amount: u128) -> CheckedDeposit {
    let amount = Some(WireCoin { denom: DENOMS[of].to_owned(), amount: amount.to_string() });
    CheckedDeposit::parse(Some(&Deposit { amount, sources: vec![Source::Balance as i32] })).unwrap()
}

/// The step on the chain, as one transaction.
pub(super) fn apply(ctx: &mut Context, step: &Step) -> Result<(), Failure> {
    ctx.attempt(|ctx| match step {
        Step::Create { at, owner, depositor, denom, amount } => {
            let deposit = checked(*denom, *amount);
            escrow::create_account(ctx, &id(at.account), &DEPOSITORS[*owner], &deposit, &DEPOSITORS[*depositor])
        }
        Step::Deposit { at, depositor, denom, amount } => {
            // Unless told otherwise: in the account's own denom.
            let account = escrow::state::ACCOUNTS.get(&ctx.state, &id(at.account))?;
            let own = account.map_or(DENOMS[0].to_owned(), |account| account.denom.to_string());
            let of = denom.unwrap_or_else(|| DENOMS.iter().position(|denom| *denom == own).unwrap());
            escrow::deposit_into(ctx, &id(at.account), &checked(of, *amount), &DEPOSITORS[*depositor])
        }
        Step::Pay { at, payee, rate, per_ms } => {
            let account = id(paying(at.account));
            let own = escrow::state::ACCOUNTS.get(&ctx.state, &account)?.map_or(denom("utet"), |found| found.denom);
            let rate = DecCoin { denom: own, amount: Dec::from_atoms(*rate) };
            let unit = if *per_ms { Unit::Millisecond } else { Unit::Block };
            escrow::create_payment_per(ctx, &account.xid, &payment_id(at.payment), &PAYEES[*payee], &rate, unit)
        }
        Step::Withdraw(at) => escrow::withdraw(ctx, &id(paying(at.account)).xid, &payment_id(at.payment)),
        Step::ClosePayment(at) => escrow::close_payment(ctx, &id(paying(at.account)).xid, &payment_id(at.payment)),
        Step::Settle(at) => escrow::settle(ctx, &id(at.account)),
        Step::Close(at) => escrow::close_account(ctx, &id(at.account)),
        Step::Take { denom, percent } => {
            let mut params = take::params(ctx)?;
            params.denom_take_rates.insert(DENOMS[*denom].to_owned(), *percent);
            take::genesis::import(ctx, &take::Genesis { params })
        }
        Step::Advance { blocks, nanos } => {
            for _ in 0..*blocks {
                ctx.block.height += 1;
                let nanos = u64::try_from(ctx.block.time.nanos).unwrap() + nanos;
                ctx.block.time.seconds += i64::try_from(nanos / 1_000_000_000).unwrap();
                ctx.block.time.nanos = i32::try_from(nanos % 1_000_000_000).unwrap();
                escrow::begin_block(ctx)?;
            }
            Ok(())
        }
    })
}
