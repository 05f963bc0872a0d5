//! Links and addresses of a pod: one point-to-point pair per replica, routed by the host.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::error::{IoContext, Result};
use crate::shell::Call;
use crate::slots::Subnet;
use crate::spec::Egress;

/// One replica's link, to be made.
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) netns: String,
    pub(crate) address: Ipv4Addr,
}

/// Makes all links of a pod; the namespaces must exist.
pub(crate) async fn connect(links: &[Link], subnet: Subnet, egress: Egress) -> Result<()> {
    let uplink = default_interface();
    let mtu = uplink.as_deref().and_then(mtu_of).unwrap_or(1500);
    let gateway = subnet.gateway();
    batch(None, links.iter().map(|link| link.outside(gateway, mtu)).collect()).await?;
    let inside = links.iter().map(|link| batch(Some(&link.netns), link.inside(gateway)));
    futures::future::try_join_all(inside).await?;
    for link in links {
        allow_forwarding(&link.name)?;
    }
    // Answers from outside come in there. Per interface, so that a host that is no router stays
    // none between its other interfaces.
    match (egress, uplink) {
        (Egress::Internet, Some(uplink)) => allow_forwarding(&uplink),
        _ => Ok(()),
    }
}

/// Gives a link inside its address again: a sandbox with a network stack of its own takes it away.
pub(crate) async fn readdress(link: &Link, subnet: Subnet) -> Result<()> {
    batch(Some(&link.netns), link.inside(subnet.gateway())).await
}

/// Deletes links by name in one call; those already gone are passed over.
pub(crate) async fn disconnect(names: &[String]) -> Result<()> {
    let lines: String = names.iter().filter(|name| exists(name)).map(|name| format!("link del {name}\n")).collect();
    if lines.is_empty() {
        return Ok(());
    }
    batch(None, lines).await
}

/// Interfaces of this machine whose names begin with `prefix`.
pub(crate) fn links_with(prefix: &str) -> Vec<String> {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.starts_with(prefix)).collect()
}

/// Loads rules; `nft` applies all or none.
pub(crate) async fn load_rules(ruleset: String) -> Result<()> {
    Call::new("nft").args(["-f", "-"]).input(ruleset).run().await.map(drop)
}

/// Names of the tables that begin with `prefix`.
pub(crate) async fn tables_with(prefix: &str) -> Result<Vec<String>> {
    let listing = Call::new("nft").args(["list", "tables", "inet"]).run().await?;
    Ok(listing
        .lines()
        .filter_map(|line| line.strip_prefix("table inet "))
        .filter(|name| name.starts_with(prefix))
        .map(str::to_owned)
        .collect())
}

/// Deletes tables; declaring each first makes deleting an absent one no error.
pub(crate) async fn delete_tables(names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let rules = names.iter().map(|name| format!("table inet {name}\ndelete table inet {name}\n")).collect();
    load_rules(rules).await
}

impl Link {
    fn outside(&self, gateway: Ipv4Addr, mtu: u32) -> String {
        let Self { name, netns, address } = self;
        format!(
            "link add {name} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {netns}\n\
             link set {name} addrgenmode none\n\
             addr add {gateway} peer {address}/32 dev {name}\n\
             link set {name} up\n"
        )
    }

    fn inside(&self, gateway: Ipv4Addr) -> String {
        let address = self.address;
        format!(
            "link set lo up\n\
             addr replace {address}/32 dev eth0\n\
             link set eth0 up\n\
             route replace {gateway} dev eth0 scope link\n\
             route replace default via {gateway}\n"
        )
    }
}

async fn batch(netns: Option<&str>, lines: String) -> Result<()> {
    let call = match netns {
        Some(netns) => Call::new("ip").args(["-n", netns]),
        None => Call::new("ip"),
    };
    call.args(["-batch", "-"]).input(lines).run().await.map(drop)
}

fn allow_forwarding(interface: &str) -> Result<()> {
    let path = format!("/proc/sys/net/ipv4/conf/{interface}/forwarding");
    if fs::read_to_string(&path).is_ok_and(|value| value.trim() == "1") {
        return Ok(());
    }
    fs::write(&path, "1").at("writing", path)
}

fn exists(interface: &str) -> bool {
    Path::new("/sys/class/net").join(interface).exists()
}

/// Interface of the default route.
fn default_interface() -> Option<String> {
    let routes = fs::read_to_string("/proc/net/route").ok()?;
    routes.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_default = columns.get(1) == Some(&"00000000") && columns.get(7) == Some(&"00000000");
        is_default.then(|| columns[0].to_owned())
    })
}

fn mtu_of(interface: &str) -> Option<u32> {
    let path = format!("/sys/class/net/{interface}/mtu");
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
