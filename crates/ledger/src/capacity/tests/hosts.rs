//! Who may register what, and take it away.

use insta::assert_snapshot;
use proto::Message;
use proto::akash::provider::v1beta4::MsgDeleteProvider;
use proto::tetra::capacity::v1::{MsgRegisterHost, Resources};

use super::support::*;
use crate::capacity::messages::{MAX_DEVICE_TEXT, MAX_DEVICES, register_host};
use crate::capacity::{MODULE, Request, hold_firm, hold_soft, message_routes, turn_firm};
use crate::context::Context;
use crate::provider::messages::delete_provider;
use crate::testing::{BOB, PROVIDER, announced, forget, refusal, stored};

fn good() -> Offer {
    Offer::new(4_000, 16, 100).with(&[("gpu-1", A100)])
}

#[test]
fn hosts_are_announced_as_they_come_change_and_go() {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &good()).unwrap();
    register(&mut ctx, &PROVIDER, 1, &Offer::new(8_000, 16, 100)).unwrap();
    shrink(&mut ctx, &PROVIDER, 1, (1_000, 1, 1), &[]).unwrap();
    retire(&mut ctx, &PROVIDER, 1).unwrap();
    assert_snapshot!(announced(&ctx));
    assert_sound(&ctx);
}

/// What is signed is this very message for this very chain.
#[test]
fn a_registration_is_signed_by_the_host() {
    let mut ctx = chain();
    let msg = msg_register(&ctx, &PROVIDER, 1, &good());
    let before = stored(&ctx, MODULE);
    let offered = |cpu_milli| Some(Resources { cpu_milli, memory: 16, storage: 100, devices: Vec::new() });
    let other_chain = {
        let mut other = testing_chain("tetra-other");
        std::mem::swap(&mut other.state, &mut ctx.state);
        let msg = msg_register(&other, &PROVIDER, 1, &good());
        std::mem::swap(&mut other.state, &mut ctx.state);
        msg
    };
    let cases = [
        ("another host's key", signed(&ctx, 2, msg.clone())),
        ("more CPU", MsgRegisterHost { offered: offered(5_000), ..msg.clone() }),
        ("fewer devices", MsgRegisterHost { devices: Vec::new(), ..msg.clone() }),
        ("another overcommit", MsgRegisterHost { cpu_overcommit_percent: 200, ..msg.clone() }),
        ("another owner", MsgRegisterHost { owner: ctx.text(&RIVAL), ..msg.clone() }),
        ("another chain", other_chain),
        ("another host", MsgRegisterHost { host_key: host_key(2).to_vec(), ..msg.clone() }),
        ("no signature", MsgRegisterHost { host_signature: Vec::new(), ..msg.clone() }),
        ("a key that is no point", MsgRegisterHost { host_key: vec![2; 32], ..msg.clone() }),
    ];
    for (what, bad) in cases {
        let refused = refusal(register_host(&mut ctx, bad));
        assert_eq!((refused.codespace, refused.code), ("capacity", 5), "{what}");
    }
    let short = MsgRegisterHost { host_key: vec![1; 31], ..msg.clone() };
    assert_eq!(refusal(register_host(&mut ctx, short)).code, 4);
    assert_eq!(stored(&ctx, MODULE), before);
    register_host(&mut ctx, msg).unwrap();
}

fn testing_chain(id: &str) -> Context {
    let mut ctx = chain();
    ctx.chain = std::sync::Arc::new(crate::context::Chain { id: id.to_owned(), ..(*ctx.chain).clone() });
    ctx
}

