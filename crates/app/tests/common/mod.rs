//! A chain without a network: blocks of signed transactions, executed and committed in memory.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::sync::Arc;

use app::genesis::ModuleStates;
use app::{App, BlockInput, Effects, Genesis, Halt, TxResult, Verdicts};
use ledger::accounts::keys::PublicKey;
use ledger::bank::genesis::Balance;
use ledger::validators::genesis::Member;
use primitives::{Address, Prefix};
use proto::cosmos::bank::v1beta1::MsgSend;
use proto::cosmos::base::v1beta1::Coin;
use proto::cosmos::tx::signing::v1beta1::SignMode;
use proto::cosmos::tx::v1beta1::{AuthInfo, Fee, ModeInfo, SignDoc, SignerInfo, TxBody, TxRaw, mode_info};
use proto::{Any, Message, Timestamp, ToAny};
use sha2::{Digest, Sha256};
use store::{Config, Memory, Reader, StateStore, WriteSet};

pub const CHAIN_ID: &str = "tetra-test-1";
pub const START: i64 = 1_767_225_600;

/// Who signs.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    Secp(u8),
    Ed(u8),
}

pub const ALICE: Key = Key::Secp(1);
pub const BOB: Key = Key::Secp(2);
pub const PROVIDER: Key = Key::Ed(3);
/// Has nothing at genesis.
pub const DAVE: Key = Key::Secp(4);
/// May change parameters; has nothing.
pub const AUTHORITY: Key = Key::Secp(9);

impl Key {
    fn secret(self) -> secp256k1::SecretKey {
        let (Self::Secp(number) | Self::Ed(number)) = self;
        secp256k1::SecretKey::from_secret_bytes([number; 32]).unwrap()
    }

    pub fn public(self) -> PublicKey {
        match self {
            Self::Secp(_) => PublicKey::Secp256k1(secp256k1::PublicKey::from_secret_key(&self.secret()).serialize()),
            Self::Ed(number) => {
                PublicKey::Ed25519(ed25519_consensus::SigningKey::from([number; 32]).verification_key().to_bytes())
            }
        }
    }

    pub fn address(self) -> Address {
        self.public().address()
    }

    pub fn text(self) -> String {
        Prefix::new("tetra").unwrap().text(&self.address())
    }

    pub fn sign(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Secp(_) => {
                let digest = secp256k1::Message::from_digest(Sha256::digest(bytes).into());
                secp256k1::ecdsa::sign(digest, &self.secret()).serialize_compact().to_vec()
            }
            Self::Ed(number) => ed25519_consensus::SigningKey::from([number; 32]).sign(bytes).to_bytes().to_vec(),
        }
    }
}

pub fn coins(amount: u128, denom: &str) -> Vec<Coin> {
    vec![Coin { denom: denom.to_owned(), amount: amount.to_string() }]
}

pub fn send(from: Key, to: Key, amount: u128) -> Any {
    MsgSend { from_address: from.text(), to_address: to.text(), amount: coins(amount, "utet") }.to_any()
}

/// A transaction about to be signed; every part can be bent.
#[derive(Clone)]
pub struct Draft {
    pub body: TxBody,
    pub auth: AuthInfo,
    pub chain_id: String,
}

impl Draft {
    /// Messages signed by keys with their sequences, 400,000 gas at the least price.
    pub fn new(messages: Vec<Any>, signers: &[(Key, u64)]) -> Self {
        let signer = |(key, sequence): &(Key, u64)| SignerInfo {
            public_key: Some(key.public().to_any()),
            mode_info: Some(ModeInfo {
                sum: Some(mode_info::Sum::Single(mode_info::Single { mode: SignMode::Direct as i32 })),
            }),
            sequence: *sequence,
        };
        let fee = Fee { amount: coins(10_000, "utet"), gas_limit: 400_000, ..Fee::default() };
        let auth = AuthInfo { signer_infos: signers.iter().map(signer).collect(), fee: Some(fee) };
        Self { body: TxBody { messages, ..TxBody::default() }, auth, chain_id: CHAIN_ID.to_owned() }
    }

    pub fn fee(&mut self) -> &mut Fee {
        self.auth.fee.as_mut().unwrap()
    }

