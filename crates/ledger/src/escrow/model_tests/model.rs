//! The naive model: every account is at the present at all times, because each tick is lived through, one after the
//! other, in whole atoms (10^-18 base units). It shares no code with `pricing` or escrow.

use std::collections::BTreeMap;

use primitives::Address;

use super::steps::{ACCOUNT_IDS, BLOCK_INTERVAL_MS, DENOMS, DEPOSITORS, PAYEES, Step, paying};
use crate::accounts::modules;
use crate::context::Context;
use crate::escrow;
use crate::testing;

pub(super) const ONE: u128 = 1_000_000_000_000_000_000;

/// The codespace and code of a refusal.
pub(super) type Refused = (&'static str, u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    Closed,
    Overdrawn,
}

#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) denom: usize,
    pub(super) standing: Standing,
    per_ms: bool,
    /// Funds ran out; `standing` follows when somebody looks.
    pub(super) exhausted: bool,
    /// Who has how many atoms left.
    pub(super) deposits: Vec<(Address, u128)>,
    pub(super) payments: BTreeMap<usize, Payment>,
}

#[derive(Clone, Debug)]
pub(super) struct Payment {
    payee: Address,
    rate: u128,
    percent: u128,
    pub(super) standing: Standing,
    /// Atoms earned so far, debts that were paid included.
    pub(super) earned: u128,
    /// Units paid out so far, take included.
    pub(super) paid_out: u128,
    taken: u128,
    pub(super) owed: u128,
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) balances: BTreeMap<(Address, usize), u128>,
    pub(super) accounts: BTreeMap<usize, Account>,
    percents: [u128; 2],
    nanos: u128,
}

/// `a * b / c` rounded down, bit by bit of `a`, for `b < c`.
fn share(a: u128, b: u128, c: u128) -> u128 {
    // Adds below c, and whether c was reached.
    let add = |x: u128, y: u128| if x >= c - y { (x - (c - y), 1) } else { (x + y, 0) };
    let (mut quotient, mut rest) = (0, 0);
    for bit in (0..128).rev() {
        let (doubled, carry) = if rest == 0 { (0, 0) } else { add(rest, rest) };
        let (sum, more) = if a >> bit & 1 == 1 && b > 0 { add(doubled, b) } else { (doubled, 0) };
        (quotient, rest) = (2 * quotient + carry + more, sum);
    }
    quotient
}

fn ensure(condition: bool, refused: Refused) -> Result<(), Refused> {
    if condition { Ok(()) } else { Err(refused) }
}

impl Account {
    fn open(&mut self) -> impl Iterator<Item = &mut Payment> {
        self.payments.values_mut().filter(|payment| payment.standing == Standing::Open)
    }

    fn draw(&mut self, mut atoms: u128) {
        while atoms > 0 {
            let (_, oldest) = &mut self.deposits[0];
            let drawn = atoms.min(*oldest);
            *oldest -= drawn;
            atoms -= drawn;
            if *oldest == 0 {
                self.deposits.remove(0);
            }
        }
    }

    /// One block or one millisecond.
    fn tick(&mut self) {
        let total: u128 = self.open().map(|payment| payment.rate).sum();
        if self.exhausted || total == 0 {
            return;
        }
        let funds: u128 = self.deposits.iter().map(|(_, atoms)| atoms).sum();
        if funds >= total {
            self.open().for_each(|payment| payment.earned += payment.rate);
            return self.draw(total);
        }
        self.exhausted = true;
        let mut spent = 0;
        // The debt of all, in whole units, rounded up; the fractions of the first payees are rounded up to that.
        let mut debt = (total - funds).div_ceil(ONE);
        let mut fractions = Vec::new();
        for payment in self.open() {
            let part = share(payment.rate, funds, total);
            payment.earned += part;
            spent += part;
            payment.owed = (payment.rate - part) / ONE;
            debt -= payment.owed;
            fractions.extend((!(payment.rate - part).is_multiple_of(ONE)).then_some(&mut payment.owed));
        }
        for owed in fractions {
            let more = debt.min(1);
            *owed += more;
            debt -= more;
        }
        assert_eq!(debt, 0);
        self.draw(spent);
    }
}

