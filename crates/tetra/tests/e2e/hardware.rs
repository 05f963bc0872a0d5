//! Hardware steers a deployment, which then runs where it was steered to: two providers on one network, of which the second
//! asks a quarter more, each with another GPU and another class of storage. The GPUs are simulated, and say so wherever
//! they show.

use serde_json::Value;

use crate::net::{Deployment, Net, until};

const PAGE: &str = "examples/env-command/deploy.yaml";
const TOLD: &str = "\"$GREETING from $HOSTNAME\"";
const MEMORY: &str = "        memory:\n";
const PRICING: &str = "      pricing:\n";
const ACCEPT: &str = "--accept-simulated";

struct Two {
    net: Net,
    dirs: [String; 2],
    providers: [String; 2],
    /// Where the HTTP proxies listen.
    proxies: [String; 2],
}

impl Two {
    fn start() -> Option<Self> {
        let gpus = ["--simulated-gpu", "1:nvidia/t4/16Gi", "--simulated-gpu", "2:nvidia/a100/80Gi/sxm"];
        let mut net = Net::start_with(&[["--providers", "2"].as_slice(), &gpus].concat(), true)?;
        let fields = |net: &Net, name: &str| {
            [0, 1].map(|place| net.report["providers"][place][name].as_str().unwrap().to_owned())
        };
        let (dirs, providers) = (fields(&net, "dir"), fields(&net, "address"));
        for (dir, class) in dirs.iter().zip(["beta2", "beta3"]) {
            let class = format!("capabilities/storage/4/class={class}");
            net.json(&["provider", "attributes", "set", dir, &class, "capabilities/storage/4/persistent=true"]);
        }
        net.again();
        let proxies = fields(&net, "proxy");
        let two = Self { net, dirs, providers, proxies };
        let registered = until(|| {
            let shown = [0, 1].map(|place| two.net.json(&["provider", "attributes", "show", &two.dirs[place]]));
            let class = |place: usize| shown[place]["registered"]["capabilities/storage/4/class"].clone();
            if [class(0), class(1)] == ["beta2", "beta3"] { Ok(()) } else { Err(shown.clone()) }
        });
        assert_eq!(registered, Ok(()));
        Some(two)
    }

    /// The page tells what the container knows of GPUs and which devices it has.
    fn file(&self, name: &str, gpu: Option<&str>, placement: &str) -> String {
        let told = "\"gpus <$TETRA_SIMULATED_GPUS> dev <$(ls /dev | tr '\\n' ' ')>\"";
        let gpu = gpu.map(|models| {
            format!(
                "        gpu:\n          units: 1\n          attributes: {{ vendor: {{ nvidia: {models} }} }}\n{MEMORY}"
            )
        });
        let changes =
            [(TOLD, told), (MEMORY, gpu.as_deref().unwrap_or(MEMORY)), (PRICING, &format!("{placement}{PRICING}"))];
        self.net.file(name, PAGE, &changes)
    }

    /// Deploys a file, which must run at a provider; what its page says.
    fn runs_at(&self, place: usize, arguments: &[&str]) -> (Deployment, Value, String) {
        let told = self.net.json(&[&["deploy"], arguments].concat());
        let lease = &told["leases"][0];
        assert_eq!(lease["provider"], self.providers[place].as_str(), "{told:#}");
        let deployment = Deployment::of(&told);
        let page =
            until(|| deployment.page().and_then(|page| if page.contains("dev <") { Ok(page) } else { Err(page) }));
        // The proxy of that provider serves it, and its agent says that it has the lease.
        let port = self.proxies[place].rsplit_once(':').unwrap().1.trim_end_matches('/');
        assert!(deployment.url.trim_end_matches('/').ends_with(&format!(":{port}")), "{} {port}", deployment.url);
        let status = self.status(place);
        assert_eq!(status["cluster"]["leases"], 1, "{status:#}");
        (deployment, told.clone(), page.unwrap())
    }

    fn status(&self, place: usize) -> Value {
        self.net.json(&["provider", "status", &self.dirs[place]])
    }

    /// The GPUs of a provider as its agent shows them.
    fn gpus(&self, place: usize) -> Value {
        self.status(place)["cluster"]["inventory"]["available"]["nodes"][0]["gpus"].clone()
    }

    /// What both providers say of a file that nobody bids on.
    fn nobody_bids(&self, file: &str) -> [String; 2] {
        let said = self.net.fails(6, &["deploy", file, "--auto", "cheapest", "--bid-wait", "5", ACCEPT]);
        let of = |provider: &String| said.lines().find(|line| line.contains(provider)).unwrap_or_default().to_owned();
        [of(&self.providers[0]), of(&self.providers[1])]
    }
}

