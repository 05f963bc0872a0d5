use super::*;
use proptest::prelude::*;

fn dec(text: &str) -> Dec {
    text.parse().unwrap()
}

fn usd(text: &str) -> Usd {
    Usd(dec(text))
}

fn gpu(model: &str, ram: Option<&str>, interface: Option<&str>) -> Gpu {
    let text = |value: Option<&str>| value.map(str::to_owned);
    Gpu { model: model.to_owned(), ram: text(ram), interface: text(interface), units: 1 }
}

const GIB64: u64 = 1 << 30;

#[test]
fn the_default_card_is_that_of_akash() {
    let one = Demand { count: 1, ..Demand::default() };
    let storage = |class| Demand { storage: vec![(class, GIB64)], ..one.clone() };
    for (what, demand, price) in [
        ("thread", Demand { cpu_milli: 1000, ..one.clone() }, "1.6"),
        ("memory", Demand { memory: GIB64, ..one.clone() }, "0.8"),
        ("ephemeral", storage(StorageClass::Ephemeral), "0.02"),
        ("beta1", storage(StorageClass::Beta1), "0.01"),
        ("beta2", storage(StorageClass::Beta2), "0.03"),
        ("beta3", storage(StorageClass::Beta3), "0.04"),
        ("default", storage(StorageClass::Any), "0.04"),
        ("ram", storage(StorageClass::Ram), "0.8"),
        ("endpoint", Demand { endpoints: 1, ..one.clone() }, "0.05"),
        ("ip", Demand { ips: 1, ..one.clone() }, "5"),
        ("gpu", Demand { gpus: vec![gpu("a100", None, None)], ..one.clone() }, "100"),
        ("nothing", one.clone(), "0"),
        ("no replica", Demand { cpu_milli: 1000, ..Demand::default() }, "0"),
    ] {
        assert_eq!(Scale::default().monthly(&[demand]).unwrap().per_month().to_string(), price, "{what}");
    }
}

#[test]
fn a_small_web_server() {
    let web = Demand {
        cpu_milli: 500,
        memory: 512 << 20,
        storage: vec![(StorageClass::Ephemeral, 512 << 20)],
        endpoints: 1,
        count: 2,
        ..Demand::default()
    };
    let price = Scale::default().monthly(&[web]).unwrap();
    assert_eq!(price.per_month(), usd("2.52"));
    assert_eq!(format!("{:.6}", price.per_hour()), "0.003449");
    // 2.52 USD * 10^6 / 438291 blocks.
    let quote = Quote::new(dec("1"), 6, 6_000).unwrap();
    assert_eq!(quote.per_block(price), Ok(dec("5.749604714675866035")));
}

#[test]
fn a_gpu_costs_what_its_closest_name_does() {
    let table = [("a100.80Gi.sxm", "900"), ("a100.80Gi", "800"), ("a100", "700"), ("t4", "60")];
    let gpus = table.map(|(name, price)| (name.to_owned(), usd(price)));
    let scale = Scale { gpu: gpus.into(), ..Scale::default() };
    for (gpu, price) in [
        (gpu("a100", Some("80Gi"), Some("sxm")), "900"),
        (gpu("a100", Some("80Gi"), Some("pcie")), "800"),
        (gpu("a100", Some("40Gi"), Some("sxm")), "700"),
        (gpu("a100", None, Some("sxm")), "700"),
        (gpu("t4", Some("16Gi"), None), "60"),
        (gpu("h100", None, None), "900"),
        (gpu("*", None, None), "900"),
    ] {
        assert_eq!(scale.gpu(&gpu), usd(price), "{gpu:?}");
    }
}

