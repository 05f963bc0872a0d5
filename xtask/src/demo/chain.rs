//! The chain as an auditor sees it: balances by proto queries and fees by transactions, over JSON-RPC, with none of the
//! project's own client code.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bech32::{Bech32, Hrp};
use prost::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::failure::{Doing, Failure, Result};
use crate::http;

/// Most results that one page of a search holds.
const PAGE: usize = 100;

/// Amounts in base units by denom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Money(BTreeMap<String, u128>);

impl Money {
    /// The amount of a denom; zero where there is none.
    pub(crate) fn of(&self, denom: &str) -> u128 {
        self.0.get(denom).copied().unwrap_or(0)
    }

    /// Adds coins as events write them: `12utet,3uusd`.
    ///
    /// # Errors
    /// When the text has another form.
    pub(crate) fn add_text(&mut self, text: &str) -> Result {
        for coin in text.split(',').filter(|coin| !coin.is_empty()) {
            let digits = coin.find(|c: char| !c.is_ascii_digit()).unwrap_or(coin.len());
            let (amount, denom) = coin.split_at(digits);
            let amount: u128 = amount.parse().doing(format!("the coins `{text}`"))?;
            *self.0.entry(denom.to_owned()).or_default() += amount;
        }
        Ok(())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coins: Vec<String> = self.0.iter().map(|(denom, amount)| format!("{amount} {denom}")).collect();
        f.write_str(if coins.is_empty() { "nothing".to_owned() } else { coins.join(", ") }.as_str())
    }
}

#[derive(Clone, PartialEq, Message)]
struct BalanceRequest {
    #[prost(string, tag = "1")]
    address: String,
    #[prost(string, tag = "2")]
    denom: String,
}

#[derive(Clone, PartialEq, Message)]
struct BalanceResponse {
    #[prost(message, optional, tag = "1")]
    balance: Option<Coin>,
}

#[derive(Clone, PartialEq, Message)]
struct Coin {
    #[prost(string, tag = "1")]
    denom: String,
    #[prost(string, tag = "2")]
    amount: String,
}

/// A transaction that was included.
#[derive(Clone, Debug)]
pub(crate) struct Tx {
    /// Its block.
    pub(crate) height: u64,
    /// What it announced.
    pub(crate) events: Vec<Event>,
}

/// Something announced.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event {
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, Deserialize)]
struct Attribute {
    key: String,
    value: String,
}

#[derive(Debug, Deserialize)]
struct Found {
    txs: Vec<FoundTx>,
    total_count: String,
}

#[derive(Debug, Deserialize)]
struct FoundTx {
    height: String,
    tx_result: TxResult,
}

#[derive(Debug, Deserialize)]
struct TxResult {
    events: Vec<Event>,
}

impl Tx {
    /// The first event of a type, named without its package.
    pub(crate) fn event(&self, name: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.kind.rsplit('.').next() == Some(name))
    }
}

impl Event {
    /// The value under a key.
    pub(crate) fn attribute(&self, key: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| attribute.key == key)?;
        Some(&found.value)
    }
}

/// A node's JSON-RPC.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    url: String,
}

