//! Soft holds overlap, firm ones exclude, time ends some.

use insta::assert_snapshot;

use super::support::*;
use crate::capacity::expiry::MOST_PER_BLOCK;
use crate::capacity::{
    Hold, HoldKind, MODULE, Request, end_block, held, hold_firm, hold_interruptible, hold_soft, release, turn_firm,
};
use crate::context::Context;
use crate::testing::{PROVIDER, advance, announced, forget, refusal, stored};

fn one_host() -> Context {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &Offer::new(4_000, 16, 100)).unwrap();
    forget(&mut ctx);
    ctx
}

fn bid(ctx: &mut Context, reference: &str, request: Request) {
    let ids = hold_soft(ctx, &PROVIDER, &claim(reference, &[(request, 1)]), 0).unwrap();
    assert_eq!(ids.len(), 1);
}

fn firm(ctx: &mut Context, reference: &str) -> Vec<Hold> {
    turn_firm(ctx, "deployment", reference).unwrap()
}

#[test]
fn of_two_offers_on_the_same_room_the_first_taken_wins() {
    let mut ctx = one_host();
    bid(&mut ctx, "first", request(4_000, 16, 100));
    bid(&mut ctx, "second", request(4_000, 16, 100));
    let turned = firm(&mut ctx, "second");
    assert_eq!((turned[0].kind(), turned[0].fence, turned[0].expires_at), (HoldKind::Firm, 1, 0));
    let before = stored(&ctx, MODULE);
    let refused = refusal(turn_firm(&mut ctx, "deployment", "first"));
    assert_eq!((refused.codespace, refused.code), ("capacity", 2));
    assert_eq!(refused.message, "capacity gone: another took what this offer stood on; take the next offer");
    assert_eq!(stored(&ctx, MODULE), before);
    // The loser's place is free again once the winner lets go.
    release(&mut ctx, "deployment", "second").unwrap();
    assert_eq!(firm(&mut ctx, "first")[0].fence, 2);
    assert_snapshot!(announced(&ctx));
    assert!(ctx.outcomes.is_empty());
    assert_sound(&ctx);
}

#[test]
fn offers_keep_clear_of_each_other_where_they_can() {
    let mut ctx = one_host();
    register(&mut ctx, &PROVIDER, 2, &Offer::new(4_000, 16, 100)).unwrap();
    for reference in ["a", "b", "c"] {
        bid(&mut ctx, reference, request(3_000, 1, 1));
    }
    let host = |reference: &str| held(&ctx, "deployment", reference).unwrap()[0].host_key.clone();
    assert_ne!(host("a"), host("b"));
    assert!([host("a"), host("b")].contains(&host("c")));
    assert_sound(&ctx);
}

#[test]
fn only_cpu_is_overcommitted() {
    let mut ctx = chain();
    // 150 % of 1999 is 2998.5.
    let offer = Offer::new(1_999, 4, 4).overcommitted(150).with(&[("gpu-1", T4)]);
    register(&mut ctx, &PROVIDER, 1, &offer).unwrap();
    let mut fits = |request: Request| {
        let made = hold_firm(&mut ctx, &PROVIDER, &claim("a", &[(request, 1)]));
        release(&mut ctx, "deployment", "a").unwrap();
        made.is_ok()
    };
    assert!(fits(request(2_998, 4, 4)));
    assert!(!fits(request(2_999, 4, 4)));
    assert!(!fits(request(1, 5, 4)));
    assert!(!fits(request(1, 4, 5)));
    assert!(fits(Request { gpus: vec![gpu(1, &[])], ..request(1, 1, 1) }));
    assert!(!fits(Request { gpus: vec![gpu(2, &[])], ..request(1, 1, 1) }));
}

#[test]
fn firm_and_interruptible_holds_share_one_room() {
    let mut ctx = one_host();
    let part = |cpu| claim(&format!("part {cpu}"), &[(request(cpu, 1, 1), 1)]);
    hold_firm(&mut ctx, &PROVIDER, &part(2_000)).unwrap();
    let window = hold_interruptible(&mut ctx, &PROVIDER, &part(1_500)).unwrap();
    assert_eq!((window[0].kind(), window[0].fence), (HoldKind::Interruptible, 0));
    assert_eq!(refusal(hold_firm(&mut ctx, &PROVIDER, &part(501))).code, 2);
    assert_eq!(refusal(hold_interruptible(&mut ctx, &PROVIDER, &part(501))).code, 2);
    assert_eq!(refusal(hold_soft(&mut ctx, &PROVIDER, &part(501), 0)).code, 2);
    assert_eq!(hold_firm(&mut ctx, &PROVIDER, &part(500)).unwrap()[0].fence, 2);
    assert_sound(&ctx);
}

