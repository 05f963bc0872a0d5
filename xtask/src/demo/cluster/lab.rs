//! Machines of the demo: network namespaces on one bridge, each with an address of its own; one stands behind a router that
//! translates addresses and passes its gateway's port alone.
//!
//! ```text
//! host 10.77.0.1 ── bridge ── one 10.77.0.11, two 10.77.0.12
//!                       ├──── router 10.77.0.13 ── NAT ── three 10.78.0.2
//!                       └──── four 10.77.0.14: port 22 gets in, nothing gets out
//! ```

use std::process::{Child, Command, Stdio};

use crate::failure::{Doing, Result};
use crate::shell;

/// The bridge on the host.
const BRIDGE: &str = "tetrademo0";
/// Where control groups are shown on the way into a machine.
const CGROUPS: &str = "/run/tetra-demo-cgroups";
/// What names of the demo begin with.
const PREFIX: &str = "tetra-demo-";
/// The host, as the machines see it.
pub(crate) const HOST: &str = "10.77.0.1";
/// Where suppliers' gateways listen.
pub(crate) const GATEWAY: u16 = 8_443;

/// One machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// Its name.
    pub(crate) name: &'static str,
    /// Where it is reached from outside.
    pub(crate) outside: &'static str,
    /// Its own address.
    pub(crate) inside: &'static str,
}

/// The machines.
pub(crate) const MACHINES: [Machine; 3] = [
    Machine { name: "one", outside: "10.77.0.11", inside: "10.77.0.11" },
    Machine { name: "two", outside: "10.77.0.12", inside: "10.77.0.12" },
    Machine { name: "three", outside: "10.77.0.13", inside: "10.78.0.2" },
];

/// The machine that is reached by SSH alone: its agent's gateway is the host.
pub(crate) const TETHERED: Machine = Machine { name: "four", outside: HOST, inside: "10.77.0.14" };

