//! What the agent remembers of each lease: its accepted manifest, the ports that it had, the fencing number under which
//! it was started. One file a lease in `state/`, readable by its owner alone, for manifests hold secrets.

use std::collections::BTreeSet;
use std::fs;

use sdl::manifest::{Group, Manifest};
use sdl::model::Protocol;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use workload::Isolation;

use crate::home::{Home, HomeError};
use crate::lease::LeaseName;
use crate::pod::Rights;
use crate::proxy::Published;

const PREFIX: &str = "lease-";

/// What is remembered of a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseRecord {
    /// The lease.
    pub lease: LeaseName,
    /// Name of its group in the manifest.
    pub group: String,
    /// The manifest as it was accepted, all groups.
    pub manifest: Manifest,
    /// How its containers are kept apart from the machine, as it was when the manifest was accepted.
    #[serde(default)]
    pub isolation: Isolation,
    /// Whether they may make network devices, as it was then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub network_devices: bool,
    /// Fencing number of the firm hold under which it was started last; 0 before the first start.
    pub fence: u64,
    /// Ports of the provider that were assigned.
    pub ports: Vec<AssignedPort>,
}

/// A port of the provider that belongs to an exposed port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignedPort {
    /// The service.
    pub service: String,
    /// The container's port.
    pub port: u16,
    /// The port that the deployment file names.
    pub external: u16,
    /// Transport.
    pub protocol: Protocol,
    /// The provider's port.
    pub assigned: u16,
}

impl LeaseRecord {
    /// What its containers may do. A lease stays what it is, whatever new ones are.
    pub fn rights(&self) -> Rights {
        Rights { isolation: self.isolation, network_devices: self.network_devices }
    }

    /// The lease's group of the manifest.
    pub fn group(&self) -> Option<&Group> {
        self.manifest.group(&self.group)
    }

    /// The port that an exposed port had.
    pub fn assigned(&self, service: &str, port: u16, external: u16, protocol: Protocol) -> Option<u16> {
        let same = |known: &&AssignedPort| {
            (known.service.as_str(), known.port, known.external, known.protocol) == (service, port, external, protocol)
        };
        self.ports.iter().find(same).map(|known| known.assigned)
    }

    /// Notes the ports that were assigned.
    pub fn note_ports(&mut self, published: &[Published]) {
        let port = |published: &Published| match published.clone() {
            Published::Port { service, port, external, assigned, protocol, .. } => {
                Some(AssignedPort { service, port, external, protocol, assigned })
            }
            Published::Http { .. } => None,
        };
        self.ports = published.iter().filter_map(port).collect();
    }
}

fn file(lease: &LeaseName) -> String {
    let digest = hex::encode(Sha256::digest(lease.to_string()));
    format!("{PREFIX}{}.json", &digest[..16])
}

impl Home {
    /// Remembers a lease.
    pub(crate) fn save_record(&self, record: &LeaseRecord) -> Result<(), HomeError> {
        self.save(&file(&record.lease), record)
    }

    /// What is remembered of a lease.
    pub(crate) fn record(&self, lease: &LeaseName) -> Result<Option<LeaseRecord>, HomeError> {
        self.load(&file(lease))
    }

    /// Forgets a lease; none is no error.
    pub(crate) fn forget_record(&self, lease: &LeaseName) -> Result<(), HomeError> {
        let path = self.state().join(file(lease));
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(HomeError::Io { path, source }),
            _ => Ok(()),
        }
    }

    /// Every lease that is remembered; a file that is damaged is told and passed over.
    pub(crate) fn remembered(&self) -> Result<BTreeSet<LeaseName>, HomeError> {
        let path = self.state();
        let entries = fs::read_dir(&path).map_err(|source| HomeError::Io { path: path.clone(), source })?;
        let mut leases = BTreeSet::new();
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with(PREFIX) || !name.ends_with(".json") {
                continue;
            }
            match self.load::<LeaseRecord>(&name) {
                Ok(record) => leases.extend(record.map(|record| record.lease)),
                Err(error) => tracing::error!(%error, "a lease's record is damaged; the tenant must send it again"),
            }
        }
        Ok(leases)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn remembered_in_private_until_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        home.prepare().unwrap();
        let lease = LeaseName { owner: "a".into(), dseq: 7, gseq: 1, oseq: 2, provider: "p".into() };
        let mut record = LeaseRecord {
            lease: lease.clone(),
            group: "here".into(),
            manifest: Manifest(vec![Group { name: "here".into(), services: vec![] }]),
            isolation: Isolation::Namespaces,
            network_devices: false,
            fence: 3,
            ports: vec![],
        };
        let port = |assigned| Published::Port {
            service: "web".into(),
            host: "localhost".into(),
            port: 25,
            external: 2525,
            assigned,
            protocol: Protocol::Tcp,
        };
        record.note_ports(&[Published::Http { service: "web".into(), urls: vec![] }, port(31_000)]);
        home.save_record(&record).unwrap();
        fs::write(home.state().join("lease-0000.json"), "{").unwrap();
        let read = home.record(&lease).unwrap().unwrap();
        assert_eq!(read, record);
        assert_eq!(read.assigned("web", 25, 2525, Protocol::Tcp), Some(31_000));
        assert_eq!(read.assigned("web", 25, 2525, Protocol::Udp), None);
        assert_eq!(home.remembered().unwrap(), BTreeSet::from([lease.clone()]));
        let mode = fs::metadata(home.state().join(file(&lease))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        home.forget_record(&lease).unwrap();
        home.forget_record(&lease).unwrap();
        assert_eq!(home.record(&lease).unwrap(), None);
    }
}
