//! What `tetra up` prints once the network is ready.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::accounts::Role;
use crate::output;

/// The network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The chain id.
    pub chain_id: String,
    /// Its folder.
    pub dir: PathBuf,
    /// The process that runs it.
    pub pid: u32,
    /// The interval between blocks, in milliseconds.
    pub block_interval_ms: u64,
    /// Whether it goes on where it stopped.
    pub continued: bool,
    /// The validators.
    pub validators: Vec<ValidatorReport>,
    /// The providers.
    pub providers: Vec<ProviderReport>,
    /// Accounts, all with keys in the clear.
    pub accounts: Vec<AccountReport>,
    /// The phrase that the keys derive from.
    pub mnemonic: String,
    /// What to do next.
    pub next: Vec<String>,
}

/// A validator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ValidatorReport {
    /// Its name.
    pub name: String,
    /// URL of its JSON-RPC.
    pub rpc: String,
    /// URL of its gRPC and gRPC-web.
    pub grpc: String,
    /// URL of its REST.
    pub rest: String,
    /// URL of its metrics; `/livez` and `/readyz` lie beside.
    pub metrics: String,
    /// Height of its last block.
    pub height: u64,
    /// Its process.
    pub pid: Option<u32>,
    /// Its folder.
    pub dir: PathBuf,
    /// Its log.
    pub log: PathBuf,
}

/// A provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProviderReport {
    /// Its name, which is also that of its key.
    pub name: String,
    /// Its address.
    pub address: String,
    /// URL of its API for tenants.
    pub gateway: String,
    /// Where workloads are reached by host name.
    pub proxy: String,
    /// URL of its metrics; `/livez` and `/readyz` lie beside.
    pub metrics: String,
    /// Its prices in percent of the first provider's.
    pub price_percent: u32,
    /// What it offers of this machine.
    pub offer: String,
    /// Its process.
    pub pid: Option<u32>,
    /// Its folder.
    pub dir: PathBuf,
    /// Its log.
    pub log: PathBuf,
}

/// An account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountReport {
    /// Its key's name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its address.
    pub address: String,
    /// The index of its key along `m/44'/118'/0'/0/N`.
    pub index: u32,
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let began = if self.continued { "goes on" } else { "began" };
        let mut text = format!(
            "{} {began}: a block every {} ms; folder {}\n\n",
            self.chain_id,
            self.block_interval_ms,
            self.dir.display()
        );
        let head = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let mut rows = vec![head(&["VALIDATOR", "RPC", "GRPC", "REST", "METRICS", "HEIGHT", "LOG"])];
        rows.extend(self.validators.iter().map(|v| {
            let (height, log) = (v.height.to_string(), v.log.display().to_string());
            vec![v.name.clone(), v.rpc.clone(), v.grpc.clone(), v.rest.clone(), v.metrics.clone(), height, log]
        }));
        text.push_str(&output::table(&rows));
        if !self.providers.is_empty() {
            let mut rows = vec![head(&["PROVIDER", "GATEWAY", "PROXY", "METRICS", "PRICES", "OFFERS", "LOG"])];
            rows.extend(self.providers.iter().map(|p| {
                let prices = format!("{} %", p.price_percent);
                vec![
                    p.name.clone(),
                    p.gateway.clone(),
                    p.proxy.clone(),
                    p.metrics.clone(),
                    prices,
                    p.offer.clone(),
                    p.log.display().to_string(),
                ]
            }));
            text.push_str("\n\n");
            text.push_str(&output::table(&rows));
        }
        let mut rows = vec![head(&["ACCOUNT", "ROLE", "ADDRESS"])];
        rows.extend(self.accounts.iter().map(|account| {
            let role = match account.role {
                Role::Tenant => "tenant",
                Role::Authority => "authority",
                Role::Feeder => "simulated prices",
                Role::Provider => "provider",
            };
            vec![account.name.clone(), role.to_owned(), account.address.clone()]
        }));
        text.push_str("\n\n");
        text.push_str(&output::table(&rows));
        text.push_str("\n\nThese keys are public knowledge: send nothing of worth to them.\n\nNext:\n");
        text.push_str(&self.next.iter().map(|command| format!("  {command}\n")).collect::<String>());
        text
    }
}
