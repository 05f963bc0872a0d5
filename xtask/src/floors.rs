//! The floors that crates stand on. Arrows point down; along a floor only where [`ALONG`] says so.
//!
//! A new crate is written into [`FLOORS`]; a new arrow along a floor needs a reason in [`ALONG`].

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use crate::failure::{Failure, Result};
use crate::metadata::Metadata;
use crate::shell;

/// One floor.
struct Floor {
    name: &'static str,
    crates: &'static [&'static str],
}

/// From the ground up.
const FLOORS: [Floor; 6] = [
    Floor { name: "words", crates: &["primitives", "proto"] },
    Floor { name: "rules", crates: &["sdl", "pricing", "emission", "yuma", "proving", "classic"] },
    Floor { name: "machine", crates: &["store", "ledger", "market", "render", "cluster", "subnet", "app"] },
    Floor {
        name: "parts",
        crates: &["disk", "engine", "mempool", "rpc", "client", "workload", "farm", "mesh", "telemetry"],
    },
    Floor { name: "roles", crates: &["node", "provider", "inference"] },
    Floor { name: "faces", crates: &["tetra", "sim", "fuzz", "load"] },
];

/// Crates that stand beside the house: they use none of ours, and none of ours uses them.
const OUTSIDE: [&str; 1] = ["xtask"];

/// Arrows along a floor: from, to, why.
const ALONG: [(&str, &str, &str); 15] = [
    ("ledger", "store", "what it keeps"),
    ("market", "store", "what it keeps"),
    ("market", "ledger", "accounts, escrow, providers and capacity are every market's"),
    ("render", "store", "what it keeps"),
    ("render", "ledger", "accounts, the bank, prices and capacity are every market's"),
    ("cluster", "store", "what it keeps"),
    ("cluster", "ledger", "accounts, escrow, providers and capacity are every market's"),
    ("subnet", "store", "what it keeps"),
    ("subnet", "ledger", "accounts, the bank and capacity are every market's"),
    ("app", "store", "commits what a block wrote"),
    ("app", "ledger", "puts the machine together"),
    ("app", "market", "puts the machine together"),
    ("app", "render", "puts the machine together"),
    ("app", "subnet", "puts the machine together"),
    ("app", "cluster", "puts the machine together"),
];

/// Crates whose code every node must run to the same result; `proto` is left out because it is generated.
const DETERMINISTIC: [&str; 14] = [
    "primitives",
    "sdl",
    "pricing",
    "emission",
    "yuma",
    "proving",
    "classic",
    "store",
    "ledger",
    "market",
    "render",
    "cluster",
    "subnet",
    "app",
];

/// What each of them denies in its `lib.rs`.
const DENIED: [&str; 11] = [
    "disallowed_types",
    "disallowed_methods",
    "float_arithmetic",
    "unwrap_used",
    "expect_used",
    "panic",
    "unreachable",
    "indexing_slicing",
    "string_slice",
    "print_stdout",
    "print_stderr",
];

/// Something that does not stand as it should.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    Homeless { name: String },
    Gone { name: String },
    Arrow { from: String, to: String, kind: String, why: &'static str },
    Lints { name: String, what: String },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Homeless { name } => write!(f, "{name} stands on no floor: write it into xtask/src/floors.rs"),
            Self::Gone { name } => write!(f, "{name} stands in xtask/src/floors.rs, but there is no such crate"),
            Self::Arrow { from, to, kind, why } => write!(f, "{from} -> {to} ({kind} dependency) {why}"),
            Self::Lints { name, what } => write!(f, "{name} is deterministic, but {what}"),
        }
    }
}

/// Checks the workspace and prints what stands wrong.
///
/// # Errors
/// When something does.
pub(crate) fn run() -> Result {
    let metadata = Metadata::of_workspace()?;
    let findings: Vec<Finding> = check(&metadata).into_iter().chain(lints()).collect();
    if findings.is_empty() {
        for floor in FLOORS.iter().rev() {
            println!("{:8} {}", floor.name, floor.crates.join(" "));
        }
        println!("arrows: every one points down, or is one of the {} listed along a floor", ALONG.len());
        return Ok(());
    }
    let list: Vec<String> = findings.iter().map(|finding| format!("  {finding}")).collect();
    Err(Failure::new(format!("the floors do not stand:\n{}", list.join("\n")))
        .hint("a lower crate returns typed outcomes instead of calling up; ARCHITECTURE.md has the map"))
}

