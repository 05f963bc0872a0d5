use proptest::prelude::*;
use sdl::Sdl;
use sdl::resources::Attribute;

use super::*;

const CAPACITY: Amount = Amount { cpu_milli: 100, memory: 100, storage: 100, ports: 10, gpus: 0 };

fn amount() -> impl Strategy<Value = Amount> {
    (0u64..60, 0u64..60, 0u64..60, 0u64..6).prop_map(|(cpu_milli, memory, storage, ports)| Amount {
        cpu_milli,
        memory,
        storage,
        ports,
        gpus: 0,
    })
}

fn within(a: Amount, b: Amount) -> bool {
    a.named().into_iter().zip(b.named()).all(|((_, a), (_, b))| a <= b)
}

proptest! {
    /// Whatever is reserved, released and reserved again, no more is promised than there is.
    #[test]
    fn never_oversold(steps in prop::collection::vec((0u8..8, prop::option::of(amount())), 0..60)) {
        let mut book = Book::new(CAPACITY, Vec::new());
        let mut model: BTreeMap<String, Amount> = BTreeMap::new();
        for (holder, step) in steps {
            let holder = holder.to_string();
            match step {
                Some(amount) => {
                    let before = book.taken();
                    match book.reserve(&holder, amount, &[]) {
                        Ok(()) => drop(model.insert(holder, amount)),
                        Err(NoRoom::Amount { wanted, free, .. }) => {
                            prop_assert!(wanted > free);
                            prop_assert_eq!(book.taken(), before);
                        }
                        Err(other) => prop_assert!(false, "{}", other),
                    }
                }
                None => {
                    book.release(&holder);
                    model.remove(&holder);
                }
            }
            let sum = model.values().fold(Amount::default(), |sum, amount| sum.saturating_add(*amount));
            prop_assert_eq!(book.taken(), sum);
            prop_assert!(within(book.taken(), CAPACITY));
            prop_assert_eq!(book.free().saturating_add(book.taken()), CAPACITY);
        }
    }

    /// What fits alone fits after everything was given back.
    #[test]
    fn releasing_frees(amounts in prop::collection::vec(amount(), 1..8)) {
        let mut book = Book::new(CAPACITY, Vec::new());
        for (holder, amount) in amounts.iter().enumerate() {
            let _ = book.reserve(&holder.to_string(), *amount, &[]);
        }
        book.keep(|_| false);
        for amount in amounts {
            prop_assert_eq!(book.reserve("x", amount, &[]), Ok(()));
        }
    }

    /// Whatever is asked for in whatever order: no device has two holders, each is of a model that its holder accepts,
    /// each holder has as many as it wants, and the two units of a group share them out without rest.
    #[test]
    fn a_device_has_one_holder(
        models in prop::collection::vec(0usize..3, 0..6),
        steps in prop::collection::vec((0u8..4, 0u64..3, 0u64..2, 1u32..3, prop::collection::vec(0usize..4, 1..3)), 0..24),
    ) {
        let room = Amount { cpu_milli: u64::MAX, memory: u64::MAX, storage: u64::MAX, ports: 10, gpus: 0 };
        let mut book = Book::new(room, devices(&models));
        let mut wanted: BTreeMap<String, (Needs, Vec<String>)> = BTreeMap::new();
        for (holder, first, second, count, accepted) in steps {
            let holder = holder.to_string();
            if wanted.remove(&holder).is_some() {
                book.release(&holder);
                continue;
            }
            let accepts: Vec<&str> = accepted.iter().map(|place| PATTERNS[*place]).collect();
            let needs = Needs::of_group(&group(first, second, count, &accepts)).unwrap();
            let Ok(found) = book.pick(&needs) else { continue };
            let shares = needs.split(&found).unwrap();
            prop_assert_eq!(shares.iter().map(Vec::len).sum::<usize>(), found.len());
            prop_assert_eq!(shares[0].len() as u64, first * u64::from(count));
            book.reserve(&holder, needs.amount, &found).unwrap();
            wanted.insert(holder, (needs, accepts.into_iter().map(str::to_owned).collect()));
            let mut seen = BTreeSet::new();
            for (holder, (needs, accepts)) in &wanted {
                let share = &book.taken[holder];
                prop_assert_eq!(share.devices.len() as u64, needs.amount.gpus);
                for device in book.devices_of(&share.devices.iter().cloned().collect::<Vec<_>>()) {
                    prop_assert!(ledger::capacity::gpu::accepted(accepts, &device.model));
                    prop_assert_eq!(book.holder_of(&device.id), Some(holder.as_str()));
                    prop_assert!(seen.insert(device.id));
                }
            }
            prop_assert!(book.taken().gpus <= book.capacity().gpus);
        }
    }
}

