//! The suppliers of the demo: an account, a folder and an agent on each machine.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::network::Home;
use super::super::subnet::crew::wait;
use super::lab::{GATEWAY, HOST, Lab, MACHINES, Machine, TETHERED};
use crate::failure::{Doing, Failure, Result};
use crate::shell;

/// The folder of the agent that SSH leads to, on its machine.
const REMOTE: &str = "tethered";

/// The folder of the agent that leases its devices elsewhere.
pub(super) const BROKER: &str = "supplier-broker";

/// Agents that end with the demo, however it ends, and what they left of the kernel.
pub(super) struct Suppliers {
    home: Home,
    agents: Vec<(&'static str, Child)>,
}

impl Suppliers {
    /// Starts one on each of these machines, and on the one that SSH alone leads to. Of those in `idle` it is the window of a render
    /// node that is offered.
    ///
    /// # Errors
    /// When an agent does not start.
    pub(super) fn start(home: &Home, lab: &Lab, image: &str, machines: &[Machine], idle: &[&str]) -> Result<Self> {
        let mut suppliers = Self { home: home.clone(), agents: Vec::new() };
        for (machine, place) in machines.iter().zip(1u64..) {
            let dir = prepare(home, machine, place)?.display().to_string();
            home.json(&["image", "load", image, "--provider", &dir])?;
            if idle.contains(&machine.name) {
                let window = ["--cpu", "2", "--memory", "3", "--storage", "2", "--threads", "1"];
                home.json(&[&["provider", "render", "enable", &dir][..], &window].concat())?;
                home.json(&["provider", "cluster", "enable", &dir, "--source", "render-idle", "--floor", "0"])?;
            }
        }
        // As dear as the third, so that it may take that one's place.
        prepare(home, &TETHERED, 3)?;
        afresh(&home.file(REMOTE))?;
        ssh_keys(home)?;
        suppliers.agents.push(("its SSH server", ssh_server(home, lab)?));
        ssh_answers()?;
        // All at once, so that their devices are in the first round of proofs; the one that takes longest before the others.
        suppliers.agents.push((TETHERED.name, tether(home, image)?));
        for machine in machines {
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

    /// Starts the agent of a folder on the host.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn also(&mut self, name: &'static str, dir: &str) -> Result {
        let log = self.home.file(&format!("supplier-{name}.log"));
        let out = fs::File::create(&log).doing(log.display())?;
        let err = out.try_clone().doing(log.display())?;
        let mut command = self.home.tetra(&["provider", "start", dir]);
        let agent = command.env("RUST_LOG", "info").stdin(Stdio::null()).stdout(out).stderr(err).spawn().doing(name)?;
        self.agents.push((name, agent));
        println!("  {name} on the host ({})", log.display());
        Ok(())
    }

    /// The names of their keys.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        MACHINES.into_iter().chain([TETHERED]).map(|machine| machine.name)
    }
}

/// Takes away what an earlier demo left in a folder.
fn afresh(folder: &Path) -> Result {
    if folder.exists() { fs::remove_dir_all(folder).doing(folder.display()) } else { Ok(()) }
}

/// A supplier's account and folder.
pub(super) fn prepare(home: &Home, machine: &Machine, place: u64) -> Result<PathBuf> {
    let dir = home.file(&format!("supplier-{}", machine.name));
    afresh(&dir)?;
    account(home, machine)?;
    configure(home, machine, place)?;
    Ok(dir)
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
    // Of a machine that is reached by SSH alone the host listens.
    let own = if machine.outside == HOST { HOST } else { machine.inside };
    let (listen, uri) = (format!("{own}:{GATEWAY}"), format!("https://{}:{GATEWAY}", machine.outside));
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
    let node = config["node"].as_str().unwrap_or_default();
    let node = if machine.outside == HOST { node.to_owned() } else { node.replace("127.0.0.1", HOST) };
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

/// Makes the keys of an SSH server and of who reaches it.
fn ssh_keys(home: &Home) -> Result {
    let file = |name: &str| home.file(name).display().to_string();
    for name in ["ssh-host", "ssh-user"] {
        for old in [file(name), file(&format!("{name}.pub"))] {
            // There is none the first time.
            let _ = fs::remove_file(old);
        }
        let key = ["-q", "-t", "ed25519", "-N", "", "-f", &file(name)];
        shell::read(shell::program("ssh-keygen").args(key)).map(drop)?;
    }
    let _ = fs::remove_file(file("ssh-known"));
    Ok(())
}

/// Starts an SSH server on the machine that nothing else leads to.
fn ssh_server(home: &Home, lab: &Lab) -> Result<Child> {
    let file = |name: &str| home.file(name).display().to_string();
    let (config, log) = (file("sshd_config"), file("sshd.log"));
    let text = format!(
        "ListenAddress {}:22\nHostKey {}\nAuthorizedKeysFile {}\nPermitRootLogin prohibit-password\nUsePAM no\n\
         StrictModes no\nPidFile none\n",
        TETHERED.inside,
        file("ssh-host"),
        file("ssh-user.pub")
    );
    fs::write(&config, text).doing(&config)?;
    fs::create_dir_all("/run/sshd").doing("/run/sshd")?;
    let out = fs::File::create(&log).doing(&log)?;
    let sshd = shell::program("/usr/sbin/sshd");
    let mut server = lab.on(TETHERED.name, &sshd);
    server.args(["-D", "-e", "-f", &config]).stdin(Stdio::null()).stderr(out).spawn().doing("sshd")
}

/// Waits until it takes connections.
fn ssh_answers() -> Result {
    let address: SocketAddr = format!("{}:22", TETHERED.inside).parse().doing(TETHERED.inside)?;
    wait("the SSH server", || Ok(TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok().map(drop)))
}

/// Ties the agent of that machine to the host.
fn tether(home: &Home, image: &str) -> Result<Child> {
    let file = |name: &str| home.file(name).display().to_string();
    let options = format!(
        "-i {} -o UserKnownHostsFile={} -o StrictHostKeyChecking=accept-new",
        file("ssh-user"),
        file("ssh-known")
    );
    let (log, host) = (file(&format!("supplier-{}.log", TETHERED.name)), format!("root@{}", TETHERED.inside));
    let (dir, there) = (file(&format!("supplier-{}", TETHERED.name)), file(REMOTE));
    let out = fs::File::create(&log).doing(&log)?;
    let args = ["provider", "tether", &dir, &host, "--ssh", &options, "--image", image, "--remote-dir", &there];
    let mut command = home.tetra(&args);
    let tether = command.env("RUST_LOG", "info").stdin(Stdio::null()).stderr(out).spawn().doing("the tether")?;
    println!("  {} at {}, by SSH alone ({log})", TETHERED.name, TETHERED.inside);
    Ok(tether)
}

impl Drop for Suppliers {
    fn drop(&mut self) {
        for (_, agent) in &mut self.agents {
            // Whoever ended already cannot be ended.
            let _ = agent.kill();
            let _ = agent.wait();
        }
        // Agents whose folders are gone never return: what they held of the kernel is removed by the command for that.
        for name in self.names() {
            let _ = fs::remove_dir_all(self.home.file(&format!("supplier-{name}")));
        }
        for folder in [REMOTE, BROKER] {
            let _ = fs::remove_dir_all(self.home.file(folder));
        }
        if let Err(failure) = self.home.json(&["provider", "clean", "--yes"]) {
            eprintln!("what the demo's suppliers held is not removed: {failure}");
        }
    }
}
