//! Random business over random time against a naive model of it ([`model`]): every payee gets what the model says,
//! whatever the order in which anyone settles, and no unit is made or lost.

mod books;
mod model;
mod steps;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{MODULE, invariants};
use crate::context::Context;
use crate::failure::Failure;
use crate::testing::stored;
use crate::{bank, escrow};
use books::Books;
use model::Model;
use steps::{ACCOUNT_IDS, Step, apply, chain, step};

/// Settles everything, pays every debt and closes everything: then nothing is left in escrow.
fn wind_up() -> Vec<Step> {
    let settles = (0..ACCOUNT_IDS).map(Step::settle);
    // Debts of the largest rates cannot be paid by anyone; those accounts hold nothing either.
    let debts = (0..ACCOUNT_IDS).map(|account| Step::deposit(account, 0, 500_000_000));
    let closes = (0..ACCOUNT_IDS).map(Step::close);
    settles.chain(debts).chain(closes).collect()
}

fn everything(ctx: &Context) -> (String, String, usize, usize) {
    (stored(ctx, MODULE), stored(ctx, bank::MODULE), ctx.events.len(), ctx.outcomes.len())
}

/// One step on both sides, and all that must hold after it.
fn go(ctx: &mut Context, model: &mut Model, books: &mut Books, step: &Step) -> Result<(), TestCaseError> {
    let step = step.resolve(model);
    let before = everything(ctx);
    let mut next = model.clone();
    match (apply(ctx, &step), next.apply(&step)) {
        (Ok(()), Ok(())) => *model = next,
        (Err(Failure::Rejected(refused)), Err(expected)) => {
            prop_assert_eq!((refused.codespace, refused.code), expected, "{:?}: {}", &step, &refused.message);
            prop_assert_eq!(everything(ctx), before, "{:?} was refused", &step);
        }
        (result, expected) => prop_assert!(false, "{step:?}: {result:?}, but the model says {expected:?}"),
    }
    books.read(ctx);
    prop_assert_eq!(invariants::check(ctx).unwrap(), Vec::<String>::new(), "{:?}", &step);
    books.agree(ctx, model)
}

proptest! {
    #[test]
    fn the_books_agree_with_the_model(steps in proptest::collection::vec(step(), 1..70)) {
        let mut ctx = chain();
        let (mut model, mut books) = (Model::of(&ctx), Books::default());
        for step in &steps {
            go(&mut ctx, &mut model, &mut books, step)?;
        }

        let mut again = crate::testing::empty();
        escrow::genesis::import(&mut again, &escrow::genesis::export(&ctx).unwrap()).unwrap();
        prop_assert_eq!(stored(&again, MODULE), stored(&ctx, MODULE));

        for step in wind_up() {
            go(&mut ctx, &mut model, &mut books, &step)?;
        }
        for denom in steps::DENOMS {
            prop_assert_eq!(crate::testing::balance(&ctx, &escrow::vault(), denom), 0);
        }
    }
}

/// Each kind of step succeeds in some run, and so do the ends that matter: a model that only sees refusals proves
/// nothing.
#[test]
fn every_kind_of_step_is_reached() {
    let mut runner = TestRunner::deterministic();
    let mut reached: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..40 {
        let steps = proptest::collection::vec(step(), 70).new_tree(&mut runner).unwrap().current();
        let mut ctx = chain();
        let mut model = Model::of(&ctx);
        for step in &steps {
            let step = step.resolve(&model);
            let late = model.is_overdrawn(&step);
            if apply(&mut ctx, &step).is_ok() {
                model.apply(&step).unwrap();
                *reached.entry(step.kind()).or_default() += 1;
                *reached.entry("late top-up".to_owned()).or_default() += u32::from(late);
            }
        }
        for ending in model.endings() {
            *reached.entry(ending.to_owned()).or_default() += 1;
        }
        for event in &ctx.events {
            *reached.entry(event.kind.clone()).or_default() += 1;
        }
    }
    let expected = [
        "Advance",
        "Close",
        "ClosePayment",
        "Create",
        "Deposit",
        "Pay",
        "Settle",
        "Take",
        "Withdraw",
        "exhausted per block",
        "exhausted per millisecond",
        "late top-up",
        "debt paid",
        "closed",
        "tetra.escrow.v1.EventAccountClosed",
        "tetra.escrow.v1.EventAccountSettled",
        "tetra.escrow.v1.EventDepositRefunded",
        "tetra.escrow.v1.EventDeposited",
        "tetra.escrow.v1.EventDustCollected",
        "tetra.escrow.v1.EventPaymentWithdrawn",
    ];
    let missing: Vec<&str> = expected.into_iter().filter(|kind| !reached.contains_key(*kind)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}; reached: {reached:?}");
}
