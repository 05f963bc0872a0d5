//! `tetra query`: the chain as it is.

use client::node::{ChainEvent, EventAttribute};
use client::{NodeError, TxOutcome};
use proto::akash::provider::v1beta4::Provider;
use proto::cosmos::auth::v1beta1::{QueryAccountInfoRequest, QueryAccountInfoResponse};
use proto::tetra::capacity::v1::Host;
use provider::devices::is_simulated;
use serde::Serialize;
use serde_json::{Value, json};

use crate::amounts::{self, Amount};
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{self, row};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// A transaction
    Tx {
        /// Its hash, 64 hex digits
        hash: String,
    },
    /// A block
    Block {
        /// Its height [default: the last]
        height: Option<u64>,
    },
    /// What an account has
    Balance {
        /// An address or the name of a key [default: the account that signs]
        address: Option<String>,
    },
    /// An account's number and sequence
    Account {
        /// An address or the name of a key [default: the account that signs]
        address: Option<String>,
    },
    /// Parameters of a module
    Params {
        /// Which
        #[arg(value_enum)]
        module: ModuleName,
    },
    /// Registered providers
    Providers,
    /// Registered hosts
    Hosts {
        /// Those of a provider: its address, or the name of a key
        owner: Option<String>,
    },
}

/// Modules with parameters.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum ModuleName {
    /// Accounts
    Auth,
    /// Coins
    Bank,
    /// Deployments
    Deployment,
    /// Orders, bids, leases
    Market,
    /// The network's share
    Take,
}

/// Runs one.
///
/// # Errors
/// When there is no such thing, or the node does not answer.
pub async fn run(context: &Context, verb: Verb) -> Result {
    let chain = context.chain().await?;
    match verb {
        Verb::Tx { hash } => tx(context, &chain, &hash).await,
        Verb::Block { height } => block(context, &chain, height).await,
        Verb::Balance { address } => balance(context, &chain, address).await,
        Verb::Account { address } => account(context, &chain, address).await,
        Verb::Params { module } => params(context, &chain, module).await,
        Verb::Providers => providers(context, &chain).await,
        Verb::Hosts { owner } => hosts(context, &chain, owner).await,
    }
}

fn address(context: &Context, chain: &Chain, text: Option<String>) -> Result<primitives::Address> {
    match text {
        Some(text) => context.resolve(&text, chain.prefix()),
        None => context.own_address(),
    }
}

async fn tx(context: &Context, chain: &Chain, hash: &str) -> Result {
    let plain = hash.trim_start_matches("0x").to_uppercase();
    if plain.len() != 64 || !plain.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let what = format!("{hash:?} is no hash of a transaction: 64 hex digits are wanted");
        return Err(CliError::new(Class::Usage, what).hint("`tetra send` prints the hash of what it sent"));
    }
    let missing = || {
        CliError::new(Class::NotFound, format!("no transaction {plain} is in a block that {} knows", chain.node.url()))
            .hint("one that was just sent is there a block later")
    };
    let tx = chain.node.tx(&plain).await?.ok_or_else(missing)?;
    output::show(context.format(), &tx_json(&tx), |_| tx_text(&tx))
}

fn tx_json(tx: &TxOutcome) -> Value {
    // A list and no object: an event may have an attribute twice.
    let attribute = |one: &EventAttribute| json!({ "key": one.key, "value": one.value });
    let event = |event: &ChainEvent| json!({ "type": event.kind, "attributes": event.attributes.iter().map(attribute).collect::<Vec<_>>() });
    json!({
        "hash": tx.hash, "height": tx.height, "code": tx.code, "codespace": tx.codespace, "log": tx.log,
        "gas_wanted": tx.gas_wanted, "gas_used": tx.gas_used,
        "events": tx.events.iter().map(event).collect::<Vec<_>>(),
    })
}

fn tx_text(tx: &TxOutcome) -> String {
    let result = match tx.code {
        0 => "succeeded".to_owned(),
        code => format!("failed ({} {code}): {}", tx.codespace, tx.log),
    };
    let mut text = output::table(&[
        row(["hash", &tx.hash]),
        row(["height", &tx.height.to_string()]),
        row(["result", &result]),
        row(["gas", &format!("{} of {}", tx.gas_used, tx.gas_wanted)]),
    ]);
    for event in &tx.events {
        text.push_str(&format!("\n\n{}", event.kind));
        for attribute in &event.attributes {
            text.push_str(&format!("\n  {} = {}", attribute.key, attribute.value));
        }
    }
    text
}