    /// Signs with keys and their account numbers.
    pub fn sign(&self, keys: &[(Key, u64)]) -> Vec<u8> {
        let (body_bytes, auth_info_bytes) = (self.body.encode_to_vec(), self.auth.encode_to_vec());
        let sign = |(key, account_number): &(Key, u64)| {
            let document = SignDoc {
                body_bytes: body_bytes.clone(),
                auth_info_bytes: auth_info_bytes.clone(),
                chain_id: self.chain_id.clone(),
                account_number: *account_number,
            };
            key.sign(&document.encode_to_vec())
        };
        let signatures = keys.iter().map(sign).collect();
        TxRaw { body_bytes, auth_info_bytes, signatures }.encode_to_vec()
    }

    pub fn unsigned(&self) -> Vec<u8> {
        let signatures = vec![Vec::new(); self.auth.signer_infos.len()];
        TxRaw { body_bytes: self.body.encode_to_vec(), auth_info_bytes: self.auth.encode_to_vec(), signatures }
            .encode_to_vec()
    }
}

/// Alice, Bob and the provider have money; there is one validator.
pub fn genesis() -> Genesis {
    let mut state = ModuleStates::default();
    let mut funded = [ALICE, BOB, PROVIDER];
    funded.sort_by_key(|key| *key.address().as_bytes());
    let balance = |key: Key| Balance { address: key.text(), coins: "1000000000utet,1000000000uusd".to_owned() };
    state.bank.balances = funded.map(balance).to_vec();
    let validator = ed25519_consensus::SigningKey::from([77; 32]).verification_key().to_bytes();
    state.validators.validators = vec![Member { public_key: hex::encode(validator), power: 10 }];
    Genesis {
        chain_id: CHAIN_ID.to_owned(),
        genesis_time: START,
        dev: true,
        prefix: "tetra".to_owned(),
        block_interval_ms: 6_000,
        authority: AUTHORITY.text(),
        classic: false,
        limits: Default::default(),
        state,
    }
}

pub struct Net {
    pub app: App,
    pub store: StateStore,
    pub height: u64,
}

impl Net {
    pub fn new() -> Self {
        Self::begin(&genesis())
    }

    pub fn begin(genesis: &Genesis) -> Self {
        let beginning = genesis.begin().unwrap();
        let store = StateStore::open(Arc::new(Memory::new()), &app::MODULES, Config::default()).unwrap();
        store.commit(0, &beginning.writes).unwrap();
        Self { app: beginning.app, store, height: 0 }
    }

    pub fn reader(&self) -> Arc<dyn Reader> {
        self.store.latest().unwrap()
    }

    pub fn input(&self, txs: Vec<Vec<u8>>) -> BlockInput {
        let height = self.height + 1;
        let time = Timestamp { seconds: START + 6 * height.cast_signed(), nanos: 0 };
        let hash = Sha256::digest(height.to_be_bytes()).into();
        BlockInput { height, time, hash, txs, verdicts: Verdicts::default() }
    }

    pub fn execute(&self, block: &BlockInput) -> Result<Effects, Halt> {
        self.app.execute(&self.reader(), block)
    }

    /// Executes and commits a block; every promise holds after it.
    pub fn block(&mut self, txs: Vec<Vec<u8>>) -> Effects {
        let effects = self.execute(&self.input(txs)).unwrap();
        self.commit(&effects.writes);
        effects
    }

    pub fn commit(&mut self, writes: &WriteSet) {
        self.height += 1;
        self.store.commit(self.height, writes).unwrap();
        assert_eq!(self.app.broken_promises(&self.reader()).unwrap(), Vec::<String>::new());
    }

    /// A block of one transaction.
    pub fn one(&mut self, tx: Vec<u8>) -> TxResult {
        self.block(vec![tx]).results.remove(0)
    }

    pub fn account(&self, key: Key) -> ledger::accounts::state::StoredAccount {
        let context = self.app.reading(&self.reader()).unwrap();
        ledger::accounts::get(&context, &key.address()).unwrap().unwrap()
    }

    /// Messages signed by one key with its present sequence and number.
    pub fn signed(&self, key: Key, messages: Vec<Any>) -> Vec<u8> {
        let account = self.account(key);
        Draft::new(messages, &[(key, account.sequence)]).sign(&[(key, account.number)])
    }

    pub fn balance(&self, key: Key, denom: &str) -> u128 {
        let context = self.app.reading(&self.reader()).unwrap();
        ledger::bank::balance(&context, &key.address(), &primitives::Denom::new(denom).unwrap()).unwrap()
    }
}
