//! Where a deployment goes: two providers on one network, of which the second asks a quarter more, so that it wins only
//! where the order steers there.

use serde_json::Value;

use crate::net::{Deployment, Net, until};

const HELLO: &str = "examples/hello-web/deploy.yaml";
const A100: &str = "capabilities/gpu/vendor/nvidia/model/a100";
const ANYWHERE: &str = "    anywhere:\n      pricing:";

/// Addresses of both providers, the cheap one first.
struct Two {
    net: Net,
    dirs: [String; 2],
    providers: [String; 2],
}

impl Two {
    /// Two providers in two regions; the dear one has an NVMe disk and says that it has a GPU.
    fn start() -> Option<Self> {
        let mut net = Net::start_with(&["--providers", "2"], true)?;
        let field =
            |net: &Net, place: usize, name: &str| net.report["providers"][place][name].as_str().unwrap().to_owned();
        let dirs = [0, 1].map(|place| field(&net, place, "dir"));
        let providers = [0, 1].map(|place| field(&net, place, "address"));
        net.json(&["provider", "attributes", "set", &dirs[0], "region=east"]);
        let gpu = format!("{A100}=true");
        let dear =
            ["region=west", "capabilities/storage/4/class=beta3", "capabilities/storage/4/persistent=true", &gpu];
        net.json(&[["provider", "attributes", "set", &dirs[1]].as_slice(), &dear].concat());
        net.again();
        let two = Self { net, dirs, providers };
        let registered = until(|| {
            let shown = two.attributes(1);
            if shown["registered"]["region"] == "west" { Ok(()) } else { Err(shown) }
        });
        assert_eq!(registered, Ok(()));
        Some(two)
    }

    fn attributes(&self, place: usize) -> Value {
        self.net.json(&["provider", "attributes", "show", &self.dirs[place]])
    }

    /// A file whose placement has more.
    fn file(&self, name: &str, more: &str) -> String {
        self.net.file(name, HELLO, &[(ANYWHERE, &ANYWHERE.replace("      pricing:", &format!("{more}      pricing:")))])
    }

    /// Deploys a file that so many can serve; who of them does.
    fn goes_to(&self, file: &str, bids: &str) -> (Deployment, &str) {
        let told = self.net.json(&["deploy", file, "--auto", "cheapest", "--bids", bids, "--bid-wait", "60"]);
        let provider = told["leases"][0]["provider"].as_str().unwrap();
        let name = if provider == self.providers[0] { "cheap" } else { "dear" };
        assert!(self.providers.iter().any(|known| known == provider), "{told}");
        (Deployment::of(&told), name)
    }

    /// Deploys a file that so many can serve, looks who does, and closes it.
    fn served_by(&self, file: &str, bids: &str) -> &str {
        let (deployment, name) = self.goes_to(file, bids);
        self.net.close(deployment.dseq);
        name
    }

    /// What providers say of a file that nobody bids on.
    fn nobody_bids(&self, file: &str) -> String {
        self.net.fails(6, &["deploy", file, "--auto", "cheapest", "--bid-wait", "5"])
    }

    fn address(&self, name: &str) -> String {
        self.net.json(&["wallet", "show", name])["address"].as_str().unwrap().to_owned()
    }

    fn sign(&self, auditor: &str, place: usize, attribute: &str) {
        self.net.json(&["audit", "sign", &self.providers[place], attribute, "--from", auditor, "--yes"]);
    }
}

