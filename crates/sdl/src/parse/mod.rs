//! From the YAML tree to [`Sdl`], with the leniency of the Go parser: unknown keys are refused at the top level and
//! inside `cpu`, `gpu` and attribute mappings, and have no effect elsewhere (the lint names them).

mod compute;
mod duration;
mod expose;
mod gpu;
mod placement;
mod service;
mod storage;

use std::collections::BTreeMap;

use crate::check;
use crate::error::{ErrorKind, SdlError};
use crate::field::Field;
use crate::model::{EndpointDeclaration, Instances, Reclamation, Sdl, Version};
use crate::yaml;

const TOP_LEVEL: [&str; 7] = ["version", "services", "profiles", "deployment", "endpoints", "include", "reclamation"];

impl Sdl {
    /// Reads a deployment file and checks that it makes sense in itself (spec/akash.md 2.1 to 2.4).
    ///
    /// This is as lenient as the Go parser. What the chain and providers demand beyond it is checked by
    /// [`Sdl::validate`]; what the strict schema of the TypeScript tools demands is named by [`Sdl::lint`].
    ///
    /// # Errors
    /// [`SdlError`] with the place, the problem and the remedy, at the first mistake.
    pub fn parse(text: &str) -> Result<Self, SdlError> {
        let source = yaml::load(text)?;
        let root = Field::root(&source);
        root.only(&TOP_LEVEL)?;
        let version = version(&root)?;
        root.texts_of("include")?;
        let profiles = root.require("profiles", "add the section `profiles` with `compute` and `placement`")?;
        let sdl = Self {
            version,
            services: named(&root, "services", service::service)?,
            compute: named(&profiles, "compute", compute::compute)?,
            placement: named(&profiles, "placement", placement::placement)?,
            deployment: named(&root, "deployment", |service| each(service, instances))?,
            endpoints: match root.get("endpoints")? {
                Some(endpoints) => endpoint_declarations(&endpoints)?,
                None => BTreeMap::new(),
            },
            reclamation: root.get("reclamation")?.map(|field| reclamation(&field)).transpose()?,
            source: source.clone(),
        };
        check::consistency(&sdl)?;
        Ok(sdl)
    }
}

/// Reads each value of a mapping.
fn each<'a, T>(
    mapping: &Field<'a>,
    read: impl Fn(&Field<'a>) -> Result<T, SdlError>,
) -> Result<BTreeMap<String, T>, SdlError> {
    mapping.entries()?.into_iter().map(|(name, field)| Ok((name.to_owned(), read(&field)?))).collect()
}

/// Reads each value of the mapping under `key`, which must be there.
fn named<'a, T>(
    parent: &Field<'a>,
    key: &str,
    read: impl Fn(&Field<'a>) -> Result<T, SdlError>,
) -> Result<BTreeMap<String, T>, SdlError> {
    each(&parent.require(key, &format!("add the section `{key}`"))?, read)
}

/// Versions are read as tolerant semantic versions: `2`, `2.0` and `v2.0.0` are the same.
fn version(root: &Field<'_>) -> Result<Version, SdlError> {
    let field = root.require("version", "begin the file with `version: \"2.0\"`")?;
    let unsupported = || field.invalid("version 2.0 or 2.1", "write `version: \"2.0\"` or `version: \"2.1\"`");
    let text = field.text()?.trim();
    let parts: Vec<u64> = text
        .strip_prefix('v')
        .unwrap_or(text)
        .split('.')
        .map(|part| part.parse().map_err(|_| unsupported()))
        .collect::<Result<_, _>>()?;
    match parts.as_slice() {
        [2] | [2, 0] | [2, 0, 0] => Ok(Version::V2_0),
        [2, minor] | [2, minor, _] if *minor >= 1 => Ok(Version::V2_1),
        _ => Err(unsupported()),
    }
}

fn instances(field: &Field<'_>) -> Result<Instances, SdlError> {
    let profile = field.require("profile", "name a profile of `profiles.compute`")?.text()?.to_owned();
    let count = field.require("count", "write how many replicas should run, such as `count: 1`")?.uint32()?;
    Ok(Instances { profile, count })
}

fn endpoint_declarations(field: &Field<'_>) -> Result<BTreeMap<String, EndpointDeclaration>, SdlError> {
    let mut declarations = BTreeMap::new();
    for (name, endpoint) in field.entries()? {
        if !is_endpoint_name(name) {
            return Err(endpoint.error(
                ErrorKind::Value,
                format!("{name:?} is not a valid endpoint name"),
                "use at least two characters: a small letter, then small letters, digits, - or _",
            ));
        }
        let kind = endpoint.require("kind", "write `kind: ip`, the only kind there is")?;
        if kind.text()? != "ip" {
            return Err(kind.invalid("the endpoint kind `ip`", "write `kind: ip`, the only kind there is"));
        }
        declarations.insert(name.to_owned(), EndpointDeclaration::Ip);
    }
    Ok(declarations)
}

fn is_endpoint_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    name.len() >= 2 && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(allowed)
}

fn reclamation(field: &Field<'_>) -> Result<Reclamation, SdlError> {
    let window = field.require("min_window", "write how long you need to move, such as `min_window: 24h`")?;
    let min_window = duration::parse(window.text()?)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| window.invalid("a duration above zero", "write it as `24h`, `90m` or `1h30m`"))?;
    Ok(Reclamation { min_window })
}