/// Arrows that point up or along without being listed, crates on no floor, and floors' crates that do not exist.
fn check(metadata: &Metadata) -> Vec<Finding> {
    let heights = FLOORS.iter().enumerate().flat_map(|(height, floor)| floor.crates.iter().map(move |c| (*c, height)));
    let heights: BTreeMap<&str, usize> = heights.collect();
    let ours: Vec<&str> = metadata.ours().map(|package| package.name.as_str()).collect();
    let homeless = ours.iter().filter(|name| !heights.contains_key(*name) && !OUTSIDE.contains(name));
    let gone = heights.keys().chain(&OUTSIDE).filter(|name| !ours.contains(name));
    let mut findings: Vec<Finding> = homeless.map(|name| Finding::Homeless { name: (*name).to_owned() }).collect();
    findings.extend(gone.map(|name| Finding::Gone { name: (*name).to_owned() }));
    for package in metadata.ours() {
        let inner = package.dependencies.iter().filter(|dependency| ours.contains(&dependency.name.as_str()));
        // A crate's own tests may build it with other features.
        for dependency in inner.filter(|dependency| dependency.name != package.name) {
            if let Some(why) = wrong(&heights, &package.name, &dependency.name) {
                findings.push(Finding::Arrow {
                    from: package.name.clone(),
                    to: dependency.name.clone(),
                    kind: dependency.kind.clone().unwrap_or_else(|| "normal".to_owned()),
                    why,
                });
            }
        }
    }
    findings
}

/// What is wrong with an arrow between two of our crates. The homeless are found elsewhere.
fn wrong(heights: &BTreeMap<&str, usize>, from: &str, to: &str) -> Option<&'static str> {
    if OUTSIDE.contains(&from) || OUTSIDE.contains(&to) {
        return Some("touches a crate that stands beside the house");
    }
    let (from_height, to_height) = (heights.get(from)?, heights.get(to)?);
    match to_height.cmp(from_height) {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Greater => Some("points up"),
        std::cmp::Ordering::Equal if ALONG.iter().any(|(a, b, _)| (*a, *b) == (from, to)) => None,
        std::cmp::Ordering::Equal => Some("points along its floor and is not listed"),
    }
}

/// Deterministic crates that lack the lints which keep them so.
fn lints() -> Vec<Finding> {
    let common = fs::read_to_string(shell::root().join(".config/deterministic-clippy.toml")).unwrap_or_default();
    let finding = |name: &str, what: String| Finding::Lints { name: name.to_owned(), what };
    let mut findings = Vec::new();
    for name in DETERMINISTIC {
        let home = shell::root().join("crates").join(name);
        let own = fs::read_to_string(home.join("clippy.toml")).unwrap_or_default();
        if own.is_empty() || own != common {
            findings.push(finding(name, "its clippy.toml is no link to .config/deterministic-clippy.toml".to_owned()));
        }
        let lib = fs::read_to_string(home.join("src/lib.rs")).unwrap_or_default();
        let missing = undenied(&lib);
        if !missing.is_empty() {
            findings.push(finding(name, format!("its lib.rs does not deny clippy::{}", missing.join(", clippy::"))));
        }
    }
    findings
}

