//! A subnet in a file: **simulated**. No chain, no money; for trying miners, validators and gateways on one machine.
//!
//! The file is the metagraph and what was done to it, as JSON. Several processes may share it: each change takes a lock of
//! the file system, and is written beside it and renamed. Heights pass with the clock.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::metagraph::{Metagraph, Neuron};
use super::{Chain, ChainFault, Payee, Sealed, Weights};
use crate::keys::HotkeyId;
use crate::wire::now_ns;

/// What the file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Simulated {
    /// Must be true, so that nobody takes it for a chain's answer.
    pub simulated: bool,
    /// When height 0 was, in milliseconds since 1970; 0: the height stands as it is written.
    pub began_ms: u64,
    /// The subnet.
    pub graph: Metagraph,
    /// Weights that count, by the validator's uid.
    #[serde(default)]
    pub weights: BTreeMap<u16, Weights>,
    /// Commitments that wait: by uid, the epoch and what was committed.
    #[serde(default)]
    pub committed: BTreeMap<u16, Vec<(u64, Sealed)>>,
    /// What was paid, by payee's text.
    #[serde(default)]
    pub paid: BTreeMap<String, u128>,
}

/// A subnet in a file, as one hotkey sees it.
#[derive(Clone, Debug)]
pub struct FileChain {
    path: PathBuf,
    hotkey: HotkeyId,
}

impl FileChain {
    /// The subnet in a file.
    pub fn new(path: impl Into<PathBuf>, hotkey: HotkeyId) -> Self {
        Self { path: path.into(), hotkey }
    }

    /// Writes a new file.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn create(&self, simulated: &Simulated) -> Result<(), ChainFault> {
        self.write(simulated)
    }

    /// What the file holds now, with its height moved on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Simulated, ChainFault> {
        let fault = |why: String| ChainFault::Unreachable(format!("{}: {why}", self.path.display()));
        let bytes = fs::read(&self.path).map_err(|error| fault(error.to_string()))?;
        let mut read: Simulated = serde_json::from_slice(&bytes).map_err(|error| fault(error.to_string()))?;
        if !read.simulated {
            return Err(fault("\"simulated\" is not true".to_owned()));
        }
        if read.began_ms > 0 {
            let graph = &mut read.graph;
            graph.height = (now_ns() / 1_000_000).saturating_sub(read.began_ms) / graph.block_ms.max(1);
            let tempo = graph.terms.tempo.max(1);
            graph.epoch = graph.height / tempo;
            graph.next_epoch = (graph.epoch + 1) * tempo;
        }
        Ok(read)
    }

    /// Changes the file under its lock.
    ///
    /// # Errors
    /// What the change refuses, and what the file system does.
    pub fn change<T>(&self, with: impl FnOnce(&mut Simulated) -> Result<T, ChainFault>) -> Result<T, ChainFault> {
        let fault = |error: std::io::Error| ChainFault::Unreachable(format!("{}: {error}", self.path.display()));
        let lock = fs::File::create(self.path.with_extension("lock")).map_err(fault)?;
        lock.lock().map_err(fault)?;
        let mut held = self.read()?;
        let outcome = with(&mut held)?;
        self.write(&held)?;
        Ok(outcome)
    }

    fn write(&self, held: &Simulated) -> Result<(), ChainFault> {
        let fault = |why: String| ChainFault::Unreachable(format!("{}: {why}", self.path.display()));
        let text = serde_json::to_vec_pretty(held).map_err(|error| fault(error.to_string()))?;
        let beside = self.path.with_extension("new");
        fs::write(&beside, text).map_err(|error| fault(error.to_string()))?;
        fs::rename(&beside, &self.path).map_err(|error| fault(error.to_string()))
    }

    fn own(&self, held: &Simulated, netuid: u16) -> Result<u16, ChainFault> {
        if held.graph.netuid != netuid {
            return Err(ChainFault::NoSubnet(netuid));
        }
        let own = held.graph.find(self.hotkey).map(|neuron| neuron.uid);
        own.ok_or_else(|| ChainFault::Refused(format!("{} is not registered in subnet {netuid}", self.hotkey)))
    }
}

#[async_trait]
impl Chain for FileChain {
    fn describe(&self) -> String {
        format!("a simulated subnet in {}: no chain, no money", self.path.display())
    }

    async fn metagraph(&self, netuid: u16) -> Result<Metagraph, ChainFault> {
        let graph = self.read()?.graph;
        if graph.netuid == netuid { Ok(graph) } else { Err(ChainFault::NoSubnet(netuid)) }
    }

    async fn register(&self, netuid: u16, limit: u128) -> Result<u16, ChainFault> {
        self.change(|held| {
            let graph = &mut held.graph;
            if graph.netuid != netuid {
                return Err(ChainFault::NoSubnet(netuid));
            }
            if graph.find(self.hotkey).is_some() {
                return Err(ChainFault::Refused(format!("{} is registered already", self.hotkey)));
            }
            if graph.terms.burn > limit {
                let why = format!("registering burns {}, more than the limit {limit}", graph.terms.burn);
                return Err(ChainFault::Refused(why));
            }
            let uid = u16::try_from(graph.neurons.len()).unwrap_or(u16::MAX);
            if uid >= graph.terms.max_uids {
                return Err(ChainFault::Refused("the simulated subnet is full and replaces nobody".to_owned()));
            }
            graph.neurons.push(Neuron {
                uid,
                hotkey: self.hotkey,
                coldkey: format!("simulated-{uid}"),
                stake: 0,
                incentive: 0,
                emission: 0,
                validator: false,
                registered_at: graph.height,
                last_update: graph.height,
                axon: None,
            });
            Ok(uid)
        })
    }