#[test]
fn attributes_auditors_and_capabilities_steer_a_deployment() {
    let Some(two) = Two::start() else { return };

    assert_eq!(two.served_by(HELLO, "2"), "cheap");

    // An attribute. What is steered really runs there.
    let west = two.file("west.yaml", "      attributes:\n        region: west\n");
    let (deployment, name) = two.goes_to(&west, "1");
    assert_eq!(name, "dear");
    let page = until(|| deployment.page().and_then(|page| if page.contains("hello") { Ok(page) } else { Err(page) }));
    assert!(page.as_ref().is_ok_and(|page| page.contains("hello from Tetra")), "{page:?}");
    two.net.close(deployment.dseq);
    let north = two.nobody_bids(&two.file("north.yaml", "      attributes:\n        region: north\n"));
    assert_eq!(north.matches("the provider has no attribute region=north").count(), 2, "{north}");

    // Auditors. Bob vouches for both, Alice for the dear one alone.
    let (bob, alice) = (two.address("bob"), two.address("alice"));
    two.sign("bob", 0, "tier=gold");
    two.sign("bob", 1, "tier=gold");
    two.sign("alice", 1, "tier=gold");
    let signed = |name: &str, who: &str, of: &[&str]| {
        let more =
            format!("      attributes:\n        tier: gold\n      signedBy:\n        {who}: [{}]\n", of.join(", "));
        two.file(name, &more)
    };
    let all_of = signed("all-of.yaml", "allOf", &[&bob, &alice]);
    assert_eq!(two.served_by(&all_of, "1"), "dear");
    assert_eq!(two.served_by(&signed("any-of-both.yaml", "anyOf", &[&bob, &alice]), "2"), "cheap");
    assert_eq!(two.served_by(&signed("any-of.yaml", "anyOf", &[&alice, &two.providers[0]]), "1"), "dear");
    // Once Alice takes it back, both say whose signature of what is missing.
    let list = two.net.json(&["audit", "list", "--provider", &two.providers[1]]);
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    two.net.json(&["audit", "delete", &two.providers[1], "tier", "--from", "alice", "--yes"]);
    let unsigned = two.nobody_bids(&all_of);
    let missing = format!("auditor {alice} has signed nothing of this provider");
    assert_eq!(unsigned.matches(&missing).count(), 2, "{unsigned}");
    assert_eq!(two.attributes(1)["signed"].as_array().unwrap().len(), 1);

    // A class of storage.
    let volume = "        storage:\n          size: 512Mi\n";
    let nvme = "        storage:\n          - size: 512Mi\n          - name: data\n            size: 64Mi\n            \
                attributes:\n              persistent: true\n              class: beta3\n";
    let mount = "    image: hello-web:latest\n";
    let mounted = format!("{mount}    params:\n      storage:\n        data:\n          mount: /data\n");
    let nvme = two.net.file("nvme.yaml", HELLO, &[(volume, nvme), (mount, &mounted)]);
    assert_eq!(two.served_by(&nvme, "1"), "dear");

    // A GPU. No machine here has one, so that nobody bids; but who claims one says so, and who does not says that.
    let memory = "        memory:\n";
    let gpu = "        gpu:\n          units: 1\n          attributes:\n            vendor:\n              nvidia:\n                \
               - model: a100\n        memory:\n";
    let said = two.nobody_bids(&two.net.file("gpu.yaml", HELLO, &[(memory, gpu)]));
    let of = |place: usize| said.lines().find(|line| line.contains(&two.providers[place])).unwrap_or_default();
    assert!(of(0).contains("none of the GPUs that it wants (vendor/nvidia/model/a100)"), "{said}");
    assert!(of(1).contains("wants a GPU, which this agent cannot pass into a container"), "{said}");
}

#[test]
fn certificates_are_made_listed_and_revoked() {
    let Some(net) = Net::start_with(&["--providers", "0"], false) else { return };
    let tried = net.json(&["cert", "create", "--dry-run"]);
    assert!(tried["hash"].is_null() && tried["gas_limit"].as_u64().is_some_and(|gas| gas > 0), "{tried}");
    assert_eq!(net.json(&["cert", "list"]), serde_json::json!([]));

    let made = net.json(&["cert", "create", "--yes"]);
    let serial = made["serial"].as_str().unwrap().to_owned();
    let list = net.json(&["cert", "list", "--state", "valid"]);
    assert_eq!((&list[0]["serial"], &list[0]["key_here"]), (&made["serial"], &Value::Bool(true)), "{list}");
    let alice = net.json(&["wallet", "show", "alice"])["address"].as_str().unwrap().to_owned();
    assert!(net.home().join(format!("certs/{alice}/{serial}.pem")).exists());
    assert!(
        net.json(&["cert", "show", &serial])["certificate"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE")
    );
    assert!(net.fails(3, &["cert", "show", "7"]).contains("tetra cert list"));
    assert!(net.fails(3, &["cert", "revoke", &serial, "--from", "bob", "--yes"]).contains("tetra cert list"));

    net.json(&["cert", "revoke", &serial, "--yes"]);
    assert_eq!(net.json(&["cert", "list"])[0]["state"], "revoked");
    assert!(net.fails(4, &["cert", "revoke", &serial, "--yes"]).contains("certificate already revoked"));
}
