//! The suppliers of the demo: an account, a folder and an agent on each machine.

use std::fs;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::super::network::Home;
use super::lab::{GATEWAY, HOST, Lab, MACHINES, Machine};
use crate::failure::{Doing, Failure, Result};

/// Agents that end with the demo, however it ends, and what they left of the kernel.
pub(super) struct Suppliers {
    home: Home,
    agents: Vec<(&'static str, Child)>,
}

impl Suppliers {
    /// Starts one on each machine.
    ///
    /// # Errors
    /// When an agent does not start.
    pub(super) fn start(home: &Home, lab: &Lab, image: &str) -> Result<Self> {
        let mut suppliers = Self { home: home.clone(), agents: Vec::new() };
        for (machine, place) in MACHINES.iter().zip(1u64..) {
            let dir = home.file(&format!("supplier-{}", machine.name));
            if dir.exists() {
                fs::remove_dir_all(&dir).doing(dir.display())?;
            }
            account(home, machine)?;
            configure(home, machine, place)?;
            home.json(&["image", "load", image, "--provider", &dir.display().to_string()])?;
        }
        // All at once, so that their devices are in the first round of proofs.
        for machine in MACHINES {
            let dir = home.file(&format!("supplier-{}", machine.name)).display().to_string();
            let log = home.file(&format!("supplier-{}.log", machine.name));
            let out = fs::File::create(&log).doing(log.display())?;
            let err = out.try_clone().doing(log.display())?;
            let mut command = lab.on(machine.name, home.tetra(&["provider", "start", &dir]).env("RUST_LOG", "info"));
            let agent = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().doing(machine.name)?;
            suppliers.agents.push((machine.name, agent));
            println!("  {} at {} ({})", machine.name, machine.outside, log.display());
        }
        Ok(suppliers)
    }

    /// The names of their keys.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.agents.iter().map(|(name, _)| *name)
    }
}

/// A key in the clear, with money for gas and collateral.
fn account(home: &Home, machine: &Machine) -> Result {
    let known = home.json(&["wallet", "show", machine.name]).ok();
    let shown = match known {
        Some(shown) => shown,
        None => home.json(&["wallet", "new", machine.name, "--dev"])?,
    };
    let address = shown["address"].as_str().ok_or_else(|| Failure::new(format!("no address in {shown}")))?;
    for amount in ["100tet", "100usd"] {
        home.json(&["send", address, amount, "-y"])?;
    }
    Ok(())
}

fn configure(home: &Home, machine: &Machine, place: u64) -> Result {
    let dir = home.file(&format!("supplier-{}", machine.name));
    let folder = dir.display().to_string();
    let (listen, uri) = (format!("{}:{GATEWAY}", machine.inside), format!("https://{}:{GATEWAY}", machine.outside));
    home.json(&[
        "provider",
        "init",
        &folder,
        "--account",
        machine.name,
        "--gateway-listen",
        &listen,
        "--host-uri",
        &uri,
    ])?;
    let path = dir.join("provider.json");
    let mut config: Value =
        serde_json::from_str(&fs::read_to_string(&path).doing(path.display())?).doing("provider.json")?;
    let node = config["node"].as_str().unwrap_or_default().replace("127.0.0.1", HOST);
    let object = config.as_object_mut().ok_or_else(|| Failure::new("provider.json is no object"))?;
    object.insert("node".to_owned(), json!(node));
    object.insert("instance".to_owned(), json!(format!("demo-{}", machine.name)));
    // Three machines share the cores of one here.
    object.insert("cpu_overcommit_percent".to_owned(), json!(600));
    fs::write(&path, config.to_string()).doing(path.display())?;
    let floor = (20_000 + 1_000 * place).to_string();
    let region = format!("lab-{}", machine.name);
    home.json(&[
        "provider",
        "cluster",
        "enable",
        &folder,
        "--cpu",
        "2",
        "--memory",
        "3",
        "--storage",
        "2",
        "--floor",
        &floor,
        "--region",
        &region,
        "--address",
        machine.outside,
    ])
    .map(drop)
}

impl Drop for Suppliers {
    fn drop(&mut self) {
        for (_, agent) in &mut self.agents {
            // Whoever ended already cannot be ended.
            let _ = agent.kill();
            let _ = agent.wait();
        }
        // Agents whose folders are gone never return: what they held of the kernel is removed by the command for that.
        for (name, _) in &self.agents {
            let _ = fs::remove_dir_all(self.home.file(&format!("supplier-{name}")));
        }
        if let Err(failure) = self.home.json(&["provider", "clean", "--yes"]) {
            eprintln!("what the demo's suppliers held is not removed: {failure}");
        }
    }
}
