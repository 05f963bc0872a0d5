//! Capacity in genesis. Keys are hex; sizes are bytes.

use primitives::Address;
use proto::Timestamp;
use proto::tetra::capacity::v1 as wire;
use serde::{Deserialize, Serialize};

use super::state::{self, DEVICES, FENCES, HOLDS, HOSTS, HOSTS_BY_OWNER, HostKey, LOST, NEXT_HOLD, StoredHost};
use super::{holds, invariants};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The part's genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// In order of key.
    pub hosts: Vec<Host>,
    /// In order of id.
    pub holds: Vec<Hold>,
    /// The id of the next hold; 0 before the first.
    pub next_hold: u64,
    /// The last fencing number of each host key that ever had one.
    pub fences: Vec<Fence>,
    /// References that lost a soft hold and are not released.
    pub lost: Vec<Lost>,
}

/// A host in genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Hex.
    pub host_key: String,
    /// Bech32.
    pub owner: String,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub storage: u64,
    /// Devices.
    pub devices: Vec<Device>,
    /// 100 is none.
    pub cpu_overcommit_percent: u32,
}

/// A device in genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Unique on the chain.
    pub id: String,
    /// Capability path.
    pub model: String,
}

/// A hold in genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Its id.
    pub id: u64,
    /// Hex.
    pub host_key: String,
    /// `HOLD_KIND_SOFT`, `HOLD_KIND_FIRM`, `HOLD_KIND_INTERRUPTIBLE` or `HOLD_KIND_LENT`.
    pub kind: String,
    /// Which market.
    pub market: String,
    /// Its name of the holder.
    pub reference: String,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub storage: u64,
    /// Device ids.
    pub devices: Vec<String>,
    /// Last height; 0 is never.
    pub expires_at: i64,
    /// Fencing number.
    pub fence: u64,
    /// Height.
    pub created_at: i64,
    /// Header time in seconds and nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub yields_at: Option<(i64, i32)>,
    /// Whether it gives way without notice.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub gives_way: bool,
    /// Whether the owner of a window works in it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub in_use: bool,
    /// The window that a lent hold is part of; 0 of others.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub window: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A fencing number in genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fence {
    /// Hex.
    pub host_key: String,
    /// The last number given.
    pub last: u64,
}

/// A reference that lost a soft hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    /// The market's name of the holder.
    pub reference: String,
    /// Which market.
    pub market: String,
}

fn refuse(why: impl std::fmt::Display) -> Failure {
    Rejection::invalid_request(format!("genesis capacity: {why}")).into()
}

fn parse_key(text: &str) -> Result<HostKey, Failure> {
    let bytes = hex::decode(text).map_err(|error| refuse(format!("host key {text:?}: {error}")))?;
    state::host_key(&bytes)
}

impl Hold {
    fn parse(&self) -> Result<wire::Hold, Failure> {
        let kind = wire::HoldKind::from_str_name(&self.kind).filter(|kind| *kind != wire::HoldKind::Unspecified);
        let kind = kind.ok_or_else(|| refuse(format!("hold {}: kind {:?} is unknown", self.id, self.kind)))?;
        Ok(wire::Hold {
            id: self.id,
            host_key: parse_key(&self.host_key)?.to_vec(),
            kind: kind as i32,
            market: self.market.clone(),
            reference: self.reference.clone(),
            resources: Some(wire::Resources {
                cpu_milli: self.cpu_milli,
                memory: self.memory,
                storage: self.storage,
                devices: self.devices.clone(),
            }),
            expires_at: self.expires_at,
            fence: self.fence,
            created_at: self.created_at,
            yields_at: self.yields_at.map(|(seconds, nanos)| Timestamp { seconds, nanos }),
            gives_way: self.gives_way,
            in_use: self.in_use,
            window: self.window,
        })
    }

    fn from_state(hold: wire::Hold) -> Self {
        let wire::Resources { cpu_milli, memory, storage, devices } = holds::amount(&hold);
        Self {
            id: hold.id,
            host_key: hex::encode(&hold.host_key),
            kind: hold.kind().as_str_name().to_owned(),
            cpu_milli,
            memory,
            storage,
            devices,
            expires_at: hold.expires_at,
            fence: hold.fence,
            created_at: hold.created_at,
            yields_at: hold.yields_at.map(|at| (at.seconds, at.nanos)),
            gives_way: hold.gives_way,
            in_use: hold.in_use,
            window: hold.window,
            market: hold.market,
            reference: hold.reference,
        }
    }
}

