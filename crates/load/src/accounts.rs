//! Who sends, and transfers signed beforehand, so that signing takes no time from the chain.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use client::SigningKey;
use client::tx::Draft;
use ledger::bank::genesis::Balance;
use primitives::{Coins, Prefix};
use proto::ToAny;
use proto::cosmos::bank::v1beta1::MsgSend;
use proto::cosmos::base::v1beta1::Coin;
use sha2::{Digest, Sha256};

use crate::{LoadError, Result};

/// Gas limit of a transfer; what one uses is printed by the run.
pub(crate) const GAS: u64 = 120_000;
/// 0.025 utet a unit of gas.
const FEE: &str = "3000utet";
const FUNDS: &str = "1000000000000utet";

/// An account that sends, with its number on the chain.
pub(crate) struct Sender {
    key: SigningKey,
    text: String,
    number: u64,
}

/// A transfer as a JSON-RPC call, and the hash by which its block is found.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) hash: [u8; 32],
    pub(crate) call: Bytes,
}

/// `count` senders with their balances in the order of genesis. Their keys are made of numbers, for all to know.
pub(crate) fn senders(count: usize, prefix: &Prefix) -> Result<(Vec<Sender>, Vec<Balance>)> {
    let key = |number: usize| {
        let seed: [u8; 32] = Sha256::digest(format!("tetra load {number}")).into();
        SigningKey::from_bytes(seed).map_err(LoadError::chain)
    };
    let mut keys = (0..count).map(key).collect::<Result<Vec<_>>>()?;
    keys.sort_by_key(|key| *key.address().as_bytes());
    let senders = (0..).zip(keys).map(|(number, key)| Sender { text: prefix.text(&key.address()), key, number });
    let senders: Vec<Sender> = senders.collect();
    let balances =
        senders.iter().map(|sender| Balance { address: sender.text.clone(), coins: FUNDS.to_owned() }).collect();
    Ok((senders, balances))
}

impl Sender {
    /// `count` transfers of one unit to `to`, by sequence from 0.
    pub(crate) fn transfers(&self, to: &Self, chain_id: &str, count: u64) -> Result<Vec<Signed>> {
        let fee: Coins = FEE.parse().map_err(LoadError::chain)?;
        let amount = vec![Coin { denom: "utet".to_owned(), amount: "1".to_owned() }];
        let send = MsgSend { from_address: self.text.clone(), to_address: to.text.clone(), amount }.to_any();
        let draft = Draft { messages: vec![send], fee, gas_limit: GAS, ..Draft::default() };
        let one = |sequence| {
            let tx = draft.sign(&self.key, chain_id, self.number, sequence);
            let hash = Sha256::digest(&tx).into();
            let tx = STANDARD.encode(tx);
            let call = format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":{sequence},\"method\":\"broadcast_tx_sync\",\"params\":{{\"tx\":\"{tx}\"}}}}"
            );
            Signed { hash, call: call.into() }
        };
        Ok((0..count).map(one).collect())
    }
}
