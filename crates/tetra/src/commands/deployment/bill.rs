//! The bill of a deployment, out of chain data alone: what escrow announced, against rates and blocks. Two independent
//! accounts of the same money, which must agree to the unit:
//!
//! ```text
//! rate × blocks of a lease = to the provider + take + not paid out (a fraction, or what is still to come)
//! deposited                = to providers + take + refunded + rounding     once the escrow account has ended
//! deposited                = rate × blocks + still in escrow               as long as it is open
//! ```

use primitives::{Coin, Dec, DecCoin, Denom};
use proto::akash::escrow::types::v1::State as EscrowState;
use proto::akash::market::v1::lease::State as LeaseState;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::chain::{Chain, dec_coin, escrow_amounts};
use crate::error::{Class, CliError, Result};
use crate::money::Units;
use crate::output::{self, row};

/// A deployment's bill in base units of one denom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// The denom.
    pub denom: String,
    /// The height up to which it counts.
    pub height: u64,
    /// Whether the escrow account has ended.
    pub ended: bool,
    /// Put into escrow.
    pub deposited: u128,
    /// One line per lease.
    pub leases: Vec<LeaseLine>,
    /// All leases: rate × blocks.
    pub earned: Dec18,
    /// All leases: paid to providers.
    pub net: u128,
    /// All leases: the network's share.
    pub take: u128,
    /// Given back at the end.
    pub refunded: u128,
    /// Fractions that no one could be paid, kept by the network.
    pub rounding: u128,
    /// In escrow and not spent at `height`.
    pub left: Dec18,
    /// Owed beyond what was in escrow.
    pub owed: u128,
    /// Whether the sums above hold exactly.
    pub adds_up: bool,
}

/// A decimal of 18 places, as text in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dec18(pub Dec);

impl Serialize for Dec18 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Dec18 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// A lease's part of the bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseLine {
    /// The group.
    pub gseq: u32,
    /// The order.
    pub oseq: u32,
    /// Who is paid.
    pub provider: String,
    /// The lease's state.
    pub state: String,
    /// Base units per block.
    pub rate: Dec18,
    /// Blocks for which it is paid.
    pub blocks: u64,
    /// Rate × blocks, exact.
    pub earned: Dec18,
    /// Paid to the provider.
    pub net: u128,
    /// Taken by the network.
    pub take: u128,
    /// Earned and not paid out: still to come, a fraction at the end, or debt.
    pub unpaid: Dec18,
    /// Debt, when escrow ran out.
    pub owed: u128,
}

/// What the chain says of a lease, typed.
#[derive(Clone, Debug)]
pub(super) struct LeaseFacts {
    pub(super) gseq: u32,
    pub(super) oseq: u32,
    pub(super) provider: String,
    pub(super) state: String,
    pub(super) rate: Dec,
    pub(super) created_at: u64,
    /// None while it is paid.
    pub(super) closed_on: Option<u64>,
    /// Announced payouts to the provider.
    pub(super) paid: u128,
    /// Announced takes of the network.
    pub(super) taken: u128,
    pub(super) owed: u128,
}

/// What the chain says of an escrow account, typed.
#[derive(Clone, Debug)]
pub(super) struct AccountFacts {
    pub(super) denom: Denom,
    pub(super) height: u64,
    pub(super) ended: bool,
    /// Not spent at the last settlement.
    pub(super) funds: Dec,
    /// Spent until the last settlement.
    pub(super) transferred: Dec,
    /// Announced deposits.
    pub(super) deposited: u128,
    /// Announced refunds.
    pub(super) refunded: u128,
    /// Announced whole units of fractions.
    pub(super) dust: u128,
}

impl LeaseFacts {
    fn ran_dry(&self) -> bool {
        self.state == LeaseState::InsufficientFunds.as_str_name()
    }

    /// `dry` is the last block that a lease without funds is charged for, whenever that was noticed.
    fn line(&self, account: &AccountFacts, dry: Option<u64>) -> Option<LeaseLine> {
        let until = dry.filter(|_| self.ran_dry()).or(self.closed_on).unwrap_or(account.height);
        let blocks = until.saturating_sub(self.created_at);
        let earned = self.rate.checked_mul_int(u128::from(blocks))?;
        let withdrawn = Dec::from_integer(self.paid.checked_add(self.taken)?)?;
        Some(LeaseLine {
            gseq: self.gseq,
            oseq: self.oseq,
            provider: self.provider.clone(),
            state: self.state.clone(),
            rate: Dec18(self.rate),
            blocks,
            earned: Dec18(earned),
            net: self.paid,
            take: self.taken,
            unpaid: Dec18(earned.saturating_sub(withdrawn)),
            owed: self.owed,
        })
    }
}

