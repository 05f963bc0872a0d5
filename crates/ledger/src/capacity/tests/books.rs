//! What is stored, its genesis, and broken books.

use insta::assert_snapshot;
use proto::tetra::capacity::v1::Resources;

use super::support::*;
use crate::capacity::state::{EXPIRIES, FENCES, HOLDS, HOLDS_BY_HOST, HOSTS, LOST, NEXT_HOLD, YIELDS};
use crate::capacity::{
    Claim, Genesis, MODULE, Request, end_block, genesis, hold_firm, hold_interruptible, hold_soft, invariants, release,
    request_yield,
};
use crate::context::Context;
use crate::testing::{PROVIDER, advance, refusal, stored};

/// Something of everything that can be stored.
fn lived_in() -> Context {
    let mut ctx = chain();
    let offer = Offer::new(4_000, 16, 100).overcommitted(150).with(&[("gpu-1", A100), ("gpu-2", T4)]);
    register(&mut ctx, &PROVIDER, 1, &offer).unwrap();
    register(&mut ctx, &RIVAL, 2, &Offer::new(1_000, 4, 4)).unwrap();
    let lease = Request { gpus: vec![gpu(1, &["vendor/nvidia/model/t4"])], ..request(1_000, 2, 10) };
    hold_firm(&mut ctx, &PROVIDER, &claim("lease", &[(lease, 1)])).unwrap();
    hold_soft(&mut ctx, &PROVIDER, &claim("lost", &[(request(1_000, 1, 1), 1)]), 2).unwrap();
    hold_soft(&mut ctx, &PROVIDER, &claim("bid", &[(request(1_500, 1, 1), 1)]), 9).unwrap();
    hold_soft(&mut ctx, &RIVAL, &claim("open bid", &[(request(100, 1, 1), 1)]), 0).unwrap();
    let frame = Claim { market: "render", ..claim("frame", &[(request(4_000, 1, 1), 1)]) };
    hold_interruptible(&mut ctx, &PROVIDER, &frame).unwrap();
    hold_firm(&mut ctx, &RIVAL, &claim("ended", &[(request(100, 1, 1), 1)])).unwrap();
    release(&mut ctx, "deployment", "ended").unwrap();
    request_yield(&mut ctx, &PROVIDER, &claim("wants", &[(request(3_000, 1, 1), 1)])).unwrap();
    advance(&mut ctx, 1);
    end_block(&mut ctx).unwrap();
    assert_sound(&ctx);
    ctx
}

#[test]
fn stored_keys_and_values() {
    assert_snapshot!(stored(&lived_in(), MODULE));
}