#[test]
fn malformed_offers_are_refused() {
    let mut ctx = chain();
    let devices = |count: usize| (0..count).map(|number| (format!("gpu-{number}"), T4.to_owned())).collect::<Vec<_>>();
    let long = "x".repeat(MAX_DEVICE_TEXT + 1);
    let cases = [
        ("has CPU and memory", Offer::new(0, 16, 100)),
        ("has CPU and memory", Offer::new(4_000, 0, 100)),
        ("not 99", good().overcommitted(99)),
        ("not 1001", good().overcommitted(1_001)),
        ("at most 64", Offer { devices: devices(MAX_DEVICES + 1), ..good() }),
        ("an id and a model", good().with(&[("", T4)])),
        ("an id and a model", good().with(&[("gpu-1", "")])),
        ("an id and a model", good().with(&[(&long, T4)])),
        ("an id and a model", good().with(&[("gpu-1", &long)])),
        ("gpu-1 is named twice", good().with(&[("gpu-1", T4), ("gpu-1", A100)])),
    ];
    for (why, offer) in cases {
        let refused = refusal(register(&mut ctx, &PROVIDER, 1, &offer));
        assert_eq!((refused.codespace, refused.code), ("capacity", 6), "{why}");
        assert!(refused.message.contains(why), "{refused}");
    }
    let mut twice = msg_register(&ctx, &PROVIDER, 1, &good());
    twice.offered.as_mut().unwrap().devices.push("gpu-1".to_owned());
    let twice = signed(&ctx, 1, twice);
    assert!(refusal(register_host(&mut ctx, twice)).message.contains("list devices in `devices`"));
    let nothing = signed(&ctx, 1, MsgRegisterHost { offered: None, ..msg_register(&ctx, &PROVIDER, 1, &good()) });
    assert!(refusal(register_host(&mut ctx, nothing)).message.contains("missing"));
    register(&mut ctx, &PROVIDER, 1, &Offer { devices: devices(MAX_DEVICES), ..good() }).unwrap();
}

#[test]
fn only_providers_have_hosts_and_each_its_own() {
    let mut ctx = chain();
    let refused = refusal(register(&mut ctx, &BOB, 1, &good()));
    assert_eq!((refused.codespace, refused.code), ("sdk", 38));
    register(&mut ctx, &PROVIDER, 1, &good()).unwrap();
    assert_eq!(refusal(register(&mut ctx, &RIVAL, 1, &good())).code, 4);
    assert_eq!(refusal(retire(&mut ctx, &RIVAL, 1)).code, 4);
    assert_eq!(refusal(retire(&mut ctx, &PROVIDER, 2)).code, 3);
}

#[test]
fn a_device_is_on_one_host_of_the_whole_chain() {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &good()).unwrap();
    let before = stored(&ctx, MODULE);
    for owner in [PROVIDER, RIVAL] {
        let refused =
            refusal(register(&mut ctx, &owner, 2, &Offer::new(1, 1, 1).with(&[("gpu-2", T4), ("gpu-1", T4)])));
        assert_eq!((refused.codespace, refused.code), ("capacity", 6));
        assert_eq!(refused.message, "host offer refused: device gpu-1 belongs to another host");
    }
    assert_eq!(stored(&ctx, MODULE), before);
    // Moved to another host: first away from here, then there.
    register(&mut ctx, &PROVIDER, 1, &Offer::new(4_000, 16, 100)).unwrap();
    register(&mut ctx, &RIVAL, 2, &good()).unwrap();
    retire(&mut ctx, &RIVAL, 2).unwrap();
    register(&mut ctx, &PROVIDER, 1, &good()).unwrap();
    assert_sound(&ctx);
}

#[test]
fn a_host_that_is_held_offers_at_least_that() {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &good()).unwrap();
    let leased = Request { gpus: vec![gpu(1, &["vendor/nvidia/model/a100"])], ..request(2_000, 8, 50) };
    hold_soft(&mut ctx, &PROVIDER, &claim("bid", &[(request(3_000, 1, 1), 1)]), 0).unwrap();
    hold_firm(&mut ctx, &PROVIDER, &claim("lease", &[(leased, 1)])).unwrap();
    let with_a100 = |cpu, memory, storage| Offer::new(cpu, memory, storage).with(&[("gpu-1", A100)]);
    let cases = [
        ("less than the lease", with_a100(1_999, 16, 100)),
        ("less than the bid", with_a100(2_999, 16, 100)),
        ("less memory", with_a100(4_000, 7, 100)),
        ("less storage", with_a100(4_000, 16, 49)),
        ("no device", Offer::new(4_000, 16, 100)),
        ("another model under the id", Offer::new(4_000, 16, 100).with(&[("gpu-1", T4)])),
    ];
    for (what, offer) in cases {
        let refused = refusal(register(&mut ctx, &PROVIDER, 1, &offer));
        assert_eq!((refused.codespace, refused.code), ("capacity", 7), "{what}");
    }
    // Soft holds may overlap with what is held.
    register(&mut ctx, &PROVIDER, 1, &with_a100(3_000, 8, 50)).unwrap();
    register(&mut ctx, &PROVIDER, 1, &Offer::new(3_000, 8, 50).with(&[("gpu-1", A100), ("gpu-2", T4)])).unwrap();
    // A device that nobody holds may turn out to be another.
    register(&mut ctx, &PROVIDER, 1, &Offer::new(3_000, 8, 50).with(&[("gpu-1", A100), ("gpu-2", MI300)])).unwrap();
    assert_sound(&ctx);
}

