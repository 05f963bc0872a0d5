//! Who is served: the signature first, then the caller's standing in the subnet, then whether the request was seen before.

use std::sync::{Mutex, PoisonError, RwLock};

use axum::http::HeaderMap;

use super::MinerConfig;
use crate::chain::Metagraph;
use crate::keys::HotkeyId;
use crate::wire::nonce::Nonces;
use crate::wire::{Caller, Refusal, Status, v2};

/// What a miner knows of its callers.
#[derive(Debug)]
pub struct Door {
    miner: HotkeyId,
    graph: RwLock<Metagraph>,
    nonces: Mutex<Nonces>,
}

/// A caller that is served.
#[derive(Debug)]
pub struct Admitted {
    /// The caller.
    pub caller: Caller,
    /// Its stake.
    pub stake: u128,
    /// Its signature, which the answer signs.
    pub signature: [u8; 64],
}

impl Door {
    /// The door of a miner.
    pub fn new(miner: HotkeyId, graph: Metagraph) -> Self {
        Self { miner, graph: RwLock::new(graph), nonces: Mutex::default() }
    }

    /// Takes a newer state of the subnet.
    pub fn update(&self, graph: Metagraph) {
        *self.graph.write().unwrap_or_else(PoisonError::into_inner) = graph;
    }

    /// Whether a request is served, at a time of this machine's clock.
    ///
    /// # Errors
    /// 400 or 401 where it is not signed well or was seen; 403 for callers that are not served.
    pub fn admit(
        &self,
        config: &MinerConfig,
        headers: &HeaderMap,
        path: &str,
        body: &[u8],
        now: u64,
    ) -> Result<Admitted, Refusal> {
        let (caller, signature) = v2::verify(headers, path, body, config.netuid, self.miner)?;
        let stake = self.admit_caller(config, &caller, now)?;
        Ok(Admitted { caller, stake, signature })
    }

    /// Whether a caller whose signature was checked is served; its stake.
    ///
    /// # Errors
    /// 401 for what was seen; 403 for callers that are not served.
    pub fn admit_caller(&self, config: &MinerConfig, caller: &Caller, now: u64) -> Result<u128, Refusal> {
        let stake = self.standing(config, caller.hotkey)?;
        // Last, so that those who are not served cannot fill the memory.
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).take(caller, now)?;
        Ok(stake)
    }

    fn standing(&self, config: &MinerConfig, hotkey: HotkeyId) -> Result<u128, Refusal> {
        let refused = |why: String| Err(Refusal::new(Status::Forbidden, why));
        if config.refused.contains(&hotkey) {
            return refused(format!("{hotkey} is not served here"));
        }
        let graph = self.graph.read().unwrap_or_else(PoisonError::into_inner);
        let Some(neuron) = graph.find(hotkey) else {
            return refused(format!("{hotkey} is not registered in subnet {}", config.netuid));
        };
        if config.need_permit && !neuron.validator {
            return refused(format!("{hotkey} has no validator permit"));
        }
        if neuron.stake < config.min_stake {
            return refused(format!("{hotkey} has less stake than {}", config.min_stake));
        }
        Ok(neuron.stake)
    }
}
