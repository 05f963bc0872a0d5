//! Sets a network up in its folder, or finds the one that is there.

use engine::{NodeKey, ValidatorKey};
use node::NodeConfig;
use node::config::local_multiaddr;
use provider::config::GpuModel;
use time::OffsetDateTime;

use super::accounts::DevAccount;
use super::folder::{Folder, Plan, ProviderPorts, ValidatorPorts};
use super::genesis::genesis;
use super::ports::Ports;
use super::profile::Profile;
use crate::error::{Class, Classify, CliError, Result};

/// The RPC port of the first validator where nobody names another; CometBFT's.
const RPC_PORT: u16 = 26657;
const VALIDATORS: usize = 1;
const PROVIDERS: usize = 1;
const BLOCK_INTERVAL_MS: u64 = 500;
/// How long an epoch of a network with render nodes is, so that one can be waited for.
const RENDER_EPOCH_MS: u64 = 600_000;

/// What the command line asks for; none where it asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Validators.
    pub validators: Option<usize>,
    /// Providers.
    pub providers: Option<usize>,
    /// The interval between blocks, in milliseconds.
    pub block_interval_ms: Option<u64>,
    /// RPC port of the first validator.
    pub rpc_port: Option<u16>,
    /// What the chain begins with.
    pub profile: Option<Profile>,
    /// GPUs that providers sell and do not have.
    pub simulated_gpus: Vec<SimulatedGpu>,
    /// Whether providers render.
    pub render: bool,
    /// Whether deployments may make network devices.
    pub network_devices: bool,
    /// The length of an epoch of renders, in milliseconds.
    pub epoch_ms: Option<u64>,
}

/// A GPU that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedGpu {
    /// Number of the provider that sells it, from 1; none is each.
    pub provider: Option<usize>,
    /// What it is.
    pub model: GpuModel,
}

/// Settles what the network consists of, and its ports: as it was where the folder holds one.
///
/// # Errors
/// When the folder's network differs from the wish, or ports are taken.
pub fn settle(wish: &Wish, stored: Option<&Plan>) -> Result<Plan> {
    let ask = |what: &str, wanted: Option<u64>, has: Option<u64>, default: u64| match (wanted, has) {
        (Some(wanted), Some(has)) if wanted != has => {
            Err(differs(what, &format!("this network has {has}, {wanted} was asked for")))
        }
        (wanted, has) => Ok(has.or(wanted).unwrap_or(default)),
    };
    let count = |number: Option<usize>| number.map(|number| number as u64);
    let (had_validators, had_providers) =
        (stored.map(|plan| plan.validators.len()), stored.map(|plan| plan.providers.len()));
    let validators = ask("--validators", count(wish.validators), count(had_validators), VALIDATORS as u64)?;
    let providers = ask("--providers", count(wish.providers), count(had_providers), PROVIDERS as u64)?;
    let had_interval = stored.map(|plan| plan.block_interval_ms);
    let block_interval_ms = ask("--block-time", wish.block_interval_ms, had_interval, BLOCK_INTERVAL_MS)?;

    let profile = match (wish.profile, stored.map(|plan| plan.profile)) {
        (Some(wanted), Some(has)) if wanted != has => {
            let what = format!("this network is {}, {} was asked for", has.chain_id(), wanted.chain_id());
            return Err(differs("--profile", &what));
        }
        (wanted, has) => has.or(wanted).unwrap_or_default(),
    };

    if stored.is_some() && !wish.simulated_gpus.is_empty() {
        let why = "this network has its providers already; `simulated_gpus` of their provider.json says what they sell";
        return Err(differs("--simulated-gpu", why));
    }
    if stored.is_some() && wish.epoch_ms.is_some() {
        return Err(differs("--epoch", "this network has its epochs already; `tetra render epoch` shows the open one"));
    }
    if stored.is_some() && wish.render {
        let why = "this network has its providers already; `tetra provider render enable` makes one a render node";
        return Err(differs("--render", why));
    }
    if stored.is_some() && wish.network_devices {
        let why =
            "this network has its providers already; `network_devices` of their provider.json says what they grant";
        return Err(differs("--network-devices", why));
    }
    if wish.render && !profile.renders() {
        return Err(CliError::new(
            Class::Usage,
            format!("--render: {} has no LUX that pays for renders", profile.chain_id()),
        )
        .hint("the profile tetra has"));
    }
    let beyond = |gpu: &&SimulatedGpu| gpu.provider.is_some_and(|number| number as u64 > providers);
    if let Some(gpu) = wish.simulated_gpus.iter().find(beyond) {
        let number = gpu.provider.unwrap_or_default();
        let what = format!("--simulated-gpu {number}:{}: there are {providers} providers", gpu.model);
        return Err(
            CliError::new(Class::Usage, what).hint(format!("name one of them, or more with --providers {number}"))
        );
    }

    let mut ports = Ports::new();
    // Before any other, since it is the one that people type.
    let first = stored.and_then(|plan| plan.validators.first()).map(|ports| ports.rpc);
    let mut first_rpc = Some(match wish.rpc_port {
        Some(port) => ports.insist(port)?,
        None => ports.settle(first.or(Some(RPC_PORT)))?,
    });
    let mut plan = Plan { profile, block_interval_ms, validators: Vec::new(), providers: Vec::new() };
    for index in 0..validators as usize {
        let old = stored.and_then(|plan| plan.validators.get(index));
        plan.validators.push(ValidatorPorts {
            rpc: match first_rpc.take() {
                Some(port) => port,
                None => ports.settle(old.map(|old| old.rpc))?,
            },
            grpc: ports.settle(remembered(old.map(|old| old.grpc)))?,
            rest: ports.settle(remembered(old.map(|old| old.rest)))?,
            consensus: ports.settle(old.map(|old| old.consensus))?,
            gossip: ports.settle(old.map(|old| old.gossip))?,
            metrics: ports.settle(old.map(|old| old.metrics).filter(|port| *port != 0))?,
        });
    }
    for index in 0..providers as usize {
        let old = stored.and_then(|plan| plan.providers.get(index));
        plan.providers.push(ProviderPorts {
            gateway: ports.settle(old.map(|old| old.gateway))?,
            grpc: ports.settle(remembered(old.map(|old| old.grpc)))?,
            proxy: ports.settle(old.map(|old| old.proxy))?,
            metrics: ports.settle(old.map(|old| old.metrics).filter(|port| *port != 0))?,
        });
    }
    Ok(plan)
}

