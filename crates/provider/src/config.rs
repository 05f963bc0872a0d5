//! What an agent is told: `provider.json`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use pricing::scale::{Scale, Usd};
use primitives::{Coin, Dec};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use workload::Isolation;

use crate::cluster::ClusterConfig;
pub use crate::devices::GpuModel;
use crate::gateway::IssuedCertificate;
use crate::pod::Rights;
use crate::render::RenderConfig;

/// `provider.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// URL of a node's JSON-RPC, such as `http://127.0.0.1:26657`.
    pub node: String,
    /// Name of the key of the provider's account.
    pub account: String,
    /// Folder of key files.
    pub keys: PathBuf,
    /// Name of this agent; kernel objects carry a hash of it. Must stay the same across restarts.
    pub instance: String,
    /// Where tenants find the gateway, as registered on the chain: `https://host:port`.
    pub host_uri: String,
    /// Where the gateway listens.
    pub gateway_listen: SocketAddr,
    /// A certificate that an authority issued for the host of `host_uri`: shown to clients that ask for that name, who
    /// then need a token. All others are shown the certificate that the agent publishes on the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_certificate: Option<IssuedCertificate>,
    /// Where the status is told over gRPC; none tells it nowhere. Clients of Akash look for it on port 8444.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc_listen: Option<SocketAddr>,
    /// Where the HTTP proxy listens.
    pub proxy_listen: SocketAddr,
    /// Where `/metrics`, `/livez` and `/readyz` are served; none serves them nowhere. They ask for no password: keep them
    /// on loopback or behind a firewall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,
    /// Services answer at `http://<id>.<public_host>:<port of the proxy>`.
    #[serde(default = "default_public_host")]
    pub public_host: String,
    /// First and last port that are given to exposures other than HTTP.
    #[serde(default = "default_port_range")]
    pub port_range: [u16; 2],
    /// What the provider claims of itself. Kinds of storage that work here are added by the agent.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// How containers of new leases are kept apart from the machine: `namespaces`, or `gvisor`. Announced as the
    /// attribute `isolation`, by which tenants can ask for it.
    #[serde(default)]
    pub isolation: Isolation,
    /// Whether deployments that ask for the attribute `feat-tun` may make network devices: `/dev/net/tun` and all rights over their
    /// own network namespace, for overlays and VPNs. Announced as that attribute.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub network_devices: bool,
    /// Prices of hardware, in USD per month.
    #[serde(default)]
    pub scale: Scale,
    /// Where prices of coins come from.
    #[serde(default)]
    pub price_source: PriceSource,
    /// The most that this agent offers of the machine.
    #[serde(default)]
    pub offer: OfferCaps,
    /// GPUs that are sold and are not there, such as `nvidia/a100/80Gi/sxm`, one for each: for trying out how deployments
    /// find them. Refused on every network but those whose genesis says `dev`, and marked wherever they show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub simulated_gpus: Vec<GpuModel>,
    /// How much of each core may be promised, in percent; 100 promises it once.
    #[serde(default = "default_overcommit")]
    pub cpu_overcommit_percent: u32,
    /// Bidding.
    #[serde(default)]
    pub bid: BidConfig,
    /// Seconds between withdrawals of what leases earned.
    #[serde(default = "default_withdraw")]
    pub withdraw_every_s: u64,
    /// Seconds between looks at what is left in the escrow of each lease.
    #[serde(default = "default_funds")]
    pub funds_every_s: u64,
    /// Claims of uid ranges and subnets, shared by all agents of this machine.
    #[serde(default = "default_claims_dir")]
    pub claims_dir: PathBuf,
    /// Mount points and other state that ends with the boot.
    #[serde(default = "default_run_dir")]
    pub run_dir: PathBuf,
    /// How to start the process that watches a container; this program itself unless told otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shim: Vec<String>,
    /// Registries (`host:port`) that are spoken to without TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plain_http_registries: Vec<String>,
    /// Whether and how this machine renders frames beside its leases; none: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub render: Option<RenderConfig>,
    /// Whether and how devices of this machine are offered to clusters; none: they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterConfig>,
}

impl ProviderConfig {
    /// The most that containers of new leases may do.
    pub fn rights(&self) -> Rights {
        Rights { isolation: self.isolation, network_devices: self.network_devices }
    }

    /// A configuration with default prices and no caps.
    pub fn new(
        node: impl Into<String>,
        account: impl Into<String>,
        keys: impl Into<PathBuf>,
        instance: impl Into<String>,
        gateway_listen: SocketAddr,
        proxy_listen: SocketAddr,
    ) -> Self {
        Self {
            node: node.into(),
            account: account.into(),
            keys: keys.into(),
            instance: instance.into(),
            host_uri: format!("https://{gateway_listen}"),
            gateway_listen,
            gateway_certificate: None,
            grpc_listen: None,
            proxy_listen,
            metrics_listen: None,
            public_host: default_public_host(),
            port_range: default_port_range(),
            attributes: BTreeMap::new(),
            isolation: Isolation::default(),
            network_devices: false,
            scale: Scale::default(),
            price_source: PriceSource::default(),
            offer: OfferCaps::default(),
            simulated_gpus: Vec::new(),
            cpu_overcommit_percent: default_overcommit(),
            bid: BidConfig::default(),
            withdraw_every_s: default_withdraw(),
            funds_every_s: default_funds(),
            claims_dir: default_claims_dir(),
            run_dir: default_run_dir(),
            shim: Vec::new(),
            plain_http_registries: Vec::new(),
            render: None,
            cluster: None,
        }
    }
}

