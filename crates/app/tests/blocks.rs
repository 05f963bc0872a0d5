//! Genesis, blocks, and what stops the node.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use app::genesis::ModuleStates;
use app::{Genesis, Halt, chain, money};
use common::*;
use insta::assert_snapshot;
use ledger::Flow;
use proto::Message;
use store::{Amount, Empty, Key as _, Module, Reader, Value, WriteSet};

const BANK: Module = Module("bank");

fn balance_key(key: Key, denom: &str) -> Vec<u8> {
    let mut out = vec![1];
    (key.address(), denom.to_owned()).write(&mut out);
    out
}

#[test]
fn money_from_nowhere_is_found_in_the_raw_writes() {
    let net = Net::new();
    let effects = net.execute(&net.input(vec![net.signed(ALICE, vec![send(ALICE, BOB, 5)])])).unwrap();
    let check = |writes: &WriteSet| money::check(net.reader().as_ref(), writes, &Flow::default()).unwrap();
    assert_eq!(check(&effects.writes), None);
    let mut more = effects.writes.clone();
    more.insert(BANK, balance_key(BOB, "utet"), Some(Amount(1_000_000_006).to_stored()));
    assert_snapshot!(check(&more).unwrap(), @"utet: balances +10006 -10005, supply +0 -0, minted and burned +0 -0");
    let mut less = effects.writes;
    less.insert(BANK, balance_key(BOB, "uusd"), None);
    assert_snapshot!(check(&less).unwrap(), @"uusd: balances +0 -1000000000, supply +0 -0, minted and burned +0 -0");
    // A balance that is no amount stops the check itself.
    less.insert(BANK, balance_key(BOB, "uusd"), Some(vec![1]));
    assert!(money::check(&Empty, &less, &Flow::default()).is_err());
}

/// What is committed, but Bob's balance is another one each time that it is read: as from a bank that miscounts.
struct Miscounting {
    committed: Arc<dyn Reader>,
    reads: AtomicU64,
}

impl Reader for Miscounting {
    fn get(&self, module: Module, key: &[u8]) -> store::Result<Option<Vec<u8>>> {
        if module == BANK && key == balance_key(BOB, "utet") {
            let before = self.reads.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(Amount(1_000 + u128::from(before)).to_stored()));
        }
        self.committed.get(module, key)
    }

    fn scan(
        &self,
        module: Module,
        start: &[u8],
        end: Option<&[u8]>,
        direction: store::Direction,
        limit: usize,
    ) -> store::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.committed.scan(module, start, end, direction, limit)
    }
}

#[test]
fn a_block_whose_money_does_not_add_up_halts() {
    let net = Net::new();
    let block = net.input(vec![net.signed(ALICE, vec![send(ALICE, BOB, 5)])]);
    let lying: Arc<dyn Reader> = Arc::new(Miscounting { committed: net.reader(), reads: AtomicU64::new(0) });
    let halt = net.app.execute(&lying, &block).unwrap_err();
    assert!(matches!(halt, Halt::Money { height: 1, .. }), "{halt}");
    assert!(halt.to_string().starts_with("halt at height 1: money is not conserved: utet"), "{halt}");
}

#[test]
fn only_the_next_block_runs_and_each_changes_the_seed() {
    let mut net = Net::new();
    let mut block = net.input(Vec::new());
    block.height = 2;
    assert_eq!(net.execute(&block).unwrap_err(), Halt::Order { expected: 1, got: 2 });
    let first = chain::last(&net.reader()).unwrap();
    net.block(Vec::new());
    let second = chain::last(&net.reader()).unwrap();
    assert_eq!((first.height, second.height), (0, 1));
    assert_eq!(second.time.seconds, START + 6);
    assert_eq!(second.seed, app::seed::next(&first.seed, &net_hash(1)));
    assert_eq!(chain::facts(&net.reader()).unwrap(), **net.app.chain());
    assert!(chain::last(&(Arc::new(Empty) as Arc<dyn Reader>)).is_err());
}