async fn block(context: &Context, chain: &Chain, height: Option<u64>) -> Result {
    let params = height.map_or_else(|| json!({}), |height| json!({ "height": height.to_string() }));
    let block = chain.node.call("block", params).await.map_err(|error| match error {
        NodeError::Refused { message, .. } if message.contains("is not available") => {
            CliError::new(Class::NotFound, message).hint("`tetra status` shows the last height")
        }
        other => other.into(),
    })?;
    output::show(context.format(), &block, |block| {
        let text = |pointer: &str| block.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let txs = block.pointer("/block/data/txs").and_then(Value::as_array).map_or(0, Vec::len);
        output::table(&[
            row(["height", &text("/block/header/height")]),
            row(["hash", &text("/block_id/hash")]),
            row(["time", &text("/block/header/time")]),
            row(["proposer", &text("/block/header/proposer_address")]),
            row(["app hash", &text("/block/header/app_hash")]),
            row(["transactions", &txs.to_string()]),
        ])
    })
}

async fn balance(context: &Context, chain: &Chain, text: Option<String>) -> Result {
    let address = address(context, chain, text)?;
    let coins = chain.balances(&address).await?;
    let shown = BalanceShown { address: chain.prefix().text(&address), balances: amounts::list(&coins) };
    output::show(context.format(), &shown, |_| amounts::lines(&chain.units, &coins).join("\n"))
}

#[derive(Serialize)]
struct BalanceShown {
    address: String,
    balances: Vec<Amount>,
}

#[derive(Serialize)]
struct AccountShown {
    address: String,
    account_number: u64,
    sequence: u64,
}

async fn account(context: &Context, chain: &Chain, text: Option<String>) -> Result {
    let address = chain.prefix().text(&address(context, chain, text)?);
    let request = QueryAccountInfoRequest { address: address.clone() };
    let found: std::result::Result<QueryAccountInfoResponse, _> =
        chain.node.query("/cosmos.auth.v1beta1.Query/AccountInfo", &request).await;
    let info = match found {
        Err(error) if error.is_not_found() => {
            return Err(CliError::new(Class::NotFound, format!("the chain does not know the account {address}"))
                .hint("an account begins with the first coins that it gets"));
        }
        other => other?.info.unwrap_or_default(),
    };
    let shown = AccountShown { address, account_number: info.account_number, sequence: info.sequence };
    output::show(context.format(), &shown, |shown| {
        output::table(&[
            row(["address", &shown.address]),
            row(["number", &shown.account_number.to_string()]),
            row(["sequence", &shown.sequence.to_string()]),
        ])
    })
}

/// A question without fields, and its answer as JSON of the module's `Params`.
macro_rules! params_of {
    ($chain:expr, $path:literal, $package:path, $show:expr) => {{
        use $package as package;
        let request = package::QueryParamsRequest {};
        let found: package::QueryParamsResponse = $chain.node.query($path, &request).await?;
        let show: fn(package::Params) -> Value = $show;
        show(found.params.unwrap_or_default())
    }};
}

fn coins(list: &[proto::cosmos::base::v1beta1::Coin]) -> Value {
    list.iter().map(|coin| format!("{}{}", coin.amount, coin.denom)).collect()
}

