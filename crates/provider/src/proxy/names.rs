//! Which host name belongs to whom: the first lease that asks for one has it until it ends.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sdl::model::HttpOptions;

use super::ProxyError;
use super::backend::Backend;
use super::plan::Site;
use super::route::Published;
use crate::lease::LeaseName;

/// What stands behind a host name.
#[derive(Clone)]
pub(super) struct Entry {
    lease: LeaseName,
    pub(super) backend: Arc<Backend>,
    pub(super) options: Arc<HttpOptions>,
}

pub(super) struct Names {
    public_host: String,
    port: u16,
    by_host: RwLock<HashMap<String, Entry>>,
}

impl Names {
    pub(super) fn new(public_host: String, port: u16) -> Self {
        Self { public_host, port, by_host: RwLock::default() }
    }

    pub(super) fn public_host(&self) -> &str {
        &self.public_host
    }

    pub(super) fn find(&self, host: &str) -> Option<Entry> {
        self.read().get(host).cloned()
    }

    /// Whether a lease may have all names of its sites.
    pub(super) fn check(&self, lease: &LeaseName, sites: &[Site]) -> Result<(), ProxyError> {
        let by_host = self.read();
        for site in sites {
            for host in &site.hosts {
                let Some(other) = by_host.get(host).map(|entry| &entry.lease).filter(|other| *other != lease) else {
                    continue;
                };
                let (holder, remedy) = if other.owner == lease.owner {
                    ("another lease of yours", "close that one first")
                } else {
                    ("another tenant", "choose another name")
                };
                let (service, host) = (site.service.clone(), host.clone());
                return Err(ProxyError::HostTaken { service, host, holder, remedy });
            }
        }
        Ok(())
    }

    /// Puts a lease's sites in place of those it had; [`Names::check`] came before. Connections to a service under a
    /// name that stays are not interrupted.
    pub(super) fn replace(&self, lease: &LeaseName, sites: Vec<Site>) -> Vec<Published> {
        let mut by_host = self.write();
        let mut before: Vec<(String, Entry)> = by_host.extract_if(|_, entry| entry.lease == *lease).collect();
        let mut published = Vec::new();
        for Site { service, hosts, options, replicas } in sites {
            let same = |(host, entry): &(String, Entry)| hosts.contains(host) && entry.backend.service == service;
            let backend = match before.iter().find(|entry| same(entry)) {
                Some((_, entry)) => Arc::clone(&entry.backend),
                None => Arc::new(Backend::new(service.clone(), Vec::new())),
            };
            before.retain(|(_, entry)| !Arc::ptr_eq(&entry.backend, &backend));
            backend.set(replicas);
            let urls = hosts.iter().map(|host| self.url(host)).collect();
            let options = Arc::new(options);
            for host in hosts {
                let (backend, options) = (Arc::clone(&backend), Arc::clone(&options));
                by_host.insert(host, Entry { lease: lease.clone(), backend, options });
            }
            published.push(Published::Http { service, urls });
        }
        before.iter().for_each(|(_, entry)| entry.backend.end());
        published
    }

    pub(super) fn withdraw(&self, lease: &LeaseName) {
        let mut by_host = self.write();
        by_host.extract_if(|_, entry| entry.lease == *lease).for_each(|(_, entry)| entry.backend.end());
    }

    pub(super) fn clear(&self) {
        self.write().drain().for_each(|(_, entry)| entry.backend.end());
    }

    fn url(&self, host: &str) -> String {
        if self.port == 80 { format!("http://{host}") } else { format!("http://{host}:{}", self.port) }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Entry>> {
        self.by_host.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Entry>> {
        self.by_host.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