#[test]
fn the_text_form_takes_defaults_and_refuses_mistakes() {
    let parse = |text: &str| serde_json::from_str::<Scale>(text);
    assert_eq!(parse("{}").unwrap(), Scale::default());
    let own = parse(r#"{"cpu": "2.10", "default": "1", "gpu": {"t4": "60"}}"#).unwrap();
    assert_eq!((own.cpu, own.any, own.gpu["t4"]), (usd("2.1"), usd("1"), usd("60")));
    assert_eq!(parse(&serde_json::to_string(&own).unwrap()).unwrap(), own);
    for mistake in [r#"{"cpus": "1"}"#, r#"{"cpu": 1.6}"#, r#"{"cpu": "-1"}"#, r#"{"gpu": {"t4": "x"}}"#] {
        assert!(parse(mistake).is_err(), "{mistake}");
    }
}

#[test]
fn impossible_quotes_are_refused() {
    assert_eq!(Quote::new(Dec::ZERO, 6, 6_000), Err(ScaleError::Worthless));
    assert_eq!(Quote::new(Dec::ONE, 19, 6_000), Err(ScaleError::TooFine(19)));
    assert_eq!(Quote::new(Dec::ONE, 6, 0), Err(ScaleError::NoInterval));
    let all = Demand { gpus: vec![Gpu { units: u64::MAX, ..Gpu::default() }], count: u64::MAX, ..Demand::default() };
    assert_eq!(Scale::default().monthly(&[all]), Err(ScaleError::TooLarge));
}

#[test]
fn a_month_is_the_average_gregorian_one() {
    // 146 097 days in 400 years.
    assert_eq!(u128::from(MONTH_MS) * 4800, 146_097 * 86_400_000);
    assert_eq!(blocks_per_month(6_000), Some(dec("438291")));
    assert_eq!(blocks_per_month(6_100).map(Dec::floor), Some(431_105));
    assert_eq!(blocks_per_month(0), None);
}

fn class() -> impl Strategy<Value = StorageClass> {
    use StorageClass::*;
    proptest::sample::select(vec![Ephemeral, Beta1, Beta2, Beta3, Any, Ram])
}

prop_compose! {
    fn demand()(
        cpu_milli in 0u64..384_000, memory in 0u64..1 << 41, endpoints in 0u64..20, ips in 0u64..20, count in 0u64..50,
        storage in proptest::collection::vec((class(), 0u64..1 << 45), 0..4),
        gpus in proptest::collection::vec((proptest::sample::select(vec!["a100", "t4", "other"]), 0u64..24), 0..3),
    ) -> Demand {
        let gpus = gpus.into_iter().map(|(model, units)| Gpu { units, ..gpu(model, None, None) }).collect();
        Demand { cpu_milli, memory, storage, gpus, endpoints, ips, count }
    }
}

/// Prices with as many places as there are, up to 100 USD.
fn price() -> impl Strategy<Value = Usd> {
    (0u128..100 * ATOMS).prop_map(|atoms| Usd(Dec::from_atoms(atoms)))
}

prop_compose! {
    fn scale()(prices in proptest::array::uniform10(price()), t4 in price()) -> Scale {
        let [cpu, memory, ephemeral, beta1, beta2, beta3, any, endpoint, ip, a100] = prices;
        let gpu = [("a100".to_owned(), a100), ("t4".to_owned(), t4)].into();
        Scale { cpu, memory, ephemeral, beta1, beta2, beta3, any, endpoint, ip, gpu }
    }
}

prop_compose! {
    /// Tokens from a hundredth of a cent to a million USD, of at most 12 places; blocks from 0.2 s to a minute.
    fn quote()(
        atoms in 10u128.pow(14)..10u128.pow(24), exponent in 0u32..=12, interval in 200u64..60_000,
    ) -> (u128, u32, u64) {
        (atoms, exponent, interval)
    }
}

/// A product as its upper and lower 128 bits, so that it can be compared.
fn product(a: u128, b: u128) -> (u128, u128) {
    let (low, high) = (a & u128::from(u64::MAX), a >> 64);
    let (other_low, other_high) = (b & u128::from(u64::MAX), b >> 64);
    let cross = ((low * other_low) >> 64)
        + ((high * other_low) & u128::from(u64::MAX))
        + ((low * other_high) & u128::from(u64::MAX));
    let top = high * other_high + ((high * other_low) >> 64) + ((low * other_high) >> 64) + (cross >> 64);
    (top, a.wrapping_mul(b))
}

proptest! {
    #[test]
    fn more_costs_no_less(scale in scale(), less in demand(), more in demand()) {
        let sum = Demand {
            cpu_milli: less.cpu_milli + more.cpu_milli,
            memory: less.memory + more.memory,
            storage: [less.storage.clone(), more.storage.clone()].concat(),
            gpus: [less.gpus.clone(), more.gpus.clone()].concat(),
            endpoints: less.endpoints + more.endpoints,
            ips: less.ips + more.ips,
            count: less.count + more.count,
        };
        prop_assert!(scale.monthly(&[less]).unwrap() <= scale.monthly(&[sum]).unwrap());
    }

    #[test]
    fn parts_cost_what_the_whole_does(scale in scale(), demands in proptest::collection::vec(demand(), 0..5)) {
        let whole = scale.monthly(&demands).unwrap();
        let one_by_one = demands.iter().map(|demand| scale.monthly(std::slice::from_ref(demand)).unwrap());
        let sum = one_by_one.fold(Monthly::default(), |sum, part| sum.checked_add(part).unwrap());
        prop_assert_eq!(whole, sum);
        for demand in &demands {
            let single = scale.monthly(&[Demand { count: 1, ..demand.clone() }]).unwrap();
            prop_assert_eq!(scale.monthly(std::slice::from_ref(demand)).unwrap().0, single.0 * u128::from(demand.count));
        }
    }

    #[test]
    fn a_rate_is_the_smallest_that_pays_the_scale(
        scale in scale(), demand in demand(), (atoms, exponent, interval) in quote(),
    ) {
        let quote = Quote::new(Dec::from_atoms(atoms), exponent, interval).unwrap();
        let price = scale.monthly(&[demand]).unwrap();
        let rate = quote.per_block(price).unwrap().atoms();
        // rate - 1 < price * numerator / denominator <= rate, without dividing.
        let wanted = product(price.0, quote.numerator);
        prop_assert!(wanted <= product(rate, quote.denominator));
        prop_assert!(rate == 0 || wanted > product(rate - 1, quote.denominator));
    }

    #[test]
    fn a_rate_goes_to_usd_and_back(atoms in 0u128..10u128.pow(24), (token, exponent, interval) in quote()) {
        let quote = Quote::new(Dec::from_atoms(token), exponent, interval).unwrap();
        let rate = Dec::from_atoms(atoms);
        if let Ok(price) = quote.monthly(rate) {
            let again = quote.per_block(price).unwrap().atoms();
            prop_assert!(again <= atoms && atoms - again <= 1, "{} {}", again, atoms);
        }
    }

    #[test]
    fn a_price_shows_as_at_least_itself(scale in scale(), demand in demand(), (atoms, exponent, interval) in quote()) {
        let quote = Quote::new(Dec::from_atoms(atoms), exponent, interval).unwrap();
        let price = scale.monthly(&[demand]).unwrap();
        let rate = quote.per_block(price).unwrap();
        if let Ok(shown) = quote.monthly(rate) {
            prop_assert!(shown >= price);
            if let Some(less) = rate.checked_sub(Dec::from_atoms(1)) {
                prop_assert!(quote.monthly(less).unwrap() < price || price == Monthly::default());
            }
        }
    }
}
