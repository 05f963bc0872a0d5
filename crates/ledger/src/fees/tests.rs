use insta::assert_snapshot;
use primitives::{Address, Coins};
use proptest::prelude::*;
use store::Work;

use super::*;
use crate::accounts::modules::FEE_COLLECTOR;
use crate::bank;
use crate::context::Context;
use crate::testing::{self, ALICE, FUNDS, announced, coins, nobody, refusal, stored};

fn priced(prices: &[(&str, &str)]) -> Genesis {
    let price =
        |(denom, price): &(&str, &str)| params::GasPriceText { denom: (*denom).to_owned(), price: (*price).to_owned() };
    let gas_prices = prices.iter().map(price).collect();
    Genesis { params: params::ParamsText { gas_prices, gas: GasSchedule::default() } }
}

fn context(prices: &[(&str, &str)]) -> Context {
    let mut ctx = testing::context();
    genesis::import(&mut ctx, &priced(prices)).unwrap();
    ctx
}

#[test]
fn a_fee_goes_to_the_collector_and_is_announced_as_wallets_expect() {
    let mut ctx = context(&[("utet", "0.025")]);
    charge(&mut ctx, &ALICE, &coins("5000utet"), 200_000).unwrap();
    let collector = Address::of_module(FEE_COLLECTOR);
    assert_eq!(bank::balances(&ctx, &collector).unwrap(), coins("5000utet"));
    assert_eq!(testing::balance(&ctx, &ALICE, "utet"), FUNDS - 5000);
    assert_snapshot!(announced(&ctx));
}

#[test]
fn too_low_a_fee_is_refused_and_says_what_is_enough() {
    let mut ctx = context(&[("utet", "0.025"), ("uusd", "0.01")]);
    let before = stored(&ctx, bank::MODULE);
    let refused = refusal(charge(&mut ctx, &ALICE, &coins("4999utet"), 200_000));
    assert_eq!((refused.codespace, refused.code), ("sdk", 13));
    assert_eq!(refused.message, "insufficient fees; got: 4999utet required: 5000utet or 2000uusd: insufficient fee");
    assert_eq!(stored(&ctx, bank::MODULE), before);
    assert_eq!(refusal(charge(&mut ctx, &ALICE, &Coins::new(), 1)).code, 13);
    assert_eq!(refusal(charge(&mut ctx, &nobody(1), &coins("5000utet"), 200_000)).code, 5);
}

#[test]
fn any_one_priced_coin_pays() {
    let mut ctx = context(&[("utet", "0.025"), ("uusd", "0.01")]);
    charge(&mut ctx, &ALICE, &coins("1utet,2000uusd"), 200_000).unwrap();
    let mut free = context(&[]);
    charge(&mut free, &ALICE, &Coins::new(), u64::MAX).unwrap();
    let mut zero = context(&[("utet", "0")]);
    charge(&mut zero, &ALICE, &Coins::new(), u64::MAX).unwrap();
}

#[test]
fn a_required_fee_is_rounded_up() {
    let params = priced(&[("utet", "0.025")]).params.parse().unwrap();
    assert!(check_price(&params, &coins("1utet"), 40).is_ok());
    assert!(check_price(&params, &coins("1utet"), 41).is_err());
    assert!(check_price(&params, &coins("2utet"), 41).is_ok());
    let dear = priced(&[("utet", "300000000000000000000")]).params.parse().unwrap();
    assert_eq!(refusal(check_price(&dear, &coins("1utet"), u64::MAX)).code, 41);
}

#[test]
fn gas_counts_shape_and_work() {
    let gas = GasSchedule { per_tx: 7, ..GasSchedule::default() };
    let shape = TxShape { bytes: 300, signatures: 2 };
    assert_eq!(gas.gas_of_shape(shape), 7 + 3_000 + 2_000);
    let work = Work { reads: 3, read_bytes: 10, writes: 2, written_bytes: 5 };
    assert_eq!(gas.gas_of(shape, work), 5_007 + 3_000 + 30 + 4_000 + 150);
}

proptest! {
    #[test]
    fn gas_never_overflows_and_never_falls_with_more_work(reads: u64, bytes: u64, writes: u64, more: u64) {
        let gas = GasSchedule::default();
        let work = Work { reads, read_bytes: bytes, writes, written_bytes: bytes };
        let harder = Work { reads: reads.saturating_add(more), ..work };
        prop_assert!(gas.gas_of_work(harder) >= gas.gas_of_work(work));
    }
}

#[test]
fn stored_keys_and_values() {
    assert_snapshot!(stored(&context(&[("utet", "0.025"), ("uusd", "0.01")]), MODULE));
}

#[test]
fn genesis_export_and_import_are_inverse() {
    let lived_in = context(&[("ulux", "0"), ("utet", "0.025"), ("uusd", "10")]);
    let exported = genesis::export(&lived_in).unwrap();
    let text = serde_json::to_string_pretty(&exported).unwrap();
    assert_snapshot!(text);
    let mut again = testing::empty();
    genesis::import(&mut again, &serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(stored(&again, MODULE), stored(&lived_in, MODULE));
    assert_eq!(genesis::export(&again).unwrap(), priced(&[("ulux", "0"), ("utet", "0.025"), ("uusd", "10")]));
}

#[test]
fn a_contradictory_genesis_is_refused() {
    for prices in [
        &[("utet", "0.025"), ("utet", "1")][..],
        &[("uusd", "1"), ("utet", "1")],
        &[("utet", "-1")],
        &[("utet", "cheap")],
        &[("1", "1")],
    ] {
        assert_eq!(refusal(genesis::import(&mut testing::empty(), &priced(prices))).code, 18, "{prices:?}");
    }
}

#[test]
fn a_price_in_an_unknown_denom_is_found() {
    assert_eq!(invariants::check(&context(&[("utet", "1")])).unwrap(), Vec::<String>::new());
    assert_eq!(invariants::check(&context(&[("ufoo", "1")])).unwrap().len(), 1);
}

#[test]
fn prices_and_gas_are_shown_on_the_wire() {
    let ctx = context(&[("utet", "0.025"), ("uusd", "1")]);
    let shown = queries::params(&ctx, proto::tetra::fees::v1::QueryParamsRequest {}).unwrap().params.unwrap();
    let prices: Vec<_> = shown.gas_prices.iter().map(|one| (one.denom.as_str(), one.amount.as_str())).collect();
    assert_eq!(prices, [("utet", "25000000000000000"), ("uusd", "1000000000000000000")]);
    assert_eq!(shown.gas.unwrap().per_tx, GasSchedule::default().per_tx);
}
