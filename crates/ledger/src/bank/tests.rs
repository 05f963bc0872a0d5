mod model;
mod queries;

use insta::assert_snapshot;
use proto::cosmos::bank::v1beta1::{Input, MsgMultiSend, MsgSend, Output, QueryParamsRequest, QuerySendEnabledRequest};
use proto::cosmos::base::v1beta1::Coin as WireCoin;

use super::*;
use crate::accounts::{self, modules};
use crate::testing::{self, ALICE, BOB, CAROL, FUNDS, announced, coin, coins, denom, nobody, refusal, stored};

fn wire(text: &str) -> Vec<WireCoin> {
    coins(text).iter().map(|coin| messages::to_wire(&coin)).collect()
}

fn msg_send(ctx: &Context, from: &Address, to: &Address, amount: &str) -> MsgSend {
    MsgSend { from_address: ctx.text(from), to_address: ctx.text(to), amount: wire(amount) }
}

#[test]
fn a_send_moves_coins_gives_birth_and_is_announced_as_wallets_expect() {
    let mut ctx = testing::context();
    let msg = msg_send(&ctx, &ALICE, &nobody(1), "5utet,7uusd");
    messages::send(&mut ctx, msg).unwrap();
    assert_eq!(balances(&ctx, &nobody(1)).unwrap(), coins("5utet,7uusd"));
    assert_eq!(testing::balance(&ctx, &ALICE, "utet"), FUNDS - 5);
    assert_eq!(accounts::get(&ctx, &nobody(1)).unwrap().unwrap().number, 4);
    assert_snapshot!(announced(&ctx));
}

#[test]
fn a_send_to_oneself_changes_nothing_but_needs_the_coins() {
    let mut ctx = testing::context();
    send(&mut ctx, &ALICE, &ALICE, &coins("5utet")).unwrap();
    assert_eq!(testing::balance(&ctx, &ALICE, "utet"), FUNDS);
    assert_eq!(refusal(send(&mut ctx, &nobody(1), &nobody(1), &coins("5utet"))).code, 5);
}

#[test]
fn too_little_is_refused_in_the_words_of_the_cosmos_sdk() {
    let mut ctx = testing::context();
    send(&mut ctx, &ALICE, &nobody(1), &coins("5utet")).unwrap();
    let before = stored(&ctx, MODULE);
    let refused = refusal(send(&mut ctx, &nobody(1), &BOB, &coins("7utet")));
    assert_eq!(refused.code, 5);
    assert_eq!(refused.message, "spendable balance 5utet is smaller than 7utet: insufficient funds");
    // The first denom would do, the second does not: neither moves.
    assert_eq!(refusal(send(&mut ctx, &nobody(1), &BOB, &coins("5utet,1uusd"))).code, 5);
    assert_eq!(stored(&ctx, MODULE), before);
}

#[test]
fn malformed_sends_are_refused() {
    let mut ctx = testing::context();
    let good = msg_send(&ctx, &ALICE, &BOB, "5utet");
    let cases: Vec<(u32, MsgSend)> = vec![
        (7, MsgSend { from_address: "x".to_owned(), ..good.clone() }),
        (7, MsgSend { to_address: String::new(), ..good.clone() }),
        (10, MsgSend { amount: Vec::new(), ..good.clone() }),
        (10, MsgSend { amount: vec![WireCoin { denom: "utet".to_owned(), amount: "0".to_owned() }], ..good.clone() }),
        (10, MsgSend { amount: vec![WireCoin { denom: "utet".to_owned(), amount: "-1".to_owned() }], ..good.clone() }),
        (10, MsgSend { amount: [wire("5uusd"), wire("5utet")].concat(), ..good.clone() }),
        (5, MsgSend { amount: wire("5unknown"), ..good.clone() }),
    ];
    for (code, msg) in cases {
        let refused = refusal(messages::send(&mut ctx, msg.clone()));
        assert_eq!((refused.codespace, refused.code), ("sdk", code), "{msg:?}");
    }
}

#[test]
fn users_cannot_send_to_the_chains_own_accounts() {
    let mut ctx = testing::context();
    for name in modules::NAMES {
        let msg = msg_send(&ctx, &ALICE, &Address::of_module(name), "5utet");
        let refused = refusal(messages::send(&mut ctx, msg));
        assert_eq!((refused.codespace, refused.code), ("sdk", 4));
        assert!(refused.message.contains("is not allowed to receive funds"));
        assert!(refused.message.contains(name));
    }
}