#[test]
fn a_claim_over_hosts_turns_firm_on_all_or_none() {
    let mut ctx = one_host();
    register(&mut ctx, &PROVIDER, 2, &Offer::new(4_000, 16, 100)).unwrap();
    let both = claim("both", &[(request(4_000, 1, 1), 2)]);
    assert_eq!(hold_soft(&mut ctx, &PROVIDER, &both, 0).unwrap(), [1, 2]);
    hold_firm(&mut ctx, &PROVIDER, &claim("other", &[(request(1, 1, 1), 1)])).unwrap();
    let before = stored(&ctx, MODULE);
    assert_eq!(refusal(turn_firm(&mut ctx, "deployment", "both")).code, 2);
    assert_eq!(stored(&ctx, MODULE), before);
    release(&mut ctx, "deployment", "other").unwrap();
    let fences: Vec<u64> = firm(&mut ctx, "both").iter().map(|hold| hold.fence).collect();
    // Each host counts its own; the released lease took one number.
    assert_eq!(fences.iter().sum::<u64>(), 3);
    assert_sound(&ctx);
}

#[test]
fn references_belong_to_their_market() {
    let mut ctx = one_host();
    bid(&mut ctx, "a", request(1_000, 1, 1));
    let refused = refusal(hold_firm(&mut ctx, &PROVIDER, &claim("a", &[(request(1, 1, 1), 1)])));
    assert_eq!((refused.codespace, refused.code), ("capacity", 8));
    assert_eq!(refused.message, "deployment already holds or lost capacity as a; release it first");
    let other = crate::capacity::Claim { market: "render", ..claim("a", &[(request(1, 1, 1), 1)]) };
    hold_firm(&mut ctx, &PROVIDER, &other).unwrap();
    release(&mut ctx, "render", "a").unwrap();
    assert_eq!(held(&ctx, "deployment", "a").unwrap().len(), 1);
    release(&mut ctx, "render", "nothing").unwrap();
    assert_sound(&ctx);
}

#[test]
fn a_provider_without_hosts_is_served_as_on_akash() {
    let mut ctx = chain();
    let before = stored(&ctx, MODULE);
    let claim = claim("a", &[(request(1_000, 1, 1), 1)]);
    assert!(hold_soft(&mut ctx, &PROVIDER, &claim, 0).unwrap().is_empty());
    assert!(firm(&mut ctx, "a").is_empty());
    release(&mut ctx, "deployment", "a").unwrap();
    assert_eq!(stored(&ctx, MODULE), before);
    assert_eq!(refusal(hold_firm(&mut ctx, &PROVIDER, &claim)).code, 2);
}

#[test]
fn a_soft_hold_turns_firm_up_to_its_last_height() {
    let mut ctx = one_host();
    let soft = |ctx: &mut Context, reference: &str| {
        hold_soft(ctx, &PROVIDER, &claim(reference, &[(request(1_000, 1, 1), 1)]), 3).unwrap();
    };
    for reference in ["early", "late", "never"] {
        soft(&mut ctx, reference);
    }
    advance(&mut ctx, 1);
    end_block(&mut ctx).unwrap();
    assert!(ctx.events.is_empty());
    advance(&mut ctx, 1);
    firm(&mut ctx, "late");
    forget(&mut ctx);
    end_block(&mut ctx).unwrap();
    assert_snapshot!(format!("{}{:?}", announced(&ctx), ctx.outcomes));
    assert_eq!(refusal(turn_firm(&mut ctx, "deployment", "never")).code, 2);
    assert_eq!(held(&ctx, "deployment", "late").unwrap().len(), 1);
    assert_sound(&ctx);
}

#[test]
fn a_block_ends_a_bounded_number_and_who_waits_cannot_turn_firm() {
    let mut ctx = one_host();
    let many = MOST_PER_BLOCK + 3;
    for number in 0..many {
        hold_soft(&mut ctx, &PROVIDER, &claim(&number.to_string(), &[(request(1, 0, 0), 1)]), 2).unwrap();
    }
    advance(&mut ctx, 2);
    end_block(&mut ctx).unwrap();
    assert_eq!(ctx.outcomes.len(), MOST_PER_BLOCK);
    let waits = held(&ctx, "deployment", &(many - 1).to_string()).unwrap();
    assert_eq!(waits.len(), 1);
    let refused = refusal(turn_firm(&mut ctx, "deployment", &(many - 1).to_string()));
    assert_eq!(refused.message, "capacity gone: the hold behind this offer has expired; take the next offer");
    advance(&mut ctx, 1);
    end_block(&mut ctx).unwrap();
    assert_eq!(ctx.outcomes.len(), 3);
    assert_sound(&ctx);
}

#[test]
fn fencing_numbers_rise_through_release_and_retirement() {
    let mut ctx = one_host();
    let lease = |ctx: &mut Context, reference: &str| {
        let made = hold_firm(ctx, &PROVIDER, &claim(reference, &[(request(1, 1, 1), 1)])).unwrap();
        made[0].fence
    };
    assert_eq!((lease(&mut ctx, "a"), lease(&mut ctx, "b")), (1, 2));
    for reference in ["a", "b"] {
        release(&mut ctx, "deployment", reference).unwrap();
    }
    retire(&mut ctx, &PROVIDER, 1).unwrap();
    register(&mut ctx, &RIVAL, 1, &Offer::new(1, 1, 1)).unwrap();
    let made = hold_firm(&mut ctx, &RIVAL, &claim("c", &[(request(1, 1, 1), 1)])).unwrap();
    assert_eq!(made[0].fence, 3);
}
