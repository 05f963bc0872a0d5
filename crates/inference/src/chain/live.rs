//! The chain, as one hotkey sees it, by an account that acts for it: its operator, and where money moves its coldkey.

use std::net::SocketAddr;

use async_trait::async_trait;
use client::account::{Account, Confirmed};
use client::{Node, NodeError};
use proto::cosmos::bank::v1beta1::MsgSend;
use proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use proto::cosmos::base::v1beta1::Coin;
use proto::tetra::subnet::v1 as wire;
use proto::{Any, ToAny};
use subnet::weight::check::Sent;
use subnet::weight::commitment;

use super::{Chain, ChainFault, Metagraph, Neuron, Payee, Sealed, Terms, Weights};
use crate::keys::HotkeyId;

/// Which protocol a miner speaks, as its neuron says: ours.
pub const PROTOCOL: u32 = 2;
/// Neurons of one question.
const PAGE: u64 = 500;
/// WIT's base unit.
const NWIT: &str = "nwit";

/// The chain for whoever only looks.
pub struct Reader {
    node: Node,
    block_ms: u64,
}

/// The chain.
pub struct LiveChain {
    account: Account,
    hotkey: HotkeyId,
    reader: Reader,
}

impl Reader {
    /// What a node sees.
    pub fn new(node: Node, block_ms: u64) -> Self {
        Self { node, block_ms }
    }

    async fn neurons(&self, netuid: u32) -> Result<Vec<wire::NeuronView>, ChainFault> {
        let mut all = Vec::new();
        let mut key = Vec::new();
        loop {
            let pagination = Some(PageRequest { key, limit: PAGE, ..PageRequest::default() });
            let request = wire::QueryNeuronsRequest { netuid, pagination };
            let found = self.node.query("/tetra.subnet.v1.Query/Neurons", &request).await;
            let found: wire::QueryNeuronsResponse = found.map_err(fault)?;
            all.extend(found.neurons);
            match found.pagination {
                Some(PageResponse { next_key, .. }) if !next_key.is_empty() => key = next_key,
                _ => return Ok(all),
            }
        }
    }

    /// A subnet at the newest height.
    ///
    /// # Errors
    /// When there is none of that number, or the node does not answer.
    pub async fn metagraph(&self, netuid: u16) -> Result<Metagraph, ChainFault> {
        let request = wire::QuerySubnetRequest { netuid: netuid.into() };
        let found: Result<wire::QuerySubnetResponse, NodeError> =
            self.node.query("/tetra.subnet.v1.Query/Subnet", &request).await;
        let view = match found {
            Err(error) if error.is_not_found() => return Err(ChainFault::NoSubnet(netuid)),
            found => found.map_err(fault)?.subnet.ok_or(ChainFault::NoSubnet(netuid))?,
        };
        let subnet = view.subnet.clone().unwrap_or_default();
        let rules = subnet.rules.unwrap_or_default();
        let height = self.node.status().await.map_err(fault)?.height;
        let neurons = self.neurons(netuid.into()).await?;
        Ok(Metagraph {
            netuid,
            height,
            epoch: subnet.epochs,
            next_epoch: view.next_epoch_height,
            block_ms: self.block_ms,
            terms: terms(&view, &rules),
            neurons: neurons.iter().filter_map(neuron).collect(),
        })
    }
}

impl LiveChain {
    /// The chain that an account's node follows.
    pub fn new(account: Account, hotkey: HotkeyId, block_ms: u64) -> Self {
        let reader = Reader::new(account.node().clone(), block_ms);
        Self { account, hotkey, reader }
    }

    async fn send(&self, message: Any) -> Result<Confirmed, ChainFault> {
        self.account.send(vec![message]).await.map_err(fault)
    }
}

/// A refusal of the chain is final; everything else may be tried again.
fn fault(error: NodeError) -> ChainFault {
    match error {
        NodeError::Rejected { .. } | NodeError::Query { .. } => ChainFault::Refused(error.to_string()),
        other => ChainFault::Unreachable(other.to_string()),
    }
}

