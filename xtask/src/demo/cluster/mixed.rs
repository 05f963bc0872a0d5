//! Clusters of all four sources: a provider, an idle render window, a machine behind SSH, and a lease on a second network of Akash's API,
//! bought by a broker. All four in one of type shell; in one of type ray once the lease is of a provider that permits network devices.

use std::fs;

use serde_json::Value;

use super::super::checks::Checks;
use super::super::network::{Home, Network};
use super::super::step;
use super::super::subnet::crew::wait;
use super::lab::{HOST, Lab, MACHINES, Machine};
use super::suppliers::{BROKER, Suppliers, prepare};
use super::{Args, IMAGE, JOB, begin, create, file, squares};
use crate::failure::{Doing, Failure, Result};
use crate::shell;

/// What every node runs.
const PAGES: &str = include_str!("pages.py");
/// The broker's agent listens on the host beside the tether.
const LISTEN: &str = "10.77.0.1:9443";
/// The broker, as accounts and folders are called.
const NAME: &str = "broker";

/// Runs it.
///
/// # Errors
/// When a step fails, or a claim does not hold.
pub(crate) fn run(args: &Args) -> Result {
    let (home, image) = begin("demo mixed")?;
    let idle: &[&str] = if args.short { &[] } else { &["two"] };
    if !args.short {
        step("Blender, for the render node");
        home.json(&["provider", "render", "install"])?;
    }
    step("a chain; a second one of profile akash-classic with a provider of its own; four machines");
    let network = Network::start(home.clone(), 1, 0, "500ms")?;
    let elsewhere = home.beside("akash");
    let options = ["--profile", "akash-classic", "--providers", "1", "--rpc-port", "27657", "--network-devices"];
    let other = Network::start_with(elsewhere.clone(), &options)?;
    elsewhere.json(&["image", "load", &image])?;
    let port = network.rpc()?.rsplit(':').next().and_then(|port| port.parse().ok());
    let lab = Lab::make(port.ok_or_else(|| Failure::new("the node's address names no port"))?)?;
    let broker = broker(&home, &elsewhere, other.rpc()?)?;
    let mut suppliers = Suppliers::start(&home, &lab, &image, &MACHINES[..2], idle)?;
    suppliers.also(NAME, &broker)?;
    let mut checks = Checks::default();

    step("each proves its devices: the broker's in its lease");
    let offers = wait("proofs", || {
        let offers = home.json(&["cluster", "offers"])?;
        Ok((offers["classes"][0]["proved"] == 4).then_some(offers))
    })?;
    shell::show(&mut home.tetra(&["cluster", "offers"]))?;
    let found = sources(&offers["offers"]);
    let (wanted, sorts) = match args.short {
        true => (vec!["lease", "provider", "provider", "ssh"], "three"),
        false => (vec!["lease", "provider", "render idle", "ssh"], "four"),
    };
    checks.claim(found == wanted, format!("devices of {sorts} sources are proved and tried by strangers: {found:?}"));
    money(&elsewhere, &offers, &mut checks)?;

    shell_of_all(&home, &wanted, &mut checks)?;
    if !args.short {
        ray_of_all(&home, &broker, &mut checks)?;
    }
    step("the broker gives its lease up");
    home.json(&["provider", "cluster", "disable", &broker, "--withdraw"])?;
    let closed = wait("its deployment to be closed", || {
        let open = elsewhere.json(&["deployment", "list", "--from", NAME])?;
        Ok(open.as_array().is_some_and(Vec::is_empty).then_some(()))
    });
    checks
        .claim(closed.is_ok(), "its deployment on the other network is closed, and the rest of the deposit came back");
    if args.keep {
        println!("\nTETRA_HOME={}; enter ends everything", home.file("").display());
        let _ = std::io::stdin().read_line(&mut String::new());
    }
    drop(suppliers);
    drop(lab);
    drop(other);
    network.finish(false, checks)
}

