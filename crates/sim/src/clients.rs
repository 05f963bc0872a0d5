//! Accounts that send money to each other, and know to the unit what each must have.

use std::collections::BTreeMap;
use std::time::Duration;

use app::genesis::ModuleStates;
use bytes::Bytes;
use client::SigningKey;
use client::tx::Draft;
use ledger::bank::genesis::Balance;
use node::Chain;
use primitives::{Address, Coins, Denom, Prefix};
use proto::ToAny;
use proto::cosmos::bank::v1beta1::MsgSend;
use proto::cosmos::base::v1beta1::Coin;
use rand::Rng;

/// What money is called here.
const DENOM: &str = "utet";
/// What every account begins with.
const AT_FIRST: u128 = 1_000_000_000;
const FEE: u128 = 5_000;
const GAS: u64 = 200_000;
/// A transaction that is in no block after this long is sent again.
const PATIENCE: Duration = Duration::from_secs(3);

/// Human-readable part of addresses.
pub(crate) fn prefix() -> Option<Prefix> {
    Prefix::new("tetra").ok()
}

struct Client {
    key: SigningKey,
    number: u64,
    sequence: u64,
    /// What it must have.
    balance: u128,
    /// What it sent and has not seen in a block.
    waiting: Option<Sent>,
}

struct Sent {
    raw: Bytes,
    hash: [u8; 32],
    since: Duration,
    to: usize,
    amount: u128,
}

/// All accounts.
pub(crate) struct Clients {
    chain_id: String,
    prefix: Prefix,
    clients: Vec<Client>,
    /// Transfers in blocks.
    pub(crate) committed: u64,
}

impl Clients {
    pub(crate) fn new(count: u8, chain_id: &str, prefix: Prefix) -> Self {
        let keys = (1..=count).filter_map(|number| SigningKey::from_bytes([number; 32]).ok());
        let client = |key| Client { key, number: 0, sequence: 0, balance: AT_FIRST, waiting: None };
        Self { chain_id: chain_id.to_owned(), prefix, clients: keys.map(client).collect(), committed: 0 }
    }

    fn text(&self, address: &Address) -> String {
        self.prefix.text(address)
    }

    /// The first account, which may change parameters.
    pub(crate) fn authority(&self) -> String {
        self.clients.first().map(|client| self.text(&client.key.address())).unwrap_or_default()
    }

    /// Puts their money into genesis.
    pub(crate) fn fund(&self, state: &mut ModuleStates) {
        let mut funded: Vec<Address> = self.clients.iter().map(|client| client.key.address()).collect();
        funded.sort_by_key(|address| *address.as_bytes());
        let balance = |address| Balance { address: self.text(address), coins: format!("{AT_FIRST}{DENOM}") };
        state.bank.balances = funded.iter().map(balance).collect();
    }

    /// Learns the accounts' numbers.
    pub(crate) fn meet(&mut self, chain: &Chain) -> Result<(), String> {
        let reader = chain.latest().map_err(|error| error.to_string())?;
        let context = chain.app().reading(&reader).map_err(|error| error.to_string())?;
        for client in &mut self.clients {
            let account = ledger::accounts::get(&context, &client.key.address()).map_err(|error| error.to_string())?;
            client.number = account.ok_or("an account of genesis is missing")?.number;
        }
        Ok(())
    }

    /// What is sent now, each to one node.
    pub(crate) fn send(&mut self, now: Duration, dice: &mut impl Rng) -> Vec<Bytes> {
        let count = self.clients.len();
        let mut sent = Vec::new();
        for at in 0..count {
            match &mut self.clients[at].waiting {
                Some(waiting) if now.saturating_sub(waiting.since) > PATIENCE => {
                    waiting.since = now;
                    sent.push(waiting.raw.clone());
                }
                Some(_) => {}
                None if dice.random_range(0..4) == 0 => {
                    let (to, amount) = (dice.random_range(0..count), dice.random_range(1..=1_000_000));
                    sent.extend(self.transfer(at, to, amount, now));
                }
                None => {}
            }
        }
        sent
    }

    fn transfer(&mut self, from: usize, to: usize, amount: u128, now: Duration) -> Option<Bytes> {
        let coin = Coin { denom: DENOM.to_owned(), amount: amount.to_string() };
        let message = MsgSend {
            from_address: self.text(&self.clients[from].key.address()),
            to_address: self.text(&self.clients[to].key.address()),
            amount: vec![coin],
        };
        let fee: Coins = format!("{FEE}{DENOM}").parse().ok()?;
        let draft = Draft { messages: vec![message.to_any()], gas_limit: GAS, fee, ..Draft::default() };
        let client = &mut self.clients[from];
        let raw = Bytes::from(draft.sign(&client.key, &self.chain_id, client.number, client.sequence));
        let hash = mempool::tx_hash(&raw);
        client.waiting = Some(Sent { raw: raw.clone(), hash, since: now, to, amount });
        Some(raw)
    }

    /// A transaction is in a block. It must be one that waits, and it must have worked.
    pub(crate) fn included(&mut self, hash: &[u8; 32], code: u32) -> Result<(), String> {
        let text = hex::encode_upper(hash);
        let waits = |client: &Client| client.waiting.as_ref().is_some_and(|sent| sent.hash == *hash);
        let Some(at) = self.clients.iter().position(waits) else {
            return Err(format!("transaction {text} is in a block twice, or was never sent"));
        };
        if code != 0 {
            return Err(format!("transfer {text} failed with code {code}"));
        }
        let client = &mut self.clients[at];
        let Some(Sent { to, amount, .. }) = client.waiting.take() else { return Ok(()) };
        client.sequence += 1;
        client.balance -= amount + FEE;
        self.clients[to].balance += amount;
        self.committed += 1;
        Ok(())
    }

    /// Compares what a chain says that the accounts have with what they must have.
    pub(crate) fn check(&self, chain: &Chain) -> Result<(), String> {
        let reader = chain.latest().map_err(|error| error.to_string())?;
        let context = chain.app().reading(&reader).map_err(|error| error.to_string())?;
        let denom = Denom::new(DENOM).map_err(|error| error.to_string())?;
        for client in &self.clients {
            let address = client.key.address();
            let has = ledger::bank::balance(&context, &address, &denom).map_err(|error| error.to_string())?;
            if has != client.balance {
                let who = self.text(&address);
                return Err(format!("{who} has {has}{DENOM}, but must have {}{DENOM}", client.balance));
            }
        }
        let supply = ledger::bank::supply_of(&context, &denom).map_err(|error| error.to_string())?;
        if supply != AT_FIRST * self.clients.len() as u128 {
            return Err(format!("the supply is {supply}{DENOM}: money came from nowhere, or went there"));
        }
        let broken = chain.app().broken_promises(&reader).map_err(|error| error.to_string())?;
        if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
    }
}

/// Codes of a block's transactions by hash.
pub(crate) fn outcomes(chain: &Chain, height: u64) -> Result<BTreeMap<[u8; 32], u32>, String> {
    let (block, _) = chain.block(height).map_err(|error| error.to_string())?;
    let stored = chain.blocks().results(height).map_err(|error| error.to_string())?;
    let stored = stored.ok_or_else(|| format!("the results of block {height} are missing"))?;
    let (results, _) = node::records::decode_results(&stored).map_err(|error| error.to_string())?;
    Ok(block.data.iter().map(|tx| app::tx::hash(tx)).zip(results.iter().map(|result| result.code)).collect())
}