/// The block in which funds ran out: the one after those that escrow covered whole, or, once its debt was paid, the last
/// of those. None when they did not.
fn dry_block(account: &AccountFacts, leases: &[LeaseFacts]) -> Option<u64> {
    let (mut spent, mut rates, mut owed) = (account.transferred, Dec::ZERO, 0u128);
    for lease in leases {
        if lease.ran_dry() {
            rates = rates.checked_add(lease.rate)?;
            // Counted from height zero, so that leases of any age end in the same block.
            spent = spent.checked_add(lease.rate.checked_mul_int(u128::from(lease.created_at))?)?;
            owed = owed.checked_add(lease.owed)?;
        } else {
            let blocks = lease.closed_on?.saturating_sub(lease.created_at);
            spent = spent.checked_sub(lease.rate.checked_mul_int(u128::from(blocks))?)?;
        }
    }
    let covered = pricing::settlement::ticks_covered(spent, rates)?;
    Some(covered + u64::from(owed > 0))
}

/// The sums; none when a number does not fit, which a consistent chain does not show.
pub(super) fn compute(account: &AccountFacts, leases: &[LeaseFacts]) -> Option<Bill> {
    let dry = dry_block(account, leases);
    let lines: Vec<LeaseLine> = leases.iter().map(|lease| lease.line(account, dry)).collect::<Option<_>>()?;
    let mut earned = Dec::ZERO;
    let (mut net, mut taken, mut owed) = (0u128, 0u128, 0u128);
    for line in &lines {
        earned = earned.checked_add(line.earned.0)?;
        net = net.checked_add(line.net)?;
        taken = taken.checked_add(line.take)?;
        owed = owed.checked_add(line.owed)?;
    }
    let deposited = Dec::from_integer(account.deposited)?;
    let left = if account.ended { Dec::ZERO } else { deposited.saturating_sub(earned) };
    let out = net.checked_add(taken)?.checked_add(account.refunded)?.checked_add(account.dust)?;
    let adds_up = if account.ended {
        // What was earned is what left escrow, except what nobody paid, which is owed in whole units, rounded up; and
        // all that came in went out.
        let unpaid = earned.saturating_sub(account.transferred);
        let beyond = account.transferred.saturating_sub(earned);
        let whole = unpaid.floor() + u128::from(!unpaid.fraction().is_zero());
        // Of a debt that was paid the rounding is left over.
        let rounded = beyond.is_zero() || (dry.is_some() && beyond < Dec::ONE);
        whole == owed && rounded && account.deposited == out
    } else {
        deposited == account.transferred.checked_add(account.funds)? && deposited == earned.checked_add(left)?
    };
    Some(Bill {
        denom: account.denom.to_string(),
        height: account.height,
        ended: account.ended,
        deposited: account.deposited,
        leases: lines,
        earned: Dec18(earned),
        net,
        take: taken,
        refunded: account.refunded,
        rounding: account.dust,
        left: Dec18(left),
        owed,
        adds_up,
    })
}

/// The sum of an amount over all announcements of a kind about a thing.
struct Announced(Vec<client::node::ChainEvent>);

impl Announced {
    async fn of(chain: &Chain, kind: &str, id: &Value) -> Result<Self> {
        let (kind, id) = (format!("tetra.escrow.v1.{kind}"), id.to_string());
        let txs = chain.node.search(&format!("{kind}.id='{id}'")).await?;
        let events = txs.into_iter().flat_map(|tx| tx.events);
        Ok(Self(events.filter(|event| event.kind == kind && event.attribute("id") == Some(id.as_str())).collect()))
    }

    fn sum(&self, field: &str) -> u128 {
        let amount = |event: &client::node::ChainEvent| {
            let coin: Value = serde_json::from_str(event.attribute(field)?).ok()?;
            coin.get("amount")?.as_str()?.parse::<u128>().ok()
        };
        self.0.iter().filter_map(amount).fold(0, u128::saturating_add)
    }
}