/// The sources of ready offers, in order.
fn sources(offers: &Value) -> Vec<String> {
    let offers = offers.as_array().into_iter().flatten();
    let mut found: Vec<String> = offers.filter_map(|offer| offer["source"].as_str()).map(str::to_owned).collect();
    found.sort();
    found
}

/// The broker's accounts on both networks, of one key, and its agent's folder.
fn broker(home: &Home, elsewhere: &Home, node: &str) -> Result<String> {
    let machine = Machine { name: NAME, outside: HOST, inside: HOST };
    let dir = prepare(home, &machine, 4)?;
    if dir != home.file(BROKER) {
        return Err(Failure::new(format!("the broker's folder is {}", dir.display())));
    }
    let dir = dir.display().to_string();
    let key = format!("keys/{NAME}.key");
    fs::copy(home.file(&key), elsewhere.file(&key)).doing(&key)?;
    let shown = elsewhere.json(&["wallet", "show", NAME])?;
    let address = shown["address"].as_str().ok_or_else(|| Failure::new(format!("no address in {shown}")))?;
    for amount in ["100akt", "100act"] {
        elsewhere.json(&["send", address, amount, "-y"])?;
    }
    let path = home.file(BROKER).join("provider.json");
    let text = fs::read_to_string(&path).doing(path.display())?.replace("10.77.0.1:8443", LISTEN);
    let mut config: Value = serde_json::from_str(&text).doing("provider.json")?;
    for (field, address) in
        [("grpc_listen", "10.77.0.1:9444"), ("proxy_listen", "10.77.0.1:9080"), ("metrics_listen", "10.77.0.1:9445")]
    {
        config[field] = address.into();
    }
    fs::write(&path, config.to_string()).doing(path.display())?;
    let lease = [
        "--source",
        "lease",
        "--lease-node",
        node,
        "--lease-most",
        "1000",
        "--lease-rate",
        "1",
        "--lease-image",
        IMAGE,
    ];
    let device = ["--cpu", "1", "--memory", "2", "--storage", "2", "--floor", "0", "--region", "elsewhere"];
    home.json(&[&["provider", "cluster", "enable", &dir][..], &lease, &device].concat())?;
    Ok(dir)
}

/// What the broker asks for is what it pays and the margin that it names.
fn money(elsewhere: &Home, offers: &Value, checks: &mut Checks) -> Result {
    let offer = offers["offers"].as_array().into_iter().flatten().find(|offer| offer["source"] == "lease").cloned();
    let offer = offer.ok_or_else(|| Failure::new("no device is leased"))?;
    let lease = &offer["lease"];
    checks.claim(
        lease["network"] == "akash-classic-local" && lease["margin_bp"] == 2_000 && lease["device"] == false,
        format!("the broker's offer says where, at which margin, and that its container has no device: {lease}"),
    );
    shell::show(&mut elsewhere.tetra(&["deployment", "list", "--from", NAME]))?;
    let leases = elsewhere.json(&["lease", "list", "--from", NAME])?;
    let amount = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    let (paid, asked) = (amount(&leases[0]["rate"]["per_hour"]), amount(&offer["floor"]));
    // Its hour has as many blocks as were measured when it was bought, and the other network's nominal ones are shown.
    checks.claim(
        lease["dseqs"][0] == leases[0]["dseq"] && leases.as_array().is_some_and(|leases| leases.len() == 1),
        format!("its lease there can be looked up: deployment {} of {}", lease["dseqs"][0], lease["tenant"]),
    );
    checks.claim(
        (asked / paid - 1.2).abs() < 0.12,
        format!("it asks for {asked} uusd an hour, {:.2} times the {paid:.0} uact that it pays", asked / paid),
    );
    Ok(())
}

