//! Clusters, kinds and durations, as people write and read them.

use std::str::FromStr;
use std::time::Duration;

use proto::tetra::cluster::v1::{ClusterId, ClusterKind, LeaseTerms, OfferId, Source, SupplierKind, Tier};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::chain::Chain;
use crate::context::Context;
use crate::error::Result;

/// A cluster of the command line: `7` is one's own, `tetra1.../7` anybody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterName {
    tenant: Option<String>,
    cseq: u64,
}

impl FromStr for ClusterName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (tenant, number) = match text.rsplit_once('/') {
            Some((tenant, number)) => (Some(tenant.to_owned()), number),
            None => (None, text),
        };
        let cseq = number.parse().map_err(|_| "a cluster is a number, or TENANT/NUMBER".to_owned())?;
        Ok(Self { tenant, cseq })
    }
}

impl ClusterName {
    /// What the chain calls it.
    ///
    /// # Errors
    /// When the tenant is unknown.
    pub fn id(&self, context: &Context, chain: &Chain) -> Result<ClusterId> {
        let tenant = match &self.tenant {
            Some(tenant) => context.resolve(tenant, chain.prefix())?,
            None => context.own_address()?,
        };
        Ok(ClusterId { tenant: chain.prefix().text(&tenant), cseq: self.cseq })
    }
}

/// A duration such as `90s`, `30m`, `2h` or `1d`, in milliseconds.
///
/// # Errors
/// When it is none.
pub fn parse_duration(text: &str) -> std::result::Result<u64, String> {
    let wrong = || "a duration is a number and s, m, h or d, such as 90s, 30m, 2h or 1d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let scale: u64 = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(scale).filter(|ms| *ms > 0).ok_or_else(wrong)
}

/// A duration for people: its two largest units.
pub fn duration(ms: u64) -> String {
    let seconds = Duration::from_millis(ms).as_secs();
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown = parts.iter().skip(first).take(2).filter(|(count, _)| *count > 0);
    let text: Vec<String> = shown.map(|(count, unit)| format!("{count} {unit}")).collect();
    if text.is_empty() { "0 s".to_owned() } else { text.join(" ") }
}

/// Milliseconds since 1970 as RFC 3339; none of zero.
pub fn time(ms: u64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(i64::try_from(ms / 1_000).ok()?).ok()?;
    if ms == 0 { None } else { at.format(&Rfc3339).ok() }
}

/// The name of a value of the wire, without its prefix, for people.
pub fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', " ")
}

/// Which machines they are meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// A Ray cluster: head and workers
    Ray,
    /// RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT on every node
    Torchrun,
    /// A host file on every node, at /tmp/hostfile
    Mpi,
    /// Containers that reach each other
    Shell,
}

impl Kind {
    /// As the chain writes it.
    pub fn wire(self) -> ClusterKind {
        match self {
            Self::Ray => ClusterKind::Ray,
            Self::Torchrun => ClusterKind::Torchrun,
            Self::Mpi => ClusterKind::Mpi,
            Self::Shell => ClusterKind::Shell,
        }
    }
}

/// Kinds of suppliers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Supplier {
    /// Somebody's own machine
    Private,
    /// A data centre
    DataCentre,
    /// Who mined before
    Miner,
    /// A node of a storage network
    StorageNetwork,
}

impl Supplier {
    /// As the chain writes it.
    pub fn wire(self) -> SupplierKind {
        match self {
            Self::Private => SupplierKind::Private,
            Self::DataCentre => SupplierKind::DataCentre,
            Self::Miner => SupplierKind::Miner,
            Self::StorageNetwork => SupplierKind::StorageNetwork,
        }
    }
}

/// Connectivity tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TierName {
    /// 100/10 Mbit/s
    Low,
    /// 400/300 Mbit/s
    Medium,
    /// 800/600 Mbit/s
    High,
    /// 1600/1200 Mbit/s
    Ultra,
}

impl TierName {
    /// As the chain writes it.
    pub fn wire(self) -> Tier {
        match self {
            Self::Low => Tier::Low,
            Self::Medium => Tier::Medium,
            Self::High => Tier::High,
            Self::Ultra => Tier::Ultra,
        }
    }
}

/// By which way a device comes into the pool: `provider`, `render idle`, `lease` or `ssh`.
pub fn source(source: Source) -> String {
    short(source.as_str_name(), "SOURCE_")
}

/// Where a device is leased and what its broker adds, for people; nothing of other devices.
pub fn lease(lease: Option<&LeaseTerms>) -> String {
    match lease {
        Some(lease) => format!(" on {}, margin {} %", lease.network, crate::money::shifted(lease.margin_bp.into(), 2)),
        None => String::new(),
    }
}

/// The same as data.
pub fn lease_data(lease: Option<&LeaseTerms>) -> Value {
    lease.map_or(
        Value::Null,
        |lease| json!({
            "network": lease.network, "tenant": lease.tenant, "dseqs": lease.dseqs, "margin_bp": lease.margin_bp, "device": lease.device,
        }),
    )
}

/// A device's offer for people: the end of the owner's address and the beginning of the host's key.
pub fn offer(id: Option<&OfferId>) -> String {
    let Some(id) = id else { return String::new() };
    let key: String = hex::encode(&id.host_key).chars().take(8).collect();
    format!("{}/{key}", id.owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        assert_eq!(parse_duration("90s"), Ok(90_000));
        assert_eq!(parse_duration("2h"), Ok(7_200_000));
        for wrong in ["", "h", "5", "-1h", "0s", "1w", "99999999999999999d"] {
            parse_duration(wrong).unwrap_err();
        }
        assert_eq!(duration(7_260_000), "2 h 1 min");
        assert_eq!(duration(90_061_000), "1 d 1 h");
        assert_eq!(duration(900), "0 s");
        assert_eq!(time(0), None);
        assert_eq!(time(1_767_225_600_000).as_deref(), Some("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn clusters_are_numbers_or_those_of_somebody() {
        assert_eq!("7".parse(), Ok(ClusterName { tenant: None, cseq: 7 }));
        assert_eq!("alice/7".parse(), Ok(ClusterName { tenant: Some("alice".to_owned()), cseq: 7 }));
        "x".parse::<ClusterName>().unwrap_err();
    }
}
