use insta::assert_snapshot;
use proto::akash::take::v1::{DenomTakeRate, MsgUpdateParams, Params as WireParams, QueryParamsRequest};

use super::*;
use crate::testing::{self, ALICE, AUTHORITY, denom, refusal, stored};

fn wire(rates: &[(&str, u32)], default: u32) -> WireParams {
    let rate = |(denom, rate): &(&str, u32)| DenomTakeRate { denom: (*denom).to_owned(), rate: *rate };
    WireParams { denom_take_rates: rates.iter().map(rate).collect(), default_take_rate: default }
}

fn context() -> Context {
    let mut ctx = testing::empty();
    genesis::import(&mut ctx, &Genesis::default()).unwrap();
    ctx
}

fn update(ctx: &mut Context, params: Option<WireParams>) -> Result<(), Failure> {
    let authority = ctx.text(&AUTHORITY);
    messages::update_params(ctx, MsgUpdateParams { authority, params }).map(|_| ())
}

#[test]
fn each_denom_has_its_rate_and_the_rest_the_default() {
    let ctx = context();
    for (of, percent) in [("utet", 4), ("uusd", 20), ("ulux", 20)] {
        assert_eq!(rate(&ctx, &denom(of)).unwrap(), percent);
    }
}

#[test]
fn the_authority_changes_rates_and_nobody_else() {
    let mut ctx = context();
    update(&mut ctx, Some(wire(&[("uusd", 0), ("utet", 100)], 7))).unwrap();
    for (of, percent) in [("utet", 100), ("uusd", 0), ("ulux", 7)] {
        assert_eq!(rate(&ctx, &denom(of)).unwrap(), percent);
    }
    let authority = ctx.text(&ALICE);
    let msg = MsgUpdateParams { authority, params: Some(wire(&[], 1)) };
    assert_eq!(refusal(messages::update_params(&mut ctx, msg)).code, 4);
    assert_eq!(rate(&ctx, &denom("ulux")).unwrap(), 7);
}

#[test]
fn rates_out_of_bounds_are_refused() {
    let mut ctx = context();
    let before = stored(&ctx, MODULE);
    for params in [
        None,
        Some(wire(&[("utet", 101)], 1)),
        Some(wire(&[], 101)),
        Some(wire(&[("utet", 1), ("utet", 2)], 1)),
        Some(wire(&[("1", 1)], 1)),
    ] {
        assert_eq!(refusal(update(&mut ctx, params)).code, 18);
    }
    assert_eq!(stored(&ctx, MODULE), before);
}

#[test]
fn stored_keys_and_values() {
    assert_snapshot!(stored(&context(), MODULE));
}

#[test]
fn genesis_export_and_import_are_inverse() {
    let mut lived_in = context();
    update(&mut lived_in, Some(wire(&[("uusd", 0), ("utet", 100)], 7))).unwrap();
    let exported = genesis::export(&lived_in).unwrap();
    let text = serde_json::to_string_pretty(&exported).unwrap();
    assert_snapshot!(text);
    let mut again = testing::empty();
    genesis::import(&mut again, &serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(stored(&again, MODULE), stored(&lived_in, MODULE));
    assert_eq!(genesis::export(&again).unwrap(), exported);
    assert_eq!(invariants::check(&again).unwrap(), Vec::<String>::new());
}

#[test]
fn the_query_shows_the_wire_form() {
    let params = queries::params(&context(), QueryParamsRequest {}).unwrap().params.unwrap();
    assert_eq!(params, wire(&[("utet", 4), ("uusd", 20)], 20));
}
