//! Small networks on this machine: genesis, folders, ports, an account that pays.

#![allow(unreachable_pub, dead_code)] // shared by several test programs

pub mod packages;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use app::Genesis;
use app::genesis::ModuleStates;
use client::{Account, Fees, Node, SigningKey};
use engine::{NodeKey, ValidatorKey};
use ledger::bank::genesis::Balance;
use ledger::validators::genesis::Member;
use node::config::local_multiaddr;
use node::{Home, NodeConfig};
use primitives::{Denom, Prefix};
use proto::cosmos::bank::v1beta1::MsgSend;
use proto::cosmos::base::v1beta1::Coin;
use proto::{Any, ToAny};
use serde_json::{Value, json};

pub const CHAIN_ID: &str = "tetra-test-1";
/// BIP-39's test phrase: everybody knows it.
pub const MNEMONIC: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
pub const PATIENCE: Duration = Duration::from_secs(90);

pub fn prefix() -> Prefix {
    Prefix::new("tetra").unwrap()
}

pub fn key(index: u32) -> SigningKey {
    SigningKey::from_mnemonic(MNEMONIC, index).unwrap()
}

pub fn address(index: u32) -> String {
    prefix().text(&key(index).address())
}

pub fn validator(index: usize) -> ValidatorKey {
    ValidatorKey::from_seed([index as u8 + 1; 32])
}

/// A chain on which the first two accounts of [`MNEMONIC`] have money and the first one is the authority.
pub fn genesis(validators: usize, block_interval_ms: u64) -> Genesis {
    let mut funded = [0, 1].map(|index| (key(index).address(), address(index)));
    funded.sort_by_key(|(bytes, _)| *bytes.as_bytes());
    let mut state = ModuleStates::default();
    state.bank.balances =
        funded.map(|(_, address)| Balance { address, coins: "1000000000utet,5000uusd".into() }).into();
    let member = |index| Member { public_key: hex::encode(validator(index).public_key()), power: 10 + index as u64 };
    state.validators.validators = (0..validators).map(member).collect();
    Genesis {
        chain_id: CHAIN_ID.into(),
        genesis_time: 1_700_000_000,
        dev: true,
        prefix: "tetra".into(),
        block_interval_ms,
        authority: address(0),
        classic: false,
        limits: Default::default(),
        state,
    }
}

/// Ports that nobody has, below those that the kernel gives to connections: one of another test would take a port of these in the
/// moment before its node listens.
pub fn free_ports(count: usize) -> Vec<u16> {
    let random = || RandomState::new().build_hasher().finish();
    let candidates = std::iter::repeat_with(|| 10_240 + u16::try_from(random() % 20_000).unwrap());
    let listeners: Vec<_> =
        candidates.filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).take(count).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

/// Lets a node serve gRPC and REST on free ports too.
pub fn with_surfaces(home: &Home) {
    let mut config = home.config().unwrap();
    config.grpc_listen = Some("127.0.0.1:0".into());
    config.rest_listen = Some("127.0.0.1:0".into());
    home.configure(&config).unwrap();
}

/// Folders of a network whose nodes know each other, and the URLs of their RPC.
pub fn network(dir: &Path, genesis: &Genesis, count: usize) -> (Vec<Home>, Vec<String>) {
    let ports = free_ports(3 * count);
    let (rpc, rest) = ports.split_at(count);
    let (consensus, gossip) = rest.split_at(count);
    let others = |ports: &[u16], me: usize| -> Vec<String> {
        ports.iter().enumerate().filter(|(i, _)| *i != me).map(|(_, port)| local_multiaddr(*port)).collect()
    };
    let home = |index: usize| {
        let mut config = NodeConfig::local(format!("node{index}"), rpc[index], consensus[index], gossip[index]);
        config.consensus_peers = others(consensus, index);
        config.gossip_peers = others(gossip, index);
        let home = Home::new(dir.join(format!("node{index}")));
        home.init(genesis, &config, &validator(index), &NodeKey::from_seed([index as u8 + 101; 32])).unwrap();
        home
    };
    let urls = rpc.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
    ((0..count).map(home).collect(), urls)
}

/// Waits until a node has a block; the tip it then has.
pub async fn reaches(node: &Node, height: u64) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tip = node.status().await.map_or(0, |status| status.height);
        if tip >= height {
            return tip;
        }
        assert!(Instant::now() < deadline, "{} is at {tip}, not at {height}", node.url());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn account(node: &Node, index: u32) -> Account {
    let fees = Fees {
        denom: Denom::new("utet").unwrap(),
        price: "0.025".parse().unwrap(),
        adjustment_percent: 150,
        inclusion_limit: PATIENCE,
    };
    Account::new(node.clone(), key(index), prefix(), CHAIN_ID.into(), fees)
}

pub fn send(from: u32, to: u32, amount: &str) -> Any {
    let amount = vec![Coin { denom: "utet".into(), amount: amount.into() }];
    MsgSend { from_address: address(from), to_address: address(to), amount }.to_any()
}

/// The `result` of a call by height.
pub async fn at(node: &Node, method: &str, height: u64) -> Value {
    node.call(method, json!({ "height": height.to_string() })).await.unwrap()
}
