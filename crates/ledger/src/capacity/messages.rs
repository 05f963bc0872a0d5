//! Messages of `tetra.capacity.v1`: what owners do with their hosts.

use std::collections::BTreeSet;

use ed25519_consensus::{Signature, VerificationKey};
use primitives::Address;
use proto::Message;
use proto::tetra::capacity::v1::{
    Device, HoldKind, MsgRegisterHost, MsgRegisterHostResponse, MsgRetireHost, MsgRetireHostResponse, MsgShrinkHost,
    MsgShrinkHostResponse, Resources,
};

use super::state::{self, DEVICES, HOSTS, HOSTS_BY_OWNER, HostKey, StoredHost};
use super::{errors, events, holds, resources, shrink};
use crate::context::Context;
use crate::failure::Failure;
use crate::provider;
use crate::routes::MessageRoute;

/// The most hosts of one provider, so that placing a claim stays cheap.
pub const MAX_HOSTS: usize = 256;
/// The most devices of one host.
pub const MAX_DEVICES: usize = 64;
/// The most that a host may promise of each core, in percent.
pub const MAX_OVERCOMMIT_PERCENT: u32 = 1000;
/// The longest device id and model, in bytes.
pub const MAX_DEVICE_TEXT: usize = 128;

/// What the host's key signs begins with this.
const REGISTRATION_DOMAIN: &[u8] = b"tetra/capacity/register-host/v1\0";

pub(super) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new(|msg: &MsgRegisterHost| msg.owner.clone(), register_host),
        MessageRoute::new(|msg: &MsgShrinkHost| msg.owner.clone(), shrink_host),
        MessageRoute::new(|msg: &MsgRetireHost| msg.owner.clone(), retire_host),
    ]
}

/// What the host's key signs: a domain tag, the chain id with a zero byte, and the message without its signature.
pub fn registration_bytes(chain_id: &str, msg: &MsgRegisterHost) -> Vec<u8> {
    let unsigned = MsgRegisterHost { host_signature: Vec::new(), ..msg.clone() };
    [REGISTRATION_DOMAIN, chain_id.as_bytes(), &[0], &unsigned.encode_to_vec()].concat()
}

struct CheckedRegisterHost {
    owner: Address,
    key: HostKey,
    host: StoredHost,
}

impl CheckedRegisterHost {
    fn parse(ctx: &Context, msg: &MsgRegisterHost) -> Result<Self, Failure> {
        let owner = ctx.address(&msg.owner)?;
        let key = state::host_key(&msg.host_key)?;
        let signature = Signature::try_from(msg.host_signature.as_slice()).map_err(|_| errors::bad_signature())?;
        let verifier = VerificationKey::try_from(key).map_err(|_| errors::bad_signature())?;
        let signed = registration_bytes(&ctx.chain.id, msg);
        verifier.verify(&signature, &signed).map_err(|_| errors::bad_signature())?;
        let offered = msg.offered.clone().ok_or_else(|| errors::bad_offer("it is missing"))?;
        check_offer(&offered, &msg.devices, msg.cpu_overcommit_percent)?;
        let host = StoredHost {
            owner: owner.as_bytes().to_vec(),
            cpu_milli: offered.cpu_milli,
            memory: offered.memory,
            storage: offered.storage,
            devices: msg.devices.clone(),
            cpu_overcommit_percent: msg.cpu_overcommit_percent,
            taken: Some(Resources::default()),
            wanted: Some(Resources::default()),
        };
        Ok(Self { owner, key, host })
    }
}

fn check_offer(offered: &Resources, devices: &[Device], overcommit: u32) -> Result<(), Failure> {
    let refuse = |why: &str| Err(errors::bad_offer(why).into());
    if !offered.devices.is_empty() {
        return refuse("list devices in `devices`, not in `offered`");
    }
    if offered.cpu_milli == 0 || offered.memory == 0 {
        return refuse("a host has CPU and memory");
    }
    if !(100..=MAX_OVERCOMMIT_PERCENT).contains(&overcommit) {
        return refuse(&format!("CPU overcommit is 100 (none) to {MAX_OVERCOMMIT_PERCENT} percent, not {overcommit}"));
    }
    if devices.len() > MAX_DEVICES {
        return refuse(&format!("a host has at most {MAX_DEVICES} devices"));
    }
    let mut ids = BTreeSet::new();
    for Device { id, model } in devices {
        if id.is_empty() || model.is_empty() || id.len() > MAX_DEVICE_TEXT || model.len() > MAX_DEVICE_TEXT {
            return refuse(&format!("a device has an id and a model of 1 to {MAX_DEVICE_TEXT} bytes each"));
        }
        if !ids.insert(id) {
            return refuse(&format!("device {id} is named twice"));
        }
    }
    Ok(())
}

