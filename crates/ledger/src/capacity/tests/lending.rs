//! Windows that nobody works in are lent, and end what was lent of them.

use super::support::*;
use crate::capacity::{Claim, Request, held, hold_firm, lend_on, open_window, release, room_to_lend, state, work_in};
use crate::context::Context;
use crate::testing::{PROVIDER, refusal};
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