#[test]
fn a_host_retires_when_only_offers_stand_on_it() {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &good()).unwrap();
    hold_soft(&mut ctx, &PROVIDER, &claim("bid", &[(request(1_000, 1, 1), 1)]), 0).unwrap();
    hold_firm(&mut ctx, &PROVIDER, &claim("lease", &[(request(1_000, 1, 1), 1)])).unwrap();
    let refused = refusal(retire(&mut ctx, &PROVIDER, 1));
    assert_eq!((refused.codespace, refused.code), ("capacity", 7));
    assert_eq!(refused.message, "host in use: deployment holds it as lease; close that first");
    crate::capacity::release(&mut ctx, "deployment", "lease").unwrap();
    forget(&mut ctx);
    retire(&mut ctx, &PROVIDER, 1).unwrap();
    assert_snapshot!(format!("{}{:?}", announced(&ctx), ctx.outcomes));
    assert_eq!(refusal(turn_firm(&mut ctx, "deployment", "bid")).code, 2);
    assert_sound(&ctx);
}

#[test]
fn the_number_of_hosts_is_bounded() {
    let mut ctx = chain();
    let most = u8::try_from(crate::capacity::messages::MAX_HOSTS - 1).unwrap();
    for host in 0..=most {
        register(&mut ctx, &PROVIDER, host, &Offer::new(1, 1, 1)).unwrap();
    }
    let key = ed25519_consensus::SigningKey::from(*b"the key of one host that is more");
    let mut msg = msg_register(&ctx, &PROVIDER, 1, &good());
    msg.host_key = key.verification_key().to_bytes().to_vec();
    let bytes = crate::capacity::registration_bytes(&ctx.chain.id, &msg);
    msg.host_signature = key.sign(&bytes).to_bytes().to_vec();
    assert!(refusal(register_host(&mut ctx, msg)).message.contains("at most 256 hosts"));
    // Those that are there may change.
    register(&mut ctx, &PROVIDER, most, &good()).unwrap();
}

#[test]
fn routes_decode_sign_and_answer() {
    let mut ctx = chain();
    let bytes = msg_register(&ctx, &PROVIDER, 1, &good()).encode_to_vec();
    let routes = message_routes();
    let urls: Vec<&str> = routes.iter().map(|route| route.url.as_str()).collect();
    let names = ["MsgRegisterHost", "MsgShrinkHost", "MsgRetireHost"].map(|name| format!("/tetra.capacity.v1.{name}"));
    assert_eq!(urls, names);
    assert_eq!((routes[0].signer)(&bytes).unwrap(), ctx.text(&PROVIDER));
    assert_eq!((routes[0].run)(&mut ctx, &bytes).unwrap().type_url, "/tetra.capacity.v1.MsgRegisterHostResponse");
}

#[test]
fn a_provider_goes_after_its_hosts() {
    let mut ctx = chain();
    register(&mut ctx, &PROVIDER, 1, &good()).unwrap();
    let go = MsgDeleteProvider { owner: ctx.text(&PROVIDER) };
    let refused = refusal(delete_provider(&mut ctx, go.clone()));
    assert_eq!((refused.codespace, refused.code), ("provider", 25));
    assert!(refused.message.contains("has 1 registered hosts; retire them first"), "{}", refused.message);
    retire(&mut ctx, &PROVIDER, 1).unwrap();
    delete_provider(&mut ctx, go).unwrap();
    assert_sound(&ctx);
}
