//! What users send to the chain, and what a chain begins with.

use std::sync::{Arc, LazyLock};

use app::tx::SignForm;
use app::{App, BlockInput, Effects, Genesis, SignedTx, Verdicts};
use proto::Timestamp;
use store::{Config, Memory, Reader, StateStore};

/// The chain that `app` records for its own tests: providers, a deployment, a bid, a lease, a close.
pub(crate) const GENESIS: &str = include_str!("../../app/tests/recorded/genesis.json");
const BLOCKS: &str = include_str!("../../app/tests/recorded/blocks.txt");
/// Heights of it from which a foreign transaction goes on.
const HEIGHTS: u64 = 10;

pub(crate) fn transaction(bytes: &[u8]) {
    let Ok(tx) = SignedTx::decode(bytes) else { return };
    assert!(!tx.messages.is_empty(), "a transaction without messages");
    assert_eq!(tx.size, bytes.len());
    assert_eq!(tx.hash, app::tx::hash(bytes));
}

pub(crate) fn genesis(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(genesis) = Genesis::parse(text) else { return };
    let Ok(beginning) = genesis.begin() else { return };
    let store = StateStore::open(Arc::new(Memory::new()), &app::MODULES, Config::default()).unwrap();
    store.commit(0, &beginning.writes).unwrap();
    sound(&beginning.app, &(store.latest().unwrap() as Arc<dyn Reader>));
}

/// The first byte chooses how far the recorded chain has come; the rest is a transaction whose signatures are taken for
/// good, so that what lies behind them is reached.
pub(crate) fn machine(bytes: &[u8]) {
    static CHAINS: LazyLock<Vec<Chain>> = LazyLock::new(|| (0..HEIGHTS).map(Chain::at).collect());
    let Some((first, bytes)) = bytes.split_first() else { return };
    let height = u64::from(*first) % HEIGHTS;
    let chain = &CHAINS[usize::from(*first) % CHAINS.len()];
    let Ok(tx) = SignedTx::decode(bytes) else { return };
    let context = chain.app.reading(&chain.reader()).unwrap();
    let mut verdicts = Verdicts::default();
    for check in chain.app.signature_checks(&context, &tx) {
        verdicts.insert(&check, true);
    }
    chain.app.simulate(&chain.reader(), bytes).unwrap();
    let block = block(height + 1, vec![bytes.to_vec()], verdicts);
    let effects = chain.app.execute(&chain.reader(), &block);
    let effects = effects.unwrap_or_else(|halt| panic!("a transaction halts the chain: {halt}"));
    if effects.results.iter().any(|result| result.code == 0) {
        let after = Chain::at(height);
        after.store.commit(height + 1, &effects.writes).unwrap();
        sound(&after.app, &after.reader());
    }
}

/// The recorded chain after one of its blocks.
pub(crate) struct Chain {
    pub(crate) app: App,
    store: StateStore,
}

impl Chain {
    pub(crate) fn at(height: u64) -> Self {
        Self::of(Genesis::parse(GENESIS).unwrap(), height)
    }

    /// The same on a chain that speaks the older API.
    pub(crate) fn classic_at(height: u64) -> Self {
        Self::of(Genesis { classic: true, ..Genesis::parse(GENESIS).unwrap() }, height)
    }

    fn of(genesis: Genesis, height: u64) -> Self {
        let beginning = genesis.begin().unwrap();
        let store = StateStore::open(Arc::new(Memory::new()), &app::MODULES, Config::default()).unwrap();
        store.commit(0, &beginning.writes).unwrap();
        let chain = Self { app: beginning.app, store };
        for height in 1..=height {
            let effects = chain.after(height, recorded(height));
            chain.store.commit(height, &effects.writes).unwrap();
        }
        chain
    }

    /// What the next block of these transactions does.
    pub(crate) fn after(&self, height: u64, txs: Vec<Vec<u8>>) -> Effects {
        self.app.execute(&self.reader(), &block(height, txs, Verdicts::default())).unwrap()
    }

    pub(crate) fn reader(&self) -> Arc<dyn Reader> {
        self.store.latest().unwrap()
    }

    pub(crate) fn store(&self) -> &StateStore {
        &self.store
    }
}

/// The recorded transactions of a height.
pub(crate) fn recorded(height: u64) -> Vec<Vec<u8>> {
    let lines = BLOCKS.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(at, _)| *at == height.to_string()).map(|(_, tx)| hex::decode(tx).unwrap()).collect()
}

fn block(height: u64, txs: Vec<Vec<u8>>, verdicts: Verdicts) -> BlockInput {
    let start = Genesis::parse(GENESIS).unwrap().genesis_time;
    let time = Timestamp { seconds: start + 6 * height.cast_signed(), nanos: 0 };
    BlockInput { height, time, hash: app::tx::hash(&height.to_be_bytes()), txs, verdicts }
}

fn sound(app: &App, reader: &Arc<dyn Reader>) {
    let broken = app.broken_promises(reader).unwrap();
    assert!(broken.is_empty(), "promises are broken: {broken:?}");
}

/// What a wallet shows and signs: canonical JSON, another text for another message.
pub(crate) fn amino(bytes: &[u8]) {
    let Ok(tx) = SignedTx::decode(bytes) else { return };
    if !tx.signers.iter().any(|signer| signer.form == SignForm::AminoJson) {
        return;
    }
    let signed = tx.sign_bytes("fuzz-1", 7, SignForm::AminoJson, 3);
    let value: serde_json::Value = serde_json::from_slice(&signed).unwrap_or_else(|error| panic!("no JSON: {error}"));
    assert_eq!(sdl::canonical::text(&value).into_bytes(), signed, "what is signed is not canonical");
    assert_eq!(value["msgs"].as_array().map(Vec::len), Some(tx.messages.len()), "a message is not signed");
    assert_ne!(signed, tx.sign_bytes("fuzz-2", 7, SignForm::AminoJson, 3), "the chain is not signed");
    assert_ne!(signed, tx.sign_bytes("fuzz-1", 7, SignForm::AminoJson, 4), "the sequence is not signed");
}