impl Bill {
    /// The bill of a deployment as of now.
    ///
    /// # Errors
    /// When there is no such deployment, or the node does not answer.
    pub async fn of(chain: &Chain, owner: &str, dseq: u64) -> Result<Self> {
        let malformed =
            |what: &str| CliError::new(Class::Internal, format!("the chain's answer is inconsistent: {what}"));
        let height = chain.height().await?;
        let found = chain.deployment(owner, dseq).await?;
        let escrow = found.escrow_account.and_then(|account| account.state).ok_or_else(|| malformed("no escrow"))?;
        let (denom, funds, transferred) = escrow_amounts(&escrow)?;
        let ended = escrow.state != EscrowState::Open as i32;
        let settled_at = u64::try_from(escrow.settled_at).unwrap_or_default();
        let id = json!({ "scope": "deployment", "xid": format!("{owner}/{dseq}") });
        let height = if ended { settled_at } else { height.max(settled_at) };
        let account = AccountFacts {
            denom,
            height,
            ended,
            funds,
            transferred,
            deposited: Announced::of(chain, "EventDeposited", &id).await?.sum("amount"),
            refunded: Announced::of(chain, "EventDepositRefunded", &id).await?.sum("amount"),
            dust: Announced::of(chain, "EventDustCollected", &id).await?.sum("amount"),
        };
        let mut leases = Vec::new();
        for found in chain.leases(owner, dseq, "").await? {
            let lease = found.lease.ok_or_else(|| malformed("no lease"))?;
            let lease_id = lease.id.unwrap_or_default();
            let payment_id = format!("{}/{}/{}", lease_id.gseq, lease_id.oseq, lease_id.provider);
            let payouts =
                Announced::of(chain, "EventPaymentWithdrawn", &json!({ "aid": id, "xid": payment_id })).await?;
            let payment =
                found.escrow_payment.and_then(|payment| payment.state).ok_or_else(|| malformed("no payment"))?;
            let flows = [LeaseState::Active as i32, LeaseState::Reclaiming as i32].contains(&lease.state);
            let owed = match payment.unsettled {
                Some(coin) => dec_coin(Some(&coin))?.amount.floor(),
                None => 0,
            };
            leases.push(LeaseFacts {
                gseq: lease_id.gseq,
                oseq: lease_id.oseq,
                provider: lease_id.provider,
                state: LeaseState::try_from(lease.state).map_or("?", |state| state.as_str_name()).to_owned(),
                rate: dec_coin(lease.price.as_ref())?.amount,
                created_at: u64::try_from(lease.created_at).unwrap_or_default(),
                closed_on: if flows { None } else { u64::try_from(lease.closed_on).ok() },
                paid: payouts.sum("paid"),
                taken: payouts.sum("take"),
                owed,
            });
        }
        compute(&account, &leases).ok_or_else(|| malformed("the bill cannot be computed"))
    }

    /// All rates of leases that still run, together.
    pub fn rate(&self) -> Option<DecCoin> {
        let running = self.leases.iter().filter(|line| ["active", "reclaiming"].contains(&line.state.as_str()));
        let sum = running.map(|line| line.rate.0).try_fold(Dec::ZERO, Dec::checked_add)?;
        Some(DecCoin { denom: Denom::new(&self.denom).ok()?, amount: sum })
    }

    /// For people.
    pub fn text(&self, units: &Units) -> String {
        let base = |amount: u128| amount.to_string();
        let head = ["LEASE", "PROVIDER", "RATE", "BLOCKS", "EARNED", "TO PROVIDER", "TAKE", "NOT PAID OUT"];
        let mut text = String::new();
        if !self.leases.is_empty() {
            let line = |line: &LeaseLine| {
                row([
                    &format!("{}/{} {}", line.gseq, line.oseq, line.state),
                    &line.provider,
                    &trimmed(line.rate.0),
                    &line.blocks.to_string(),
                    &trimmed(line.earned.0),
                    &base(line.net),
                    &base(line.take),
                    &trimmed(line.unpaid.0),
                ])
            };
            let rows = std::iter::once(row(head)).chain(self.leases.iter().map(line)).collect::<Vec<_>>();
            text.push_str(&output::table(&rows));
            text.push_str("\n\n");
        }
        let coin = |amount: u128| match Denom::new(&self.denom) {
            Ok(denom) => units.coin(&Coin { denom, amount }),
            Err(_) => amount.to_string(),
        };
        let mut rows = vec![row(["deposited", &coin(self.deposited)])];
        if self.ended {
            rows.push(row(["to providers", &coin(self.net)]));
            rows.push(row(["take", &coin(self.take)]));
            rows.push(row(["refunded", &coin(self.refunded)]));
            rows.push(row(["rounding", &coin(self.rounding)]));
        } else {
            rows.push(row(["earned", &format!("{} {} at height {}", trimmed(self.earned.0), self.denom, self.height)]));
            rows.push(row(["left", &format!("{} {}", trimmed(self.left.0), self.denom)]));
        }
        if self.owed > 0 {
            rows.push(row(["owed", &coin(self.owed)]));
        }
        let sum = match (self.adds_up, self.ended) {
            (false, _) => "THE LINES DO NOT ADD UP: please report this with the output of -o json",
            (true, true) => "deposited = to providers + take + refunded + rounding",
            (true, false) => "deposited = earned + left",
        };
        text.push_str(&output::table(&rows));
        format!("{text}\n{sum}; amounts in {} unless said otherwise", self.denom)
    }
}