fn undenied(lib: &str) -> Vec<&'static str> {
    let denies: Vec<&str> = lib.lines().filter(|line| line.starts_with("#![deny(")).collect();
    let denied = |lint: &str| {
        let name = format!("clippy::{lint}");
        denies
            .iter()
            .any(|line| line.split(|c: char| !(c.is_alphanumeric() || "_:".contains(c))).any(|word| word == name))
    };
    DENIED.into_iter().filter(|lint| !denied(lint)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The house as it should be, with some arrows more and some crates more.
    fn house(arrows: &[(&str, &str, Option<&str>)], more: &[&str]) -> Metadata {
        let names = FLOORS.iter().flat_map(|floor| floor.crates).chain(&OUTSIDE).chain(more);
        let packages: Vec<_> = names
            .map(|name| {
                let dependencies: Vec<_> = arrows
                    .iter()
                    .filter(|(from, ..)| from == name)
                    .map(|(_, to, kind)| serde_json::json!({ "name": to, "kind": kind }))
                    .collect();
                serde_json::json!({
                    "name": name, "version": "0.1.0", "id": name, "license": null, "source": null,
                    "dependencies": dependencies,
                })
            })
            .collect();
        let members: Vec<_> = packages.iter().map(|package| package["id"].clone()).collect();
        let text = serde_json::json!({ "packages": packages, "workspace_members": members }).to_string();
        Metadata::parse(&text).unwrap()
    }

    fn found(arrows: &[(&str, &str, Option<&str>)], more: &[&str]) -> Vec<String> {
        check(&house(arrows, more)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn this_house_stands() {
        assert_eq!(check(&Metadata::of_workspace().unwrap()), []);
        assert_eq!(lints(), []);
    }

    #[test]
    fn arrows_down_and_listed_ones_along_are_right() {
        let arrows = [("tetra", "primitives", None), ("app", "market", None), ("node", "disk", Some("dev"))];
        assert_eq!(found(&arrows, &[]), [""; 0]);
        // Crates of others are nobody's floor.
        assert_eq!(found(&[("store", "serde", None)], &[]), [""; 0]);
        // A crate's tests may name the crate itself.
        assert_eq!(found(&[("ledger", "ledger", Some("dev"))], &[]), [""; 0]);
    }

    #[test]
    fn an_arrow_up_is_found_whatever_its_kind() {
        assert_eq!(found(&[("store", "disk", None)], &[]), ["store -> disk (normal dependency) points up"]);
        assert_eq!(found(&[("store", "disk", Some("build"))], &[]), ["store -> disk (build dependency) points up"]);
        assert_eq!(found(&[("store", "disk", Some("dev"))], &[]), ["store -> disk (dev dependency) points up"]);
    }

    #[test]
    fn an_unlisted_arrow_along_a_floor_is_found() {
        let along = "points along its floor and is not listed";
        assert_eq!(found(&[("rpc", "mempool", None)], &[]), [format!("rpc -> mempool (normal dependency) {along}")]);
        // A listed arrow has one direction.
        assert_eq!(found(&[("ledger", "app", None)], &[]), [format!("ledger -> app (normal dependency) {along}")]);
    }

    #[test]
    fn a_crate_on_no_floor_is_found() {
        let told = "attic stands on no floor: write it into xtask/src/floors.rs";
        assert_eq!(found(&[("attic", "proto", None)], &["attic"]), [told]);
    }

    #[test]
    fn a_floor_that_names_no_crate_is_found() {
        let mut metadata = house(&[], &[]);
        metadata.packages.retain(|package| package.name != "mempool");
        let told = "mempool stands in xtask/src/floors.rs, but there is no such crate";
        assert_eq!(check(&metadata).iter().map(Finding::to_string).collect::<Vec<_>>(), [told]);
    }

    #[test]
    fn nothing_touches_what_stands_outside() {
        let told = "touches a crate that stands beside the house";
        let arrows = [("tetra", "xtask", None), ("xtask", "proto", None)];
        let expected = ["tetra -> xtask", "xtask -> proto"].map(|a| format!("{a} (normal dependency) {told}"));
        assert_eq!(found(&arrows, &[]), expected);
    }

    #[test]
    fn a_missing_lint_is_found() {
        let lib = "//! A crate.\n#![deny(clippy::disallowed_types, clippy::panic)]\n// clippy::unwrap_used\n";
        let missing = undenied(lib);
        assert!(!missing.contains(&"panic") && !missing.contains(&"disallowed_types"));
        assert!(missing.contains(&"unwrap_used") && missing.contains(&"float_arithmetic"));
    }
}