impl Chain {
    /// The node at a URL.
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }

    fn call(&self, method: &str, params: &Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = http::post(&self.url, &request.to_string())?;
        let mut answer: Value = serde_json::from_str(&answer.body).doing(format!("{method} at {}", self.url))?;
        match answer.get("error") {
            None | Some(Value::Null) => Ok(answer["result"].take()),
            Some(error) => Err(Failure::new(format!("{method} at {}: {error}", self.url))),
        }
    }

    /// Height of the last block.
    ///
    /// # Errors
    /// When the node does not answer.
    pub(crate) fn height(&self) -> Result<u64> {
        let status = self.call("status", &json!({}))?;
        let height = status.pointer("/sync_info/latest_block_height").and_then(Value::as_str);
        height.unwrap_or_default().parse().doing("the height in the node's status")
    }

    /// Balance of an address after a block, in base units.
    ///
    /// # Errors
    /// When the node does not answer, or no longer knows that height.
    pub(crate) fn balance(&self, address: &str, denom: &str, height: u64) -> Result<u128> {
        let request = BalanceRequest { address: address.to_owned(), denom: denom.to_owned() };
        let data: String = request.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = "/cosmos.bank.v1beta1.Query/Balance";
        let params = json!({ "path": path, "data": data, "height": height.to_string(), "prove": false });
        let answer = self.call("abci_query", &params)?;
        let response = &answer["response"];
        if response["code"].as_u64().is_some_and(|code| code != 0) {
            return Err(Failure::new(format!("{path}: {}", response["log"])));
        }
        let bytes = BASE64.decode(response["value"].as_str().unwrap_or_default()).doing(path)?;
        let balance = BalanceResponse::decode(bytes.as_slice()).doing(path)?.balance;
        balance.map_or(Ok(0), |coin| coin.amount.parse().doing(path))
    }

    /// Transactions that an address paid for, in the blocks after `after` up to `until`, oldest first.
    ///
    /// # Errors
    /// When the node does not answer.
    pub(crate) fn txs_of(&self, payer: &str, after: u64, until: u64) -> Result<Vec<Tx>> {
        let query = format!("tx.fee_payer='{payer}' AND tx.height>{after} AND tx.height<={until}");
        let mut txs = Vec::new();
        for page in 1.. {
            let params = json!({
                "query": query, "page": page.to_string(), "per_page": PAGE.to_string(), "order_by": "asc",
            });
            let found: Found = serde_json::from_value(self.call("tx_search", &params)?).doing("tx_search")?;
            let total: usize = found.total_count.parse().doing("tx_search")?;
            let here = found.txs.len();
            for tx in found.txs {
                txs.push(Tx { height: tx.height.parse().doing("tx_search")?, events: tx.tx_result.events });
            }
            if here == 0 || txs.len() >= total {
                break;
            }
        }
        Ok(txs)
    }

    /// Fees that an address paid in the blocks after `after` up to `until`, and in how many transactions.
    ///
    /// # Errors
    /// When the node does not answer.
    pub(crate) fn fees(&self, payer: &str, after: u64, until: u64) -> Result<(Money, usize)> {
        let txs = self.txs_of(payer, after, until)?;
        let mut money = Money::default();
        for event in txs.iter().flat_map(|tx| &tx.events).filter(|event| event.kind == "tx") {
            money.add_text(event.attribute("fee").unwrap_or_default())?;
        }
        Ok((money, txs.len()))
    }

    /// The take of a denom in percent, as genesis has it.
    ///
    /// # Errors
    /// When the node does not answer, or its genesis names no take.
    pub(crate) fn take_percent(&self, denom: &str) -> Result<u32> {
        let genesis = self.call("genesis", &json!({}))?;
        let params = find(&genesis, "default_take_rate").ok_or_else(|| Failure::new("genesis names no take"))?;
        let own = params.pointer(&format!("/denom_take_rates/{denom}"));
        let percent = own.or_else(|| params.get("default_take_rate")).and_then(Value::as_u64);
        let percent = percent.and_then(|percent| u32::try_from(percent).ok());
        percent.ok_or_else(|| Failure::new(format!("genesis names no take of {denom}")))
    }

    /// Waits until the chain has a block of this height.
    ///
    /// # Errors
    /// When the node stops answering, or the height does not move for a minute.
    pub(crate) fn wait_for(&self, height: u64) -> Result {
        let mut last = (self.height()?, std::time::Instant::now());
        while last.0 < height {
            std::thread::sleep(std::time::Duration::from_millis(100));
            let now = self.height()?;
            if now > last.0 {
                last = (now, std::time::Instant::now());
            } else if last.1.elapsed().as_secs() > 60 {
                return Err(Failure::new(format!("the chain stands at height {now} for a minute")));
            }
        }
        Ok(())
    }
}

/// The object that has this key, wherever it stands.
fn find<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) if fields.contains_key(key) => Some(value),
        Value::Object(fields) => fields.values().find_map(|inner| find(inner, key)),
        Value::Array(items) => items.iter().find_map(|inner| find(inner, key)),
        _ => None,
    }
}

/// The address of a module account: the first 20 bytes of SHA-256 of its name.
///
/// # Errors
/// When the prefix is none.
pub(crate) fn module_address(prefix: &str, name: &str) -> Result<String> {
    let digest: [u8; 32] = Sha256::digest(name).into();
    let prefix = Hrp::parse(prefix).doing("the prefix of addresses")?;
    bech32::encode::<Bech32>(prefix, &digest[..20]).doing("an address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_of_events_add_up() {
        let mut money = Money::default();
        money.add_text("12utet,3uusd").unwrap();
        money.add_text("").unwrap();
        money.add_text("30utet").unwrap();
        assert_eq!((money.of("utet"), money.of("uusd"), money.of("ulux")), (42, 3, 0));
        assert_eq!(money.to_string(), "42 utet, 3 uusd");
        assert!(money.add_text("utet").is_err());
    }

    #[test]
    fn attributes_are_found_by_key() {
        let event = json!({ "type": "a.b.EventX", "attributes": [{ "key": "fee", "value": "5utet", "index": true }] });
        let event: Event = serde_json::from_value(event).unwrap();
        assert_eq!(event.attribute("fee"), Some("5utet"));
        assert_eq!(event.attribute("fee_payer"), None);
        let tx = Tx { height: 1, events: vec![event] };
        assert!(tx.event("EventX").is_some() && tx.event("ventX").is_none() && tx.event("EventY").is_none());
    }

    #[test]
    fn module_addresses_are_those_of_the_cosmos_sdk() {
        let fees = module_address("cosmos", "fee_collector").unwrap();
        assert_eq!(fees, "cosmos17xpfvakm2amg962yls6f84z3kell8c5lserqta");
    }
}