async fn params(context: &Context, chain: &Chain, module: ModuleName) -> Result {
    let seconds = |duration: Option<proto::Duration>| duration.map(|duration| duration.seconds);
    let shown = match module {
        ModuleName::Auth => params_of!(chain, "/cosmos.auth.v1beta1.Query/Params", proto::cosmos::auth::v1beta1, |p| {
            json!({
                "max_memo_characters": p.max_memo_characters, "tx_sig_limit": p.tx_sig_limit,
                "tx_size_cost_per_byte": p.tx_size_cost_per_byte,
                "sig_verify_cost_ed25519": p.sig_verify_cost_ed25519,
                "sig_verify_cost_secp256k1": p.sig_verify_cost_secp256k1,
            })
        }),
        ModuleName::Bank => params_of!(chain, "/cosmos.bank.v1beta1.Query/Params", proto::cosmos::bank::v1beta1, |p| {
            json!({ "default_send_enabled": p.default_send_enabled })
        }),
        ModuleName::Deployment => {
            params_of!(chain, "/akash.deployment.v1beta4.Query/Params", proto::akash::deployment::v1beta4, |p| {
                json!({ "min_deposits": coins(&p.min_deposits) })
            })
        }
        ModuleName::Market => {
            use proto::akash::market::v1beta5::{QueryParamsRequest, QueryParamsResponse};
            let path = "/akash.market.v1beta5.Query/Params";
            let found: QueryParamsResponse = chain.node.query(path, &QueryParamsRequest {}).await?;
            let p = found.params.unwrap_or_default();
            json!({
                "order_max_bids": p.order_max_bids, "bid_min_deposits": coins(&p.bid_min_deposits),
                "min_reclamation_window_seconds": seconds(p.min_reclamation_window),
                "max_reclamation_window_seconds": seconds(p.max_reclamation_window),
            })
        }
        ModuleName::Take => params_of!(chain, "/akash.take.v1.Query/Params", proto::akash::take::v1, |p| {
            let rates = p.denom_take_rates.iter().map(|rate| (rate.denom.clone(), Value::from(rate.rate)));
            let rates: serde_json::Map<String, Value> = rates.collect();
            json!({ "denom_take_rates_percent": rates, "default_take_rate_percent": p.default_take_rate })
        }),
    };
    output::show(context.format(), &shown, |shown| {
        let Some(object) = shown.as_object() else { return shown.to_string() };
        output::table(&object.iter().map(|(key, value)| row([key, &value.to_string()])).collect::<Vec<_>>())
    })
}

async fn providers(context: &Context, chain: &Chain) -> Result {
    let found = chain.providers().await?;
    let shown: Vec<Value> = found.iter().map(provider_json).collect();
    output::show(context.format(), &shown, |_| providers_text(&found))
}

fn provider_json(provider: &Provider) -> Value {
    let attributes = provider.attributes.iter().map(|one| json!({ "key": one.key, "value": one.value }));
    let info = provider.info.clone().unwrap_or_default();
    json!({
        "owner": provider.owner, "host_uri": provider.host_uri, "email": info.email, "website": info.website,
        "attributes": attributes.collect::<Vec<_>>(),
    })
}

fn providers_text(providers: &[Provider]) -> String {
    let line = |provider: &Provider| {
        let attributes = provider.attributes.iter().map(|one| format!("{}={}", one.key, one.value));
        row([&provider.owner, &provider.host_uri, &attributes.collect::<Vec<_>>().join(" ")])
    };
    let head = row(["PROVIDER", "GATEWAY", "ATTRIBUTES"]);
    output::table(&std::iter::once(head).chain(providers.iter().map(line)).collect::<Vec<_>>())
}

async fn hosts(context: &Context, chain: &Chain, owner: Option<String>) -> Result {
    let owner = match owner {
        Some(text) => chain.prefix().text(&context.resolve(&text, chain.prefix())?),
        None => String::new(),
    };
    let found = chain.hosts(&owner).await?;
    let shown: Vec<Value> = found.iter().map(host_json).collect();
    output::show(context.format(), &shown, |_| hosts_text(&found))
}

fn host_json(host: &Host) -> Value {
    let offered = host.offered.clone().unwrap_or_default();
    let devices = host
        .devices
        .iter()
        .map(|device| json!({ "id": device.id, "model": device.model, "simulated": is_simulated(&device.model) }));
    json!({
        "owner": host.owner, "host_key": hex::encode(&host.host_key), "cpu_milli": offered.cpu_milli,
        "memory": offered.memory, "storage": offered.storage, "devices": devices.collect::<Vec<_>>(),
        "cpu_overcommit_percent": host.cpu_overcommit_percent, "proved": host.proved, "fence": host.fence,
    })
}

/// How many devices a host has, and whether they exist.
fn gpus(host: &Host) -> String {
    let simulated = host.devices.iter().filter(|device| is_simulated(&device.model)).count();
    match (host.devices.len(), simulated) {
        (all, 0) => all.to_string(),
        (all, simulated) if all == simulated => format!("{all} (simulated)"),
        (all, simulated) => format!("{all} ({simulated} simulated)"),
    }
}

