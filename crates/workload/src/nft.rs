//! The firewall of one pod: one nftables table, so that deleting it deletes every rule.
//!
//! Containers are routed, not bridged: each has a point-to-point link to the host, so every
//! packet between two of them passes the host's forward hook and these rules.

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::slots::Subnet;
use crate::spec::{Egress, ExposeTo, PodSpec, Protocol};

/// Ranges that no container reaches: this host's neighbours, other pods, loopback, link-local
/// (cloud metadata services live there), carrier NAT, multicast, reserved.
const PRIVATE_RANGES: &str = "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, \
     172.16.0.0/12, 192.0.0.0/24, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3";

/// What the rules need to know of a pod.
pub(crate) struct Firewall<'a> {
    pub(crate) table: &'a str,
    pub(crate) link_prefix: &'a str,
    pub(crate) subnet: Subnet,
    pub(crate) name_servers: &'a [Ipv4Addr],
    pub(crate) spec: &'a PodSpec,
    /// The replicas in the order of their ordinals.
    pub(crate) endpoints: &'a [Endpoint<'a>],
}

/// One replica on the network.
pub(crate) struct Endpoint<'a> {
    pub(crate) service: &'a str,
    pub(crate) link: String,
    pub(crate) address: Ipv4Addr,
}

impl Firewall<'_> {
    /// Input for `nft -f -` that replaces the pod's table in one transaction.
    pub(crate) fn ruleset(&self) -> String {
        let Self { table, link_prefix, subnet, .. } = self;
        let subnet = subnet.cidr();
        let anti_spoofing = joined(self.endpoints.iter().map(|e| format!("{:?} . {}", e.link, e.address)));
        let mut rules = format!(
            "table inet {table}\n\
             delete table inet {table}\n\
             table inet {table} {{\n\
             \x20 chain host {{\n\
             \x20   type filter hook input priority filter; policy accept;\n\
             \x20   iifname \"{link_prefix}*\" ct state established,related accept\n\
             \x20   iifname \"{link_prefix}*\" drop\n\
             \x20 }}\n\
             \x20 chain forwarded {{\n\
             \x20   type filter hook forward priority filter; policy accept;\n\
             \x20   iifname \"{link_prefix}*\" jump outbound\n\
             \x20   oifname \"{link_prefix}*\" ct state established,related accept\n\
             \x20   oifname \"{link_prefix}*\" drop\n\
             \x20 }}\n\
             \x20 chain outbound {{\n\
             \x20   meta nfproto ipv6 drop\n\
             \x20   iifname . ip saddr != {{ {anti_spoofing} }} drop\n\
             \x20   ct state established,related accept\n"
        );
        for line in self.peer_rules() {
            let _ = writeln!(rules, "    {line}");
        }
        let _ = writeln!(rules, "    oifname \"{link_prefix}*\" drop");
        for line in self.egress_rules() {
            let _ = writeln!(rules, "    {line}");
        }
        rules.push_str("    drop\n  }\n");
        let _ =
            write!(rules, "  chain offered_ports {{\n    type nat hook prerouting priority dstnat; policy accept;\n");
        for line in self.translations() {
            let _ = writeln!(rules, "    {line}");
        }
        let _ = write!(
            rules,
            "  }}\n\
             \x20 chain masquerading {{\n\
             \x20   type nat hook postrouting priority srcnat; policy accept;\n\
             \x20   ip saddr {subnet} oifname != \"{link_prefix}*\" masquerade\n\
             \x20 }}\n\
             }}\n"
        );
        rules
    }

    /// One rule per exposure that peers may use.
    fn peer_rules(&self) -> Vec<String> {
        let mut rules = Vec::new();
        for service in &self.spec.services {
            let to = self.addresses(&service.name);
            for exposure in &service.exposures {
                let from = match &exposure.to {
                    ExposeTo::Service(peer) => self.addresses(peer),
                    ExposeTo::Global | ExposeTo::Pod => self.subnet.cidr(),
                };
                let protocol = exposure.protocol.as_str();
                rules.push(format!(
                    "ip saddr {{ {from} }} ip daddr {{ {to} }} {protocol} dport {} accept",
                    exposure.port
                ));
            }
        }
        rules.sort();
        rules.dedup();
        rules
    }

    /// Peers address a service by the port it is offered under.
    fn translations(&self) -> Vec<String> {
        let mut rules = Vec::new();
        for service in &self.spec.services {
            for exposure in service.exposures.iter().filter(|e| e.as_port != e.port) {
                for endpoint in self.endpoints.iter().filter(|e| e.service == service.name) {
                    rules.push(format!(
                        "iifname \"{}*\" ip daddr {address} {} dport {} dnat ip to {address}:{}",
                        self.link_prefix,
                        exposure.protocol.as_str(),
                        exposure.as_port,
                        exposure.port,
                        address = endpoint.address,
                    ));
                }
            }
        }
        rules.sort();
        rules.dedup();
        rules
    }

    fn egress_rules(&self) -> Vec<String> {
        if self.spec.egress == Egress::None {
            return Vec::new();
        }
        let mut rules = Vec::new();
        if !self.name_servers.is_empty() {
            let servers = joined(self.name_servers.iter());
            for protocol in [Protocol::Udp, Protocol::Tcp] {
                let protocol = protocol.as_str();
                rules.push(format!("ip daddr {{ {servers} }} {protocol} dport 53 accept"));
            }
        }
        rules.push(format!("ip daddr {{ {PRIVATE_RANGES} }} drop"));
        rules.push("accept".to_owned());
        rules
    }

    fn addresses(&self, service: &str) -> String {
        joined(self.endpoints.iter().filter(|endpoint| endpoint.service == service).map(|endpoint| endpoint.address))
    }
}

fn joined<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|i| i.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
