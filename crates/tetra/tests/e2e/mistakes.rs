//! What a tenant gets wrong: a clear message, an exit code, and nothing lost.

use std::time::Duration;

use client::{Auth, Keystore, token};

use crate::net::{Deployment, Net, until};

const HELLO: &str = "examples/hello-web/deploy.yaml";

#[test]
fn a_missing_image_is_named_and_the_lease_goes_on_once_it_is_there() {
    let Some(net) = Net::start(false) else { return };
    let said = net.fails(8, &["deploy", HELLO, "--auto", "cheapest"]);
    assert!(said.contains("hello-web:latest") && said.contains("tetra image load"), "{said}");
    let dseq = net.json(&["deployment", "list"])[0]["dseq"].as_u64().unwrap();
    assert!(said.contains(&format!("tetra deploy --resume {dseq}")), "{said}");

    net.load_image();
    let resumed = Deployment::of(&net.json(&["deploy", "--resume", &dseq.to_string()]));
    assert_eq!(resumed.dseq, dseq);
    assert!(resumed.page().unwrap().contains("hello from Tetra"));
    net.close(dseq);
    net.nothing_left();
}

#[test]
fn files_with_mistakes_reach_no_chain() {
    let Some(net) = Net::start(true) else { return };
    let before = net.json(&["wallet", "show", "alice"]);
    let cases = [
        ("unit.yaml", ("size: 512Mi", "size: 512mi"), 2, "512mi"),
        ("pricing.yaml", ("amount: 1000", "amuont: 1000"), 2, "amount"),
        ("profile.yaml", ("profile: web", "profile: wep"), 2, "wep"),
        ("denom.yaml", ("denom: uusd", "denom: uact"), 2, "--pay-with"),
    ];
    for (name, change, code, wanted) in cases {
        let file = net.file(name, HELLO, &[change]);
        let said = net.fails(code, &["deploy", &file, "--auto", "cheapest"]);
        assert!(said.contains(wanted), "{name}: {said}");
        let placed = said.contains("line ") || name == "denom.yaml";
        assert!(placed, "{name}: {said}");
    }
    assert_eq!(net.json(&["wallet", "show", "alice"]), before, "nothing was spent");

    // A volume that no disk here holds, and a ceiling that nobody serves under.
    let huge =
        net.file("huge.yaml", HELLO, &[("          size: 512Mi\n  placement", "          size: 16Ti\n  placement")]);
    let said = net.fails(6, &["deploy", &huge, "--auto", "cheapest", "--bid-wait", "2"]);
    assert!(said.contains("insufficient capacity") && said.contains("bytes of disk"), "{said}");
    let low = net.file("low.yaml", HELLO, &[("amount: 1000", "amount: 0.000001")]);
    let said = net.fails(6, &["deploy", &low, "--auto", "cheapest", "--bid-wait", "2"]);
    assert!(said.contains("over the order's ceiling") && said.contains("its deposit of 5000000uusd is back"), "{said}");
    assert_eq!(net.json(&["deployment", "list"]).as_array().map(Vec::len), Some(0));
    net.nothing_left();
}

#[test]
fn only_the_owner_with_the_right_manifest_is_served() {
    let Some(net) = Net::start(true) else { return };
    let deployment = net.deploy(HELLO);
    let key = |name: &str| Keystore::new(net.keys()).open(name, None).unwrap();
    let address = |name: &str| net.json(&["wallet", "show", name])["address"].as_str().unwrap().to_owned();
    let (alice, bob) = (address("alice"), address("bob"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let put = |token: String, manifest: &str| {
        let gateway = net.gateway_as(Auth::Token(token));
        let sent = runtime.block_on(gateway.put_manifest(deployment.dseq, manifest, Duration::ZERO));
        sent.unwrap_err().to_string()
    };
    let text = std::fs::read_to_string(net.file("as-it-is.yaml", HELLO, &[])).unwrap();
    let sdl = sdl::Sdl::parse(&text).unwrap();
    let other = sdl::Sdl::parse(&text.replace("hello-web:latest", "other:latest")).unwrap();

    let refused = put(token::full_access(&key("alice"), &alice), &other.manifest().canonical_json());
    for hash in [other.hash_hex(), sdl.hash_hex()] {
        assert!(refused.contains(&hash), "both hashes are named: {refused}");
    }
    // Bob signed nothing on this chain yet, so that his key is not known; then he has no such lease.
    let foreign = put(token::full_access(&key("bob"), &bob), &sdl.manifest().canonical_json());
    assert!(foreign.contains("401"), "{foreign}");
    net.json(&["send", &alice, "1utet", "--from", "bob", "--yes"]);
    let foreign = put(token::full_access(&key("bob"), &bob), &sdl.manifest().canonical_json());
    assert!(foreign.contains("no lease for deployment"), "{foreign}");
    // Alice's name under Bob's signature, and a token of yesterday.
    let forged = put(token::full_access(&key("bob"), &alice), &sdl.manifest().canonical_json());
    assert!(forged.contains("401"), "{forged}");
    let old = token::full_access_at(&key("alice"), &alice, Duration::from_secs(1_700_000_000));
    let expired = put(old, &sdl.manifest().canonical_json());
    assert!(expired.contains("expired"), "{expired}");

    assert!(until(|| deployment.page()).is_ok(), "what runs was left alone");
    net.close(deployment.dseq);
    net.nothing_left();
}
