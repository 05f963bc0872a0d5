//! What a group costs here: the scale's USD per month, in base units of the order's denom per block.

use pricing::scale::{Demand, Gpu, Quote, Scale, ScaleError, StorageClass};
use primitives::{Dec, DecCoin};
use proto::tetra::capacity::v1::Device;
use sdl::GroupSpec;
use sdl::resources::{EndpointKind, Resources, Storage};
use thiserror::Error;

use crate::config::PriceSource;

/// A token has 10^6 base units in every denom that hardware is paid in.
const EXPONENT: u32 = 6;

/// Why a group has no price.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PriceError {
    /// The order pays in a coin that the source does not know.
    #[error("no price of {0} in USD is known; name it under price_source.usd_per_token in provider.json")]
    UnknownDenom(String),
    /// Units of different denoms, or none.
    #[error("the order's units do not share one denom")]
    NoDenom,
    /// The arithmetic.
    #[error(transparent)]
    Scale(#[from] ScaleError),
}

/// Prices groups.
#[derive(Clone, Debug)]
pub struct Pricer {
    scale: Scale,
    source: PriceSource,
    block_interval_ms: u64,
}

impl Pricer {
    /// A pricer of a scale, on a chain that aims at a block each `block_interval_ms`.
    pub fn new(scale: Scale, source: PriceSource, block_interval_ms: u64) -> Self {
        Self { scale, source, block_interval_ms }
    }

    /// The price of a whole group per block, rounded up, in the denom that the group offers. `devices` are those that
    /// each unit gets with all of its replicas; whatever models would have done, these are paid for.
    ///
    /// # Errors
    /// When the denom's worth is not known, or the price cannot be counted.
    pub fn price(&self, group: &GroupSpec, devices: &[Vec<Device>]) -> Result<DecCoin, PriceError> {
        let denom = group.price().ok_or(PriceError::NoDenom)?.denom;
        let usd = self.source.usd_per_token(denom.as_str());
        let usd = usd.ok_or_else(|| PriceError::UnknownDenom(denom.to_string()))?;
        let units = group.units.iter().map(|unit| demand(&unit.resources, unit.count));
        let gpus = devices.iter().flatten().map(|device| Demand {
            gpus: vec![gpu(&device.model)],
            count: 1,
            ..Demand::default()
        });
        let demands: Vec<Demand> = units.chain(gpus).collect();
        let monthly = self.scale.monthly(&demands)?;
        let amount = Quote::new(usd, EXPONENT, self.block_interval_ms)?.per_block(monthly)?;
        // The chain refuses a bid of nothing.
        Ok(DecCoin { denom, amount: amount.max(Dec::from_atoms(1)) })
    }
}

fn demand(resources: &Resources, count: u32) -> Demand {
    let leased = resources.endpoints.iter().filter(|endpoint| endpoint.kind == EndpointKind::LeasedIp).count() as u64;
    Demand {
        cpu_milli: resources.cpu.units.0,
        memory: resources.memory.size.0,
        storage: resources.storage.iter().map(|volume| (class(volume), volume.size.0)).collect(),
        // They are counted one by one.
        gpus: Vec::new(),
        endpoints: resources.endpoints.len() as u64 - leased,
        ips: leased,
        count: u64::from(count),
    }
}

fn class(volume: &Storage) -> StorageClass {
    match (volume.attribute("class"), volume.is_persistent()) {
        (Some("ram"), _) => StorageClass::Ram,
        (Some("beta1"), true) => StorageClass::Beta1,
        (Some("beta2"), true) => StorageClass::Beta2,
        (Some("beta3"), true) => StorageClass::Beta3,
        (_, true) => StorageClass::Any,
        (_, false) => StorageClass::Ephemeral,
    }
}

/// A device by its capability path.
fn gpu(path: &str) -> Gpu {
    let mut parts = path.split('/');
    let mut gpu = Gpu { model: "*".to_owned(), units: 1, ..Gpu::default() };
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        match name {
            "model" => value.clone_into(&mut gpu.model),
            "ram" => gpu.ram = Some(value.to_owned()),
            "interface" => gpu.interface = Some(value.to_owned()),
            _ => {}
        }
    }
    gpu
}
