//! From a parsed file to its groups and its manifest, in one walk, because services refer to units by id
//! (spec/akash.md 2.5, 2.6).

use std::collections::BTreeMap;

use primitives::DecCoin;

use crate::endpoints;
use crate::groups::{GroupSpec, ResourceUnit};
use crate::manifest::{
    Credentials, Group, Manifest, Params, Permissions, Service, ServiceExpose, StorageMount, TeeParams,
};
use crate::model::{self, Compute, Placement, Sdl, Version};
use crate::resources::{Attribute, Endpoint, Resources};

/// One placement under construction.
struct Pair {
    spec: GroupSpec,
    services: Vec<Service>,
    /// The id of the unit that a compute profile made, for version 2.1.
    shared: BTreeMap<String, u32>,
}

impl Sdl {
    /// The groups that a deployment creates on the chain, in order of name.
    pub fn groups(&self) -> Vec<GroupSpec> {
        self.build().into_values().map(|pair| pair.spec).collect()
    }

    /// The manifest that providers receive.
    pub fn manifest(&self) -> Manifest {
        let groups = self.build().into_iter();
        Manifest(groups.map(|(name, pair)| Group { name: name.to_owned(), services: pair.services }).collect())
    }

    fn build(&self) -> BTreeMap<&str, Pair> {
        let numbers = endpoints::sequence_numbers(self);
        let mut pairs: BTreeMap<&str, Pair> = BTreeMap::new();
        for (name, placements) in &self.deployment {
            for (placement_name, instances) in placements {
                // Parsing has made sure that all of these names resolve.
                let (Some(service), Some(compute), Some(placement)) =
                    (self.services.get(name), self.compute.get(&instances.profile), self.placement.get(placement_name))
                else {
                    continue;
                };
                let Some(price) = placement.pricing.get(&instances.profile) else {
                    continue;
                };
                let pair = pairs.entry(placement_name).or_insert_with(|| Pair::new(placement_name, placement));
                pair.demand_tee(service);
                let expose = exposes(service, &numbers);
                let resources = resources(compute, endpoints::of_exposes(&expose));
                let shared = self.version == Version::V2_1;
                let id = pair.unit(&resources, instances, price, shared);
                let resources = Resources { id, ..resources };
                pair.services.push(self.service(name, service, resources, instances.count, expose));
            }
        }
        pairs
    }

    fn service(
        &self,
        name: &str,
        service: &model::Service,
        resources: Resources,
        count: u32,
        expose: Vec<ServiceExpose>,
    ) -> Service {
        Service {
            name: name.to_owned(),
            image: service.image.clone(),
            command: service.command.clone(),
            args: service.args.clone(),
            env: service.env.clone(),
            resources,
            count,
            expose,
            params: service.params.as_ref().map(params),
            credentials: service.credentials.as_ref().map(|given| credentials(given, self.version)),
        }
    }
}

impl Pair {
    fn new(name: &str, placement: &Placement) -> Self {
        let spec = GroupSpec {
            name: name.to_owned(),
            attributes: placement.attributes.clone(),
            signed_by: placement.signed_by.clone(),
            units: Vec::new(),
        };
        Self { spec, services: Vec::new(), shared: BTreeMap::new() }
    }

    /// A service that wants confidential computing makes its kind a demand on the provider.
    fn demand_tee(&mut self, service: &model::Service) {
        let Some(tee) = service.params.as_ref().and_then(|params| params.tee) else {
            return;
        };
        let attribute = Attribute::new("tee/type", tee.name());
        if !self.spec.attributes.contains(&attribute) {
            self.spec.attributes.push(attribute);
            self.spec.attributes.sort();
        }
    }

    /// Adds the replicas to a unit, a new one unless the profile's unit is shared, and gives the unit's id.
    ///
    /// A sum of counts beyond 32 bits stays at the largest number, which the group limits refuse.
    fn unit(&mut self, resources: &Resources, instances: &model::Instances, price: &DecCoin, shared: bool) -> u32 {
        let known = self.shared.get(&instances.profile).copied().filter(|_| shared);
        if let Some(unit) = self.spec.units.iter_mut().find(|unit| Some(unit.resources.id) == known) {
            unit.count = unit.count.saturating_add(instances.count);
            unit.resources.endpoints.extend(&resources.endpoints);
            unit.resources.endpoints.sort_by_key(|endpoint| endpoint.sequence_number);
            return unit.resources.id;
        }
        let id = u32::try_from(self.spec.units.len()).unwrap_or(u32::MAX).saturating_add(1);
        let resources = Resources { id, ..resources.clone() };
        self.spec.units.push(ResourceUnit { resources, count: instances.count, price: price.clone() });
        self.shared.insert(instances.profile.clone(), id);
        id
    }
}

fn resources(compute: &Compute, endpoints: Vec<Endpoint>) -> Resources {
    Resources {
        id: 0,
        cpu: compute.cpu.clone(),
        memory: compute.memory.clone(),
        storage: compute.storage.clone(),
        gpu: compute.gpu.clone(),
        endpoints,
    }
}

/// One entry per direction, and one private entry for a port without directions, in canonical order.
fn exposes(service: &model::Service, numbers: &BTreeMap<&str, u32>) -> Vec<ServiceExpose> {
    let mut exposes = Vec::new();
    for expose in &service.expose {
        let entry = |service: &str, global: bool, ip: &str| ServiceExpose {
            port: expose.port,
            external_port: expose.external,
            proto: expose.protocol,
            service: service.to_owned(),
            global,
            hosts: expose.accept.clone(),
            http_options: expose.http_options.clone(),
            ip: ip.to_owned(),
            endpoint_sequence_number: match ip {
                "" => 0,
                _ => numbers.get(ip).copied().unwrap_or(0),
            },
        };
        if expose.to.is_empty() {
            exposes.push(entry("", false, ""));
        }
        exposes.extend(expose.to.iter().map(|to| entry(&to.service, to.global, &to.ip)));
    }
    exposes.sort_by(|left, right| left.order().cmp(&right.order()));
    exposes
}

fn params(params: &model::ServiceParams) -> Params {
    let mounts: Vec<StorageMount> = params
        .storage
        .iter()
        .map(|(name, mount)| StorageMount { name: name.clone(), mount: mount.path.clone(), read_only: mount.read_only })
        .collect();
    Params {
        storage: (!mounts.is_empty()).then_some(mounts),
        credentials: None,
        permissions: params.permissions.clone().map(|read| Permissions { read }),
        tee: params.tee.map(|tee| TeeParams { kind: tee.name().to_owned(), attestation: true }),
    }
}

/// Version 2.0 loses the email address and keeps white space; 2.1 trims all four, as upstream.
fn credentials(given: &model::Credentials, version: Version) -> Credentials {
    let text = |text: &str| match version {
        Version::V2_0 => text.to_owned(),
        Version::V2_1 => text.trim().to_owned(),
    };
    Credentials {
        host: text(&given.host),
        email: match version {
            Version::V2_0 => String::new(),
            Version::V2_1 => text(&given.email),
        },
        username: text(&given.username),
        password: text(&given.password),
    }
}
