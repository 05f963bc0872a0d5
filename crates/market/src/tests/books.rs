//! What is stored, exported and promised.

use insta::assert_snapshot;
use ledger::testing::{self, ALICE, BOB, PROVIDER, advance, refusal, stored};
use ledger::{Context, accounts, bank, capacity, escrow, provider};
use store::Module;

use super::support::*;
use crate::auction::state::{BIDS, LEASES, ORDERS};
use crate::deployment::state::{DEPLOYMENTS, GROUPS};
use crate::genesis::{self, Genesis};
use crate::ids::BidId;

fn lived_in() -> (Context, BidId) {
    let mut ctx = market();
    register_host(&mut ctx, &PROVIDER, 1, 8_000, &["vendor/nvidia/model/a100"]);
    let group = deploy_groups(&mut ctx, ALICE, 7, &[1, 2], "5000000uusd").group(1);
    let id = bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    bid(&mut ctx, &group, 1, RIVAL).unwrap();
    lease(&mut ctx, &id).unwrap();
    bid(&mut ctx, &group.deployment.group(2), 1, PROVIDER).unwrap();
    let other = deploy(&mut ctx, BOB, 1).group(1);
    let closed = bid(&mut ctx, &other, 1, PROVIDER).unwrap();
    lease(&mut ctx, &closed).unwrap();
    advance(&mut ctx, 3);
    close_lease(&mut ctx, &closed).unwrap();
    (ctx, id)
}

#[test]
fn stored_keys_and_values() {
    let (ctx, _) = lived_in();
    assert_snapshot!("stored_deployments", stored(&ctx, crate::deployment::MODULE));
    assert_snapshot!("stored_auction", stored(&ctx, crate::auction::MODULE));
}

#[test]
fn genesis_export_and_import_are_inverse() {
    let (ctx, _) = lived_in();
    let exported = genesis::export(&ctx).unwrap();
    let text = serde_json::to_string_pretty(&exported).unwrap();
    assert_snapshot!(text);
    let parsed: Genesis = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed, exported);

    let mut again = testing::empty();
    again.block = ctx.block.clone();
    accounts::genesis::import(&mut again, &accounts::genesis::export(&ctx).unwrap()).unwrap();
    bank::genesis::import(&mut again, &bank::genesis::export(&ctx).unwrap()).unwrap();
    provider::genesis::import(&mut again, &provider::genesis::export(&ctx).unwrap()).unwrap();
    escrow::genesis::import(&mut again, &escrow::genesis::export(&ctx).unwrap()).unwrap();
    capacity::genesis::import(&mut again, &capacity::genesis::export(&ctx).unwrap()).unwrap();
    genesis::import(&mut again, &parsed).unwrap();
    let modules: [Module; 6] =
        [bank::MODULE, provider::MODULE, escrow::MODULE, capacity::MODULE, crate::MODULES[0], crate::MODULES[1]];
    for module in modules {
        assert_eq!(without_params(&again, module), without_params(&ctx, module), "{}", module.0);
    }
    assert_eq!(genesis::export(&again).unwrap(), exported);
    assert_eq!(broken(&again), Vec::<String>::new());
}

