//! Interruptible holds make room, after notice.

use super::support::*;
use crate::capacity::expiry::MOST_PER_BLOCK;
use crate::capacity::{
    Claim, HoldId, HoldKind, Request, end_block, held, hold_firm, hold_interruptible, hold_soft, hosts, open_window,
    release, request_yield, turn_firm,
};
use crate::context::Context;
use crate::testing::{PROVIDER, advance, announced, forget, refusal};

fn interruptible(ctx: &mut Context, reference: &str, request: Request) -> HoldId {
    let claim = Claim { market: "render", ..claim(reference, &[(request, 1)]) };
    hold_interruptible(ctx, &PROVIDER, &claim).unwrap()[0].id
}

fn asked(ctx: &mut Context, request: Request) -> Vec<HoldId> {
    let found = request_yield(ctx, &PROVIDER, &claim("asks", &[(request, 1)])).unwrap();
    assert_sound(ctx);
    found
}

fn one_host() -> Context {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &Offer::new(4_000, 16, 100)).unwrap();
    ctx
}

#[test]
fn a_hold_yields_after_notice_and_its_market_is_told() {
    let mut ctx = one_host();
    let id = interruptible(&mut ctx, "frame", request(4_000, 1, 1));
    assert_eq!(refusal(hold_firm(&mut ctx, &PROVIDER, &claim("a", &[(request(2_000, 1, 1), 1)]))).code, 2);
    assert_eq!(asked(&mut ctx, request(2_000, 1, 1)), [id]);
    let noticed = held(&ctx, "render", "frame").unwrap()[0].yields_at.unwrap();
    assert_eq!(noticed.seconds, ctx.block.time.seconds + 30);

    // Asked again later, the notice is the first one's.
    advance(&mut ctx, 4);
    end_block(&mut ctx).unwrap();
    assert_eq!(asked(&mut ctx, request(3_000, 1, 1)), [id]);
    assert_eq!(held(&ctx, "render", "frame").unwrap()[0].yields_at, Some(noticed));
    assert!(ctx.outcomes.is_empty() && ctx.events.is_empty());

    advance(&mut ctx, 1);
    end_block(&mut ctx).unwrap();
    insta::assert_snapshot!(format!("{}{:?}", announced(&ctx), ctx.outcomes));
    assert_sound(&ctx);
    hold_firm(&mut ctx, &PROVIDER, &claim("a", &[(request(2_000, 1, 1), 1)])).unwrap();
}

#[test]
fn a_window_is_opened_on_the_host_that_is_named() {
    use crate::capacity::state::HOSTS_BY_OWNER;
    use proto::tetra::capacity::v1::Resources;
    let mut ctx = one_host();
    register(&mut ctx, &PROVIDER, 2, &Offer::new(4_000, 16, 100)).unwrap();
    assert_eq!(hosts(&ctx, &PROVIDER).unwrap(), 2);
    let keys: Vec<_> =
        HOSTS_BY_OWNER.under(&ctx.state, &PROVIDER).unwrap().into_iter().map(|((_, key), ())| key).collect();
    let cores = |cpu_milli| Resources { cpu_milli, memory: 1, storage: 1, devices: Vec::new() };
    let open = |ctx: &mut Context, key: &[u8; 32], reference: &str, cpu| {
        open_window(ctx, &PROVIDER, key, ("render", reference), &cores(cpu))
    };
    for key in &keys {
        let made = open(&mut ctx, key, &hex::encode(key), 3_000).unwrap();
        assert_eq!((made.len(), made[0].kind(), made[0].host_key.as_slice()), (1, HoldKind::Interruptible, &key[..]));
    }
    assert_eq!(refusal(open(&mut ctx, &keys[0], "more", 1_001)).code, 2);
    assert_eq!(refusal(open(&mut ctx, &keys[0], &hex::encode(keys[1]), 1)).code, 8);
    assert_eq!(refusal(open(&mut ctx, &[9; 32], "more", 1)).code, 3);
    let foreign = open_window(&mut ctx, &crate::testing::ALICE, &keys[0], ("render", "x"), &cores(1));
    assert_eq!(refusal(foreign).code, 4);
    assert_sound(&ctx);
}

#[test]
fn a_hold_that_is_released_in_time_never_yields() {
    let mut ctx = one_host();
    interruptible(&mut ctx, "frame", request(4_000, 1, 1));
    asked(&mut ctx, request(2_000, 1, 1));
    release(&mut ctx, "render", "frame").unwrap();
    assert_sound(&ctx);
    advance(&mut ctx, 5);
    end_block(&mut ctx).unwrap();
    assert!(ctx.outcomes.is_empty() && ctx.events.is_empty());
}

#[test]
fn nobody_yields_for_a_claim_that_fits_or_never_would() {
    let mut ctx = one_host();
    // The small host would be the better fit if its frame yielded; the large one is free.
    register(&mut ctx, &PROVIDER, 2, &Offer::new(8_000, 64, 100)).unwrap();
    interruptible(&mut ctx, "frame", request(4_000, 1, 1));
    assert!(asked(&mut ctx, request(2_000, 1, 1)).is_empty());
    hold_firm(&mut ctx, &PROVIDER, &claim("a", &[(request(8_000, 1, 1), 1)])).unwrap();
    let refused = refusal(request_yield(&mut ctx, &PROVIDER, &claim("b", &[(request(5_000, 1, 1), 1)])));
    assert_eq!((refused.codespace, refused.code), ("capacity", 2));
    assert!(refused.message.contains("firm holds leave no room"));
    assert!(held(&ctx, "render", "frame").unwrap()[0].yields_at.is_none());
}

