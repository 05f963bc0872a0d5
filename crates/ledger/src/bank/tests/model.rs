//! Random sends, mints and burns against a naive model.

use std::collections::BTreeMap;

use primitives::{Address, Coin, Coins};
use proptest::prelude::*;

use crate::bank::{self, MODULE};
use crate::failure::Failure;
use crate::testing::{self, denom, nobody, stored};

const DENOMS: [&str; 4] = ["nwit", "ulux", "utet", "uusd"];
const POLICIES: [&str; 4] = ["capped", "burn_and_mint", "inflation", "none"];

#[derive(Clone, Debug)]
enum Step {
    Send { from: u8, to: u8, coins: Vec<(usize, u128)> },
    Mint { to: u8, denom: usize, policy: usize, amount: u128 },
    Burn { from: u8, denom: usize, amount: u128 },
}

/// Mostly small amounts, so that sends succeed, and some that reach the bounds of 128 bits.
fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![8 => 0u128..100, 1 => (0u128..100).prop_map(|less| u128::MAX - less), 1 => any::<u128>()]
}

fn step() -> impl Strategy<Value = Step> {
    let coins = proptest::collection::vec((0usize..4, amount()), 0..4);
    prop_oneof![
        (0u8..4, 0u8..4, coins).prop_map(|(from, to, coins)| Step::Send { from, to, coins }),
        (0u8..4, 0usize..4, 0usize..5, amount()).prop_map(|(to, denom, policy, amount)| Step::Mint {
            to,
            denom,
            policy: if policy == 4 { denom } else { policy },
            amount,
        }),
        (0u8..4, 0usize..4, amount()).prop_map(|(from, denom, amount)| Step::Burn { from, denom, amount }),
    ]
}

/// Who has how much of what, and how much of what was ever minted, which must fit the block's count.
#[derive(Clone, Debug, Default)]
struct Model {
    balances: BTreeMap<(u8, usize), u128>,
    minted: [u128; 4],
}

impl Model {
    fn of(&self, who: u8, denom: usize) -> u128 {
        self.balances.get(&(who, denom)).copied().unwrap_or(0)
    }

    fn supply(&self, denom: usize) -> u128 {
        self.balances.iter().filter(|((_, other), _)| *other == denom).map(|(_, amount)| amount).sum()
    }

    /// The model after a step, if the step is allowed.
    fn after(&self, step: &Step) -> Option<Self> {
        let mut next = self.clone();
        match step {
            Step::Send { from, to, coins } => {
                for (denom, amount) in coins {
                    let left = next.of(*from, *denom).checked_sub(*amount)?;
                    next.balances.insert((*from, *denom), left);
                    let held = next.of(*to, *denom).checked_add(*amount)?;
                    next.balances.insert((*to, *denom), held);
                }
            }
            Step::Mint { to, denom, policy, amount } => {
                if policy != denom || self.supply(*denom).checked_add(*amount).is_none() {
                    return None;
                }
                next.balances.insert((*to, *denom), self.of(*to, *denom) + amount);
                next.minted[*denom] = self.minted[*denom].checked_add(*amount)?;
            }
            Step::Burn { from, denom, amount } => {
                next.balances.insert((*from, *denom), self.of(*from, *denom).checked_sub(*amount)?);
            }
        }
        Some(next)
    }
}

fn coin(of: usize, amount: u128) -> Coin {
    Coin { denom: denom(DENOMS[of]), amount }
}

fn account(number: u8) -> Address {
    nobody(number + 1)
}

fn run(ctx: &mut crate::Context, step: &Step) -> Result<(), Failure> {
    match step {
        Step::Send { from, to, coins } => {
            let mut sum = Coins::new();
            for (denom, amount) in coins {
                sum.add(&coin(*denom, *amount)).unwrap();
            }
            bank::send(ctx, &account(*from), &account(*to), &sum)
        }
        Step::Mint { to, denom, policy, amount } => {
            bank::mint(ctx, POLICIES[*policy], "test", &account(*to), &coin(*denom, *amount))
        }
        Step::Burn { from, denom, amount } => bank::burn(ctx, "test", &account(*from), &coin(*denom, *amount)),
    }
}

/// A send names each denom once, and its amounts are not too large to be added up.
fn normal(step: Step) -> Step {
    match step {
        Step::Send { from, to, coins } => {
            let coins: BTreeMap<usize, u128> = coins.into_iter().collect();
            Step::Send { from, to, coins: coins.into_iter().collect() }
        }
        other => other,
    }
}

proptest! {
    #[test]
    fn the_books_agree_with_the_model(steps in proptest::collection::vec(step().prop_map(normal), 0..60)) {
        let mut ctx = testing::empty();
        bank::genesis::import(&mut ctx, &bank::Genesis::default()).unwrap();
        let mut model = Model::default();
        for step in steps {
            let before = (stored(&ctx, MODULE), ctx.events.len(), ctx.flow.clone());
            match (run(&mut ctx, &step), model.after(&step)) {
                (Ok(()), Some(next)) => model = next,
                (Err(Failure::Rejected(_)), None) => {
                    prop_assert_eq!((stored(&ctx, MODULE), ctx.events.len(), ctx.flow.clone()), before);
                }
                (result, expected) => prop_assert!(false, "{step:?}: {result:?}, but the model says {expected:?}"),
            }
            for (of, name) in DENOMS.into_iter().enumerate() {
                for who in 0..4 {
                    prop_assert_eq!(testing::balance(&ctx, &account(who), name), model.of(who, of));
                }
                let supply = model.supply(of);
                prop_assert_eq!(bank::supply_of(&ctx, &denom(name)).unwrap(), supply);
                let flow = |side: &BTreeMap<_, u128>| side.get(&denom(name)).copied().unwrap_or(0);
                prop_assert_eq!(flow(&ctx.flow.minted) - flow(&ctx.flow.burned), supply);
            }
            prop_assert_eq!(bank::invariants::check(&ctx).unwrap(), Vec::<String>::new());
        }
        let mut again = testing::empty();
        bank::genesis::import(&mut again, &bank::genesis::export(&ctx).unwrap()).unwrap();
        prop_assert_eq!(stored(&again, MODULE), stored(&ctx, MODULE));
    }
}
