//! Names and ports that a lease asks for, checked.

use std::net::SocketAddr;

use sdl::model::{HttpOptions, Protocol};
use sha2::{Digest, Sha256};

use super::ProxyError;
use super::route::{Exposure, Route};
use crate::lease::LeaseName;

/// A service at host names.
pub(super) struct Site {
    pub(super) service: String,
    /// Lower-case; the provider's own first.
    pub(super) hosts: Vec<String>,
    pub(super) options: HttpOptions,
    pub(super) replicas: Vec<SocketAddr>,
}

/// What tells the forwards of a lease apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ForwardKey {
    pub(super) service: String,
    pub(super) port: u16,
    pub(super) external: u16,
    pub(super) protocol: Protocol,
}

/// A service at a port of the provider.
pub(super) struct Forward {
    pub(super) key: ForwardKey,
    pub(super) assigned: Option<u16>,
    pub(super) replicas: Vec<SocketAddr>,
}

/// All of a lease.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) sites: Vec<Site>,
    pub(super) forwards: Vec<Forward>,
}

/// The name of a service within the provider's host: 80 bits of a hash, so that it says nothing of the tenant, stays
/// the same, and is not to be met by trying.
pub fn service_id(lease: &LeaseName, service: &str) -> String {
    let digest = Sha256::digest(format!("{lease}/{service}"));
    hex::encode(&digest[..10])
}

/// A host name in lower case, without the dot at its end; none when it is no host name.
pub(super) fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(fits) && !label.starts_with('-') && !label.ends_with('-')
    };
    (name.len() <= 253 && name.split('.').all(label)).then_some(name)
}

impl Plan {
    pub(super) fn new(lease: &LeaseName, routes: Vec<Route>, public_host: &str) -> Result<Self, ProxyError> {
        let mut plan = Self::default();
        for Route { service, exposure, replicas } in routes {
            match exposure {
                Exposure::Http { hosts, options } => {
                    let hosts = checked(&service, &hosts, public_host)?;
                    plan.add_site(lease, Site { service, hosts, options, replicas }, public_host)?;
                }
                Exposure::Port { port, external, protocol, assigned } => {
                    let key = ForwardKey { service, port, external, protocol };
                    plan.add_forward(Forward { key, assigned, replicas });
                }
            }
        }
        Ok(plan)
    }

    /// The first port of a service that is exposed as 80 has the provider's name for it; others need their own.
    fn add_site(&mut self, lease: &LeaseName, mut site: Site, public_host: &str) -> Result<(), ProxyError> {
        let own = format!("{}.{public_host}", service_id(lease, &site.service));
        let taken = |host: &String| self.sites.iter().any(|other| other.hosts.contains(host));
        if let Some(host) = site.hosts.iter().find(|host| taken(host)) {
            let (holder, remedy) = ("another exposed port of the same lease", "give it to one of them");
            return Err(ProxyError::HostTaken { service: site.service, host: host.clone(), holder, remedy });
        }
        if !taken(&own) {
            site.hosts.insert(0, own);
        } else if site.hosts.is_empty() {
            return Err(ProxyError::Ambiguous(site.service));
        }
        self.sites.push(site);
        Ok(())
    }

    /// A port that is exposed twice, in two directions say, is one forward.
    fn add_forward(&mut self, forward: Forward) {
        if !self.forwards.iter().any(|other| other.key == forward.key) {
            self.forwards.push(forward);
        }
    }
}

fn checked(service: &str, hosts: &[String], public_host: &str) -> Result<Vec<String>, ProxyError> {
    let mut names = Vec::new();
    for host in hosts {
        let bad = || ProxyError::BadHost { service: service.to_owned(), host: host.clone() };
        let name = host_name(host).ok_or_else(bad)?;
        let below = name.strip_suffix(public_host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if below {
            let public_host = public_host.to_owned();
            return Err(ProxyError::ReservedHost { service: service.to_owned(), host: name, public_host });
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}
