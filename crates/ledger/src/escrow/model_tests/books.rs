//! What the chain says of itself, announcement by announcement, and whether that, its state and the model agree.

use std::collections::BTreeMap;

use primitives::Dec;
use proptest::prelude::*;
use proto::akash::escrow::types::v1::State;
use serde_json::Value;

use super::model::{Account, Model, ONE, Standing};
use super::steps::{DENOMS, id, payment_id};
use crate::context::Context;
use crate::escrow::state::{self, ACCOUNTS, PAYMENTS};
use crate::escrow::{self, PaymentId};
use crate::failure::{Failure, Rejection};
use crate::testing;

/// What went into and out of accounts, in whole units, by the account's id in announcements.
#[derive(Default)]
pub(super) struct Books {
    flows: BTreeMap<String, (u128, u128)>,
}

fn standing(state: State) -> Standing {
    match state {
        State::Open => Standing::Open,
        State::Closed => Standing::Closed,
        State::Overdrawn => Standing::Overdrawn,
        State::Invalid => panic!("no state"),
    }
}

impl Books {
    /// Takes in the announcements since the last time.
    pub(super) fn read(&mut self, ctx: &mut Context) {
        for event in &ctx.events {
            let field = |name: &str| -> Value {
                let found = event.attributes.iter().find(|(key, _)| key == name);
                serde_json::from_str(&found.unwrap().1).unwrap()
            };
            let units = |name: &str| -> u128 { field(name)["amount"].as_str().unwrap().parse().unwrap() };
            let (account, into, out) = match event.kind.as_str() {
                "tetra.escrow.v1.EventDeposited" => (field("id"), units("amount"), 0),
                "tetra.escrow.v1.EventDepositRefunded" | "tetra.escrow.v1.EventDustCollected" => {
                    (field("id"), 0, units("amount"))
                }
                "tetra.escrow.v1.EventPaymentWithdrawn" => {
                    (field("id")["aid"].clone(), 0, units("paid") + units("take"))
                }
                _ => continue,
            };
            let flow = self.flows.entry(account.to_string()).or_default();
            *flow = (flow.0 + into, flow.1 + out);
        }
        testing::forget(ctx);
    }

    pub(super) fn agree(&self, ctx: &mut Context, model: &Model) -> Result<(), TestCaseError> {
        for ((who, of), units) in &model.balances {
            prop_assert_eq!(testing::balance(ctx, who, DENOMS[*of]), *units, "{} of {:?}", DENOMS[*of], who);
        }
        for number in Model::ids() {
            let id = id(number);
            let Some(account) = ACCOUNTS.get(&ctx.state, &id).unwrap() else {
                prop_assert!(!model.accounts.contains_key(&number));
                continue;
            };
            let expected = &model.accounts[&number];
            prop_assert_eq!(standing(account.state), expected.standing);
            let payments = expected.payments.iter().map(|(payment, expected)| {
                (PAYMENTS.get(&ctx.state, &PaymentId::new(&id.xid, payment_id(*payment))).unwrap().unwrap(), expected)
            });
            let mut left = account.funds().atoms() + account.dust.atoms();
            for (payment, expected) in payments {
                left += payment.balance.atoms();
                prop_assert_eq!(standing(payment.state), expected.standing);
                prop_assert_eq!(payment.withdrawn, expected.paid_out);
            }
            // Deposits = paid + taken + refunded + dust + what is left, to the atom.
            let name = serde_json::json!({ "scope": id.scope.as_str_name(), "xid": id.xid }).to_string();
            let (into, out) = self.flows.get(&name).copied().unwrap_or_default();
            prop_assert_eq!(into * ONE, out * ONE + left);
            self.present_agrees(ctx, number, expected)?;
        }
        Ok(())
    }

    /// Settles for a moment: an account that nobody looked at for long is where the model lived through every tick.
    fn present_agrees(&self, ctx: &mut Context, number: usize, expected: &Account) -> Result<(), TestCaseError> {
        let id = id(number);
        let mut verdict = Ok(());
        let undone: Result<(), Failure> = ctx.attempt(|ctx| {
            if expected.standing == Standing::Open {
                escrow::settle(ctx, &id)?;
            }
            verdict = settled_agrees(ctx, number, expected);
            Err(Rejection::invalid_request("only a look").into())
        });
        prop_assert_eq!(testing::refusal(undone).message, "only a look");
        verdict
    }
}

fn settled_agrees(ctx: &Context, number: usize, expected: &Account) -> Result<(), TestCaseError> {
    let id = id(number);
    let account = state::existing(ctx, &id).unwrap();
    let overdrawn = expected.exhausted && expected.standing != Standing::Closed;
    prop_assert_eq!(account.state == State::Overdrawn, overdrawn);
    if !expected.exhausted {
        let deposits: Vec<_> = account.deposits.iter().map(|d| (d.owner, d.balance.atoms())).collect();
        prop_assert_eq!(&deposits, &expected.deposits);
    }
    let mut owed = 0;
    for (payment, expected) in &expected.payments {
        let payment = PAYMENTS.get(&ctx.state, &PaymentId::new(&id.xid, payment_id(*payment))).unwrap().unwrap();
        prop_assert_eq!(payment.owed, expected.owed);
        owed += payment.owed;
        let earned = Dec::from_integer(payment.withdrawn).unwrap().checked_add(payment.balance).unwrap();
        if payment.state == State::Open {
            prop_assert_eq!(earned.atoms(), expected.earned);
        } else {
            // Its fraction is in the account's dust.
            prop_assert_eq!(earned.atoms(), expected.earned / ONE * ONE);
        }
    }
    prop_assert_eq!(account.owed, owed);
    prop_assert!(!overdrawn || owed > 0, "nobody can pay a debt of nothing");
    Ok(())
}
