//! What a supplier of clusters is told: `cluster` in `provider.json`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use proto::tetra::capacity::v1::Resources;
use proto::tetra::cluster::v1::{OfferTerms, Source, SupplierKind};
use serde::{Deserialize, Serialize};

use crate::config::DecText;

/// `cluster` in `provider.json`. An agent that runs looks at it every few seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterConfig {
    /// Whether devices of this machine are offered.
    pub enabled: bool,
    /// Whether the offer, where it is not enabled, is taken back with its collateral.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub withdraw: bool,
    /// The class of its devices, as the chain names them.
    pub class: String,
    /// How many are offered.
    pub devices: u32,
    /// What comes with each: thousandths of a core.
    pub cpu_milli: u64,
    /// What comes with each: memory in bytes.
    pub memory: u64,
    /// What comes with each: disk in bytes.
    pub storage: u64,
    /// Where the machine is.
    pub region: String,
    /// Whose it is.
    pub kind: Supply,
    /// What its owner says of its security, such as `encrypted-disk`.
    pub flags: Vec<String>,
    /// The least that a device is hired for, in base units per hour.
    pub floor: u64,
    /// Where other nodes send packets of the overlay; none is where the gateway listens, if that is one address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// First and last UDP port of overlays; none is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<[u16; 2]>,
    /// By which way it comes into the pool.
    #[serde(skip_serializing_if = "Origin::is_provider")]
    pub origin: Origin,
    /// A carrier that packets of overlays go through, where this machine sends and receives none itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<SocketAddr>,
    /// Where and how its devices are leased; of origin `lease` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseConfig>,
    /// A SOCKS 5 proxy by which other suppliers' gateways are reached, where this machine reaches none itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<SocketAddr>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            withdraw: false,
            class: CLASS.to_owned(),
            devices: 1,
            cpu_milli: 1000,
            memory: 2 << 30,
            storage: 4 << 30,
            region: String::new(),
            kind: Supply::Private,
            flags: Vec::new(),
            floor: 0,
            address: None,
            ports: None,
            origin: Origin::Provider,
            via: None,
            proxy: None,
            lease: None,
        }
    }
}

/// `cluster.lease` in `provider.json`: a network that speaks Akash's API, and what may be spent there. The account there is the one of
/// the provider's own key, under that network's prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseConfig {
    /// URL of a node's JSON-RPC there. This, the prefix, the price of gas and the deposit count from the agent's next start.
    pub node: String,
    /// How addresses begin there.
    pub prefix: String,
    /// What a unit of gas costs there, in base units, and of which denom.
    pub gas_price: DecText,
    /// As above.
    pub gas_denom: String,
    /// In what leases are paid there.
    pub denom: String,
    /// The most for a device, in base units of that per block of that network.
    pub most: DecText,
    /// What is set aside for each lease, in base units; as much is added whenever less than an hour's worth is left.
    pub deposit: u64,
    /// What one base unit there is worth in base units here.
    pub rate: DecText,
    /// What is asked for above what is paid, in ten-thousandths.
    pub margin_bp: u32,
    /// What runs in a lease while nothing is hired of it: an image with a shell, as that network's providers find it.
    pub image: String,
    /// Whether providers alone may bid that announce `feat-tun`: their leases may have a device for an overlay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tun: bool,
}

/// The class of devices that are a share of a processor: what is offered unless told otherwise, and all that is leased elsewhere.
pub const CLASS: &str = "cpu";

/// Kinds of suppliers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Supply {
    /// Somebody's own machine.
    Private,
    /// A data centre.
    DataCentre,
    /// Who mined before.
    Miner,
    /// A node of a storage network.
    StorageNetwork,
}

/// Ways into the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The machine of the agent.
    #[default]
    Provider,
    /// The window of its render node, while that renders nothing.
    RenderIdle,
    /// A machine that its owner reaches by SSH alone.
    Ssh,
    /// Leases on another network.
    Lease,
}

impl Origin {
    fn is_provider(&self) -> bool {
        *self == Self::Provider
    }

    /// As the chain writes it.
    pub(crate) fn wire(self) -> Source {
        match self {
            Self::Provider => Source::Provider,
            Self::RenderIdle => Source::RenderIdle,
            Self::Ssh => Source::Ssh,
            Self::Lease => Source::Lease,
        }
    }
}

impl ClusterConfig {
    /// The terms, as the chain writes them.
    pub(crate) fn terms(&self) -> OfferTerms {
        let kind = match self.kind {
            Supply::Private => SupplierKind::Private,
            Supply::DataCentre => SupplierKind::DataCentre,
            Supply::Miner => SupplierKind::Miner,
            Supply::StorageNetwork => SupplierKind::StorageNetwork,
        };
        let Self { cpu_milli, memory, storage, .. } = *self;
        OfferTerms {
            class: self.class.clone(),
            devices: self.devices,
            each: Some(Resources { cpu_milli, memory, storage, devices: Vec::new() }),
            region: self.region.clone(),
            kind: kind.into(),
            flags: self.flags.clone(),
            floor: self.floor,
            lease: None,
        }
    }

    /// Where overlays listen, one address after the other, and the address that others are told.
    pub fn listen(&self, gateway: SocketAddr) -> (Vec<SocketAddr>, IpAddr) {
        let told = self.address.unwrap_or_else(|| gateway.ip());
        let any: IpAddr = if told.is_loopback() { told } else { Ipv4Addr::UNSPECIFIED.into() };
        let ports = self.ports.map_or(0..=0, |[first, last]| first..=last);
        (ports.map(|port| SocketAddr::from((any, port))).collect(), told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_fields_are_enough_and_mistakes_are_named() {
        let config: ClusterConfig =
            serde_json::from_str(r#"{"enabled":true,"devices":2,"kind":"data-centre"}"#).unwrap();
        assert_eq!((config.terms().devices, config.terms().kind()), (2, SupplierKind::DataCentre));
        let error = serde_json::from_str::<ClusterConfig>(r#"{"device":1}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `device`"), "{error}");
        let text = serde_json::to_string(&ClusterConfig::default()).unwrap();
        assert_eq!(serde_json::from_str::<ClusterConfig>(&text).unwrap(), ClusterConfig::default());
    }

    #[test]
    fn overlays_listen_where_others_are_told_to_send() {
        let gateway = "192.0.2.1:8443".parse().unwrap();
        let config = ClusterConfig { ports: Some([40_000, 40_001]), ..ClusterConfig::default() };
        let (listen, told) = config.listen(gateway);
        assert_eq!(listen, ["0.0.0.0:40000", "0.0.0.0:40001"].map(|text| text.parse().unwrap()));
        assert_eq!(told.to_string(), "192.0.2.1");
        let local = ClusterConfig::default().listen("127.0.0.1:8443".parse().unwrap());
        assert_eq!(local.0, ["127.0.0.1:0".parse().unwrap()]);
    }
}
