//! Settlement exactly as Akash's node does it (spec/akash.md 1.6.3): in order of the payments, each due truncated to
//! whole base units, the first served first when funds run out. It is here to check our reading of upstream against
//! its vectors, and for tools that compare bills; the chain settles by [`crate::settlement`].

use primitives::Dec;

/// A payment as upstream keeps it, in base units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    /// Per block.
    pub rate: Dec,
    /// Earned and not yet withdrawn.
    pub balance: u128,
    /// Due and not paid.
    pub unsettled: u128,
    /// Whether funds ran out on it.
    pub overdrawn: bool,
}

/// An account as upstream keeps it: its funds go below zero by what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Base units.
    pub funds: i128,
    /// Whether a payment was short.
    pub overdrawn: bool,
    /// In key order.
    pub payments: Vec<Payment>,
}

/// Settles `blocks` blocks the way upstream does. `None` when an amount leaves what 128 bits hold.
/// An account whose funds are negative stays as it is.
pub fn settle(account: &mut Account, blocks: u64) -> Option<()> {
    if account.funds < 0 {
        account.overdrawn = true;
        return Some(());
    }
    let blocks = if account.overdrawn { 0 } else { blocks };
    for payment in &mut account.payments {
        let due = match payment.overdrawn {
            true => std::mem::take(&mut payment.unsettled),
            false => payment.rate.checked_mul_int(u128::from(blocks))?.floor(),
        };
        let paid = due.min(u128::try_from(account.funds).unwrap_or(0));
        payment.balance = payment.balance.checked_add(paid)?;
        payment.unsettled = payment.unsettled.checked_add(due - paid)?;
        payment.overdrawn = paid < due;
        account.funds = account.funds.checked_sub(i128::try_from(due).ok()?)?;
    }
    account.overdrawn = account.payments.iter().any(|payment| payment.overdrawn);
    for payment in &mut account.payments {
        payment.overdrawn = account.overdrawn;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(funds: i128, rates: &[&str]) -> Account {
        let payment = |rate: &&str| Payment { rate: rate.parse().unwrap(), ..Payment::default() };
        Account { funds, overdrawn: false, payments: rates.iter().map(payment).collect() }
    }

    /// Upstream's vectors (spec/akash.md 1.6.3): funds, blocks, rates; funds after, overdrawn, (balance, unsettled).
    #[test]
    fn vectors() {
        type Row = (i128, u64, [&'static str; 2], i128, bool, [(u128, u128); 2]);
        let rows: [Row; 4] = [
            (100, 5, ["1", "2"], 85, false, [(5, 0), (10, 0)]),
            (100, 5, ["10", "10"], 0, false, [(50, 0), (50, 0)]),
            (100, 6, ["10", "10"], -20, true, [(60, 0), (40, 20)]),
            (200, 11, ["10", "10"], -20, true, [(110, 0), (90, 20)]),
        ];
        for (funds, blocks, rates, after, overdrawn, payments) in rows {
            let mut account = account(funds, &rates);
            settle(&mut account, blocks).unwrap();
            assert_eq!((account.funds, account.overdrawn), (after, overdrawn), "{funds} over {blocks} blocks");
            let got: Vec<(u128, u128)> = account.payments.iter().map(|p| (p.balance, p.unsettled)).collect();
            assert_eq!(got, payments);
        }
    }

    /// The trap of spec/akash.md 1.15, and the reason why the chain does not settle like this.
    #[test]
    fn settling_often_pays_nothing() {
        let mut often = account(100, &["0.3"]);
        let mut once = often.clone();
        for _ in 0..10 {
            settle(&mut often, 1).unwrap();
        }
        settle(&mut once, 10).unwrap();
        assert_eq!((often.payments[0].balance, once.payments[0].balance), (0, 3));
    }

    #[test]
    fn where_nothing_is_truncated_and_funds_suffice_both_rules_agree() {
        let mut upstream = account(1000, &["3", "4"]);
        settle(&mut upstream, 20).unwrap();
        let ours = crate::settlement::settle(
            Dec::from_integer(1000).unwrap(),
            &["3".parse().unwrap(), "4".parse().unwrap()],
            20,
        );
        let ours: Vec<u128> = ours.unwrap().earned.iter().map(|earned| earned.floor()).collect();
        assert_eq!(ours, upstream.payments.iter().map(|payment| payment.balance).collect::<Vec<_>>());
    }
}
