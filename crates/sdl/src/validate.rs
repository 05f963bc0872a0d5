//! What providers demand of a manifest (spec/akash.md 2.4, last sentences).

use std::collections::BTreeSet;

use crate::limits::{self, LimitError};
use crate::manifest::{Group, Manifest, Service, ServiceExpose};
use crate::model::Sdl;

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// No groups.
    #[error("the manifest is empty; deploy at least one service")]
    Empty,
    /// Two groups of one name.
    #[error("two groups are named {0:?}; give each a name of its own")]
    DuplicateGroup(String),
    /// A group without services.
    #[error("group {0:?} has no services; deploy at least one in it")]
    NoServices(String),
    /// Services out of order or repeated.
    #[error("group {0:?}: services are not in order of name, or one is repeated; sort them")]
    ServiceOrder(String),
    /// Nothing can be reached.
    #[error("zero global services: nothing can be reached from outside; expose a port `to: [{{global: true}}]`")]
    NoGlobalService,
    /// Something is wrong with a service.
    #[error("service {service:?}: {problem}")]
    Service {
        /// The service's name.
        service: String,
        /// What is wrong.
        problem: ServiceProblem,
    },
}

/// What is wrong with a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceProblem {
    /// The name.
    #[error("the name is not valid; use small letters, digits and -, a letter first, no - at the end")]
    Name,
    /// No image.
    #[error("the image is empty; name a container image")]
    Image,
    /// Unit id 0.
    #[error("its resources have id 0; number units from 1")]
    ResourcesId,
    /// No replicas.
    #[error("its count is 0; run at least one replica")]
    Count,
    /// The name of an environment variable.
    #[error("{0:?} does not begin with a valid variable name; use letters, digits, _ . or -, no digit first")]
    Env(String),
    /// Exposes out of order.
    #[error("its ports are not in canonical order; sort by service, port, protocol, global first")]
    ExposeOrder,
    /// A port out of range.
    #[error("port {0} is out of range; write a port from 1 to 65535")]
    Port(u32),
    /// Not a host name.
    #[error("{0:?} is not a host name; use labels of small letters, digits and - joined by dots, 255 at most")]
    Host(String),
    /// A host name that is used twice.
    #[error("the host name {0:?} is used twice in the manifest; keep one")]
    DuplicateHost(String),
}

impl Manifest {
    /// Checks names, ports, host names and environment; at least one port must be global.
    ///
    /// # Errors
    /// [`ManifestError`] at the first violation.
    pub fn validate(&self) -> Result<(), ManifestError> {
        if self.0.is_empty() {
            return Err(ManifestError::Empty);
        }
        let mut names = BTreeSet::new();
        let mut hosts = BTreeSet::new();
        for group in &self.0 {
            if !names.insert(&group.name) {
                return Err(ManifestError::DuplicateGroup(group.name.clone()));
            }
            validate_group(group, &mut hosts)?;
        }
        let mut exposes = self.0.iter().flat_map(|group| &group.services).flat_map(|service| &service.expose);
        if exposes.any(|expose| expose.global) { Ok(()) } else { Err(ManifestError::NoGlobalService) }
    }
}

fn validate_group<'a>(group: &'a Group, hosts: &mut BTreeSet<&'a str>) -> Result<(), ManifestError> {
    if group.services.is_empty() {
        return Err(ManifestError::NoServices(group.name.clone()));
    }
    if !group.services.is_sorted_by(|left, right| left.name < right.name) {
        return Err(ManifestError::ServiceOrder(group.name.clone()));
    }
    for service in &group.services {
        validate_service(service, hosts)
            .map_err(|problem| ManifestError::Service { service: service.name.clone(), problem })?;
    }
    Ok(())
}

fn validate_service<'a>(service: &'a Service, hosts: &mut BTreeSet<&'a str>) -> Result<(), ServiceProblem> {
    if !is_service_name(&service.name) {
        return Err(ServiceProblem::Name);
    }
    if service.image.is_empty() {
        return Err(ServiceProblem::Image);
    }
    if service.resources.id == 0 {
        return Err(ServiceProblem::ResourcesId);
    }
    if service.count == 0 {
        return Err(ServiceProblem::Count);
    }
    if let Some(wrong) = service.env.iter().flatten().find(|entry| !names_variable(entry)) {
        return Err(ServiceProblem::Env(wrong.clone()));
    }
    if !service.expose.is_sorted_by(|left, right| left.order() <= right.order()) {
        return Err(ServiceProblem::ExposeOrder);
    }
    service.expose.iter().try_for_each(|expose| validate_expose(expose, hosts))
}

fn validate_expose<'a>(expose: &'a ServiceExpose, hosts: &mut BTreeSet<&'a str>) -> Result<(), ServiceProblem> {
    if !(1..=65_535).contains(&expose.port) {
        return Err(ServiceProblem::Port(expose.port));
    }
    if expose.external_port > 65_535 {
        return Err(ServiceProblem::Port(expose.external_port));
    }
    for host in expose.hosts.iter().flatten() {
        if !is_host_name(host) {
            return Err(ServiceProblem::Host(host.clone()));
        }
        if !hosts.insert(host) {
            return Err(ServiceProblem::DuplicateHost(host.clone()));
        }
    }
    Ok(())
}

/// `^[a-z]([-a-z0-9]*[a-z0-9])?$`
fn is_service_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase()) && is_label(name)
}

/// RFC 1123, small letters, at most 255 bytes.
fn is_host_name(host: &str) -> bool {
    host.len() <= 255 && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(allowed)
}

/// The part before `=` is a name as Kubernetes takes it: `[-._a-zA-Z][-._a-zA-Z0-9]*`, not `.` and not `..` first.
fn names_variable(entry: &str) -> bool {
    let name = entry.split('=').next().unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let first_allowed = name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    first_allowed && name.bytes().all(allowed) && name != "." && !name.starts_with("..")
}

/// Why a parsed file cannot be deployed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeployError {
    /// The chain would refuse its groups.
    #[error("the chain would refuse this deployment: {0}")]
    Groups(#[source] Box<LimitError>),
    /// Providers would refuse its manifest.
    #[error("providers would refuse this manifest: {0}")]
    Manifest(#[from] ManifestError),
}

impl Sdl {
    /// Checks what the chain and providers demand beyond what parsing demands.
    ///
    /// # Errors
    /// [`DeployError`] at the first violation.
    pub fn validate(&self) -> Result<(), DeployError> {
        limits::validate_specs(&self.groups()).map_err(|error| DeployError::Groups(Box::new(error)))?;
        self.manifest().validate()?;
        Ok(())
    }
}
