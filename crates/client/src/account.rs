//! One account's transactions, one after the other.
//!
//! A sequence error heals itself: the account asks the chain for its sequence and signs anew. Everything has a time
//! limit, so that a node that hangs costs a wait and no more.

use std::time::Duration;

use primitives::{Address, Coin, Coins, Dec, Denom, Prefix};
use proto::cosmos::auth::v1beta1::{BaseAccount, QueryAccountInfoRequest, QueryAccountInfoResponse};
use proto::cosmos::base::abci::v1beta1::TxMsgData;
use proto::cosmos::tx::v1beta1::{SimulateRequest, SimulateResponse};
use proto::{Any, FromAny, Message, Name};
use tokio::sync::Mutex;

use crate::keys::SigningKey;
use crate::node::{Node, NodeError, TxOutcome};
use crate::tx::Draft;

/// How often a sequence error is healed before it is reported.
const ATTEMPTS: usize = 5;
const WRONG_SEQUENCE: u32 = 32;
/// `sdk` code of a transaction whose work exceeded its gas limit.
const OUT_OF_GAS: u32 = 11;

/// How fees are computed.
#[derive(Clone, Debug)]
pub struct Fees {
    /// What gas is paid in.
    pub denom: Denom,
    /// Base units per unit of gas.
    pub price: Dec,
    /// The gas limit in percent of what a simulation used.
    pub adjustment_percent: u64,
    /// How long to wait for inclusion.
    pub inclusion_limit: Duration,
}

impl Fees {
    /// The fee of a gas limit, rounded up to whole base units; `None` when it cannot be counted.
    pub fn of(&self, gas: u64) -> Option<Coin> {
        let exact = self.price.checked_mul_int(u128::from(gas))?;
        let up = if exact.fraction().is_zero() { 0 } else { 1 };
        Some(Coin { denom: self.denom.clone(), amount: exact.floor().checked_add(up)? })
    }
}

/// A transaction that succeeded.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// What the chain says of it.
    pub outcome: TxOutcome,
    /// What it paid.
    pub fee: Coins,
}

impl Confirmed {
    /// The response of the message at `index`; none when the chain gave another one.
    pub fn response<R: Message + Name + Default>(&self, index: usize) -> Option<R> {
        let data = TxMsgData::decode(self.outcome.data.as_slice()).ok()?;
        data.msg_responses.get(index)?.unpack().ok()
    }
}

/// An account that signs.
pub struct Account {
    node: Node,
    key: SigningKey,
    prefix: Prefix,
    chain_id: String,
    fees: Fees,
    /// Held while a transaction is under way, with the next sequence if it is known.
    turn: Mutex<Option<(u64, u64)>>,
}

impl Account {
    /// An account of the chain that `node` follows.
    pub fn new(node: Node, key: SigningKey, prefix: Prefix, chain_id: String, fees: Fees) -> Self {
        Self { node, key, prefix, chain_id, fees, turn: Mutex::new(None) }
    }

    /// The address.
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// The address as text.
    pub fn text(&self) -> String {
        self.prefix.text(&self.address())
    }

    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The chain's bech32 prefix.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    async fn number_and_sequence(&self) -> Result<(u64, u64), NodeError> {
        let request = QueryAccountInfoRequest { address: self.text() };
        let path = "/cosmos.auth.v1beta1.Query/AccountInfo";
        let response: QueryAccountInfoResponse = self.node.query(path, &request).await?;
        let BaseAccount { account_number, sequence, .. } = response.info.unwrap_or_default();
        Ok((account_number, sequence))
    }

    async fn simulate(&self, draft: &Draft, sequence: u64) -> Result<u64, NodeError> {
        let tx_bytes = draft.unsigned(self.key.public_key(), sequence);
        let request = SimulateRequest { tx: None, tx_bytes };
        let path = "/cosmos.tx.v1beta1.Service/Simulate";
        let response: SimulateResponse = self.node.query(path, &request).await?;
        Ok(response.gas_info.unwrap_or_default().gas_used)
    }

    /// What a transaction would use and pay, without sending it.
    ///
    /// # Errors
    /// When the chain would refuse it.
    pub async fn estimate(&self, messages: Vec<Any>) -> Result<(u64, Coins), NodeError> {
        let (_, sequence) = self.number_and_sequence().await?;
        let draft = Draft { messages, ..Draft::default() };
        let used = self.simulate(&draft, sequence).await?;
        Ok(self.priced(used))
    }

    fn priced(&self, used: u64) -> (u64, Coins) {
        let limit = used.saturating_mul(self.fees.adjustment_percent) / 100;
        let mut fee = Coins::new();
        if let Some(coin) = self.fees.of(limit) {
            fee.add(&coin);
        }
        (limit, fee)
    }

    /// Simulates, signs and sends messages as one transaction, and waits until it is in a block.
    ///
    /// # Errors
    /// [`NodeError::Rejected`] when the chain refused it, before or in a block; [`NodeError::NotIncluded`] when
    /// no block took it in time.
    pub async fn send(&self, messages: Vec<Any>) -> Result<Confirmed, NodeError> {
        let mut turn = self.turn.lock().await;
        let mut attempt = 1;
        loop {
            let (number, sequence) = match turn.take() {
                Some(known) => known,
                None => self.number_and_sequence().await?,
            };
            match self.send_once(messages.clone(), number, sequence).await {
                Ok(confirmed) => {
                    *turn = Some((number, sequence + 1));
                    return Ok(confirmed);
                }
                Err(error) if is_sequence_error(&error) && attempt < ATTEMPTS => {
                    tracing::debug!(account = %self.text(), attempt, %error, "asking the chain for the sequence");
                    attempt += 1;
                }
                // What it does depends on a state that has moved since the simulation, as when bids come to a deployment
                // that is being closed. The fee of the first try is gone.
                Err(error) if is_out_of_gas(&error) && attempt < ATTEMPTS => {
                    tracing::warn!(account = %self.text(), attempt, %error, "simulating and sending once more");
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn send_once(&self, messages: Vec<Any>, number: u64, sequence: u64) -> Result<Confirmed, NodeError> {
        let mut draft = Draft { messages, ..Draft::default() };
        let used = self.simulate(&draft, sequence).await?;
        (draft.gas_limit, draft.fee) = self.priced(used);
        let tx = draft.sign(&self.key, &self.chain_id, number, sequence);
        let hash = self.node.broadcast(&tx).await?;
        let outcome = self.node.wait_for(&hash, self.fees.inclusion_limit).await?;
        if outcome.code != 0 {
            let TxOutcome { codespace, code, log, hash, .. } = outcome;
            return Err(NodeError::Rejected { codespace, code, log, hash });
        }
        Ok(Confirmed { outcome, fee: draft.fee })
    }
}

fn is_out_of_gas(error: &NodeError) -> bool {
    matches!(error, NodeError::Rejected { codespace, code, .. } if codespace == "sdk" && *code == OUT_OF_GAS)
}

fn is_sequence_error(error: &NodeError) -> bool {
    match error {
        NodeError::Rejected { codespace, code, .. } => codespace == "sdk" && *code == WRONG_SEQUENCE,
        NodeError::Query { log, .. } => log.contains("account sequence mismatch"),
        _ => false,
    }
}
