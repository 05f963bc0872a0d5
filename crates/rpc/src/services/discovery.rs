//! `akash.discovery.v1.Discovery`: which generations of Akash's API are served (spec/akash.md 4.0).
//!
//! A generation bears the name of its deployment package. It is read off the methods that are answered: the modules
//! of the newest one have their newest version, those of older ones their oldest.

use std::collections::{BTreeMap, BTreeSet};

use proto::akash::discovery::v1::{Akash, ClientInfo, ModuleVersion, VersionInfo};

use crate::Backend;

const DEPLOYMENT: &str = "deployment";

/// `v1`, `v1beta3`, `v2` in the order of their making: a beta comes before what it leads to.
fn age(version: &str) -> (u64, bool, u64) {
    let number = |text: &str| text.parse().unwrap_or(0);
    match version.trim_start_matches('v').split_once("beta") {
        Some((major, beta)) => (number(major), false, number(beta)),
        None => (number(version.trim_start_matches('v')), true, 0),
    }
}

/// The versions of each module of Akash that have a query, oldest first.
fn modules(node: &dyn Backend) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for path in node.query_paths() {
        let package = path.strip_prefix("/akash.").and_then(|rest| rest.split_once(".Query/"));
        if let Some((module, version)) = package.and_then(|(package, _)| package.split_once('.')) {
            found.entry(module).or_default().insert(version);
        }
    }
    let sorted = |versions: BTreeSet<&'static str>| {
        let mut versions: Vec<_> = versions.into_iter().collect();
        versions.sort_by_key(|version| age(version));
        versions
    };
    found.into_iter().map(|(module, versions)| (module, sorted(versions))).collect()
}

/// The answer, for gRPC, REST and JSON-RPC alike.
pub(crate) fn info(node: &dyn Backend) -> Akash {
    let modules = modules(node);
    let generations = modules.get(DEPLOYMENT).cloned().unwrap_or_default();
    let newest = generations.last().copied();
    let supported = |generation: &&'static str| {
        let of = |(module, versions): (&&'static str, &Vec<&'static str>)| {
            let version = if Some(*generation) == newest { versions.last() } else { versions.first() };
            ModuleVersion { module: (*module).to_owned(), version: version.copied().unwrap_or_default().to_owned() }
        };
        let modules = modules.iter().map(of).collect();
        VersionInfo { api_version: (*generation).to_owned(), modules, features: Vec::new() }
    };
    let own = node.info();
    let oldest = generations.first().copied().unwrap_or_default();
    Akash {
        client_info: Some(ClientInfo { api_version: oldest.to_owned() }),
        supported_versions: generations.iter().rev().map(supported).collect(),
        chain_id: own.chain_id,
        node_version: own.version,
        min_client_version: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn versions_have_an_order() {
        let mut versions = vec!["v1", "v2", "v1beta10", "v1beta4", "v2beta1"];
        versions.sort_by_key(|version| age(version));
        assert_eq!(versions, ["v1beta4", "v1beta10", "v1", "v2beta1", "v2"]);
    }
}
