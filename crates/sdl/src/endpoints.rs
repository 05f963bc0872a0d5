//! Endpoints: numbers of leased addresses, and the ways in that a service's exposed ports make (spec/akash.md 2.5).

use std::collections::BTreeMap;

use crate::manifest::ServiceExpose;
use crate::model::Sdl;
use crate::resources::{Endpoint, EndpointKind};

/// The number of each leased address, from 1.
///
/// Names are collected with repetition, sorted and counted; a later repetition overwrites an earlier one. Directions
/// that are not global count with an empty name, which shifts the numbers: the Go parser does so, and the numbers
/// enter the manifest's hash.
pub(crate) fn sequence_numbers(sdl: &Sdl) -> BTreeMap<&str, u32> {
    let deployed = sdl.deployment.keys().filter_map(|name| sdl.services.get(name));
    let directions = deployed.flat_map(|service| &service.expose).flat_map(|expose| &expose.to);
    let mut names: Vec<&str> =
        directions.filter(|to| !to.global || !to.ip.is_empty()).map(|to| to.ip.as_str()).collect();
    names.sort_unstable();
    names.into_iter().zip(1..).collect()
}

/// The endpoints of a service's exposes, which must be in canonical order.
pub(crate) fn of_exposes(exposes: &[ServiceExpose]) -> Vec<Endpoint> {
    exposes.iter().filter(|expose| expose.global).flat_map(of_expose).collect()
}

fn of_expose(expose: &ServiceExpose) -> Vec<Endpoint> {
    let kind = if expose.is_http() { EndpointKind::SharedHttp } else { EndpointKind::RandomPort };
    let mut endpoints = vec![Endpoint { kind, sequence_number: 0 }];
    if !expose.ip.is_empty() {
        let sequence_number = expose.endpoint_sequence_number;
        endpoints.push(Endpoint { kind: EndpointKind::LeasedIp, sequence_number });
    }
    endpoints
}
