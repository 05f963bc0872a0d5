//! The limits of spec/akash.md 1.5, over the messages that the chain sees.

mod common;

use common::vector_a;
use proto::akash::deployment::v1beta4::GroupSpec;
use sdl::limits::validate_groups;
use sdl::{GroupProblem, LimitError, Sdl};

/// The message of vector A after a change.
fn changed(change: impl FnOnce(&mut sdl::GroupSpec)) -> GroupSpec {
    let mut group = Sdl::parse(&vector_a()).unwrap().groups().remove(0);
    change(&mut group);
    (&group).into()
}

fn problem(change: impl FnOnce(&mut sdl::GroupSpec)) -> GroupProblem {
    match validate_groups(&[changed(change)]) {
        Err(LimitError::Group { problem, .. }) => problem,
        other => panic!("expected a problem in the group, found {other:?}"),
    }
}

#[test]
fn a_small_group_is_fine() {
    assert_eq!(validate_groups(&[changed(|_| {})]), Ok(()));
}

#[test]
fn groups_are_named_once_and_priced_in_one_denom() {
    let group = changed(|_| {});
    assert_eq!(validate_groups(&[]), Err(LimitError::NoGroups));
    assert_eq!(validate_groups(&[group.clone(), group.clone()]), Err(LimitError::DuplicateGroup("dc".to_owned())));
    let nameless = GroupSpec { name: String::new(), ..group.clone() };
    assert_eq!(validate_groups(&[nameless]), Err(LimitError::NoName));
    let other = changed(|group| {
        group.name = "other".to_owned();
        group.units[0].price.denom = primitives::Denom::new("uact").unwrap();
    });
    assert!(matches!(validate_groups(&[group, other]), Err(LimitError::MixedDenoms { .. })));
}

#[test]
fn each_quantity_has_its_range() {
    for (milli, fine) in [(9, false), (10, true), (384_000, true), (384_001, false)] {
        let group = changed(|group| group.units[0].resources.cpu.units.0 = milli);
        assert_eq!(validate_groups(&[group]).is_ok(), fine, "{milli}");
    }
    for (bytes, fine) in [((1 << 20) - 1, false), (1 << 20, true), (2 << 40, true), ((2 << 40) + 1, false)] {
        let group = changed(|group| group.units[0].resources.memory.size.0 = bytes);
        assert_eq!(validate_groups(&[group]).is_ok(), fine, "{bytes}");
    }
    for (bytes, fine) in [((5 << 20) - 1, false), (5 << 20, true), (32 << 40, true), ((32 << 40) + 1, false)] {
        let group = changed(|group| group.units[0].resources.storage[0].size.0 = bytes);
        assert_eq!(validate_groups(&[group]).is_ok(), fine, "{bytes}");
    }
    for (devices, fine) in [(0, true), (24, true), (25, false)] {
        let group = changed(|group| group.units[0].resources.gpu.units.0 = devices);
        assert_eq!(validate_groups(&[group]).is_ok(), fine, "{devices}");
    }
}

#[test]
fn totals_are_fifty_times_the_most_of_a_unit() {
    let group = |count| {
        changed(|group| {
            group.units[0].resources.cpu.units.0 = 384_000;
            group.units[0].count = count;
        })
    };
    assert_eq!(validate_groups(&[group(50)]), Ok(()));
    let error = validate_groups(&[group(51)]).unwrap_err();
    assert!(matches!(error, LimitError::Group { problem: GroupProblem::Total { what: "cpu", .. }, .. }));
}

#[test]
fn prices_have_a_ceiling() {
    let price = |amount: &str| changed(|group| group.units[0].price.amount = amount.parse().unwrap());
    assert_eq!(validate_groups(&[price("10000000")]), Ok(()));
    assert!(validate_groups(&[price("10000000.000000000000000001")]).is_err());
}

#[test]
fn units_are_numbered_and_complete() {
    assert_eq!(problem(|group| group.units[0].resources.id = 0), GroupProblem::ZeroId);
    assert_eq!(problem(|group| group.units.push(group.units[0].clone())), GroupProblem::DuplicateId(1));
    assert_eq!(problem(|group| group.units.clear()), GroupProblem::Empty);
    assert_eq!(problem(|group| group.units[0].count = 0), GroupProblem::ZeroCount(1));
    assert_eq!(problem(|group| group.units[0].resources.storage.clear()), GroupProblem::NoStorage(1));
    let mut message = changed(|_| {});
    message.resources[0].resource.as_mut().unwrap().gpu = None;
    assert!(validate_groups(&[message]).unwrap_err().to_string().contains("gpu is missing"));
}

#[test]
fn attribute_keys_follow_the_pattern() {
    let key = |key: &str| {
        let group = changed(|group| group.attributes = vec![sdl::resources::Attribute::new(key, "x")]);
        validate_groups(&[group]).is_ok()
    };
    let longest = format!("a{}", "b".repeat(127));
    for fine in ["ab", "a.b/c", "vendor/nvidia/model/*", &longest] {
        assert!(key(fine), "{fine}");
    }
    for wrong in ["", "a", "1a", "a b", "a*b", "a**", &format!("{longest}b")] {
        assert!(!key(wrong), "{wrong}");
    }
}

#[test]
fn gpu_attributes_need_a_gpu() {
    let found = problem(|group| {
        group.units[0].resources.gpu.attributes = vec![sdl::resources::Attribute::new("vendor/nvidia/model/*", "true")];
    });
    assert_eq!(found, GroupProblem::AttributesWithoutGpu(1));
}