fn hosts_text(hosts: &[Host]) -> String {
    let line = |host: &Host| {
        let offered = host.offered.clone().unwrap_or_default();
        let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
        let key = hex::encode(&host.host_key);
        row([
            &host.owner,
            key.get(..12).unwrap_or(&key),
            &format!("{}.{:03}", offered.cpu_milli / 1000, offered.cpu_milli % 1000),
            &mib(offered.memory),
            &mib(offered.storage),
            &gpus(host),
            if host.proved { "proved" } else { "claimed" },
        ])
    };
    let head = row(["OWNER", "HOST", "CORES", "MEMORY", "STORAGE", "GPUS", "BACKING"]);
    output::table(&std::iter::once(head).chain(hosts.iter().map(line)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use proto::akash::base::attributes::v1::Attribute;
    use proto::tetra::capacity::v1::Resources;

    use super::*;

    fn attribute(key: &str, value: &str) -> EventAttribute {
        EventAttribute { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn a_transaction_is_shown_with_its_events() {
        let attributes = vec![attribute("amount", "1utet"), attribute("amount", "2utet")];
        let mut tx = TxOutcome {
            hash: "AB".repeat(32),
            height: 7,
            code: 0,
            codespace: String::new(),
            log: String::new(),
            data: Vec::new(),
            gas_wanted: 100,
            gas_used: 60,
            events: vec![ChainEvent { kind: "coin_spent".to_owned(), attributes }],
        };
        insta::assert_snapshot!(tx_text(&tx), @r"
        hash    ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB
        height  7
        result  succeeded
        gas     60 of 100

        coin_spent
          amount = 1utet
          amount = 2utet
        ");
        insta::assert_snapshot!(tx_json(&tx).to_string(), @r#"{"code":0,"codespace":"","events":[{"attributes":[{"key":"amount","value":"1utet"},{"key":"amount","value":"2utet"}],"type":"coin_spent"}],"gas_used":60,"gas_wanted":100,"hash":"ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB","height":7,"log":""}"#);
        tx = TxOutcome { code: 5, codespace: "sdk".to_owned(), log: "too poor".to_owned(), events: Vec::new(), ..tx };
        insta::assert_snapshot!(tx_text(&tx), @r"
        hash    ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB
        height  7
        result  failed (sdk 5): too poor
        gas     60 of 100
        ");
    }

    #[test]
    fn providers_and_hosts_are_tables() {
        let attributes = vec![Attribute { key: "region".to_owned(), value: "eu".to_owned() }];
        let host_uri = "https://p.example:8443".to_owned();
        let provider = Provider { owner: "tetra1p".to_owned(), host_uri, attributes, info: None };
        insta::assert_snapshot!(providers_text(std::slice::from_ref(&provider)), @r"
        PROVIDER  GATEWAY                 ATTRIBUTES
        tetra1p   https://p.example:8443  region=eu
        ");
        insta::assert_snapshot!(provider_json(&provider).to_string(), @r#"{"attributes":[{"key":"region","value":"eu"}],"email":"","host_uri":"https://p.example:8443","owner":"tetra1p","website":""}"#);
        let offered = Resources { cpu_milli: 1500, memory: 3 << 20, storage: 5 << 30, ..Resources::default() };
        let host = Host {
            owner: "tetra1p".to_owned(),
            host_key: vec![7; 32],
            offered: Some(offered),
            cpu_overcommit_percent: 100,
            ..Host::default()
        };
        insta::assert_snapshot!(hosts_text(std::slice::from_ref(&host)), @r"
        OWNER    HOST          CORES  MEMORY  STORAGE   GPUS  BACKING
        tetra1p  070707070707  1.500  3 MiB   5120 MiB  0     claimed
        ");
        insta::assert_snapshot!(host_json(&host).to_string(), @r#"{"cpu_milli":1500,"cpu_overcommit_percent":100,"devices":[],"fence":0,"host_key":"0707070707070707070707070707070707070707070707070707070707070707","memory":3145728,"owner":"tetra1p","proved":false,"storage":5368709120}"#);
        insta::assert_snapshot!(hosts_text(&[]), @r"OWNER  HOST  CORES  MEMORY  STORAGE  GPUS  BACKING");
    }
}