fn shell_of_all(home: &Home, wanted: &[&str], checks: &mut Checks) -> Result {
    step("a cluster of type shell with a node of each");
    let options = ["-n", "4", "-k", "shell", "-d", "20m", "--interruptible"];
    shell::show(&mut home.tetra(&["cluster", "quote", "-n", "4", "-k", "shell", "--interruptible"]))?;
    let (cluster, took) = create(home, &options)?;
    println!("  cluster {cluster} works after {:.1} s", took.as_secs_f64());
    let shown = home.json(&["cluster", "show", &cluster])?;
    let found = sources(&shown["nodes"]);
    checks.claim(found == wanted, format!("its nodes: {found:?}"));
    let script = file(home, "pages.py", PAGES)?;
    home.json(&["cluster", "cp", &cluster, &script, "all:/root/pages.py"])?;
    let done = home.outcome(&["cluster", "run", &cluster, "--", "python3", "/root/pages.py"])?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    said.lines().for_each(|line| println!("  {line}"));
    if !done.status.success() {
        println!("{}", String::from_utf8_lossy(&done.stderr));
    }
    checks.equal("nodes that reach all four, and themselves", said.matches(": right:").count() as i128, 4);
    checks.claim(
        said.matches("by a proxy").count() == 1,
        "the one in the lease by its proxy, the others by their devices",
    );
    shell::show(&mut home.tetra(&["cluster", "nodes", &cluster]))?;
    home.json(&["cluster", "stop", &cluster, "-y"])?;
    let shown = home.json(&["cluster", "show", &cluster])?;
    shell::show(&mut home.tetra(&["cluster", "show", &cluster]))?;
    let paid =
        shown["nodes"].as_array().into_iter().flatten().filter(|node| node["paid_from_ms"].as_u64() > Some(0)).count();
    checks.equal("nodes that were paid", paid as i128, 4);
    wait("devices to be free", || {
        let offers = home.json(&["cluster", "offers"])?;
        Ok((offers["classes"][0]["hired"] == 0).then_some(()))
    })
}

fn ray_of_all(home: &Home, broker: &str, checks: &mut Checks) -> Result {
    step("type ray: the lease permits no network device, so the broker leases of a provider that does");
    let asked = home.outcome(&["cluster", "quote", "-n", "4", "-k", "ray", "--interruptible", "-o", "json"])?;
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    said.lines().for_each(|line| println!("  {line}"));
    checks.claim(
        !asked.status.success() && said.contains("type shell alone"),
        "four are refused, because the lease permits no device",
    );
    home.json(&["provider", "cluster", "enable", broker, "--source", "lease", "--lease-tun"])?;
    wait("the new lease to be proved", || {
        let offers = home.json(&["cluster", "offers"])?;
        let has_device =
            offers["offers"].as_array().into_iter().flatten().any(|offer| offer["lease"]["device"] == true);
        Ok((has_device && offers["classes"][0]["proved"] == 4).then_some(()))
    })?;
    step("a cluster of type ray with a node of each");
    let (cluster, took) = create(home, &["-n", "4", "-k", "ray", "-d", "20m", "--checkpoint", "1", "--interruptible"])?;
    println!("  cluster {cluster} works after {:.1} s", took.as_secs_f64());
    let found = sources(&home.json(&["cluster", "show", &cluster])?["nodes"]);
    checks.claim(found == ["lease", "provider", "render idle", "ssh"], format!("its nodes: {found:?}"));
    let script = file(home, "job.py", JOB)?;
    home.json(&["cluster", "cp", &cluster, &script, "0:/checkpoint/job.py"])?;
    let job = ["cluster", "submit", &cluster, "--id", "mixed", "--", "python3", "/checkpoint/job.py", "12", "0.5"];
    let done = home.outcome(&job)?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    said.lines().rev().take(3).for_each(|line| println!("  {line}"));
    let wanted = format!("sum {} from 4 nodes", squares(12_000));
    checks.claim(said.contains(&wanted), format!("a job on all four: {wanted}"));
    home.json(&["cluster", "stop", &cluster, "-y"])?;
    Ok(())
}
