//! Whose bids an order takes: attributes, auditors' signatures, capabilities.

use insta::assert_snapshot;
use ledger::testing::{ALICE, BOB, PROVIDER, refusal};
use ledger::{Context, Failure, audit};
use primitives::Address;
use proto::akash::audit::v1::{MsgDeleteProviderAttributes, MsgSignProviderAttributes};
use proto::akash::base::attributes::v1::{Attribute, SignedBy};

use super::support::*;
use crate::deployment::messages::create_deployment;
use crate::ids::{BidId, DeploymentId, GroupId};

/// An auditor who is nothing else.
const DAN: Address = Address::new([0xda; 20]);

fn sign(ctx: &mut Context, owner: Address, auditor: Address, key: &str, value: &str) {
    let attributes = vec![Attribute { key: key.to_owned(), value: value.to_owned() }];
    let msg = MsgSignProviderAttributes { owner: ctx.text(&owner), auditor: ctx.text(&auditor), attributes };
    run(ctx, audit::messages::sign_provider_attributes, msg).unwrap();
}

fn unsign(ctx: &mut Context, owner: Address, auditor: Address) {
    let msg = MsgDeleteProviderAttributes { owner: ctx.text(&owner), auditor: ctx.text(&auditor), keys: Vec::new() };
    run(ctx, audit::messages::delete_provider_attributes, msg).unwrap();
}

/// An order for region eu-west, signed by all of the first and any of the second.
fn order(ctx: &mut Context, dseq: u64, all_of: &[&str], any_of: &[&str]) -> GroupId {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let mut groups = groups(&[1], "100", "uusd");
    for requirements in groups.iter_mut().filter_map(|group| group.requirements.as_mut()) {
        requirements.signed_by = Some(SignedBy { all_of: texts(all_of), any_of: texts(any_of) });
    }
    let id = DeploymentId { owner: ALICE, dseq };
    let msg = msg_create(ctx, &id, groups, "5000000uusd");
    run(ctx, create_deployment, msg).unwrap();
    id.group(1)
}

fn refused(result: Result<BidId, Failure>) -> String {
    let refused = refusal(result);
    format!("{} {}: {}", refused.codespace, refused.code, refused.message)
}

#[test]
fn a_bid_needs_the_signatures_that_its_order_asks_for() {
    let mut ctx = market();
    let [bob, dan] = [BOB, DAN].map(|address| ctx.text(&address));
    // Bob vouches for both providers, Dan for the rival alone, and once for something else.
    sign(&mut ctx, PROVIDER, BOB, "region", "eu-west");
    sign(&mut ctx, RIVAL, BOB, "region", "eu-west");
    sign(&mut ctx, PROVIDER, DAN, "region", "us-east");
    sign(&mut ctx, RIVAL, DAN, "region", "eu-west");

    let all = order(&mut ctx, 1, &[&bob, &dan], &[]);
    let any = order(&mut ctx, 2, &[], &[&bob, &dan]);
    let either = order(&mut ctx, 3, &[], &[&dan, "akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63"]);
    let mut said = vec![refused(bid(&mut ctx, &all, 1, PROVIDER))];
    assert!(bid(&mut ctx, &all, 1, RIVAL).is_ok());
    assert!(bid(&mut ctx, &any, 1, PROVIDER).is_ok());
    said.push(refused(bid(&mut ctx, &either, 1, PROVIDER)));
    assert!(bid(&mut ctx, &either, 1, RIVAL).is_ok());

    // Once the auditor takes the signature back, new bids are refused; a bid that stands stays.
    unsign(&mut ctx, PROVIDER, BOB);
    let later = order(&mut ctx, 4, &[], &[&bob]);
    said.push(refused(bid(&mut ctx, &later, 1, PROVIDER)));
    lease(&mut ctx, &any.order(1).bid(PROVIDER)).unwrap();
    assert_snapshot!(said.join("\n"));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_bid_needs_the_capabilities_that_its_order_asks_for() {
    let mut ctx = market();
    let gpu = "capabilities/gpu/vendor/nvidia/model/a100";
    let nvme = [("capabilities/storage/7/class", "beta3"), ("capabilities/storage/7/persistent", "true")];
    register_provider(&mut ctx, &BOB, &[[("region", "eu-west"), (gpu, "true")], nvme].concat());
    let want = |ctx: &mut Context, dseq: u64, change: fn(&mut sdl::GroupSpec)| {
        let mut group = sdl::GroupSpec::try_from(&groups(&[1], "100", "uusd")[0]).unwrap();
        change(&mut group);
        let id = DeploymentId { owner: ALICE, dseq };
        let msg = msg_create(ctx, &id, vec![(&group).into()], "5000000uusd");
        run(ctx, create_deployment, msg).unwrap();
        id.group(1)
    };
    let with_gpu = want(&mut ctx, 1, |group| {
        group.units[0].resources.gpu.units.0 = 1;
        group.units[0].resources.gpu.attributes = vec![sdl::resources::Attribute::new("vendor/nvidia/model/*", "true")];
    });
    let with_nvme = want(&mut ctx, 2, |group| {
        let kind = [("class", "beta3"), ("persistent", "true")];
        let volume = &mut group.units[0].resources.storage[0];
        volume.attributes = kind.map(|(key, value)| sdl::resources::Attribute::new(key, value)).to_vec();
    });
    let said = [&with_gpu, &with_nvme].map(|group| refused(bid(&mut ctx, group, 1, RIVAL)));
    assert!(bid(&mut ctx, &with_gpu, 1, BOB).is_ok());
    assert!(bid(&mut ctx, &with_nvme, 1, BOB).is_ok());
    assert_snapshot!(said.join("\n"));
}