fn net_hash(height: u64) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(height.to_be_bytes()).into()
}

#[test]
fn execution_is_a_function_of_state_and_block() {
    let net = Net::new();
    let block = net.input(vec![net.signed(ALICE, vec![send(ALICE, BOB, 5)])]);
    let (one, two) = (net.execute(&block).unwrap(), net.execute(&block).unwrap());
    assert_eq!((one.results, one.writes, one.events), (two.results, two.writes, two.events));
}

#[test]
fn genesis_documents_that_are_refused() {
    let mut text = String::new();
    let mut refuse = |change: fn(&mut Genesis)| {
        let mut bad = genesis();
        change(&mut bad);
        let refused = bad.begin().err().unwrap();
        text.push_str(&format!("{refused}\n"));
    };
    refuse(|g| g.chain_id = String::new());
    refuse(|g| g.chain_id = "a b".to_owned());
    refuse(|g| g.chain_id = "x".repeat(51));
    refuse(|g| g.prefix = "Tetra".to_owned());
    refuse(|g| g.authority = "tetra1x".to_owned());
    refuse(|g| g.block_interval_ms = 49);
    refuse(|g| g.limits.max_block_bytes = 4095);
    refuse(|g| g.limits.max_block_bytes = (1 << 20) + 1);
    refuse(|g| g.limits.max_tx_bytes = (1 << 19) + 1);
    refuse(|g| g.state.bank.balances[0].coins = "5ufoo".to_owned());
    refuse(|g| g.state.bank.balances.push(g.state.bank.balances[0].clone()));
    refuse(|g| g.state.validators.validators.clear());
    refuse(|g| g.state.validators.validators[0].power = 0);
    refuse(|g| g.state.market.market.params.as_mut().unwrap().order_max_bids = 0);
    assert_snapshot!(text);
    assert!(Genesis::parse("{}").is_err());
    let good = serde_json::to_string(&genesis()).unwrap();
    assert_eq!(Genesis::parse(&good).unwrap(), genesis());
    assert!(Genesis::parse(&good.replacen("\"dev\"", "\"unknown\":1,\"dev\"", 1)).is_err());
}

#[test]
fn queries_go_through_one_table() {
    let net = Net::new();
    let missing = net.app.query(&net.reader(), "/tetra.Unknown/Query", &[]).unwrap_err();
    assert_eq!(missing.status, ledger::QueryStatus::Unimplemented);
    let answer = net.app.query(&net.reader(), "/akash.market.v1beta5.Query/Params", &[]).unwrap();
    let params = proto::akash::market::v1beta5::QueryParamsResponse::decode(answer.as_slice()).unwrap();
    assert_eq!(params.params.unwrap().order_max_bids, 20);
    let paths: Vec<&str> = net.app.query_paths().collect();
    let urls: Vec<&str> = net.app.message_urls().collect();
    assert_snapshot!(format!("{}\n\n{}\n", urls.join("\n"), paths.join("\n")));
}

#[test]
fn an_exported_genesis_begins_the_same_chain() {
    let mut net = Net::new();
    let tx = net.signed(ALICE, vec![send(ALICE, DAVE, 5)]);
    net.block(vec![tx]);
    let exported = ModuleStates::export(&net.app, &net.reader()).unwrap();
    let document = Genesis { state: exported.clone(), ..genesis() };
    let text = serde_json::to_string(&document).unwrap();
    let again = Net::begin(&Genesis::parse(&text).unwrap());
    assert_eq!(ModuleStates::export(&again.app, &again.reader()).unwrap(), exported);
    let roots = |net: &Net| net.store.module_roots(net.height).unwrap();
    for (old, new) in roots(&net).into_iter().zip(roots(&again)) {
        assert!(old == new || old.0 == "chain", "module {} differs", old.0);
    }
}