impl Model {
    /// Before anything happened in escrow.
    pub(super) fn of(ctx: &Context) -> Self {
        let everybody = DEPOSITORS.into_iter().chain(PAYEES).chain([escrow::vault(), pool()]);
        let held = |who: Address| (0..2).map(move |of| ((who, of), testing::balance(ctx, &who, DENOMS[of])));
        let seconds = u128::try_from(ctx.block.time.seconds).unwrap();
        Self {
            balances: everybody.flat_map(held).collect(),
            accounts: BTreeMap::new(),
            percents: [4, 20],
            nanos: seconds * 1_000_000_000,
        }
    }

    fn transfer(&mut self, from: Address, to: Address, of: usize, units: u128) -> Result<(), Refused> {
        let left = self.balances[&(from, of)].checked_sub(units).ok_or(("sdk", 5))?;
        self.balances.insert((from, of), left);
        *self.balances.get_mut(&(to, of)).unwrap() += units;
        Ok(())
    }

    /// Ids that are in use: accounts that are open or have debts, with a payment that is open if one is needed.
    pub(super) fn running(&self, needs_payment: bool) -> Vec<(usize, Option<usize>)> {
        let accounts = self.accounts.iter().filter(|(_, account)| account.standing != Standing::Closed);
        let open = |account: &Account| -> Vec<usize> {
            let open = account.payments.iter().filter(|(_, payment)| payment.standing == Standing::Open);
            open.map(|(id, _)| *id).collect()
        };
        accounts
            .flat_map(|(id, account)| match needs_payment {
                true => open(account).into_iter().map(|payment| (*id, Some(payment))).collect(),
                false => vec![(*id, None)],
            })
            .collect()
    }

    /// Whether the step is a deposit into an account that ran out.
    pub(super) fn is_overdrawn(&self, step: &Step) -> bool {
        let Step::Deposit { at, .. } = step else { return false };
        self.accounts.get(&at.account).is_some_and(|account| account.exhausted && account.standing != Standing::Closed)
    }

