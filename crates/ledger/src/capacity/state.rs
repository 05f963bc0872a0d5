//! What is stored of capacity.

use primitives::Address;
use proto::tetra::capacity::v1::{Device, Hold, Host, Resources};
use store::{Item, Map};

use super::{HoldId, MODULE, errors};
use crate::context::Context;
use crate::failure::Failure;

/// The Ed25519 public key of a host's agent.
pub type HostKey = [u8; 32];

/// Hosts by key.
pub const HOSTS: Map<HostKey, StoredHost> = Map::new(MODULE, 1);
/// Hosts by owner.
pub const HOSTS_BY_OWNER: Map<(Address, HostKey), ()> = Map::new(MODULE, 2);
/// Holds by id.
pub const HOLDS: Map<HoldId, Hold> = Map::new(MODULE, 3);
/// Holds by host.
pub const HOLDS_BY_HOST: Map<(HostKey, HoldId), ()> = Map::new(MODULE, 4);
/// Holds by reference, market and id.
pub const HOLDS_BY_REFERENCE: Map<(String, String, HoldId), ()> = Map::new(MODULE, 5);
/// Soft holds by the height after which they are gone.
pub const EXPIRIES: Map<(u64, HoldId), ()> = Map::new(MODULE, 6);
/// Interruptible holds that were asked to yield, by the header time (milliseconds) at which they are gone.
pub const YIELDS: Map<(u64, HoldId), ()> = Map::new(MODULE, 7);
/// The host of each device; ids are unique on the whole chain.
pub const DEVICES: Map<String, Vec<u8>> = Map::new(MODULE, 8);
/// The id of the next hold; absent before the first.
pub const NEXT_HOLD: Item<u64> = Item::new(MODULE, 9);
/// The last fencing number of each host key. It outlives the host, so that numbers never come twice.
pub const FENCES: Map<HostKey, u64> = Map::new(MODULE, 10);
/// References that lost a soft hold, by reference and market: they cannot turn firm until they are released.
pub const LOST: Map<(String, String), ()> = Map::new(MODULE, 11);

/// A machine of a provider; its key is its key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredHost {
    /// 20 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub owner: Vec<u8>,
    /// Thousandths of a core, before overcommit.
    #[prost(uint64, tag = "2")]
    pub cpu_milli: u64,
    /// Bytes.
    #[prost(uint64, tag = "3")]
    pub memory: u64,
    /// Bytes.
    #[prost(uint64, tag = "4")]
    pub storage: u64,
    /// Devices that are there.
    #[prost(message, repeated, tag = "5")]
    pub devices: Vec<Device>,
    /// 100 is none.
    #[prost(uint32, tag = "6")]
    pub cpu_overcommit_percent: u32,
    /// Sum of firm and interruptible holds.
    #[prost(message, optional, tag = "7")]
    pub taken: Option<Resources>,
    /// Sum of soft holds, devices with repetition.
    #[prost(message, optional, tag = "8")]
    pub wanted: Option<Resources>,
}

impl StoredHost {
    /// What may be held exclusively in all. CPU is multiplied by the overcommit, rounded down.
    pub fn capacity(&self) -> Resources {
        let cpu = u128::from(self.cpu_milli) * u128::from(self.cpu_overcommit_percent) / 100;
        Resources {
            cpu_milli: u64::try_from(cpu).unwrap_or(u64::MAX),
            memory: self.memory,
            storage: self.storage,
            devices: self.devices.iter().map(|device| device.id.clone()).collect(),
        }
    }

    /// Sum of firm and interruptible holds.
    pub fn taken(&self) -> Resources {
        self.taken.clone().unwrap_or_default()
    }

    /// Sum of soft holds.
    pub fn wanted(&self) -> Resources {
        self.wanted.clone().unwrap_or_default()
    }

    /// As clients see it.
    pub(super) fn show(&self, ctx: &Context, key: &HostKey) -> Result<Host, Failure> {
        let owner = Address::try_from(self.owner.as_slice()).map(|owner| ctx.text(&owner)).unwrap_or_default();
        let offered = Resources { cpu_milli: self.cpu_milli, ..self.capacity() };
        Ok(Host {
            owner,
            host_key: key.to_vec(),
            offered: Some(offered),
            devices: self.devices.clone(),
            cpu_overcommit_percent: self.cpu_overcommit_percent,
            // Nothing proves capacity yet.
            proved: false,
            fence: FENCES.get(&ctx.state, key)?.unwrap_or(0),
        })
    }
}

/// A host that must be there.
pub(super) fn host(ctx: &Context, key: &HostKey) -> Result<StoredHost, Failure> {
    HOSTS.get(&ctx.state, key)?.ok_or_else(|| errors::host_not_found(key).into())
}

/// How many hosts a provider has registered.
///
/// # Errors
/// When the state fails.
pub fn hosts(ctx: &Context, owner: &Address) -> Result<usize, Failure> {
    Ok(HOSTS_BY_OWNER.under(&ctx.state, owner)?.len())
}

/// The hosts of a provider in order of key.
pub(super) fn hosts_of(ctx: &Context, owner: &Address) -> Result<Vec<(HostKey, StoredHost)>, Failure> {
    let keys = HOSTS_BY_OWNER.under(&ctx.state, owner)?;
    keys.into_iter().map(|((_, key), ())| Ok((key, host(ctx, &key)?))).collect()
}

/// The host key of a hold, or the refusal that bytes are no host key.
pub(super) fn host_key(bytes: &[u8]) -> Result<HostKey, Failure> {
    HostKey::try_from(bytes).map_err(|_| errors::bad_host_key(bytes.len()).into())
}
