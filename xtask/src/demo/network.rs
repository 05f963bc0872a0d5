//! A local network of the demo's own, started and ended by the command line that users have.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::Value;

use super::checks::Checks;
use crate::failure::{Doing, Failure, Result};
use crate::shell;

/// What `tetra up -o json` says, as far as it is used here.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) block_interval_ms: u64,
    pub(crate) validators: Vec<Validator>,
    pub(crate) providers: Vec<Provider>,
    pub(crate) accounts: Vec<Account>,
}

/// A validator.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Validator {
    pub(crate) rpc: String,
}

/// A provider.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) price_percent: u32,
    pub(crate) dir: PathBuf,
    pub(crate) metrics: String,
}

/// An account.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// A network that is ended when this is dropped, unless it was kept.
#[derive(Debug)]
pub(crate) struct Network {
    /// What it consists of.
    pub(crate) report: Report,
    home: Home,
    up: bool,
}

/// The folder of keys and of the network, and the program that uses it.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    folder: PathBuf,
    /// The profile that `tetra` is built in, as the folder in `target` is called.
    profile: &'static str,
}

impl Home {
    /// `target/demo`.
    pub(crate) fn new() -> Self {
        Self { folder: shell::target().join("demo"), profile: "debug" }
    }

    /// A folder of another network beside it.
    pub(crate) fn beside(&self, name: &str) -> Self {
        Self { folder: shell::target().join(format!("demo-{name}")), profile: self.profile }
    }

    /// The same, with the release build of `tetra`.
    pub(crate) fn release() -> Self {
        Self { profile: "release", ..Self::new() }
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// `tetra` with these arguments. What the environment says of another network does not count.
    pub(crate) fn tetra(&self, args: &[&str]) -> Command {
        let tetra = shell::target().join(self.profile).join("tetra");
        let mut command = shell::program(&tetra);
        // For programs of the demo that call it in their turn.
        command.env("TETRA_DEMO_PROGRAM", tetra);
        command.args(args).env("TETRA_HOME", &self.folder).env_remove("TETRA_NODE").env_remove("TETRA_FROM");
        command
    }

    /// Runs `tetra ARGS -o json` and returns its data.
    ///
    /// # Errors
    /// When it fails; its talk is quoted.
    pub(crate) fn json(&self, args: &[&str]) -> Result<Value> {
        let mut command = self.tetra(&[args, &["-o", "json"]].concat());
        let text = shell::read(&mut command)?;
        serde_json::from_str(&text).doing(shell::line(&command))
    }

    /// Runs `tetra ARGS`, whatever comes of it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn outcome(&self, args: &[&str]) -> Result<Output> {
        shell::output(&mut self.tetra(args))
    }
}

impl Network {
    /// Starts a new chain in the folder; one that an interrupted demo left there is ended first.
    ///
    /// # Errors
    /// Why it does not start.
    pub(crate) fn start(home: Home, validators: u16, providers: u16, block_time: &str) -> Result<Self> {
        let (validators, providers) = (validators.to_string(), providers.to_string());
        Self::start_with(home, &["--validators", &validators, "--providers", &providers, "--block-time", block_time])
    }

    /// The same with these options of `tetra up`.
    ///
    /// # Errors
    /// Why it does not start.
    pub(crate) fn start_with(home: Home, options: &[&str]) -> Result<Self> {
        std::fs::create_dir_all(&home.folder).doing(home.folder.display())?;
        home.json(&["down"])?;
        let report = home.json(&[&["up", "--fresh", "--detach"], options].concat())?;
        let report = serde_json::from_value(report).doing("what `tetra up -o json` printed")?;
        Ok(Self { report, home, up: true })
    }

    /// The address of an account.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(crate) fn account(&self, name: &str) -> Result<&str> {
        let account = self.report.accounts.iter().find(|account| account.name == name);
        account.map(|account| account.address.as_str()).ok_or_else(|| Failure::new(format!("no account is {name}")))
    }

    /// URL of the first validator's JSON-RPC.
    ///
    /// # Errors
    /// When there is no validator.
    pub(crate) fn rpc(&self) -> Result<&str> {
        let first = self.report.validators.first().ok_or_else(|| Failure::new("the network has no validator"))?;
        Ok(&first.rpc)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it does not end.
    pub(crate) fn stop(&mut self) -> Result {
        self.up = false;
        self.home.json(&["down"]).map(drop)
    }

    /// Ends it, or leaves it up and says where, once all claims held.
    ///
    /// # Errors
    /// When a claim did not hold, or the network does not end.
    pub(crate) fn finish(mut self, keep: bool, checks: Checks) -> Result {
        if !keep {
            self.stop()?;
            return checks.finish();
        }
        checks.finish()?;
        println!("\nthe network is up: TETRA_HOME={}; `tetra down` ends it", self.home.file("").display());
        self.keep();
        Ok(())
    }

    /// Leaves it running.
    pub(crate) fn keep(mut self) {
        self.up = false;
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if self.up
            && let Err(failure) = self.stop()
        {
            eprintln!("the demo's network was not ended: {failure}");
        }
    }
}
