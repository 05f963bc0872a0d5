//! Hardware vanishes.

use super::support::*;
use crate::capacity::{HoldId, HoldKind, Request, held, hold_firm, hold_interruptible, hold_soft, release, turn_firm};
use crate::context::Context;
use crate::testing::{PROVIDER, announced, forget, refusal};

fn hold(ctx: &mut Context, kind: HoldKind, reference: &str, request: Request) -> HoldId {
    let claim = claim(reference, &[(request, 1)]);
    match kind {
        HoldKind::Firm => hold_firm(ctx, &PROVIDER, &claim).unwrap()[0].id,
        HoldKind::Interruptible => hold_interruptible(ctx, &PROVIDER, &claim).unwrap()[0].id,
        _ => hold_soft(ctx, &PROVIDER, &claim, 0).unwrap()[0],
    }
}

fn one_host() -> Context {
    let mut ctx = chain();
    let offer = Offer::new(8_000, 16, 100).with(&[("gpu-1", A100), ("gpu-2", T4)]);
    register(&mut ctx, &PROVIDER, 1, &offer).unwrap();
    forget(&mut ctx);
    ctx
}

const BOTH: [&str; 2] = ["gpu-1", "gpu-2"];

#[test]
fn soft_holds_end_then_interruptible_then_firm_ones_the_newest_first() {
    let mut ctx = one_host();
    let firm = hold(&mut ctx, HoldKind::Firm, "firm", request(2_000, 1, 1));
    let newer = hold(&mut ctx, HoldKind::Firm, "newer firm", request(2_000, 1, 1));
    let frame = hold(&mut ctx, HoldKind::Interruptible, "frame", request(2_000, 1, 1));
    let soft = hold(&mut ctx, HoldKind::Soft, "soft", request(2_000, 1, 1));
    let newer_soft = hold(&mut ctx, HoldKind::Soft, "newer soft", request(2_000, 1, 1));
    forget(&mut ctx);
    assert_eq!(shrink(&mut ctx, &PROVIDER, 1, (3_000, 16, 100), &BOTH).unwrap(), [newer_soft, soft, frame, newer]);
    assert_eq!(held(&ctx, "deployment", "firm").unwrap()[0].id, firm);
    let outcomes: Vec<String> = ctx.outcomes.iter().map(|outcome| format!("{outcome:?}\n")).collect();
    insta::assert_snapshot!(format!("{}{}", announced(&ctx), outcomes.concat()));
    assert_sound(&ctx);
}

#[test]
fn only_holds_that_use_something_short_end() {
    let mut ctx = one_host();
    let cpu = hold(&mut ctx, HoldKind::Firm, "cpu", request(6_000, 0, 0));
    hold(&mut ctx, HoldKind::Firm, "memory", request(0, 16, 0));
    hold(&mut ctx, HoldKind::Interruptible, "disk", request(0, 0, 100));
    assert_eq!(shrink(&mut ctx, &PROVIDER, 1, (5_000, 16, 100), &BOTH).unwrap(), [cpu]);
    assert_sound(&ctx);
}

#[test]
fn a_soft_hold_stays_when_what_yields_to_it_makes_room() {
    let mut ctx = one_host();
    let soft = hold(&mut ctx, HoldKind::Soft, "bid", request(3_000, 1, 1));
    let frame = hold(&mut ctx, HoldKind::Interruptible, "frame", request(5_000, 1, 1));
    // 3000 are left: too few for the frame, enough for the bid once the frame is gone.
    assert_eq!(shrink(&mut ctx, &PROVIDER, 1, (3_000, 16, 100), &BOTH).unwrap(), [frame]);
    assert_eq!(turn_firm(&mut ctx, "deployment", "bid").unwrap()[0].id, soft);
    assert_sound(&ctx);
}

#[test]
fn a_device_that_is_gone_takes_its_holders_with_it_and_may_come_back_elsewhere() {
    let mut ctx = one_host();
    let with = |model: &str| Request { gpus: vec![gpu(1, &[model])], ..request(100, 1, 1) };
    let a100 = hold(&mut ctx, HoldKind::Firm, "a100", with("vendor/nvidia/model/a100"));
    hold(&mut ctx, HoldKind::Firm, "t4", with("vendor/nvidia/model/t4"));
    assert_eq!(shrink(&mut ctx, &PROVIDER, 1, (8_000, 16, 100), &["gpu-2"]).unwrap(), [a100]);
    register(&mut ctx, &RIVAL, 2, &Offer::new(1_000, 1, 1).with(&[("gpu-1", A100)])).unwrap();
    assert_eq!(refusal(register(&mut ctx, &RIVAL, 3, &Offer::new(1, 1, 1).with(&[("gpu-2", T4)]))).code, 6);
    assert_sound(&ctx);
}

#[test]
fn a_bid_that_lost_its_host_is_gone_until_it_is_released() {
    let mut ctx = one_host();
    hold(&mut ctx, HoldKind::Soft, "bid", request(8_000, 1, 1));
    shrink(&mut ctx, &PROVIDER, 1, (4_000, 16, 100), &BOTH).unwrap();
    let refused = refusal(turn_firm(&mut ctx, "deployment", "bid"));
    assert_eq!((refused.codespace, refused.code), ("capacity", 2));
    assert_eq!(
        refused.message,
        "capacity gone: the hold behind this offer has expired, or its host shrank; take the next offer"
    );

    // A new hold under the mark could never turn firm.
    let again = claim("bid", &[(request(1_000, 1, 1), 1)]);
    assert_eq!(refusal(hold_soft(&mut ctx, &PROVIDER, &again, 0)).code, 8);
    assert_eq!(refusal(hold_firm(&mut ctx, &PROVIDER, &again)).code, 8);
    release(&mut ctx, "deployment", "bid").unwrap();
    hold_soft(&mut ctx, &PROVIDER, &again, 0).unwrap();
    turn_firm(&mut ctx, "deployment", "bid").unwrap();
    assert_sound(&ctx);
}

#[test]
fn a_host_shrinks_by_its_owner_and_never_grows_that_way() {
    let mut ctx = one_host();
    for (left, devices) in [((8_001, 16, 100), &BOTH[..]), ((8_000, 17, 100), &[]), ((1, 1, 1), &["gpu-3"])] {
        let refused = refusal(shrink(&mut ctx, &PROVIDER, 1, left, devices));
        assert_eq!((refused.codespace, refused.code), ("capacity", 6), "{left:?}");
    }
    assert_eq!(refusal(shrink(&mut ctx, &RIVAL, 1, (1, 1, 1), &[])).code, 4);
    assert_eq!(refusal(shrink(&mut ctx, &PROVIDER, 2, (1, 1, 1), &[])).code, 3);
    // All of it may be gone.
    assert!(shrink(&mut ctx, &PROVIDER, 1, (0, 0, 0), &[]).unwrap().is_empty());
    assert_sound(&ctx);
}

#[test]
fn overcommit_counts_for_what_is_left() {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &Offer::new(4_000, 16, 100).overcommitted(200)).unwrap();
    let firm = hold(&mut ctx, HoldKind::Firm, "firm", request(6_000, 1, 1));
    assert!(shrink(&mut ctx, &PROVIDER, 1, (3_000, 16, 100), &[]).unwrap().is_empty());
    assert_eq!(shrink(&mut ctx, &PROVIDER, 1, (2_999, 16, 100), &[]).unwrap(), [firm]);
}
