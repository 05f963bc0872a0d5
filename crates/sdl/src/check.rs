//! Checks across the sections of a file: names resolve, endpoints and mounts fit (spec/akash.md 2.3, 2.4).

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{ErrorKind, SdlError};
use crate::model::{Compute, Protocol, Sdl, Service, Tee};
use crate::place::{refuse, steps};
use crate::yaml::Node;

/// A port of a leased address: the endpoint's name, the external port, the protocol.
type LeasedPort<'a> = (&'a str, u32, Protocol);

pub(crate) fn consistency(sdl: &Sdl) -> Result<(), SdlError> {
    let root = &sdl.source;
    let mut ports: BTreeMap<LeasedPort<'_>, &str> = BTreeMap::new();
    let mut tees: BTreeMap<&str, Tee> = BTreeMap::new();
    for (name, placements) in &sdl.deployment {
        for placement in placements.keys() {
            let (service, compute) = resolve(sdl, name, placement)?;
            leased_ports(sdl, name, service, &mut ports)?;
            mounts(root, name, service, compute)?;
            if let Some(tee) = service.params.as_ref().and_then(|params| params.tee) {
                confidential(root, name, tee, compute)?;
                if *tees.entry(placement).or_insert(tee) != tee {
                    return Err(refuse(
                        root,
                        steps!["services", name, "params", "tee"],
                        ErrorKind::Rule,
                        format!("another service of placement {placement:?} asks for another kind of TEE"),
                        "use one kind per placement, or deploy the services in two placements",
                    ));
                }
            }
        }
    }
    let used: BTreeSet<&str> = ports.keys().map(|(endpoint, _, _)| *endpoint).collect();
    match sdl.endpoints.keys().find(|endpoint| !used.contains(endpoint.as_str())) {
        None => Ok(()),
        Some(unused) => Err(refuse(
            root,
            steps!["endpoints", unused],
            ErrorKind::Rule,
            format!("endpoint {unused:?} is declared and never used"),
            format!("add `ip: {unused}` to a global `to` of a deployed service, or remove the endpoint"),
        )),
    }
}

/// The service and the compute profile of one entry of `deployment`, whose placement and price must exist too.
fn resolve<'a>(sdl: &'a Sdl, name: &str, placement: &str) -> Result<(&'a Service, &'a Compute), SdlError> {
    let root = &sdl.source;
    let unknown = |path: &[_], what: &str, missing: &str, remedy: String| {
        refuse(root, path, ErrorKind::Reference, format!("no {what} is named {missing:?}"), remedy)
    };
    let profile = sdl.deployment.get(name).and_then(|placements| placements.get(placement));
    let profile = profile.map_or("", |instances| instances.profile.as_str());
    let compute = sdl.compute.get(profile).ok_or_else(|| {
        let path = steps!["deployment", name, placement, "profile"];
        unknown(path, "compute profile", profile, known("profiles.compute", sdl.compute.keys()))
    })?;
    let place = sdl.placement.get(placement).ok_or_else(|| {
        let path = steps!["deployment", name, placement];
        unknown(path, "placement", placement, known("profiles.placement", sdl.placement.keys()))
    })?;
    if !place.pricing.contains_key(profile) {
        let path = steps!["profiles", "placement", placement, "pricing"];
        let remedy = format!("add the highest price per block of {profile:?} with denom and amount");
        return Err(unknown(path, "price", profile, remedy));
    }
    let service = sdl.services.get(name).ok_or_else(|| {
        let path = steps!["deployment", name];
        unknown(path, "service", name, known("services", sdl.services.keys()))
    })?;
    Ok((service, compute))
}

fn known<'a>(section: &str, names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    format!("define it under `{section}`, or use one of: {}", names.join(", "))
}

/// A leased address must be declared, global, and not be asked for twice with one port and protocol.
fn leased_ports<'a>(
    sdl: &'a Sdl,
    name: &'a str,
    service: &'a Service,
    ports: &mut BTreeMap<LeasedPort<'a>, &'a str>,
) -> Result<(), SdlError> {
    for (index, expose) in service.expose.iter().enumerate() {
        for (direction, to) in expose.to.iter().enumerate().filter(|(_, to)| !to.ip.is_empty()) {
            let refuse = |kind, problem: String, remedy: &str| {
                let path = steps!["services", name, "expose", index, "to", direction, "ip"];
                refuse(&sdl.source, path, kind, problem, remedy)
            };
            if !to.global {
                let problem = format!("the leased address {:?} is not open to the world", to.ip);
                return Err(refuse(ErrorKind::Rule, problem, "add `global: true` beside `ip`"));
            }
            if !sdl.endpoints.contains_key(&to.ip) {
                let problem = format!("no endpoint is named {:?}", to.ip);
                return Err(refuse(ErrorKind::Reference, problem, "declare it under `endpoints` with `kind: ip`"));
            }
            if let Some(other) = ports.insert((&to.ip, expose.external, expose.protocol), name) {
                let problem = format!("this port of the leased address {:?} is already used by {other:?}", to.ip);
                return Err(refuse(ErrorKind::Rule, problem, "choose another `as` port or another endpoint"));
            }
        }
    }
    Ok(())
}

/// Mounts name volumes and do not collide; a persistent volume needs mounts in its service.
///
/// Upstream's check of the last rule is satisfied by any mount of the service, and files rely on it, so that is the
/// rule here; a persistent volume that stays without a mount of its own is named by the lint.
fn mounts(root: &Node, name: &str, service: &Service, compute: &Compute) -> Result<(), SdlError> {
    let mut paths: BTreeMap<&str, &str> = BTreeMap::new();
    let given = service.params.iter().flat_map(|params| &params.storage);
    for (volume, mount) in given {
        let at = |problem: String, remedy: &str, kind| {
            refuse(root, steps!["services", name, "params", "storage", volume], kind, problem, remedy)
        };
        let Some(storage) = compute.storage.iter().find(|storage| storage.name == *volume) else {
            let problem = format!("the compute profile has no volume named {volume:?}");
            return Err(at(problem, "add a volume of this name to its `storage` list", ErrorKind::Reference));
        };
        if let Some(other) = paths.insert(&mount.path, volume) {
            let problem = format!("the volume {other:?} is mounted at {:?} too", mount.path);
            return Err(at(problem, "choose another path", ErrorKind::Rule));
        }
        if mount.read_only && storage.attribute("class") == Some("ram") {
            let problem = "a volume in memory is mounted read-only, it would stay empty".to_owned();
            return Err(at(problem, "remove `readOnly`", ErrorKind::Rule));
        }
    }
    match compute.storage.iter().find(|storage| storage.is_persistent()) {
        Some(storage) if paths.is_empty() => Err(refuse(
            root,
            steps!["services", name],
            ErrorKind::Rule,
            format!("the persistent volume {:?} is mounted nowhere", storage.name),
            format!("add `params.storage.{}.mount` with an absolute path", storage.name),
        )),
        _ => Ok(()),
    }
}

fn confidential(root: &Node, name: &str, tee: Tee, compute: &Compute) -> Result<(), SdlError> {
    if tee == Tee::CpuGpu && compute.gpu.units.0 == 0 {
        return Err(refuse(
            root,
            steps!["services", name, "params", "tee"],
            ErrorKind::Rule,
            "a TEE with GPU is asked for and the compute profile has no GPU",
            "write `tee: cpu`, or add `gpu` to the profile",
        ));
    }
    Ok(())
}