/// The context of tests has default parameters without storing them; genesis stores them, under tag 1 of each tree of
/// the market.
fn without_params(ctx: &Context, module: Module) -> String {
    let market = crate::MODULES.contains(&module);
    let lines = stored(ctx, module);
    lines.lines().filter(|line| !market || !line.starts_with("01 = ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_contradictory_genesis_is_refused() {
    let (ctx, _) = lived_in();
    let good = genesis::export(&ctx).unwrap();
    let mut refusals = Refusals::default();
    let mut refuse = |change: fn(&mut Genesis)| {
        let mut bad = good.clone();
        change(&mut bad);
        refusals.note(genesis::import(&mut testing::empty(), &bad));
    };
    refuse(|g| g.deployment.deployments.push(g.deployment.deployments[0].clone()));
    refuse(|g| g.deployment.deployments[0].deployment = None);
    refuse(|g| g.deployment.deployments[0].deployment.as_mut().unwrap().state = 9);
    refuse(|g| {
        let group = g.deployment.deployments[0].groups[0].clone();
        g.deployment.deployments[1].groups = vec![group];
    });
    refuse(|g| g.deployment.deployments[0].groups[0].group_spec = None);
    refuse(|g| g.market.orders.push(g.market.orders[0].clone()));
    refuse(|g| g.market.orders[0].spec = None);
    refuse(|g| g.market.orders[0].state = 0);
    refuse(|g| g.market.bids.push(g.market.bids[0].clone()));
    refuse(|g| g.market.bids[0].price = None);
    refuse(|g| g.market.leases[0].price.as_mut().unwrap().amount = "x".to_owned());
    refuse(|g| g.market.leases[0].state = 0);
    refuse(|g| g.market.params.as_mut().unwrap().order_max_bids = 0);
    refuse(|g| g.deployment.params.as_mut().unwrap().min_deposits.clear());
    assert_snapshot!(refusals.0);
    assert!(serde_json::from_str::<Genesis>("{\"unknown\": 1}").is_err());
    assert!(serde_json::from_str::<Genesis>("{\"market\": {\"unknown\": 1}}").is_err());
}

#[test]
fn broken_books_are_found() {
    type Break = fn(&mut Context, &BidId);
    let breaks: [(&str, Break); 7] = [
        ("deployment closed by hand", |ctx, id| {
            let mut found = DEPLOYMENTS.get(&ctx.state, &id.deployment()).unwrap().unwrap();
            found.state = 2;
            DEPLOYMENTS.put(&mut ctx.state, &id.deployment(), &found).unwrap();
        }),
        ("group closed by hand", |ctx, id| {
            let mut found = GROUPS.get(&ctx.state, &id.order.group).unwrap().unwrap();
            found.state = 4;
            GROUPS.set(&mut ctx.state, &id.order.group, &found);
        }),
        ("order open beside its lease", |ctx, id| {
            let mut found = ORDERS.get(&ctx.state, &id.order).unwrap().unwrap();
            found.state = 1;
            ORDERS.put(&mut ctx.state, &id.order, &found).unwrap();
        }),
        ("second running order", |ctx, id| {
            let found = ORDERS.get(&ctx.state, &id.order).unwrap().unwrap();
            ORDERS.put(&mut ctx.state, &id.order.group.order(2), &found).unwrap();
        }),
        ("bid lost beside its lease", |ctx, id| {
            let mut found = BIDS.get(&ctx.state, id).unwrap().unwrap();
            found.state = 3;
            BIDS.put(&mut ctx.state, id, &found).unwrap();
        }),
        ("lease closed by hand", |ctx, id| {
            let mut found = LEASES.get(&ctx.state, id).unwrap().unwrap();
            found.state = 3;
            LEASES.put(&mut ctx.state, id, &found).unwrap();
        }),
        ("index entry lost", |ctx, id| BIDS.by_state.remove(&mut ctx.state, &(2, *id))),
    ];
    let mut text = String::new();
    for (name, break_it) in breaks {
        let (mut ctx, id) = lived_in();
        assert_eq!(broken(&ctx), Vec::<String>::new());
        break_it(&mut ctx, &id);
        let found = crate::invariants::check(&ctx).unwrap();
        assert!(!found.is_empty(), "{name} goes unnoticed");
        text.push_str(&format!("{name}\n  {}\n", found.join("\n  ")));
    }
    assert_snapshot!(text);
}

#[test]
fn a_provider_with_leases_stays_registered() {
    let (mut ctx, _) = lived_in();
    let msg = proto::akash::provider::v1beta4::MsgDeleteProvider { owner: ctx.text(&PROVIDER) };
    let routes = provider::message_routes();
    let route = routes.iter().find(|route| route.url.ends_with("MsgDeleteProvider")).unwrap();
    let refused = refusal((route.run)(&mut ctx, &proto::Message::encode_to_vec(&msg)));
    assert_eq!(refused.codespace, "provider");
}