/// The namespaces, which go with it.
pub(crate) struct Lab {
    /// A process in each namespace, whose mounts are those of the machine.
    holders: Vec<(&'static str, Child)>,
}

fn ip(line: &str) -> Result {
    shell::read(shell::program("ip").args(line.split_whitespace())).map(drop)
}

fn nft(netns: Option<&str>, rules: &str) -> Result {
    let mut command = match netns {
        Some(netns) => {
            let mut command = shell::program("ip");
            command.args(["netns", "exec", netns, "nft"]);
            command
        }
        None => shell::program("nft"),
    };
    command.arg(rules);
    shell::read(&mut command).map(drop)
}

fn netns(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Takes away what an interrupted demo left.
fn clear() {
    for name in ["one", "two", "three", "four", "router"] {
        let _ = ip(&format!("link del td-{name}"));
        let _ = ip(&format!("netns del {}", netns(name)));
    }
    let _ = ip(&format!("link del {BRIDGE}"));
    let _ = nft(None, "delete table ip tetra_demo");
}

/// A namespace with one end of a link on the bridge.
fn plug(name: &str, address: &str) -> Result {
    let netns = netns(name);
    ip(&format!("netns add {netns}"))?;
    ip(&format!("link add td-{name} type veth peer name up0 netns {netns}"))?;
    ip(&format!("link set td-{name} master {BRIDGE} up"))?;
    ip(&format!("-n {netns} link set lo up"))?;
    ip(&format!("-n {netns} addr add {address}/24 dev up0"))?;
    ip(&format!("-n {netns} link set up0 up"))
}

impl Lab {
    /// Makes them. `rpc` is the port of the chain's node on the host's loopback, which machines reach at the host's address.
    ///
    /// # Errors
    /// When the kernel or its tools refuse.
    pub(crate) fn make(rpc: u16) -> Result<Self> {
        clear();
        let mut lab = Self { holders: Vec::new() };
        ip(&format!("link add {BRIDGE} type bridge"))?;
        ip(&format!("addr add {HOST}/24 dev {BRIDGE}"))?;
        ip(&format!("link set {BRIDGE} up"))?;
        let forward = format!("/proc/sys/net/ipv4/conf/{BRIDGE}/route_localnet");
        std::fs::write(&forward, "1").doing(&forward)?;
        nft(
            None,
            &format!(
                "table ip tetra_demo {{\nchain pre {{\ntype nat hook prerouting priority dstnat;\n\
                 iifname \"{BRIDGE}\" ip daddr {HOST} tcp dport {rpc} dnat to 127.0.0.1:{rpc}\n}}\n}}"
            ),
        )?;
        for machine in &MACHINES[..2] {
            plug(machine.name, machine.outside)?;
            ip(&format!("-n {} route add default via {HOST}", netns(machine.name)))?;
        }
        lab.behind_nat(&MACHINES[2])?;
        lab.ssh_alone(&TETHERED)?;
        for machine in MACHINES.iter().chain([&TETHERED]) {
            // `ip netns exec` shows another /sys, without the control groups that containers need.
            let script = format!(
                "mkdir -p {CGROUPS} && mount --rbind /sys/fs/cgroup {CGROUPS} && exec ip netns exec {} \
                 sh -c 'mount --rbind {CGROUPS} /sys/fs/cgroup && exec sleep infinity'",
                netns(machine.name)
            );
            let holder = shell::program("unshare")
                .args(["--mount", "sh", "-c", &script])
                .stdin(Stdio::null())
                .spawn()
                .doing(machine.name)?;
            lab.holders.push((machine.name, holder));
        }
        Ok(lab)
    }

    fn ssh_alone(&mut self, machine: &Machine) -> Result {
        plug(machine.name, machine.inside)?;
        nft(
            Some(&netns(machine.name)),
            "table ip gate {\nchain in {\ntype filter hook input priority filter; policy drop;\n\
             iifname != \"up0\" accept\ntcp dport 22 accept\n}\n\
             chain out {\ntype filter hook output priority filter; policy drop;\n\
             oifname != \"up0\" accept\ntcp sport 22 accept\n}\n}",
        )
    }

    fn behind_nat(&mut self, machine: &Machine) -> Result {
        let (router, inner) = (netns("router"), netns(machine.name));
        plug("router", machine.outside)?;
        ip(&format!("-n {router} route add default via {HOST}"))?;
        ip(&format!("netns add {inner}"))?;
        ip(&format!("-n {router} link add in0 type veth peer name up0 netns {inner}"))?;
        ip(&format!("-n {router} addr add 10.78.0.1/24 dev in0"))?;
        ip(&format!("-n {router} link set in0 up"))?;
        ip(&format!("-n {inner} link set lo up"))?;
        ip(&format!("-n {inner} addr add {}/24 dev up0", machine.inside))?;
        ip(&format!("-n {inner} link set up0 up"))?;
        ip(&format!("-n {inner} route add default via 10.78.0.1"))?;
        shell::read(shell::program("ip").args(["netns", "exec", &router, "sysctl", "-qw", "net.ipv4.ip_forward=1"]))?;
        nft(
            Some(&router),
            &format!(
                "table ip nat {{\nchain pre {{\ntype nat hook prerouting priority dstnat;\n\
                 iifname \"up0\" tcp dport {GATEWAY} dnat to {}:{GATEWAY}\n}}\n\
                 chain post {{\ntype nat hook postrouting priority srcnat;\noifname \"up0\" masquerade random\n}}\n}}",
                machine.inside
            ),
        )?;
        nft(
            Some(&router),
            "table ip gate {\nchain forward {\ntype filter hook forward priority filter; policy drop;\n\
             ct state established,related accept\niifname \"in0\" accept\nct status dnat accept\n}\n}",
        )
    }

    /// A program on a machine, with the machine's network and mounts.
    pub(crate) fn on(&self, name: &str, program: &Command) -> Command {
        let holder = self.holders.iter().find(|(known, _)| *known == name).map_or(0, |(_, child)| child.id());
        let mut command = shell::program("nsenter");
        command.args(["-t", &holder.to_string(), "-n", "-m", "--"]);
        command.arg(program.get_program()).args(program.get_args());
        for (key, value) in program.get_envs() {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        command
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for (_, holder) in &mut self.holders {
            // Whoever ended already cannot be ended.
            let _ = holder.kill();
            let _ = holder.wait();
        }
        clear();
    }
}