    async fn serve(&self, netuid: u16, at: SocketAddr) -> Result<(), ChainFault> {
        self.change(|held| {
            let own = self.own(held, netuid)?;
            let neuron = held.graph.neurons.iter_mut().find(|neuron| neuron.uid == own);
            neuron.map(|neuron| neuron.axon = Some(at)).ok_or(ChainFault::NoSubnet(netuid))
        })
    }

    async fn set_weights(&self, netuid: u16, weights: &Weights) -> Result<(), ChainFault> {
        self.change(|held| {
            let own = self.own(held, netuid)?;
            if held.graph.terms.reveal_after.is_some() {
                return Err(ChainFault::Refused("weights are committed first in this subnet".to_owned()));
            }
            touch(held, own);
            held.weights.insert(own, weights.clone());
            Ok(())
        })
    }

    async fn commit_weights(&self, netuid: u16, sealed: &Sealed) -> Result<(), ChainFault> {
        self.change(|held| {
            let own = self.own(held, netuid)?;
            let epoch = held.graph.epoch;
            touch(held, own);
            held.committed.entry(own).or_default().push((epoch, sealed.clone()));
            Ok(())
        })
    }

    async fn reveal_weights(&self, netuid: u16, sealed: &Sealed) -> Result<(), ChainFault> {
        self.change(|held| {
            let own = self.own(held, netuid)?;
            let (now, after) = (held.graph.epoch, held.graph.terms.reveal_after.unwrap_or(0));
            let waiting = held.committed.entry(own).or_default();
            let due = waiting.iter().position(|(epoch, committed)| epoch + after == now && committed == sealed);
            let due = due.ok_or_else(|| ChainFault::Refused("nothing was committed that is due now".to_owned()))?;
            waiting.remove(due);
            held.weights.insert(own, sealed.weights.clone());
            Ok(())
        })
    }

    async fn pay(&self, _netuid: u16, to: Payee, amount: u128) -> Result<(), ChainFault> {
        let name = match to {
            Payee::Miner(hotkey) => hotkey.to_string(),
            Payee::Recycled => "recycled".to_owned(),
        };
        self.change(|held| {
            let paid = held.paid.entry(name).or_default();
            *paid = paid.saturating_add(amount);
            Ok(())
        })
    }
}

fn touch(held: &mut Simulated, uid: u16) {
    let height = held.graph.height;
    for neuron in held.graph.neurons.iter_mut().filter(|neuron| neuron.uid == uid) {
        neuron.last_update = height;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::chain::Terms;

    pub(crate) fn neuron(uid: u8) -> Neuron {
        let key = crate::keys::Hotkey::from_seed(&[uid + 1; 32]).unwrap();
        Neuron {
            uid: uid.into(),
            hotkey: key.id(),
            coldkey: format!("owner{uid}"),
            stake: 0,
            incentive: 0,
            emission: 0,
            validator: false,
            registered_at: 0,
            last_update: 0,
            axon: None,
        }
    }

    pub(crate) fn graph(height: u64) -> Metagraph {
        let terms = Terms {
            tempo: 360,
            immunity: 5000,
            burn: 1_000_000_000,
            max_uids: 256,
            min_weights: 1,
            max_weight: 65535,
            weights_rate_limit: 100,
            version: 0,
            reveal_after: None,
        };
        let (epoch, next_epoch) = (height / 360, (height / 360 + 1) * 360);
        Metagraph { netuid: 1, height, epoch, next_epoch, block_ms: 1000, terms, neurons: Vec::new() }
    }

    pub(crate) fn simulated(graph: Metagraph) -> Simulated {
        let (weights, committed, paid) = Default::default();
        Simulated { simulated: true, began_ms: 0, graph, weights, committed, paid }
    }

    #[tokio::test]
    async fn registering_serving_and_weighing_are_seen_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("subnet.json");
        let chain = FileChain::new(&path, neuron(0).hotkey);
        chain.create(&simulated(graph(10))).unwrap();
        assert!(matches!(chain.register(1, 5).await, Err(ChainFault::Refused(_))), "dearer than the limit");
        assert_eq!(chain.register(1, 1_000_000_000).await.unwrap(), 0);
        assert!(chain.register(1, u128::MAX).await.is_err());
        let at = "127.0.0.1:9".parse().unwrap();
        chain.serve(1, at).await.unwrap();
        let weights = Weights { uids: vec![0], values: vec![65535], version: 0 };
        chain.set_weights(1, &weights).await.unwrap();
        let other = FileChain::new(&path, neuron(1).hotkey);
        assert_eq!(other.metagraph(1).await.unwrap().neurons[0].axon, Some(at));
        assert_eq!(other.read().unwrap().weights[&0], weights);
        assert!(matches!(other.set_weights(1, &weights).await, Err(ChainFault::Refused(_))));
        assert!(matches!(other.metagraph(2).await, Err(ChainFault::NoSubnet(2))));
    }
}