#[test]
fn a_denom_that_may_not_be_sent_still_moves_for_the_chain() {
    let mut ctx = testing::empty();
    let mut genesis = Genesis::default();
    genesis.denoms.iter_mut().find(|entry| entry.denom == "uusd").unwrap().send_enabled = Some(false);
    let address = ctx.text(&ALICE);
    genesis.balances.push(genesis::Balance { address, coins: "9utet,9uusd".to_owned() });
    genesis::import(&mut ctx, &genesis).unwrap();

    let msg = msg_send(&ctx, &ALICE, &BOB, "1utet,1uusd");
    let refused = refusal(messages::send(&mut ctx, msg));
    assert_eq!((refused.codespace, refused.code), ("bank", 5));
    assert!(refused.message.contains("uusd transfers are currently disabled"));
    send(&mut ctx, &ALICE, &BOB, &coins("1uusd")).unwrap();

    let params = super::queries::params(&ctx, QueryParamsRequest {}).unwrap().params.unwrap();
    assert!(params.default_send_enabled);
    assert_eq!(params.send_enabled.len(), 1);
    assert!(!params.send_enabled[0].enabled);
    let own = |denoms: &[&str]| {
        let denoms = denoms.iter().map(|denom| (*denom).to_owned()).collect();
        let request = QuerySendEnabledRequest { denoms, pagination: None };
        let found = super::queries::send_enabled(&ctx, request).unwrap().send_enabled;
        found.into_iter().map(|one| (one.denom, one.enabled)).collect::<Vec<_>>()
    };
    assert_eq!(own(&[]), [("uusd".to_owned(), false)]);
    assert_eq!(own(&["utet", "uusd"]), own(&[]), "only those with a rule of their own");
}

fn multi_send(ctx: &Context, total: &str, outputs: &[(Address, &str)]) -> MsgMultiSend {
    let output = |(to, amount): &(Address, &str)| Output { address: ctx.text(to), coins: wire(amount) };
    MsgMultiSend {
        inputs: vec![Input { address: ctx.text(&ALICE), coins: wire(total) }],
        outputs: outputs.iter().map(output).collect(),
    }
}

#[test]
fn a_multi_send_pays_every_output_or_none() {
    let mut ctx = testing::context();
    let msg = multi_send(&ctx, "10utet", &[(BOB, "3utet"), (nobody(1), "7utet")]);
    assert_eq!(messages::multi_send_signer(&msg), ctx.text(&ALICE));
    messages::multi_send(&mut ctx, msg).unwrap();
    assert_eq!(testing::balance(&ctx, &BOB, "utet"), FUNDS + 3);
    assert_eq!(testing::balance(&ctx, &nobody(1), "utet"), 7);

    let before = stored(&ctx, MODULE);
    let (all, more) = (format!("{FUNDS}utet"), format!("{}utet", FUNDS + 1));
    let msg = multi_send(&ctx, &more, &[(BOB, "1utet"), (CAROL, &all)]);
    assert_eq!(refusal(messages::multi_send(&mut ctx, msg)).code, 5);
    assert_eq!(stored(&ctx, MODULE), before);
}

#[test]
fn malformed_multi_sends_are_refused() {
    let mut ctx = testing::context();
    let good = multi_send(&ctx, "3utet", &[(BOB, "3utet")]);
    let mut two = good.clone();
    two.inputs.push(good.inputs[0].clone());
    let cases = [
        (2, MsgMultiSend { inputs: Vec::new(), ..good.clone() }),
        (9, two),
        (3, MsgMultiSend { outputs: Vec::new(), ..good.clone() }),
        (4, multi_send(&ctx, "4utet", &[(BOB, "3utet")])),
    ];
    for (code, msg) in cases {
        let refused = refusal(messages::multi_send(&mut ctx, msg));
        assert_eq!((refused.codespace, refused.code), ("bank", code));
    }
}