const MODELS: [&str; 3] = ["model/a100/ram/80Gi/interface/sxm", "model/a100/ram/40Gi", "model/h100/ram/80Gi"];
const PATTERNS: [&str; 4] = [
    "vendor/nvidia/model/*",
    "vendor/nvidia/model/a100",
    "vendor/nvidia/model/a100/ram/80Gi/interface/sxm",
    "vendor/nvidia/model/h100/ram/80Gi",
];

fn devices(models: &[usize]) -> Vec<Device> {
    let device = |(id, model): (usize, &usize)| Device {
        id: format!("gpu-{id}"),
        model: format!("vendor/nvidia/{}/simulated/true", MODELS[*model]),
    };
    models.iter().enumerate().map(device).collect()
}

/// Two units of so many GPUs a replica; both accept the same models.
fn group(first: u64, second: u64, count: u32, accepts: &[&str]) -> GroupSpec {
    const FILE: &str = r#"
version: "2.0"
services:
  a: { image: a, expose: [{ port: 80, to: [{ global: true }] }] }
  b: { image: b, expose: [{ port: 81, to: [{ global: true }] }] }
profiles:
  compute:
    a: { resources: { cpu: { units: 0.5 }, memory: { size: 512Mi }, storage: [{ size: 1Gi }] } }
    b: { resources: { cpu: { units: 0.1 }, memory: { size: 256Mi }, storage: [{ size: 1Gi }] } }
  placement:
    here: { pricing: { a: { denom: uusd, amount: 10 }, b: { denom: uusd, amount: 10 } } }
deployment:
  a: { here: { profile: a, count: 1 } }
  b: { here: { profile: b, count: 1 } }
"#;
    let mut group = Sdl::parse(FILE).unwrap().groups().remove(0);
    for (unit, gpus) in group.units.iter_mut().zip([first, second]) {
        unit.count = count;
        unit.resources.gpu.units.0 = gpus;
        if gpus > 0 {
            unit.resources.gpu.attributes = accepts.iter().map(|key| Attribute::new(*key, "true")).collect();
        }
    }
    group
}

#[test]
fn wildcards_models_memory_and_interface_pick_the_device() {
    let book = Book::new(
        Amount { memory: u64::MAX, storage: u64::MAX, cpu_milli: 9000, ports: 9, gpus: 0 },
        devices(&[0, 1, 2]),
    );
    let say = |pattern: &str| {
        let needs = Needs::of_group(&group(1, 0, 1, &[pattern])).unwrap();
        let picked = book.pick(&needs).map(|devices| devices[0].id.clone());
        format!("{pattern}: {}", picked.unwrap_or_else(|no| no.to_string()))
    };
    let patterns = [
        "vendor/nvidia/model/*",
        "vendor/nvidia/model/h100",
        "vendor/nvidia/model/a100/ram/40Gi",
        "vendor/nvidia/model/a100/interface/sxm",
        "vendor/nvidia/model/a100/ram/40Gi/interface/sxm",
        "vendor/nvidia/model/t4",
        "vendor/amd/model/*",
    ];
    insta::assert_snapshot!(patterns.map(say).join("\n"));
}

#[test]
fn a_device_that_is_taken_is_told_by_model() {
    let mut book =
        Book::new(Amount { memory: u64::MAX, storage: u64::MAX, cpu_milli: 9000, ports: 9, gpus: 0 }, devices(&[0, 2]));
    let needs = Needs::of_group(&group(1, 0, 1, &["vendor/nvidia/model/h100"])).unwrap();
    let picked = book.pick(&needs).unwrap();
    book.reserve("first", needs.amount, &picked).unwrap();
    let refusals = [
        book.pick(&needs).unwrap_err().to_string(),
        book.reserve("second", needs.amount, &picked).unwrap_err().to_string(),
        book.pick(&Needs::of_group(&group(2, 0, 1, &["vendor/nvidia/model/*"])).unwrap()).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
    // By the chain's word it may be another one.
    book.note_devices("first", needs.amount, &["gpu-0".to_owned()]);
    assert_eq!((book.holder_of("gpu-0"), book.holder_of("gpu-1")), (Some("first"), None));
    book.note("first", needs.amount);
    assert_eq!(book.holder_of("gpu-0"), Some("first"));
    book.release("first");
    assert_eq!(book.free(), book.capacity());
}