#[test]
fn genesis_export_and_import_are_inverse() {
    let lived_in = lived_in();
    let exported = genesis::export(&lived_in).unwrap();
    let text = serde_json::to_string_pretty(&exported).unwrap();
    assert_snapshot!(text);
    let mut again = chain();
    genesis::import(&mut again, &serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(stored(&again, MODULE), stored(&lived_in, MODULE));
    assert_eq!(genesis::export(&again).unwrap(), exported);

    let mut empty = chain();
    genesis::import(&mut empty, &Genesis::default()).unwrap();
    assert_eq!(stored(&empty, MODULE), "");
}

#[test]
fn a_contradictory_genesis_is_refused() {
    let good = genesis::export(&lived_in()).unwrap();
    let refused = |change: fn(&mut Genesis)| {
        let mut bad = good.clone();
        change(&mut bad);
        refusal(genesis::import(&mut chain(), &bad)).message
    };
    assert!(refused(|g| g.hosts.push(g.hosts[0].clone())).contains("twice"));
    assert!(refused(|g| g.hosts[0].host_key = "00".to_owned()).contains("32 bytes"));
    assert!(refused(|g| g.hosts[0].host_key = "x".to_owned()).contains("host key"));
    let device = |g: &mut Genesis| {
        let device = g.hosts.iter().flat_map(|host| host.devices.clone()).next().unwrap();
        g.hosts.iter_mut().for_each(|host| host.devices.push(device.clone()));
    };
    assert!(refused(device).contains("twice"));
    assert!(refused(|g| g.hosts.clear()).contains("not found"));
    assert!(refused(|g| g.holds[0].id = g.next_hold).contains("below next_hold"));
    assert!(refused(|g| g.holds.push(g.holds[0].clone())).contains("unique"));
    assert!(refused(|g| g.holds[0].kind = "firm".to_owned()).contains("unknown"));
    assert!(refused(|g| g.holds[0].memory = 17).contains("sold twice"));
    let second_holder = |g: &mut Genesis| {
        let more = genesis::Hold { id: g.next_hold, fence: 0, ..g.holds[0].clone() };
        let kind = "HOLD_KIND_INTERRUPTIBLE".to_owned();
        g.holds.push(genesis::Hold { kind, reference: "more".to_owned(), cpu_milli: 0, ..more });
        g.next_hold += 1;
    };
    assert!(refused(second_holder).contains("two holders"));
    assert!(refused(|g| g.fences.clear()).contains("fencing numbers"));
    let lost_and_held = |g: &mut Genesis| {
        let (reference, market) = (g.holds[0].reference.clone(), g.holds[0].market.clone());
        g.lost.push(genesis::Lost { reference, market });
    };
    assert!(refused(lost_and_held).contains("lost"));
    assert!(refused(|g| g.fences.push(g.fences[0].clone())).contains("twice"));
    assert!(refused(|g| g.lost.push(g.lost[0].clone())).contains("twice"));
}

#[test]
fn broken_books_are_found() {
    let mut text = String::new();
    let mut broken = |what: &str, change: fn(&mut Context)| {
        let mut ctx = lived_in();
        change(&mut ctx);
        let found = invariants::check(&ctx).unwrap();
        assert!(!found.is_empty(), "{what} is not found");
        text.push_str(&format!("{what}\n  {}\n", found.join("\n  ")));
    };
    broken("a lease grew", |ctx| {
        let mut lease = HOLDS.get(&ctx.state, &1).unwrap().unwrap();
        lease.resources.as_mut().unwrap().memory = 99;
        HOLDS.set(&mut ctx.state, &1, &lease);
    });
    broken("a device is sold twice", |ctx| {
        let mut frame = HOLDS.get(&ctx.state, &5).unwrap().unwrap();
        frame.resources.as_mut().unwrap().devices.push("gpu-2".to_owned());
        HOLDS.set(&mut ctx.state, &5, &frame);
    });
    broken("a sum is wrong", |ctx| {
        let mut host = HOSTS.get(&ctx.state, &host_key(2)).unwrap().unwrap();
        host.wanted = Some(Resources::default());
        HOSTS.set(&mut ctx.state, &host_key(2), &host);
    });
    broken("a fencing number went back", |ctx| FENCES.set(&mut ctx.state, &host_key(1), &0));
    broken("a hold's host is gone", |ctx| HOSTS.remove(&mut ctx.state, &host_key(2)));
    broken("an index names another hold", |ctx| {
        HOLDS_BY_HOST.remove(&mut ctx.state, &(host_key(1), 1));
        HOLDS_BY_HOST.set(&mut ctx.state, &(host_key(1), 99), &());
    });
    broken("an expiry stands at another height", |ctx| {
        EXPIRIES.remove(&mut ctx.state, &(9, 3));
        EXPIRIES.set(&mut ctx.state, &(8, 3), &());
    });
    broken("a hold never yields", |ctx| {
        let at = YIELDS.all(&ctx.state).unwrap()[0].0;
        YIELDS.remove(&mut ctx.state, &at);
    });
    broken("a hold yields twice", |ctx| YIELDS.set(&mut ctx.state, &(7, 5), &()));
    broken("lost and held all the same", |ctx| {
        LOST.set(&mut ctx.state, &("lease".to_owned(), "deployment".to_owned()), &());
    });
    broken("an id comes again", |ctx| NEXT_HOLD.set(&mut ctx.state, &5));
    assert_snapshot!(text);
}

/// Genesis makes the sums anew, in order of id.
#[test]
fn sums_do_not_remember_in_which_order_they_were_made() {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &Offer::new(9, 9, 9).with(&[("gpu-1", A100), ("gpu-2", T4)])).unwrap();
    let with = |model: &str| Request { gpus: vec![gpu(1, &[model])], ..request(1, 1, 1) };
    hold_firm(&mut ctx, &PROVIDER, &claim("t4", &[(with("vendor/nvidia/model/t4"), 1)])).unwrap();
    hold_firm(&mut ctx, &PROVIDER, &claim("a100", &[(with("vendor/nvidia/model/a100"), 1)])).unwrap();
    let one_way = HOSTS.get(&ctx.state, &host_key(1)).unwrap().unwrap().taken();
    for (reference, model) in [("t4", "vendor/nvidia/model/t4"), ("a100", "vendor/nvidia/model/a100")] {
        release(&mut ctx, "deployment", reference).unwrap();
        hold_firm(&mut ctx, &PROVIDER, &claim(reference, &[(with(model), 1)])).unwrap();
        assert_eq!(HOSTS.get(&ctx.state, &host_key(1)).unwrap().unwrap().taken(), one_way, "{reference} came last");
    }
}