/// Reads genesis into the state.
///
/// # Errors
/// `sdk` 18 when something is malformed, repeated or breaks an invariant; `capacity` 3 when a hold's host is not there.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    for host in &genesis.hosts {
        import_host(ctx, host)?;
    }
    for hold in &genesis.holds {
        if HOLDS.has(&ctx.state, &hold.id)? || hold.id >= genesis.next_hold {
            return Err(refuse(format!("hold {} must be unique and below next_hold", hold.id)));
        }
        holds::store(ctx, &hold.parse()?)?;
    }
    if genesis.next_hold > 0 {
        NEXT_HOLD.set(&mut ctx.state, &genesis.next_hold);
    }
    for fence in &genesis.fences {
        let key = parse_key(&fence.host_key)?;
        if FENCES.has(&ctx.state, &key)? {
            return Err(refuse(format!("the fencing number of host {} stands there twice", fence.host_key)));
        }
        FENCES.set(&mut ctx.state, &key, &fence.last);
    }
    for lost in &genesis.lost {
        let key = (lost.reference.clone(), lost.market.clone());
        if LOST.has(&ctx.state, &key)? {
            return Err(refuse(format!("lost {} of {} stands there twice", lost.reference, lost.market)));
        }
        LOST.set(&mut ctx.state, &key, &());
    }
    match invariants::check(ctx)?.first() {
        Some(broken) => Err(refuse(broken)),
        None => Ok(()),
    }
}

fn import_host(ctx: &mut Context, host: &Host) -> Result<(), Failure> {
    let key = parse_key(&host.host_key)?;
    let owner = ctx.address(&host.owner)?;
    if HOSTS.has(&ctx.state, &key)? {
        return Err(refuse(format!("host {} stands there twice", host.host_key)));
    }
    let mut devices = Vec::new();
    for Device { id, model } in &host.devices {
        if DEVICES.has(&ctx.state, id)? {
            return Err(refuse(format!("device {id} stands there twice")));
        }
        DEVICES.set(&mut ctx.state, id, &key.to_vec());
        devices.push(wire::Device { id: id.clone(), model: model.clone() });
    }
    let stored = StoredHost {
        owner: owner.as_bytes().to_vec(),
        cpu_milli: host.cpu_milli,
        memory: host.memory,
        storage: host.storage,
        devices,
        cpu_overcommit_percent: host.cpu_overcommit_percent,
        taken: Some(wire::Resources::default()),
        wanted: Some(wire::Resources::default()),
    };
    HOSTS.set(&mut ctx.state, &key, &stored);
    HOSTS_BY_OWNER.set(&mut ctx.state, &(owner, key), &());
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let mut hosts = Vec::new();
    for (key, host) in HOSTS.all(&ctx.state)? {
        let owner = Address::try_from(host.owner.as_slice()).map_err(|error| store::Error::Corrupt {
            module: super::MODULE.0,
            key: hex::encode(HOSTS.key(&key)),
            why: error.to_string(),
        })?;
        let device = |device: wire::Device| Device { id: device.id, model: device.model };
        hosts.push(Host {
            host_key: hex::encode(key),
            owner: ctx.text(&owner),
            cpu_milli: host.cpu_milli,
            memory: host.memory,
            storage: host.storage,
            devices: host.devices.into_iter().map(device).collect(),
            cpu_overcommit_percent: host.cpu_overcommit_percent,
        });
    }
    let fence = |(key, last): (HostKey, u64)| Fence { host_key: hex::encode(key), last };
    let lost = |((reference, market), ()): ((String, String), ())| Lost { reference, market };
    Ok(Genesis {
        hosts,
        holds: HOLDS.all(&ctx.state)?.into_iter().map(|(_, hold)| Hold::from_state(hold)).collect(),
        next_hold: NEXT_HOLD.get(&ctx.state)?.unwrap_or(0),
        fences: FENCES.all(&ctx.state)?.into_iter().map(fence).collect(),
        lost: LOST.all(&ctx.state)?.into_iter().map(lost).collect(),
    })
}
