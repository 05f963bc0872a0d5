use proptest::prelude::*;
use sdl::Sdl;
use sdl::resources::Endpoint;

use super::*;
use crate::book::Amount;
use crate::config::{PriceSource, Usd};
use pricing::scale::Scale;

const FILE: &str = r#"
version: "2.0"
services:
  web:
    image: hello-web:latest
    expose: [{ port: 80, to: [{ global: true }] }, { port: 25, to: [{ global: true }] }]
    params: { storage: { data: { mount: /data } } }
profiles:
  compute:
    web:
      resources:
        cpu: { units: 0.5 }
        memory: { size: 512Mi }
        storage: [{ size: 1Gi }, { name: data, size: 2Gi, attributes: { persistent: true, class: default } }]
  placement:
    here:
      attributes: { region: eu }
      pricing: { web: { denom: uusd, amount: 10 } }
deployment:
  web: { here: { profile: web, count: 2 } }
"#;

fn group() -> GroupSpec {
    Sdl::parse(FILE).unwrap().groups().remove(0)
}

fn attributes() -> Vec<Attribute> {
    [("region", "eu"), ("capabilities/storage/1/class", "default"), ("capabilities/storage/1/persistent", "true")]
        .map(|(key, value)| Attribute::new(key, value))
        .into()
}

const CAPACITY: Amount = Amount { cpu_milli: 2000, memory: 4 << 30, storage: 16 << 30, ports: 4, gpus: 0 };

fn pricer() -> Pricer {
    let utet = ("utet".to_owned(), Usd("0.5".parse().unwrap()));
    Pricer::new(Scale::default(), PriceSource::Config { usd_per_token: [utet].into() }, 6000)
}

