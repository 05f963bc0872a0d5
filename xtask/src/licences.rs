//! Licences, banned crates and sources of everything that is built, by `deny.toml`.

use std::fs;

use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::failure::{Doing, Failure, Result};
use crate::metadata::{Metadata, Package};
use crate::shell;

const OWN_CHECK: &str = "licences, bans and sources are checked by xtask itself: cargo-deny is not installed";

/// What we read of `deny.toml`; cargo-deny reads the rest.
#[derive(Debug, Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// Checks with cargo-deny, or without it where it is missing.
///
/// # Errors
/// When something is in the tree that `deny.toml` does not let in.
pub(crate) fn run() -> Result {
    if shell::find("cargo-deny").is_some() || home_of_cargo_has("cargo-deny") {
        println!("licences, bans and sources are checked by cargo-deny");
        return shell::show(shell::cargo().args(["deny", "check", "licenses", "bans", "sources"]));
    }
    println!("{OWN_CHECK}");
    let rules = rules()?;
    let metadata = Metadata::of_everything(&host()?)?;
    let findings: Vec<String> = metadata.others().flat_map(|package| rules.findings(package)).collect();
    if findings.is_empty() {
        println!("licences: {} crates of others, all let in by deny.toml", metadata.others().count());
        return Ok(());
    }
    Err(Failure::new(format!("deny.toml does not let in:\n  {}", findings.join("\n  ")))
        .hint("replace the crate, or write its licence into deny.toml with the reason"))
}

fn home_of_cargo_has(name: &str) -> bool {
    let home = std::env::var_os("CARGO_HOME").map(std::path::PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| std::path::Path::new(&home).join(".cargo")));
    home.is_some_and(|home| home.join("bin").join(name).is_file())
}

fn rules() -> Result<Rules> {
    let path = shell::root().join("deny.toml");
    let text = fs::read_to_string(&path).doing(path.display())?;
    toml::from_str(&text).doing(path.display())
}

/// The platform that we build for.
fn host() -> Result<String> {
    let text = shell::read(shell::program("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("`rustc -vV` names no host"))
}

impl Rules {
    fn findings(&self, package: &Package) -> Vec<String> {
        [self.licence(package), self.ban(package), self.source(package)]
            .into_iter()
            .flatten()
            .map(|why| format!("{} {}: {why}", package.name, package.version))
            .collect()
    }

    fn licence(&self, package: &Package) -> Option<String> {
        let Some(text) = &package.license else { return Some("names no licence".to_owned()) };
        // Lax: older crates separate by a slash.
        let expression = match Expression::parse_mode(text, ParseMode::LAX) {
            Ok(expression) => expression,
            Err(error) => return Some(format!("`{text}` is no SPDX expression: {}", error.reason)),
        };
        let exceptions = self.licenses.exceptions.iter().filter(|exception| exception.name == package.name);
        let allowed: Vec<&String> =
            self.licenses.allow.iter().chain(exceptions.flat_map(|exception| &exception.allow)).collect();
        let allowed = |wanted: &spdx::LicenseReq| {
            allowed.iter().any(|text| Licensee::parse(text).is_ok_and(|licensee| licensee.satisfies(wanted)))
        };
        (!expression.evaluate(allowed)).then(|| format!("its licence `{text}` is not allowed"))
    }

    fn ban(&self, package: &Package) -> Option<String> {
        let ban = self.bans.deny.iter().find(|ban| ban.name == package.name)?;
        Some(format!("is banned: {}", ban.reason))
    }

    fn source(&self, package: &Package) -> Option<String> {
        let source = package.source.as_deref()?;
        let allowed =
            source.strip_prefix("registry+").is_some_and(|url| self.sources.allow_registry.iter().any(|a| a == url));
        (!allowed).then(|| format!("comes from {source}, which is no allowed registry"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, license: Option<&str>, source: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            id: name.to_owned(),
            license: license.map(str::to_owned),
            source: Some(source.to_owned()),
            dependencies: Vec::new(),
        }
    }

    fn finding(name: &str, license: Option<&str>) -> Option<String> {
        rules().unwrap().licence(&package(name, license, ""))
    }

    #[test]
    fn one_allowed_alternative_is_enough() {
        for text in ["MIT OR GPL-3.0-only", "MIT/Apache-2.0", "Apache-2.0 / MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"]
        {
            assert_eq!(finding("a", Some(text)), None, "{text}");
        }
    }

    #[test]
    fn all_that_bind_must_be_allowed() {
        for text in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND SSPL-1.0"] {
            assert!(finding("a", Some(text)).is_some(), "{text}");
        }
        assert_eq!(finding("a", None).unwrap(), "names no licence");
        assert!(finding("a", Some("free as in beer")).unwrap().contains("no SPDX expression"));
    }

    #[test]
    fn an_exception_is_for_one_crate() {
        assert_eq!(finding("attohttpc", Some("MPL-2.0")), None);
        assert!(finding("another", Some("MPL-2.0")).is_some());
    }

    #[test]
    fn bans_and_foreign_sources_are_found() {
        let rules = rules().unwrap();
        let index = "registry+https://github.com/rust-lang/crates.io-index";
        assert_eq!(rules.findings(&package("serde", Some("MIT"), index)), [""; 0]);
        assert!(rules.findings(&package("openssl-sys", Some("MIT"), index))[0].contains("is banned"));
        let git = "git+https://example.org/serde";
        assert!(rules.findings(&package("serde", Some("MIT"), git))[0].contains("no allowed registry"));
    }
}
