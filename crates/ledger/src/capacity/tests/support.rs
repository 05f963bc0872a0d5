//! Hosts and claims in a line each.

use ed25519_consensus::SigningKey;
use primitives::Address;
use proto::akash::provider::v1beta4::MsgCreateProvider;
use proto::tetra::capacity::v1::{Device, MsgRegisterHost, MsgRetireHost, MsgShrinkHost, Resources};

use crate::capacity::{Claim, GpuRequest, HostKey, Request, invariants, messages, registration_bytes};
use crate::context::Context;
use crate::failure::Failure;
use crate::testing::{self, ALICE, PROVIDER};

/// A second provider beside [`PROVIDER`].
pub(in crate::capacity) const RIVAL: Address = ALICE;

pub(in crate::capacity) const A100: &str = "vendor/nvidia/model/a100/ram/80Gi";
pub(in crate::capacity) const T4: &str = "vendor/nvidia/model/t4/ram/16Gi";
pub(in crate::capacity) const MI300: &str = "vendor/amd/model/mi300x";

/// A chain with two providers and no hosts.
pub(in crate::capacity) fn chain() -> Context {
    let mut ctx = testing::context();
    for owner in [PROVIDER, RIVAL] {
        let msg = MsgCreateProvider {
            owner: ctx.text(&owner),
            host_uri: "https://provider.example.com:8443".to_owned(),
            ..MsgCreateProvider::default()
        };
        crate::provider::messages::create_provider(&mut ctx, msg).unwrap();
    }
    testing::forget(&mut ctx);
    ctx
}

/// What a host offers.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::capacity) struct Offer {
    pub cpu_milli: u64,
    pub memory: u64,
    pub storage: u64,
    pub overcommit: u32,
    /// Id and model.
    pub devices: Vec<(String, String)>,
}

impl Offer {
    /// No devices, no overcommit.
    pub(in crate::capacity) fn new(cpu_milli: u64, memory: u64, storage: u64) -> Self {
        Self { cpu_milli, memory, storage, overcommit: 100, devices: Vec::new() }
    }

    /// With devices, each an id and a model.
    pub(in crate::capacity) fn with(mut self, devices: &[(&str, &str)]) -> Self {
        self.devices = devices.iter().map(|(id, model)| ((*id).to_owned(), (*model).to_owned())).collect();
        self
    }

    /// With CPU promised so many percent of what is there.
    pub(in crate::capacity) fn overcommitted(mut self, percent: u32) -> Self {
        self.overcommit = percent;
        self
    }
}

pub(in crate::capacity) fn signing_key(host: u8) -> SigningKey {
    SigningKey::from([host; 32])
}

pub(in crate::capacity) fn host_key(host: u8) -> HostKey {
    signing_key(host).verification_key().to_bytes()
}

/// A registration that its host signed.
pub(in crate::capacity) fn msg_register(ctx: &Context, owner: &Address, host: u8, offer: &Offer) -> MsgRegisterHost {
    let device = |(id, model): &(String, String)| Device { id: id.clone(), model: model.clone() };
    let (cpu_milli, memory, storage) = (offer.cpu_milli, offer.memory, offer.storage);
    let msg = MsgRegisterHost {
        owner: ctx.text(owner),
        host_key: host_key(host).to_vec(),
        offered: Some(Resources { cpu_milli, memory, storage, devices: Vec::new() }),
        devices: offer.devices.iter().map(device).collect(),
        cpu_overcommit_percent: offer.overcommit,
        host_signature: Vec::new(),
    };
    signed(ctx, host, msg)
}

/// The message with the signature of a host's key.
pub(in crate::capacity) fn signed(ctx: &Context, host: u8, mut msg: MsgRegisterHost) -> MsgRegisterHost {
    let bytes = registration_bytes(&ctx.chain.id, &msg);
    msg.host_signature = signing_key(host).sign(&bytes).to_bytes().to_vec();
    msg
}

pub(in crate::capacity) fn register(
    ctx: &mut Context,
    owner: &Address,
    host: u8,
    offer: &Offer,
) -> Result<(), Failure> {
    let msg = msg_register(ctx, owner, host, offer);
    ctx.attempt(|ctx| messages::register_host(ctx, msg)).map(drop)
}

/// What ended.
pub(in crate::capacity) fn shrink(
    ctx: &mut Context,
    owner: &Address,
    host: u8,
    (cpu_milli, memory, storage): (u64, u64, u64),
    devices: &[&str],
) -> Result<Vec<u64>, Failure> {
    let devices = devices.iter().map(|id| (*id).to_owned()).collect();
    let offered = Some(Resources { cpu_milli, memory, storage, devices });
    let msg = MsgShrinkHost { owner: ctx.text(owner), host_key: host_key(host).to_vec(), offered };
    ctx.attempt(|ctx| messages::shrink_host(ctx, msg)).map(|response| response.ended)
}

pub(in crate::capacity) fn retire(ctx: &mut Context, owner: &Address, host: u8) -> Result<(), Failure> {
    let msg = MsgRetireHost { owner: ctx.text(owner), host_key: host_key(host).to_vec() };
    ctx.attempt(|ctx| messages::retire_host(ctx, msg)).map(drop)
}

/// What one replica needs, without devices.
pub(in crate::capacity) fn request(cpu_milli: u64, memory: u64, storage: u64) -> Request {
    Request { cpu_milli, memory, storage, gpus: Vec::new() }
}

/// So many devices; no patterns accept every device.
pub(in crate::capacity) fn gpu(count: u32, accepts: &[&str]) -> GpuRequest {
    GpuRequest { count, accepts: accepts.iter().map(|pattern| (*pattern).to_owned()).collect() }
}

/// A claim of the deployment market.
pub(in crate::capacity) fn claim(reference: &str, units: &[(Request, u32)]) -> Claim<'static> {
    Claim { market: "deployment", reference: reference.to_owned(), units: units.to_vec() }
}

pub(in crate::capacity) fn assert_sound(ctx: &Context) {
    assert_eq!(invariants::check(ctx).unwrap(), Vec::<String>::new());
}