/// Without needless zeros; nothing is cut.
fn trimmed(amount: Dec) -> String {
    let text = amount.to_string();
    match text.split_once('.') {
        Some((whole, places)) if places.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        Some(_) => text.trim_end_matches('0').to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Dec {
        text.parse().unwrap()
    }

    fn account(ended: bool, funds: &str, transferred: &str, refunded: u128, dust: u128) -> AccountFacts {
        AccountFacts {
            denom: Denom::new("utet").unwrap(),
            height: 110,
            ended,
            funds: dec(funds),
            transferred: dec(transferred),
            deposited: 1000,
            refunded,
            dust,
        }
    }

    fn lease(rate: &str, closed_on: Option<u64>, paid: u128, taken: u128) -> LeaseFacts {
        LeaseFacts {
            gseq: 1,
            oseq: 1,
            provider: "tetra1provider".to_owned(),
            state: if closed_on.is_some() { "closed" } else { "active" }.to_owned(),
            rate: dec(rate),
            created_at: 10,
            closed_on,
            paid,
            taken,
            owed: 0,
        }
    }

    #[test]
    fn a_closed_deployment_adds_up_to_the_unit() {
        // 100 blocks of 7.255: 725.5 are spent of 1000, the provider gets 725, the tenant 274, one unit is rounding.
        let bill = compute(&account(true, "0", "725.5", 274, 1), &[lease("7.255", Some(110), 696, 29)]).unwrap();
        assert!(bill.adds_up);
        assert_eq!((bill.deposited, bill.net, bill.take, bill.refunded, bill.rounding), (1000, 696, 29, 274, 1));
        assert_eq!(bill.deposited, bill.net + bill.take + bill.refunded + bill.rounding);
        insta::assert_snapshot!(bill.text(&Units::default()));
    }

    #[test]
    fn a_running_deployment_shows_what_is_left_now_although_nothing_was_settled() {
        let bill = compute(&account(false, "1000", "0", 0, 0), &[lease("7.255", None, 0, 0)]).unwrap();
        assert!(bill.adds_up);
        assert_eq!((bill.deposited, bill.left.0), (1000, dec("274.5")));
        insta::assert_snapshot!(bill.text(&Units::default()));
    }

    #[test]
    fn funds_that_ran_out_are_charged_to_the_block_that_they_did_not_cover_whole() {
        // 1000 cover 50 blocks of 19.9 and a part of the next; that was noticed 49 blocks later.
        let mut drained = lease("19.9", Some(110), 960, 40);
        drained.state = "insufficient_funds".to_owned();
        drained.owed = 15;
        let bill = compute(&account(true, "0", "1000", 0, 0), &[drained.clone()]).unwrap();
        assert!(bill.adds_up);
        assert_eq!((bill.leases[0].blocks, bill.earned.0, bill.owed), (51, dec("1014.9"), 15));
        drained.owed = 14;
        assert!(!compute(&account(true, "0", "1000", 0, 0), &[drained.clone()]).unwrap().adds_up);
        // Once the debt was paid nothing is owed any more.
        (drained.owed, drained.paid) = (0, 975);
        let mut repaid = account(true, "0", "1015", 0, 0);
        repaid.deposited = 1015;
        let bill = compute(&repaid, &[drained]).unwrap();
        assert!(bill.adds_up);
        assert_eq!((bill.leases[0].blocks, bill.owed), (51, 0));
    }

    #[test]
    fn a_lie_is_noticed() {
        let honest = (account(true, "0", "725.5", 274, 1), lease("7.255", Some(110), 696, 29));
        for lie in 0..4 {
            let (mut account, mut lease) = honest.clone();
            match lie {
                0 => account.transferred = dec("700"),
                1 => account.refunded += 1,
                2 => account.dust = 0,
                _ => lease.paid -= 1,
            }
            assert!(!compute(&account, &[lease]).unwrap().adds_up, "lie {lie}");
        }
    }
}