fn decide_with(group: &GroupSpec, change: impl FnOnce(&mut Terms<'_>), book: &Book) -> Decision {
    let (attributes, pricer) = (attributes(), pricer());
    let signed = Signed::from([("ann".to_owned(), vec![Attribute::new("region", "eu")])]);
    let mut terms = Terms {
        attributes: &attributes,
        signed: &signed,
        architecture: "amd64",
        isolation: Isolation::Namespaces,
        volumes: true,
        book,
        pricer: &pricer,
    };
    change(&mut terms);
    decide(&group.into(), false, &terms)
}

fn on(change: impl FnOnce(&mut GroupSpec)) -> Decision {
    let mut group = group();
    change(&mut group);
    decide_with(&group, |_| {}, &Book::new(CAPACITY, Vec::new()))
}

#[test]
fn a_bid_is_the_scale_per_block_and_takes_all_replicas() {
    let Decision::Bid { price, needs, devices } = on(|_| {}) else { panic!("a bid") };
    let expected = Amount { cpu_milli: 1000, memory: 1 << 30, storage: 6 << 30, ports: 1, gpus: 0 };
    assert_eq!((needs.amount, devices), (expected, vec![]));
    // 2 x (0.5 x 1.60 + 0.5 x 0.80 + 1 x 0.02 + 2 x 0.04 + 2 x 0.05) = 2.80 USD a month of 438 291 blocks of 6 s, rounded up.
    assert_eq!(price.to_string(), "6.388449682973184483uusd");
}

#[test]
fn signed_attributes_and_a_declared_class_win_a_bid() {
    assert!(matches!(on(|group| group.signed_by.all_of.push("ann".into())), Decision::Bid { .. }));
    let mut group = group();
    group.units[0].resources.storage[1].attributes[0].value = "beta3".to_owned();
    assert!(matches!(
        decide_with(&group, |_| {}, &Book::new(CAPACITY, Vec::new())),
        Decision::NoBid(NoBid::Capability(_))
    ));
    let nvme =
        [("region", "eu"), ("capabilities/storage/9/class", "beta3"), ("capabilities/storage/9/persistent", "true")];
    let nvme = nvme.map(|(key, value)| Attribute::new(key, value));
    let (signed, pricer, book) = (Signed::new(), pricer(), Book::new(CAPACITY, Vec::new()));
    let terms = Terms {
        attributes: &nvme,
        signed: &signed,
        architecture: "amd64",
        isolation: Isolation::Namespaces,
        volumes: true,
        book: &book,
        pricer: &pricer,
    };
    let bid = decide(&(&group).into(), false, &terms);
    assert!(matches!(bid, Decision::Bid { .. }), "{bid}");
}

#[test]
fn a_price_in_another_coin_follows_its_worth() {
    let Decision::Bid { price: in_usd, .. } = on(|_| {}) else { panic!("a bid") };
    let Decision::Bid { price, .. } = on(|group| {
        for unit in &mut group.units {
            unit.price.denom = primitives::Denom::new("utet").unwrap();
            unit.price.amount = primitives::Dec::from_integer(100).unwrap();
        }
    }) else {
        panic!("a bid")
    };
    let twice = in_usd.amount.checked_mul_int(2).unwrap();
    assert!(twice.saturating_sub(price.amount).atoms() <= 1, "{twice} {price}");
}

#[test]
fn reasons_of_no_bid() {
    type Change = Box<dyn FnOnce(&mut GroupSpec)>;
    let unit = |change: fn(&mut Resources)| -> Change {
        Box::new(move |group: &mut GroupSpec| change(&mut group.units[0].resources))
    };
    let changes: Vec<Change> = vec![
        Box::new(|group| group.signed_by.any_of.push("auditor".into())),
        Box::new(|group| {
            group.signed_by.all_of.push("ann".into());
            group.attributes.push(Attribute::new("tier", "gold"));
        }),
        Box::new(|group| group.attributes.push(Attribute::new("tier", "gold"))),
        Box::new(|group| group.units[0].count = 300),
        Box::new(|group| group.units.clear()),
        Box::new(|group| group.units[0].price.denom = primitives::Denom::new("uakt").unwrap()),
        Box::new(|group| group.units[0].price.amount = "0.5".parse().unwrap()),
        unit(|unit| unit.gpu.units.0 = 1),
        unit(|unit| {
            unit.gpu.units.0 = 1;
            unit.gpu.attributes.push(Attribute::new("vendor/nvidia/model/h100", "true"));
        }),
        unit(|unit| unit.cpu.attributes.push(Attribute::new("arch", "arm64"))),
        unit(|unit| unit.cpu.attributes.push(Attribute::new("turbo", "true"))),
        unit(|unit| unit.memory.attributes.push(Attribute::new("ecc", "true"))),
        unit(|unit| unit.memory.size.0 = 1 << 20),
        unit(|unit| unit.endpoints.push(Endpoint { kind: EndpointKind::LeasedIp, sequence_number: 1 })),
        unit(|unit| unit.storage[1].attributes = vec![Attribute::new("class", "beta3")]),
        unit(|unit| unit.storage[1].attributes = vec![Attribute::new("class", "ram")]),
        unit(|unit| unit.cpu.units.0 = 1001),
        unit(|unit| unit.memory.size.0 = 3 << 30),
        unit(|unit| unit.storage[0].size.0 = 9 << 30),
        unit(|unit| {
            let port = Endpoint { kind: EndpointKind::RandomPort, sequence_number: 0 };
            unit.endpoints.extend([port; 4]);
        }),
    ];
    let mut reasons: Vec<String> = changes.into_iter().map(|change| on(change).to_string()).collect();
    reasons.push(decide_with(&group(), |terms| terms.volumes = false, &Book::new(CAPACITY, Vec::new())).to_string());
    let mut malformed: WireGroup = (&group()).into();
    malformed.resources[0].price = None;
    let (attributes, pricer, book) = (attributes(), pricer(), Book::new(CAPACITY, Vec::new()));
    let signed = Signed::new();
    let terms = Terms {
        attributes: &attributes,
        signed: &signed,
        architecture: "amd64",
        isolation: Isolation::Namespaces,
        volumes: true,
        book: &book,
        pricer: &pricer,
    };
    reasons.push(decide(&malformed, false, &terms).to_string());
    reasons.push(decide(&(&group()).into(), true, &terms).to_string());
    assert!(reasons.iter().all(|reason| reason.starts_with("no bid: ")));
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn the_device_that_is_set_aside_is_priced() {
    let mut group = group();
    group.units[0].resources.gpu.units.0 = 1;
    group.units[0].resources.gpu.attributes.push(Attribute::new("vendor/nvidia/model/*", "true"));
    group.units[0].price.amount = primitives::Dec::from_integer(1000).unwrap();
    let announced: Vec<Attribute> = ["a100", "t4"]
        .map(|model| Attribute::new(format!("capabilities/gpu/vendor/nvidia/model/{model}"), "true"))
        .into_iter()
        .chain(attributes())
        .collect();
    let device =
        |model: &str| Device { id: model.into(), model: format!("vendor/nvidia/model/{model}/simulated/true") };
    let usd = |text: &str| Usd(text.parse().unwrap());
    let gpu = [("a100".to_owned(), usd("100")), ("t4".to_owned(), usd("10"))].into();
    let dear = Pricer::new(Scale { gpu, ..Scale::default() }, PriceSource::default(), 6000);
    let bid = |book: &Book| {
        let signed = Signed::new();
        let terms = Terms {
            attributes: &announced,
            signed: &signed,
            architecture: "amd64",
            isolation: Isolation::Namespaces,
            volumes: true,
            book,
            pricer: &dear,
        };
        decide(&(&group).into(), false, &terms)
    };
    // Two replicas, one device each.
    let mixed = Book::new(CAPACITY, vec![device("a100"), device("t4")]);
    let Decision::Bid { price: of_both, devices, .. } = bid(&mixed) else { panic!("a bid") };
    assert_eq!(devices.len(), 2);
    let Decision::Bid { price: of_a100, .. } =
        bid(&Book::new(CAPACITY, vec![device("a100"), Device { id: "two".into(), ..device("a100") }]))
    else {
        panic!("a bid")
    };
    // 110 USD and 200 USD a month beside 2.80 USD of the rest, over 438 291 blocks of 6 s.
    insta::assert_snapshot!(format!("{of_both}\n{of_a100}"), @r"
    257.363258656919717722uusd
    462.706284181057790373uusd
    ");
    let refused = [bid(&Book::new(CAPACITY, vec![device("t4")])), bid(&Book::new(CAPACITY, vec![]))];
    insta::assert_snapshot!(refused.map(|decision| decision.to_string()).join("\n"), @r"
    no bid: insufficient capacity for reservation: 2 GPUs wanted, 1 of 1 free
    no bid: unit 1 wants a GPU, which this agent cannot pass into a container
    ");
}

proptest! {
    /// Whatever is taken already: a bid never is over the ceiling nor takes more than is free.
    #[test]
    fn a_bid_fits_and_is_within_the_ceiling(cpu in 10u64..4000, count in 1u32..8, taken in 0u64..2000, ceiling in 1u128..20) {
        let mut group = group();
        group.units[0].resources.cpu.units.0 = cpu;
        group.units[0].count = count;
        group.units[0].price.amount = primitives::Dec::from_integer(ceiling).unwrap();
        let mut book = Book::new(CAPACITY, Vec::new());
        book.note("other", Amount { cpu_milli: taken, ..Amount::default() });
        match decide_with(&group, |_| {}, &book) {
            Decision::Bid { price, needs, devices } => {
                prop_assert!(price.amount <= group.price().unwrap().amount);
                prop_assert_eq!(needs.amount.cpu_milli, cpu * u64::from(count));
                prop_assert!(book.reserve("ours", needs.amount, &devices).is_ok());
            }
            Decision::NoBid(NoBid::Ceiling { price, ceiling }) => prop_assert!(price.amount > ceiling.amount),
            Decision::NoBid(NoBid::NoRoom(NoRoom::Amount { wanted, free, .. })) => prop_assert!(wanted > free),
            Decision::NoBid(other) => prop_assert!(false, "{}", other),
        }
    }
}