/// Denoms whose whole token is one US dollar.
pub const DOLLARS: [&str; 2] = ["uusd", "uact"];

/// Where prices of coins come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase", deny_unknown_fields)]
pub enum PriceSource {
    /// This file.
    Config {
        /// USD per whole token (10^6 base units), by denom. Those of [`DOLLARS`] are 1 without being named.
        #[serde(default)]
        usd_per_token: BTreeMap<String, Usd>,
    },
}

impl Default for PriceSource {
    fn default() -> Self {
        Self::Config { usd_per_token: BTreeMap::new() }
    }
}

impl PriceSource {
    /// USD per whole token of a denom; none where the source does not know it.
    pub fn usd_per_token(&self, denom: &str) -> Option<Dec> {
        let Self::Config { usd_per_token } = self;
        match (usd_per_token.get(denom), denom) {
            (Some(price), _) => Some(price.0),
            (None, denom) => DOLLARS.contains(&denom).then_some(Dec::ONE),
        }
    }
}

/// The most that an agent offers, where several share a machine; none is all that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfferCaps {
    /// Thousandths of a core.
    pub cpu_milli: Option<u64>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Disk in bytes.
    pub storage: Option<u64>,
}

/// Bidding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BidConfig {
    /// Whether it bids on orders of deployments at all.
    pub enabled: bool,
    /// Seconds after which a bid that won no lease is taken back.
    pub timeout_s: u64,
    /// Seconds that a tenant has to send the manifest of a lease.
    pub manifest_timeout_s: u64,
    /// Deposits to bid with, such as `500000uusd`, one a denom; where the order's denom has none, the chain's least.
    pub deposits: Vec<CoinText>,
    /// Below this balance of the deposit's denom, in base units, the account makes no bids; none is twice the
    /// deposit.
    pub minimum_balance: Option<u128>,
}

impl Default for BidConfig {
    fn default() -> Self {
        Self { enabled: true, timeout_s: 300, manifest_timeout_s: 300, deposits: Vec::new(), minimum_balance: None }
    }
}

/// An amount, `500000uusd` in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinText(pub Coin);

impl Serialize for CoinText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CoinText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// A number with a fraction, `"0.0025"` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecText(pub Dec);

impl Serialize for DecText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DecText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

fn default_public_host() -> String {
    "localhost".to_owned()
}

fn default_port_range() -> [u16; 2] {
    [30_000, 32_767]
}

fn default_overcommit() -> u32 {
    100
}

fn default_withdraw() -> u64 {
    86_400
}

fn default_funds() -> u64 {
    600
}

fn default_claims_dir() -> PathBuf {
    "/var/lib/tetra/claims".into()
}

fn default_run_dir() -> PathBuf {
    "/run".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ProviderConfig {
        let (gateway, proxy) = ("127.0.0.1:8443".parse().unwrap(), "127.0.0.1:8080".parse().unwrap());
        ProviderConfig::new("http://127.0.0.1:26657", "provider", "/keys", "agent", gateway, proxy)
    }

    #[test]
    fn written_and_read_back() {
        let mut config = sample();
        config.bid.deposits.push(CoinText("500000uusd".parse().unwrap()));
        let price = Usd("0.50".parse().unwrap());
        config.price_source = PriceSource::Config { usd_per_token: [("utet".to_owned(), price)].into() };
        let text = serde_json::to_string_pretty(&config).unwrap();
        assert_eq!(serde_json::from_str::<ProviderConfig>(&text).unwrap(), config);
    }

    #[test]
    fn a_few_fields_are_enough_and_mistakes_are_named() {
        let text = r#"{"node":"n","account":"a","keys":"/k","instance":"i","host_uri":"https://h:1",
            "gateway_listen":"127.0.0.1:1","proxy_listen":"127.0.0.1:2",
            "price_source":{"name":"config","usd_per_token":{"utet":"0.50"}}}"#;
        let config: ProviderConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.bid.timeout_s, 300);
        assert_eq!(config.price_source.usd_per_token("utet"), Some("0.5".parse().unwrap()));
        assert_eq!(config.price_source.usd_per_token("uusd"), Some(Dec::ONE));
        assert_eq!(config.price_source.usd_per_token("uakt"), None);
        let wrong = text.replace("\"node\"", "\"nodes\"");
        let error = serde_json::from_str::<ProviderConfig>(&wrong).unwrap_err();
        assert!(error.to_string().contains("unknown field `nodes`"), "{error}");
    }
}