#[test]
fn gpu_models_and_storage_classes_steer_a_deployment_to_where_it_runs() {
    let Some(two) = Two::start() else { return };
    let net = &two.net;

    // Marked where the machine is shown: agent, chain, doctor.
    for (place, name) in [(0, "nvidia/t4/16Gi (simulated)"), (1, "nvidia/a100/80Gi/sxm (simulated)")] {
        let gpus = two.gpus(place);
        assert_eq!((&gpus[0]["name"], &gpus[0]["simulated"]), (&name.into(), &true.into()), "{gpus}");
        let hosts = net.json(&["query", "hosts", &two.providers[place]]);
        let device = &hosts[0]["devices"][0];
        assert_eq!(device["simulated"], true, "{hosts}");
        assert!(device["model"].as_str().unwrap().ends_with("/simulated/true"), "{hosts}");
        let shown = net.json(&["provider", "attributes", "show", &two.dirs[place]]);
        assert_eq!(shown["registered"]["simulated"], "true", "{shown}");
    }
    let doctor = String::from_utf8(net.run(&["doctor"]).stdout).unwrap();
    for line in ["provider-1 gpu", "provider-2 gpu", "node health", "provider-1 health", "provider-2 health"] {
        assert!(doctor.contains(line), "{line} in {doctor}");
    }
    assert!(doctor.contains("nvidia/a100/80Gi/sxm (simulated"), "{doctor}");

    // Any GPU: the cheap one, and only once it is accepted that there is none. -y is not enough.
    let any = two.file("any.yaml", Some(""), "");
    let refused = net.fails(2, &["deploy", &any, "--auto", "cheapest", "--bids", "2", "--bid-wait", "60", "-y"]);
    assert!(refused.contains("nvidia/t4/16Gi (simulated)") && refused.contains(ACCEPT), "{refused}");
    let dseq = refused.split("--resume ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let bids = net.json(&["bid", "list", &dseq]);
    assert_eq!((&bids[0]["simulated"], &bids[1]["simulated"]), (&true.into(), &true.into()), "{bids}");
    let (cheap, told, page) = two.runs_at(0, &["--resume", &dseq, "--auto", "cheapest", ACCEPT]);
    assert_eq!(told["leases"][0]["gpus"][0], "nvidia/t4/16Gi (simulated)", "{told:#}");
    assert!(page.contains("gpus <nvidia/t4/16Gi>") && !page.contains("nvidia0"), "{page}");
    net.close(cheap.dseq);

    // A model with memory and interface: the dear one.
    let a100 = two.file("a100.yaml", Some("[{ model: a100, ram: 80Gi, interface: sxm }]"), "");
    let (dear, _, page) = two.runs_at(1, &[&a100, "--auto", "cheapest", ACCEPT]);
    assert!(page.contains("gpus <nvidia/a100/80Gi/sxm>"), "{page}");
    let lease = net.json(&["lease", "status", &dear.dseq.to_string()]);
    let gpu = &lease[0]["status"]["services"]["web"]["gpus"][0][0];
    assert_eq!(
        (&gpu["simulated"], &gpu["name"]),
        (&true.into(), &"nvidia/a100/80Gi/sxm (simulated)".into()),
        "{lease:#}"
    );
    let status = two.status(1);
    let inventory = &status["cluster"]["inventory"];
    assert_eq!(inventory["available"]["nodes"][0]["available"]["gpu"], 0, "{status:#}");
    let holder = two.gpus(1)[0]["holder"].as_str().unwrap().to_owned();
    assert!(holder.contains(&format!("/{}/", dear.dseq)), "{holder}");
    assert_eq!((&status["health"]["live"], &status["health"]["ready"]), (&true.into(), &true.into()), "{status:#}");
    assert_eq!(net.json(&["status"])["health"]["ready"], true);

    // There is one of it, and one model more or less is another one.
    let [t4, full] = two.nobody_bids(&a100);
    assert!(t4.contains("none of the GPUs that it wants (vendor/nvidia/model/a100/ram/80Gi/interface/sxm)"), "{t4}");
    assert!(full.contains("insufficient capacity for reservation: 1 GPUs wanted, 0 of 1 free"), "{full}");
    net.close(dear.dseq);
    let small = two.nobody_bids(&two.file("small.yaml", Some("[{ model: a100, ram: 40Gi }]"), ""));
    assert!(small.iter().all(|said| said.contains("none of the GPUs that it wants")), "{small:?}");

    // Who wants none but real ones says so in the file.
    let real = two.file("real.yaml", Some(""), "      attributes:\n        simulated: \"false\"\n");
    let said = two.nobody_bids(&real);
    assert!(said.iter().all(|said| said.contains("the provider has no attribute simulated=false")), "{said:?}");

    // A class of storage, both ways.
    for (place, class) in [(0, "beta2"), (1, "beta3")] {
        let volume = format!(
            "        storage:\n          - size: 64Mi\n          - name: data\n            size: 16Mi\n            \
             attributes: {{ persistent: true, class: {class} }}\n"
        );
        let mount = "    image: hello-web:latest\n    params: { storage: { data: { mount: /data } } }\n";
        let changes = [
            ("        storage:\n          - size: 64Mi\n", volume.as_str()),
            ("    image: hello-web:latest\n", mount),
            (TOLD, "\"dev <$(df /data | tail -n 1)>\""),
        ];
        let file = net.file(&format!("{class}.yaml"), PAGE, &changes);
        let (deployment, _, page) = two.runs_at(place, &[&file, "--auto", "cheapest"]);
        assert!(page.contains("/data"), "{page}");
        net.close(deployment.dseq);
    }

    // Everything was given back.
    let free = until(|| {
        let holders = [0, 1].map(|place| two.gpus(place)[0]["holder"].clone());
        if holders.iter().all(Value::is_null) { Ok(()) } else { Err(holders) }
    });
    assert_eq!(free, Ok(()));
    net.nothing_left();
}
