//! Windows that nobody works in are lent, and end what was lent of them.

use super::support::*;
use crate::capacity::{Claim, Request, held, hold_firm, lend_on, open_window, release, room_to_lend, state, work_in};
use crate::context::Context;
use crate::testing::{PROVIDER, refusal};
use proptest::prelude::*;
use proto::tetra::capacity::v1::Resources;

fn core() -> Request {
    request(1_000, 4, 0)
}

fn borrowed(reference: &str) -> Claim<'static> {
    Claim { market: "cluster", ..claim(reference, &[(core(), 1)]) }
}

/// A host of four cores with a window of two.
fn window() -> Context {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &Offer::new(4_000, 16, 100)).unwrap();
    let window = Resources { cpu_milli: 2_000, memory: 8, storage: 10, devices: Vec::new() };
    open_window(&mut ctx, &PROVIDER, &host_key(1), ("render", "node"), &window).unwrap();
    ctx
}

#[test]
fn a_window_is_lent_until_its_owner_works_in_it() {
    let (mut ctx, host) = (window(), host_key(1));
    let before = state::HOSTS.get(&ctx.state, &host).unwrap();
    assert_eq!(room_to_lend(&ctx, &host, &core(), 8).unwrap(), 2);
    let lent = lend_on(&mut ctx, &host, &borrowed("a")).unwrap();
    assert!(lent[0].fence > 0 && lent[0].window > 0);
    lend_on(&mut ctx, &host, &borrowed("b")).unwrap();
    assert_eq!(refusal(lend_on(&mut ctx, &host, &borrowed("c"))).code, 2);
    assert_eq!(refusal(lend_on(&mut ctx, &host, &borrowed("a"))).code, 8);
    assert_eq!(state::HOSTS.get(&ctx.state, &host).unwrap(), before, "nothing beside the window is taken");
    assert_sound(&ctx);
    release(&mut ctx, "cluster", "b").unwrap();
    assert_eq!(room_to_lend(&ctx, &host, &core(), 8).unwrap(), 1);
    ctx.outcomes.clear();
    work_in(&mut ctx, "render", "node", true).unwrap();
    assert_eq!(ctx.outcomes.len(), 1, "who borrowed hears of it");
    assert_eq!(room_to_lend(&ctx, &host, &core(), 8).unwrap(), 0);
    assert_sound(&ctx);
    work_in(&mut ctx, "render", "node", false).unwrap();
    assert_eq!(room_to_lend(&ctx, &host, &core(), 8).unwrap(), 2);
}

#[test]
fn what_is_lent_ends_with_its_window() {
    let mut ctx = window();
    lend_on(&mut ctx, &host_key(1), &borrowed("a")).unwrap();
    release(&mut ctx, "render", "node").unwrap();
    assert!(held(&ctx, "cluster", "a").unwrap().is_empty());
    assert_sound(&ctx);

    let mut ctx = window();
    lend_on(&mut ctx, &host_key(1), &borrowed("a")).unwrap();
    // A firm hold of the whole host takes the window's place.
    hold_firm(&mut ctx, &PROVIDER, &claim("lease", &[(request(4_000, 16, 0), 1)])).unwrap();
    assert!(held(&ctx, "cluster", "a").unwrap().is_empty());
    assert_sound(&ctx);

    let mut ctx = window();
    lend_on(&mut ctx, &host_key(1), &borrowed("a")).unwrap();
    shrink(&mut ctx, &PROVIDER, 1, (1_000, 16, 100), &[]).unwrap();
    assert!(held(&ctx, "cluster", "a").unwrap().is_empty());
    assert_sound(&ctx);
}

#[derive(Clone, Debug)]
enum Step {
    Lend(u8, u64),
    Release(u8),
    Work(bool),
    Firm(u8, u64),
    Close,
    Open,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..5, 1u64..2_500).prop_map(|(name, cpu)| Step::Lend(name, cpu)),
        2 => (0u8..5).prop_map(Step::Release),
        2 => any::<bool>().prop_map(Step::Work),
        1 => (5u8..7, 1u64..4_500).prop_map(|(name, cpu)| Step::Firm(name, cpu)),
        1 => Just(Step::Close),
        1 => Just(Step::Open),
    ]
}

proptest! {
    /// Whatever happens: what is lent lies in a window that nobody works in, and firm holds are as if nothing had been lent.
    #[test]
    fn lending_takes_nothing_from_anybody(steps in proptest::collection::vec(step(), 1..40)) {
        let (mut with, mut without) = (window(), window());
        let name = |number: u8| format!("hold {number}");
        for step in steps {
            for (ctx, lends) in [(&mut with, true), (&mut without, false)] {
                // Refusals are outcomes as well.
                let _ = ctx.attempt(|ctx| match &step {
                    Step::Lend(number, cpu) if lends => {
                        let claim = Claim { market: "cluster", ..claim(&name(*number), &[(request(*cpu, 1, 0), 1)]) };
                        lend_on(ctx, &host_key(1), &claim).map(drop)
                    }
                    Step::Lend(..) => Ok(()),
                    Step::Release(number) => release(ctx, "cluster", &name(*number)),
                    Step::Work(works) => work_in(ctx, "render", "node", *works),
                    Step::Firm(number, cpu) => {
                        hold_firm(ctx, &PROVIDER, &claim(&name(*number), &[(request(*cpu, 1, 0), 1)])).map(drop)
                    }
                    Step::Close => release(ctx, "render", "node"),
                    Step::Open => {
                        let window = Resources { cpu_milli: 2_000, memory: 8, storage: 10, devices: Vec::new() };
                        open_window(ctx, &PROVIDER, &host_key(1), ("render", "node"), &window).map(drop)
                    }
                });
                assert_sound(ctx);
            }
            prop_assert_eq!(
                state::HOSTS.get(&with.state, &host_key(1)).unwrap(),
                state::HOSTS.get(&without.state, &host_key(1)).unwrap()
            );
        }
    }
}
