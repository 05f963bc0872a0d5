//! A subnet as it stands at a height.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::keys::HotkeyId;

/// What a subnet asks of its neurons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Blocks between two epochs.
    pub tempo: u64,
    /// Blocks in which a new neuron is not replaced unless all are new.
    pub immunity: u64,
    /// Base units that registering burns now.
    pub burn: u128,
    /// How many neurons it holds.
    pub max_uids: u16,
    /// Weights must name at least so many.
    pub min_weights: u16,
    /// No weight may be more than this of 65535 of their sum.
    pub max_weight: u16,
    /// Blocks between two settings of weights.
    pub weights_rate_limit: u64,
    /// The least version of weights; 0 for any.
    pub version: u64,
    /// Epochs from a commitment to its revelation; none where weights are set in the open.
    pub reveal_after: Option<u64>,
}

/// A member of a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neuron {
    /// Its place.
    pub uid: u16,
    /// Who it is.
    pub hotkey: HotkeyId,
    /// Whose it is, as the chain writes addresses.
    pub coldkey: String,
    /// Stake behind it, in base units.
    pub stake: u128,
    /// Its share of what miners earn, of 65535.
    pub incentive: u16,
    /// Base units that it earned in the last epoch.
    pub emission: u128,
    /// Whether its weights count.
    pub validator: bool,
    /// The height at which it registered.
    pub registered_at: u64,
    /// The height at which it last set or committed weights.
    pub last_update: u64,
    /// Where it answers.
    pub axon: Option<SocketAddr>,
}

/// A subnet at a height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metagraph {
    /// Which subnet.
    pub netuid: u16,
    /// The height.
    pub height: u64,
    /// How many epochs there were.
    pub epoch: u64,
    /// The height at which the next epoch is.
    pub next_epoch: u64,
    /// The interval between blocks that the chain aims at, in milliseconds.
    pub block_ms: u64,
    /// What the subnet asks.
    pub terms: Terms,
    /// Its members, by ascending uid.
    pub neurons: Vec<Neuron>,
}

impl Metagraph {
    /// The member with a hotkey.
    pub fn find(&self, hotkey: HotkeyId) -> Option<&Neuron> {
        self.neurons.iter().find(|neuron| neuron.hotkey == hotkey)
    }

    /// Members that say where they answer and are no validators of weight: whom to ask. `stake_limit`: a validator with more
    /// stake than this is not asked.
    pub fn miners(&self, stake_limit: u128) -> impl Iterator<Item = (&Neuron, SocketAddr)> {
        let asked = move |neuron: &&Neuron| !(neuron.validator && neuron.stake > stake_limit);
        self.neurons.iter().filter(asked).filter_map(|neuron| Some((neuron, neuron.axon?)))
    }

    /// How long until the next epoch, in milliseconds of the interval that the chain aims at.
    pub fn until_epoch_ms(&self) -> u64 {
        self.next_epoch.saturating_sub(self.height).saturating_mul(self.block_ms)
    }
}