#[test]
fn only_holds_that_use_what_is_short_yield_the_newest_first() {
    let mut ctx = one_host();
    let old = interruptible(&mut ctx, "old", request(2_000, 1, 1));
    let new = interruptible(&mut ctx, "new", request(2_000, 1, 1));
    interruptible(&mut ctx, "disk", request(0, 0, 50));
    // CPU is short; the newest hold of all has none of it.
    assert_eq!(asked(&mut ctx, request(1_000, 1, 1)), [new]);
    // Who yields anyhow is counted before others are asked, even when a newer one is there by now.
    release(&mut ctx, "render", "old").unwrap();
    let newest = interruptible(&mut ctx, "newest", request(2_000, 1, 1));
    assert_eq!(asked(&mut ctx, request(1_000, 1, 1)), [new]);
    assert_eq!(asked(&mut ctx, request(4_000, 1, 1)), [new, newest]);
    assert!(old < new);
}

#[test]
fn only_the_holder_of_a_device_that_is_needed_yields() {
    let mut ctx = chain();
    let offer = Offer::new(4_000, 16, 100).with(&[("gpu-1", A100), ("gpu-2", T4)]);
    register(&mut ctx, &PROVIDER, 1, &offer).unwrap();
    let with = |model: &str| Request { gpus: vec![gpu(1, &[model])], ..request(100, 1, 1) };
    let a100 = interruptible(&mut ctx, "a100", with("vendor/nvidia/model/a100"));
    let t4 = interruptible(&mut ctx, "t4", with("vendor/nvidia/model/t4"));
    assert_eq!(asked(&mut ctx, with("vendor/nvidia/model/a100")), [a100]);
    assert_eq!(asked(&mut ctx, with("vendor/nvidia/model/t4")), [t4]);
}

#[test]
fn the_block_yields_a_bounded_number() {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &Offer::new(1_000_000, 1_000_000, 1_000_000)).unwrap();
    let many = MOST_PER_BLOCK + 3;
    for number in 0..many {
        interruptible(&mut ctx, &format!("frame {number}"), request(1, 1, 1));
    }
    let all = asked(&mut ctx, request(1_000_000, 1_000_000, 1_000_000));
    assert_eq!(all.len(), many);
    advance(&mut ctx, 5);
    end_block(&mut ctx).unwrap();
    assert_eq!(ctx.outcomes.len(), MOST_PER_BLOCK);
    forget(&mut ctx);
    advance(&mut ctx, 1);
    end_block(&mut ctx).unwrap();
    assert_eq!(ctx.outcomes.len(), 3);
    assert_sound(&ctx);
    assert_eq!(
        hold_firm(&mut ctx, &PROVIDER, &claim("a", &[(request(1, 1, 1), 1)])).unwrap()[0].kind(),
        HoldKind::Firm
    );
}

/// A lease takes the place of a window of its provider's own: the bid sees the room, and the window ends when it is taken.
#[test]
fn a_window_gives_way_to_what_turns_firm_and_not_to_offers() {
    use crate::capacity::state::HOSTS_BY_OWNER;
    use proto::tetra::capacity::v1::Resources;
    let mut ctx = one_host();
    let key = HOSTS_BY_OWNER.under(&ctx.state, &PROVIDER).unwrap()[0].0.1;
    let window = Resources { cpu_milli: 3_000, memory: 8, storage: 1, devices: Vec::new() };
    open_window(&mut ctx, &PROVIDER, &key, ("render", "window"), &window).unwrap();
    let lease = claim("lease", &[(request(2_000, 1, 1), 1)]);
    hold_soft(&mut ctx, &PROVIDER, &lease, 0).unwrap();
    assert_sound(&ctx);
    assert_eq!(held(&ctx, "render", "window").unwrap().len(), 1);
    forget(&mut ctx);
    turn_firm(&mut ctx, lease.market, "lease").unwrap();
    assert_sound(&ctx);
    assert!(held(&ctx, "render", "window").unwrap().is_empty());
    insta::assert_snapshot!(format!("{}{:?}", announced(&ctx), ctx.outcomes));

    // What fits beside it leaves it alone; what the whole host has not is refused, and leaves it alone.
    let small = Resources { cpu_milli: 1_000, ..window };
    open_window(&mut ctx, &PROVIDER, &key, ("render", "window"), &small).unwrap();
    hold_firm(&mut ctx, &PROVIDER, &claim("beside", &[(request(1_000, 1, 1), 1)])).unwrap();
    let wide = claim("wide", &[(request(1_001, 1, 1), 1)]);
    assert_eq!(refusal(hold_soft(&mut ctx, &PROVIDER, &wide, 0)).code, 2);
    assert_eq!(refusal(hold_firm(&mut ctx, &PROVIDER, &wide)).code, 2);
    assert_eq!(held(&ctx, "render", "window").unwrap().len(), 1);
    // A hire with notice does not give way.
    release(&mut ctx, "render", "window").unwrap();
    interruptible(&mut ctx, "hire", request(1_000, 1, 1));
    assert_eq!(refusal(hold_firm(&mut ctx, &PROVIDER, &claim("late", &[(request(1_000, 1, 1), 1)]))).code, 2);
    assert_sound(&ctx);
}