#[test]
fn only_the_policy_of_a_denom_mints_it() {
    let mut ctx = testing::context();
    mint(&mut ctx, "inflation", "block reward", &BOB, &coin("5utet")).unwrap();
    mint(&mut ctx, "none", "faucet", &nobody(1), &coin("9uusd")).unwrap();
    burn(&mut ctx, "fees", &BOB, &coin("2utet")).unwrap();
    assert_eq!(supply_of(&ctx, &denom("utet")).unwrap(), 4 * FUNDS + 3);
    assert_eq!(ctx.flow.minted, [(denom("utet"), 5), (denom("uusd"), 9)].into());
    assert_eq!(ctx.flow.burned, [(denom("utet"), 2)].into());
    assert_snapshot!(announced(&ctx));

    assert_eq!(refusal(mint(&mut ctx, "none", "faucet", &BOB, &coin("5utet"))).code, 4);
    assert_eq!(refusal(mint(&mut ctx, "none", "faucet", &BOB, &coin("5ufoo"))).code, 10);
    assert_eq!(refusal(mint(&mut ctx, "gift", "faucet", &BOB, &coin("5uusd"))).code, 18);
    let rest = Coin { denom: denom("uusd"), amount: u128::MAX };
    assert_eq!(refusal(mint(&mut ctx, "none", "faucet", &nobody(2), &rest)).code, 41);
    assert_eq!(refusal(burn(&mut ctx, "fees", &nobody(2), &coin("1utet"))).code, 5);
    assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
}

#[test]
fn broken_books_are_found() {
    let mut ctx = testing::context();
    state::BALANCES.set(&mut ctx.state, &(BOB, "utet".to_owned()), &store::Amount(1));
    state::BALANCES.set(&mut ctx.state, &(BOB, "ufoo".to_owned()), &store::Amount(0));
    assert_snapshot!(invariants::check(&ctx).unwrap().join("\n"));
}

fn lived_in() -> Context {
    let mut ctx = testing::empty();
    let mut genesis = Genesis::default();
    genesis.params.default_send_enabled = false;
    genesis.denoms[3].send_enabled = Some(true);
    genesis.denoms[1].metadata = None;
    let address = ctx.text(&ALICE);
    genesis.balances.push(genesis::Balance { address, coins: "300utet,7uusd".to_owned() });
    genesis::import(&mut ctx, &genesis).unwrap();
    send(&mut ctx, &ALICE, &BOB, &coins("1utet")).unwrap();
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
    let mut again = testing::empty();
    genesis::import(&mut again, &serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(stored(&again, MODULE), stored(&lived_in, MODULE));
    assert_eq!(genesis::export(&again).unwrap(), exported);
    assert_eq!(again.flow.minted, [(denom("utet"), 300), (denom("uusd"), 7)].into());
}

#[test]
fn a_contradictory_genesis_is_refused() {
    let good = genesis::export(&lived_in()).unwrap();
    let refused = |change: fn(&mut Genesis)| {
        let mut bad = good.clone();
        change(&mut bad);
        refusal(genesis::import(&mut testing::empty(), &bad)).message
    };
    assert!(refused(|g| g.balances.push(g.balances[0].clone())).contains("twice"));
    assert!(refused(|g| g.denoms.push(g.denoms[0].clone())).contains("twice"));
    assert!(refused(|g| g.balances[0].coins = "5ufoo".to_owned()).contains("no denom of this chain"));
    assert!(refused(|g| g.balances[0].coins = "5".to_owned()).contains("not a denom"));
    assert!(refused(|g| g.denoms[0].denom = "1".to_owned()).contains("not a denom"));
    assert!(refused(|g| g.denoms[0].metadata.as_mut().unwrap().display = "x".to_owned()).contains("display"));
    assert!(refused(|g| g.denoms[0].metadata.as_mut().unwrap().units[0].exponent = 1).contains("exponent"));
}

#[test]
fn routes_decode_sign_and_answer() {
    let mut ctx = testing::context();
    let msg = msg_send(&ctx, &ALICE, &BOB, "5utet");
    let bytes = proto::Message::encode_to_vec(&msg);
    let routes = message_routes();
    let route = routes.iter().find(|route| route.url == "/cosmos.bank.v1beta1.MsgSend").unwrap();
    assert_eq!((route.signer)(&bytes).unwrap(), ctx.text(&ALICE));
    assert_eq!((route.run)(&mut ctx, &bytes).unwrap().type_url, "/cosmos.bank.v1beta1.MsgSendResponse");
    assert_eq!(refusal((route.run)(&mut ctx, &[0xff])).code, 2);
    assert_eq!(query_routes().len(), 13);
}