fn small(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// The address of `http://IP:PORT`. Names are not looked up: a validator asks who said where it is, not who a name server says.
pub fn address(endpoint: &str) -> Option<SocketAddr> {
    endpoint.strip_prefix("http://")?.trim_end_matches('/').parse().ok()
}

fn neuron(view: &wire::NeuronView) -> Option<Neuron> {
    let neuron = view.neuron.as_ref()?;
    Some(Neuron {
        uid: small(neuron.uid.into()),
        hotkey: HotkeyId::from_bytes(neuron.hotkey.as_slice().try_into().ok()?),
        coldkey: neuron.coldkey.clone(),
        stake: view.stake.into(),
        incentive: small(neuron.incentive.into()),
        emission: u128::from(neuron.server_emission) + u128::from(neuron.validator_emission),
        validator: neuron.permit,
        registered_at: neuron.registered_height,
        last_update: neuron.weighed_height,
        axon: address(&neuron.endpoint),
    })
}

fn terms(view: &wire::SubnetView, rules: &wire::Rules) -> Terms {
    Terms {
        tempo: rules.tempo,
        immunity: rules.immunity,
        burn: view.burn.into(),
        max_uids: small(rules.max_neurons.into()),
        min_weights: small(rules.min_weights.into()),
        max_weight: small(rules.max_weight.into()),
        weights_rate_limit: rules.weights_rate_limit,
        version: rules.weights_version,
        reveal_after: rules.commit_reveal.then_some(rules.reveal_epochs.into()),
    }
}

fn sent(weights: &Weights) -> Sent {
    let wide = |list: &[u16]| list.iter().map(|value| u32::from(*value)).collect();
    Sent { uids: wide(&weights.uids), values: wide(&weights.values), version: weights.version }
}

/// A salt's bytes, big-endian.
fn salt(sealed: &Sealed) -> Vec<u8> {
    sealed.salt.iter().flat_map(|part| part.to_be_bytes()).collect()
}

#[async_trait]
impl Chain for LiveChain {
    fn describe(&self) -> String {
        format!("the chain of {}", self.account.node().url())
    }

    async fn metagraph(&self, netuid: u16) -> Result<Metagraph, ChainFault> {
        self.reader.metagraph(netuid).await
    }

    async fn register(&self, netuid: u16, limit: u128) -> Result<u16, ChainFault> {
        let message = wire::MsgRegisterNeuron {
            coldkey: self.account.text(),
            netuid: netuid.into(),
            hotkey: self.hotkey.as_bytes().to_vec(),
            max_burn: u64::try_from(limit).unwrap_or(u64::MAX),
        };
        let done = self.send(message.to_any()).await?;
        let answer: Option<wire::MsgRegisterNeuronResponse> = done.response(0);
        let answer = answer.ok_or_else(|| ChainFault::Unreachable("the chain's answer has no uid".to_owned()))?;
        Ok(small(answer.uid.into()))
    }

    async fn serve(&self, netuid: u16, at: SocketAddr) -> Result<(), ChainFault> {
        let message = wire::MsgServe {
            operator: self.account.text(),
            netuid: netuid.into(),
            hotkey: self.hotkey.as_bytes().to_vec(),
            endpoint: format!("http://{at}"),
            protocol: PROTOCOL,
        };
        self.send(message.to_any()).await.map(drop)
    }

    async fn set_weights(&self, netuid: u16, weights: &Weights) -> Result<(), ChainFault> {
        let Sent { uids, values, version } = sent(weights);
        let (operator, hotkey) = (self.account.text(), self.hotkey.as_bytes().to_vec());
        let message = wire::MsgSetWeights { operator, netuid: netuid.into(), hotkey, uids, values, version };
        self.send(message.to_any()).await.map(drop)
    }

    async fn commit_weights(&self, netuid: u16, sealed: &Sealed) -> Result<(), ChainFault> {
        let hidden = commitment::of(netuid.into(), self.hotkey.as_bytes(), &sent(&sealed.weights), &salt(sealed));
        let (operator, hotkey) = (self.account.text(), self.hotkey.as_bytes().to_vec());
        let message = wire::MsgCommitWeights { operator, netuid: netuid.into(), hotkey, commitment: hidden.to_vec() };
        self.send(message.to_any()).await.map(drop)
    }

    async fn reveal_weights(&self, netuid: u16, sealed: &Sealed) -> Result<(), ChainFault> {
        let Sent { uids, values, version } = sent(&sealed.weights);
        let (operator, hotkey, salt) = (self.account.text(), self.hotkey.as_bytes().to_vec(), salt(sealed));
        let netuid = netuid.into();
        let message = wire::MsgRevealWeights { operator, netuid, hotkey, uids, values, version, salt };
        self.send(message.to_any()).await.map(drop)
    }

    async fn pay(&self, netuid: u16, to: Payee, amount: u128) -> Result<(), ChainFault> {
        let from = self.account.text();
        let message = match to {
            Payee::Recycled => {
                let amount = u64::try_from(amount).unwrap_or(u64::MAX);
                wire::MsgRecycle { from, netuid: netuid.into(), amount }.to_any()
            }
            Payee::Miner(hotkey) => {
                let request = wire::QueryHotkeyRequest { hotkey: hotkey.as_bytes().to_vec() };
                let found = self.reader.node.query("/tetra.subnet.v1.Query/Hotkey", &request).await;
                let found: wire::QueryHotkeyResponse = found.map_err(fault)?;
                let to_address = found.hotkey.unwrap_or_default().coldkey;
                let amount = vec![Coin { denom: NWIT.to_owned(), amount: amount.to_string() }];
                MsgSend { from_address: from, to_address, amount }.to_any()
            }
        };
        self.send(message).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_machines() {
        assert_eq!(address("http://10.0.0.1:8091"), "10.0.0.1:8091".parse().ok());
        assert_eq!(address("http://[::1]:8091/"), "[::1]:8091".parse().ok());
        for none in ["", "https://10.0.0.1:8091", "http://name:80", "http://10.0.0.1"] {
            assert_eq!(address(none), None, "{none}");
        }
    }
}