    /// How the accounts ended.
    pub(super) fn endings(&self) -> Vec<&'static str> {
        let mut endings = Vec::new();
        for account in self.accounts.values() {
            match (account.exhausted, account.per_ms) {
                (true, true) => endings.push("exhausted per millisecond"),
                (true, false) => endings.push("exhausted per block"),
                (false, _) if account.standing == Standing::Closed => endings.push("closed"),
                _ => {}
            }
            if account.exhausted && account.standing == Standing::Closed {
                endings.push("debt paid");
            }
        }
        endings
    }

    /// What the chain must do.
    pub(super) fn apply(&mut self, step: &Step) -> Result<(), Refused> {
        match step {
            Step::Create { at, depositor, denom, amount, .. } => self.create(at.account, *depositor, *denom, *amount),
            Step::Deposit { at, depositor, denom, amount } => self.deposit(at.account, *depositor, *denom, *amount),
            Step::Pay { at, payee, rate, per_ms } => self.pay(at.account, at.payment, PAYEES[*payee], *rate, *per_ms),
            Step::Withdraw(at) => self.withdraw(paying(at.account), at.payment, Standing::Open),
            Step::ClosePayment(at) => self.withdraw(paying(at.account), at.payment, Standing::Closed),
            Step::Settle(at) => self.look_at_open(at.account),
            Step::Close(at) => self.close(at.account),
            Step::Take { denom, percent } => {
                self.percents[*denom] = u128::from(*percent);
                Ok(())
            }
            Step::Advance { blocks, nanos } => {
                for _ in 0..*blocks {
                    self.block(u128::from(*nanos));
                }
                Ok(())
            }
        }
    }

    fn block(&mut self, nanos: u128) {
        let before = self.nanos / 1_000_000;
        self.nanos += nanos;
        let passed = self.nanos / 1_000_000 - before;
        let millis = passed.min(4 * u128::from(BLOCK_INTERVAL_MS));
        for account in self.accounts.values_mut() {
            (0..if account.per_ms { millis } else { 1 }).for_each(|_| account.tick());
        }
    }

    fn create(&mut self, id: usize, depositor: usize, denom: usize, amount: u128) -> Result<(), Refused> {
        ensure(!self.accounts.contains_key(&id), ("escrow", 1))?;
        self.transfer(DEPOSITORS[depositor], escrow::vault(), denom, amount)?;
        let deposits = if amount > 0 { vec![(DEPOSITORS[depositor], amount * ONE)] } else { Vec::new() };
        let (standing, payments) = (Standing::Open, BTreeMap::new());
        self.accounts.insert(id, Account { denom, standing, per_ms: false, exhausted: false, deposits, payments });
        Ok(())
    }

    fn deposit(&mut self, id: usize, depositor: usize, of: Option<usize>, amount: u128) -> Result<(), Refused> {
        let account = self.accounts.get(&id).ok_or(("escrow", 3))?;
        let denom = account.denom;
        ensure(of.is_none_or(|of| of == denom), ("escrow", 5))?;
        ensure(amount > 0, ("escrow", 16))?;
        ensure(account.standing != Standing::Closed, ("escrow", 2))?;
        self.look(id);
        let depositor = DEPOSITORS[depositor];
        self.transfer(depositor, escrow::vault(), denom, amount)?;
        if self.accounts[&id].standing == Standing::Overdrawn {
            return self.top_up(id, depositor, amount);
        }
        let deposits = &mut self.accounts.get_mut(&id).unwrap().deposits;
        match deposits.iter_mut().find(|(owner, _)| *owner == depositor) {
            Some((_, atoms)) => *atoms += amount * ONE,
            None => deposits.push((depositor, amount * ONE)),
        }
        Ok(())
    }

    fn top_up(&mut self, id: usize, depositor: Address, amount: u128) -> Result<(), Refused> {
        let account = self.accounts.get_mut(&id).unwrap();
        let denom = account.denom;
        let overdrawn: Vec<usize> = account.payments.keys().copied().collect();
        let total: u128 = account.payments.values().map(|payment| payment.owed).sum();
        let mut left = amount.min(total);
        let parts = |payment: &Payment| if amount >= total { payment.owed } else { share(payment.owed, amount, total) };
        let mut parts: Vec<u128> = account.payments.values().map(parts).collect();
        left -= parts.iter().sum::<u128>();
        for (payment, part) in account.payments.values().zip(&mut parts) {
            let more = left.min(1).min(payment.owed - *part);
            *part += more;
            left -= more;
        }
        for (payment, part) in account.payments.values_mut().zip(&parts) {
            payment.owed -= part;
            payment.earned = payment.paid_out * ONE + part * ONE;
            if payment.owed == 0 {
                payment.standing = Standing::Closed;
            }
        }
        if amount >= total {
            account.standing = Standing::Closed;
        }
        for payment in overdrawn {
            self.pay_out(id, payment)?;
        }
        self.transfer(escrow::vault(), depositor, denom, amount.saturating_sub(total))
    }

    fn pay(&mut self, id: usize, payment: usize, payee: Address, rate: u128, per_ms: bool) -> Result<(), Refused> {
        let id = paying(id);
        self.look_at_open(id)?;
        let percents = self.percents;
        let account = self.accounts.get_mut(&id).unwrap();
        ensure(account.standing == Standing::Open, ("escrow", 4))?;
        ensure(rate > 0, ("escrow", 9))?;
        ensure(!account.payments.contains_key(&payment), ("escrow", 6))?;
        ensure(account.per_ms == per_ms || account.open().count() == 0, ("escrow", 10))?;
        let total = account.open().try_fold(rate, |sum, payment| sum.checked_add(payment.rate));
        ensure(total.is_some(), ("escrow", 11))?;
        account.per_ms = per_ms;
        let (percent, standing) = (percents[account.denom], Standing::Open);
        let new = Payment { payee, rate, percent, standing, earned: 0, paid_out: 0, taken: 0, owed: 0 };
        account.payments.insert(payment, new);
        Ok(())
    }

    fn withdraw(&mut self, id: usize, payment: usize, end: Standing) -> Result<(), Refused> {
        let found = self.accounts.get(&id).and_then(|account| account.payments.get(&payment));
        ensure(found.ok_or(("escrow", 8))?.standing == Standing::Open, ("escrow", 7))?;
        self.look(id);
        if self.accounts[&id].standing == Standing::Open {
            self.pay_out(id, payment)?;
            self.accounts.get_mut(&id).unwrap().payments.get_mut(&payment).unwrap().standing = end;
        }
        Ok(())
    }

    fn close(&mut self, id: usize) -> Result<(), Refused> {
        self.look_at_open(id)?;
        if self.accounts[&id].standing == Standing::Open {
            self.end(id, Standing::Closed);
        }
        Ok(())
    }

    fn look_at_open(&mut self, id: usize) -> Result<(), Refused> {
        match self.accounts.get(&id).ok_or(("escrow", 3))?.standing {
            Standing::Closed => Err(("escrow", 2)),
            Standing::Overdrawn => Err(("escrow", 4)),
            Standing::Open => {
                self.look(id);
                Ok(())
            }
        }
    }

    /// Somebody looks: an account that ran out ends.
    fn look(&mut self, id: usize) {
        let account = &self.accounts[&id];
        if account.exhausted && account.standing == Standing::Open {
            self.end(id, Standing::Overdrawn);
        }
    }

    fn pay_out(&mut self, id: usize, payment: usize) -> Result<(), Refused> {
        let account = self.accounts.get_mut(&id).unwrap();
        let (denom, payment) = (account.denom, account.payments.get_mut(&payment).unwrap());
        let gross = payment.earned / ONE - payment.paid_out;
        payment.paid_out += gross;
        let take = payment.paid_out * payment.percent / 100 - payment.taken;
        payment.taken += take;
        let payee = payment.payee;
        self.transfer(escrow::vault(), pool(), denom, take)?;
        self.transfer(escrow::vault(), payee, denom, gross - take)
    }

    fn end(&mut self, id: usize, standing: Standing) {
        let ids: Vec<usize> = self.accounts[&id].payments.keys().copied().collect();
        for payment in ids {
            if self.accounts[&id].payments[&payment].standing == Standing::Open {
                self.pay_out(id, payment).unwrap();
                self.accounts.get_mut(&id).unwrap().payments.get_mut(&payment).unwrap().standing = standing;
            }
        }
        let account = self.accounts.get_mut(&id).unwrap();
        account.standing = standing;
        let denom = account.denom;
        let deposits = std::mem::take(&mut account.deposits);
        let fractions = account.payments.values().map(|payment| payment.earned % ONE);
        let dust: u128 = fractions.chain(deposits.iter().map(|(_, atoms)| atoms % ONE)).sum();
        assert_eq!(dust % ONE, 0, "what came in was whole");
        for (owner, atoms) in deposits {
            self.transfer(escrow::vault(), owner, denom, atoms / ONE).unwrap();
        }
        self.transfer(escrow::vault(), pool(), denom, dust / ONE).unwrap();
    }

    /// Every account, for comparison.
    pub(super) fn ids() -> std::ops::Range<usize> {
        0..ACCOUNT_IDS
    }
}

fn pool() -> Address {
    Address::of_module(modules::COMMUNITY_POOL)
}