/// Registers a host, or changes what it offers as long as all of its holds still fit.
///
/// # Errors
/// `capacity` 5 when the host's key did not sign this, 6 when the offer is malformed or a device belongs to another
/// host, 7 when it would no longer fit what is held or a held device would become another model; `sdk` 4 when the host
/// is another provider's, `sdk` 38 when the owner is no provider.
pub fn register_host(ctx: &mut Context, msg: MsgRegisterHost) -> Result<MsgRegisterHostResponse, Failure> {
    let CheckedRegisterHost { owner, key, mut host } = CheckedRegisterHost::parse(ctx, &msg)?;
    if provider::get(ctx, &owner)?.is_none() {
        let text = format!("{} is not a registered provider; register it before its hosts", msg.owner);
        return Err(crate::failure::Rejection::not_found(text).into());
    }
    let before = HOSTS.get(&ctx.state, &key)?;
    match &before {
        Some(before) if before.owner != host.owner => return Err(errors::not_the_owner(&key).into()),
        Some(before) => {
            host.taken = before.taken.clone();
            host.wanted = before.wanted.clone();
            still_serves(ctx, &key, before, &host)?;
        }
        None if state::hosts(ctx, &owner)? >= MAX_HOSTS => {
            return Err(errors::bad_offer(&format!("a provider has at most {MAX_HOSTS} hosts")).into());
        }
        None => {}
    }
    claim_devices(ctx, &key, before.as_ref(), &host)?;
    HOSTS.set(&mut ctx.state, &key, &host);
    HOSTS_BY_OWNER.set(&mut ctx.state, &(owner, key), &());
    events::registered(ctx, &owner, &key);
    Ok(MsgRegisterHostResponse {})
}

/// Refuses an offer that what is held does not fit any more, each hold by itself and the exclusive ones together.
fn still_serves(ctx: &Context, key: &HostKey, before: &StoredHost, host: &StoredHost) -> Result<(), Failure> {
    let capacity = host.capacity();
    let held = holds::on_host(ctx, key)?;
    if !held.iter().all(|hold| resources::fits(&holds::amount(hold), &capacity))
        || !resources::fits(&host.taken(), &capacity)
    {
        return Err(errors::host_in_use("it offers less than is held; shrink it if hardware is gone").into());
    }
    let changed = |device: &&Device| host.devices.iter().any(|new| new.id == device.id && new.model != device.model);
    for device in before.devices.iter().filter(changed) {
        if held.iter().any(|hold| holds::amount(hold).devices.contains(&device.id)) {
            let why = format!("device {} is held as {}; it cannot become another model", device.id, device.model);
            return Err(errors::host_in_use(&why).into());
        }
    }
    Ok(())
}

fn claim_devices(
    ctx: &mut Context,
    key: &HostKey,
    before: Option<&StoredHost>,
    host: &StoredHost,
) -> Result<(), Failure> {
    free_devices(ctx, before.map_or(&[], |before| before.devices.as_slice()));
    for device in &host.devices {
        if DEVICES.has(&ctx.state, &device.id)? {
            return Err(errors::bad_offer(&format!("device {} belongs to another host", device.id)).into());
        }
        DEVICES.set(&mut ctx.state, &device.id, &key.to_vec());
    }
    Ok(())
}

fn free_devices(ctx: &mut Context, devices: &[Device]) {
    for device in devices {
        DEVICES.remove(&mut ctx.state, &device.id);
    }
}

/// A host of the signer.
fn own_host(ctx: &Context, owner: &str, key: &[u8]) -> Result<(Address, HostKey, StoredHost), Failure> {
    let owner = ctx.address(owner)?;
    let key = state::host_key(key)?;
    let host = state::host(ctx, &key)?;
    if host.owner != owner.as_bytes() {
        return Err(errors::not_the_owner(&key).into());
    }
    Ok((owner, key, host))
}

/// Notes that a host has less than before; `offered.devices` are the ids that are still there. Holds that no longer
/// fit end: soft ones, then interruptible ones, then the newest firm ones.
///
/// # Errors
/// `capacity` 3 when there is no such host, 6 when something would grow; `sdk` 4 when it is another provider's.
pub fn shrink_host(ctx: &mut Context, msg: MsgShrinkHost) -> Result<MsgShrinkHostResponse, Failure> {
    let (owner, key, mut host) = own_host(ctx, &msg.owner, &msg.host_key)?;
    let left = msg.offered.ok_or_else(|| errors::bad_offer("it is missing"))?;
    let offered = Resources { cpu_milli: host.cpu_milli, ..host.capacity() };
    if !resources::fits(&left, &offered) {
        return Err(
            errors::bad_offer("a host that shrinks offers nothing more than before; register it to grow").into()
        );
    }
    let (stay, go) = host.devices.into_iter().partition(|device| left.devices.contains(&device.id));
    let go: Vec<Device> = go;
    host.devices = stay;
    host.cpu_milli = left.cpu_milli;
    host.memory = left.memory;
    host.storage = left.storage;
    free_devices(ctx, &go);
    HOSTS.set(&mut ctx.state, &key, &host);
    let ended = shrink::settle(ctx, &key)?;
    events::shrunk(ctx, &owner, &key);
    Ok(MsgShrinkHostResponse { ended })
}

/// Takes a host off the chain. Its soft holds end.
///
/// # Errors
/// `capacity` 3 when there is no such host, 7 while firm or interruptible holds are on it; `sdk` 4 when it is another
/// provider's.
pub fn retire_host(ctx: &mut Context, msg: MsgRetireHost) -> Result<MsgRetireHostResponse, Failure> {
    let (owner, key, host) = own_host(ctx, &msg.owner, &msg.host_key)?;
    let all = holds::on_host(ctx, &key)?;
    if let Some(hold) = all.iter().find(|hold| hold.kind() != HoldKind::Soft) {
        let why = format!("{} holds it as {}; close that first", hold.market, hold.reference);
        return Err(errors::host_in_use(&why).into());
    }
    for hold in &all {
        holds::lose(ctx, hold, "host retired")?;
    }
    free_devices(ctx, &host.devices);
    HOSTS.remove(&mut ctx.state, &key);
    HOSTS_BY_OWNER.remove(&mut ctx.state, &(owner, key));
    events::retired(ctx, &owner, &key);
    Ok(MsgRetireHostResponse {})
}