/// A port of the network's folder; 0 in those of before there were gRPC and REST.
fn remembered(port: Option<u16>) -> Option<u16> {
    port.filter(|port| *port != 0)
}

fn differs(option: &str, why: &str) -> CliError {
    CliError::new(Class::Usage, format!("{option}: {why}"))
        .hint("go on without this option, begin anew with --fresh, or use another --dir")
}

impl Wish {
    /// The length of an epoch of renders, if it is not the usual one.
    pub fn epochs(&self) -> Option<u64> {
        self.epoch_ms.or(self.render.then_some(RENDER_EPOCH_MS))
    }
}

/// Writes keys, genesis and folders of a new network's validators.
///
/// # Errors
/// When a file cannot be written.
pub fn make_validators(folder: &Folder, plan: &Plan, accounts: &[DevAccount], epoch_ms: Option<u64>) -> Result {
    let keys: Vec<ValidatorKey> = plan.validators.iter().map(|_| ValidatorKey::generate()).collect();
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let genesis = genesis(plan.profile, plan.block_interval_ms, now, &keys, accounts, epoch_ms)?;
    let text = serde_json::to_string_pretty(&genesis).class(Class::Internal)?;
    std::fs::write(folder.genesis(), text + "\n").class(Class::Machine)?;
    for (index, key) in keys.iter().enumerate() {
        let home = node::Home::new(folder.validator(index));
        home.init(&genesis, &node_config(plan, index), key, &NodeKey::generate()).class(Class::Machine)?;
    }
    Ok(())
}

/// Writes the validators' configurations anew, since ports may have changed.
///
/// # Errors
/// When a file cannot be written.
pub fn configure_validators(folder: &Folder, plan: &Plan) -> Result {
    (0..plan.validators.len()).try_for_each(|index| {
        node::Home::new(folder.validator(index)).configure(&node_config(plan, index)).class(Class::Machine)
    })
}

fn node_config(plan: &Plan, index: usize) -> NodeConfig {
    let own = plan.validators[index];
    let peers = || plan.validators.iter().enumerate().filter(|(peer, _)| *peer != index).map(|(_, ports)| ports);
    NodeConfig {
        consensus_peers: peers().map(|ports| local_multiaddr(ports.consensus)).collect(),
        metrics_listen: Some(format!("127.0.0.1:{}", own.metrics)),
        gossip_peers: peers().map(|ports| local_multiaddr(ports.gossip)).collect(),
        grpc_listen: Some(format!("127.0.0.1:{}", own.grpc)),
        rest_listen: Some(format!("127.0.0.1:{}", own.rest)),
        ..NodeConfig::local(format!("validator-{index}"), own.rpc, own.consensus, own.gossip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_keeps_its_profile() {
        // A folder of the time before profiles.
        let old: Plan = serde_json::from_str(r#"{"block_interval_ms":500,"validators":[],"providers":[]}"#).unwrap();
        assert_eq!(old.profile, Profile::Tetra);
        let wish = Wish { profile: Some(Profile::AkashClassic), ..Wish::default() };
        let refused = settle(&wish, Some(&old)).unwrap_err();
        let gpu = SimulatedGpu { provider: Some(3), model: "nvidia/t4".parse().unwrap() };
        let wish = Wish { simulated_gpus: vec![gpu], ..Wish::default() };
        assert!(settle(&wish, Some(&old)).unwrap_err().to_string().contains("--simulated-gpu: this network has"));
        assert!(settle(&wish, None).unwrap_err().to_string().contains("3:nvidia/t4: there are 1 providers"));
        let why = "--profile: this network is tetra-local, akash-classic-local was asked for";
        assert!(refused.to_string().contains(why), "{refused}");
    }
}
