//! What `cargo metadata` says of the workspace.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::failure::{Doing, Result};
use crate::shell;

/// Packages, ours and those of others.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    /// Ids of our own packages.
    workspace_members: BTreeSet<String>,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) id: String,
    /// SPDX expression.
    pub(crate) license: Option<String>,
    /// Where it was taken from; none for a folder.
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// An arrow that a package declares.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or none for a normal one.
    pub(crate) kind: Option<String>,
}

impl Metadata {
    /// Our own packages only; needs no network.
    ///
    /// # Errors
    /// When cargo cannot read the workspace.
    pub(crate) fn of_workspace() -> Result<Self> {
        Self::read(&["--no-deps"])
    }

    /// Everything that is built for a platform.
    ///
    /// # Errors
    /// When cargo cannot read the workspace, or `Cargo.lock` does not fit it.
    pub(crate) fn of_everything(platform: &str) -> Result<Self> {
        Self::read(&["--locked", "--filter-platform", platform])
    }

    fn read(args: &[&str]) -> Result<Self> {
        let text = shell::read(shell::cargo().args(["metadata", "--format-version", "1"]).args(args))?;
        Self::parse(&text)
    }

    /// From cargo's JSON.
    ///
    /// # Errors
    /// When it has another shape.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).doing("the output of `cargo metadata`")
    }

    /// Our own packages.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// Packages of others.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| !self.workspace_members.contains(&package.id))
    }
}
