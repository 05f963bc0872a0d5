//! A provider's price: USD per month per unit of hardware, and what that is per block.
//!
//! The default [`Scale`] is Akash's price card (spec/akash.md 3.4). A month is the average Gregorian one, 30.436875
//! days, so that a price does not depend on the block interval; Akash counts 429 909 blocks of about 6.1 s, which is
//! 0.3 % shorter.
//!
//! Sizes are bytes and prices are per GiB, so that a sum has no end in 18 places. [`Monthly`] holds it exactly, and one
//! rounding is left: [`Quote::per_block`] rounds up to 10^-18 base units, so that a provider is never paid less than
//! its scale; [`Quote::monthly`] rounds down and thereby leads back to the same rate.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;

use primitives::Dec;
use primitives::math::{mul_div_ceil, mul_div_floor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// The average Gregorian month of 30.436875 days, in milliseconds.
pub const MONTH_MS: u64 = 2_629_746_000;
const HOUR_MS: u64 = 3_600_000;
const ATOMS: u128 = Dec::ONE.atoms();
const GIB: u128 = 1 << 30;
const THOUSAND: u128 = 1000;
/// The least common multiple of 1000 and 2^30: [`Monthly`] counts parts of this size of 10^-18 USD.
const PARTS: u128 = 125 * GIB;
/// What a GPU costs when the scale knows none.
const UNKNOWN_GPU: Usd = Usd(Dec::from_atoms(100 * ATOMS));

/// An amount of USD. Its text form has no needless zeros: `1.6`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(pub Dec);

impl Usd {
    const fn cents(cents: u128) -> Self {
        Self(Dec::from_atoms(cents * (ATOMS / 100)))
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.precision().is_some() {
            return fmt::Display::fmt(&self.0, f);
        }
        let text = self.0.to_string();
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

/// What a provider asks: USD per month per unit. What a configuration leaves out has the default price; prices are
/// written as text, `"1.60"`, for a number would come through a float.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scale {
    /// A CPU thread: 1000 thousandths of a core.
    pub cpu: Usd,
    /// A GiB of memory, and of volumes in memory.
    pub memory: Usd,
    /// A GiB of storage that goes with the container.
    pub ephemeral: Usd,
    /// A GiB of persistent storage on hard disks.
    pub beta1: Usd,
    /// A GiB of persistent storage on SSD.
    pub beta2: Usd,
    /// A GiB of persistent storage on NVMe.
    pub beta3: Usd,
    /// A GiB of persistent storage of the class that the provider chooses.
    #[serde(rename = "default")]
    pub any: Usd,
    /// An endpoint: a shared HTTP one or a port.
    pub endpoint: Usd,
    /// A leased IP address.
    pub ip: Usd,
    /// A GPU by `model.ram.interface`, `model.ram` or `model`, such as `a100.80Gi.sxm`. A model that is not named
    /// costs as much as the dearest, and 100 when none is.
    pub gpu: BTreeMap<String, Usd>,
}

impl Default for Scale {
    fn default() -> Self {
        Self {
            cpu: Usd::cents(160),
            memory: Usd::cents(80),
            ephemeral: Usd::cents(2),
            beta1: Usd::cents(1),
            beta2: Usd::cents(3),
            beta3: Usd::cents(4),
            // The dearest: the tenant leaves the choice to the provider.
            any: Usd::cents(4),
            endpoint: Usd::cents(5),
            ip: Usd::cents(500),
            gpu: BTreeMap::new(),
        }
    }
}

/// Kinds of storage, named as in an SDL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StorageClass {
    /// Goes with the container.
    Ephemeral,
    /// Persistent, hard disks.
    Beta1,
    /// Persistent, SSD.
    Beta2,
    /// Persistent, NVMe.
    Beta3,
    /// Persistent, of the class that the provider chooses: `default`.
    Any,
    /// In memory, and as dear.
    Ram,
}

/// GPUs of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gpu {
    /// Such as `a100`; `*` for any.
    pub model: String,
    /// Such as `80Gi`.
    pub ram: Option<String>,
    /// Such as `sxm`.
    pub interface: Option<String>,
    /// How many.
    pub units: u64,
}

/// What one unit of resources wants, and how many replicas of it there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Thousandths of a thread.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes per class; a class may stand there more than once.
    pub storage: Vec<(StorageClass, u64)>,
    /// GPUs by kind.
    pub gpus: Vec<Gpu>,
    /// Shared HTTP endpoints and ports.
    pub endpoints: u64,
    /// Leased addresses.
    pub ips: u64,
    /// Replicas; each has all of the above.
    pub count: u64,
}

/// USD per month, exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monthly(u128);

impl Monthly {
    /// From an amount; `None` above about 2.5 × 10^9 USD.
    pub fn new(usd: Dec) -> Option<Self> {
        usd.atoms().checked_mul(PARTS).map(Self)
    }

    /// The sum, exact.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// USD per month, rounded up to 10^-18.
    pub fn per_month(self) -> Usd {
        Usd(Dec::from_atoms(self.0.div_ceil(PARTS)))
    }

    /// USD per hour, rounded up to 10^-18; a month has 730.485 of them.
    pub fn per_hour(self) -> Usd {
        // An hour is shorter than a month, so that the quotient fits.
        let divisor = PARTS * u128::from(MONTH_MS);
        Usd(Dec::from_atoms(mul_div_ceil(self.0, u128::from(HOUR_MS), divisor).unwrap_or(u128::MAX)))
    }
}

/// Why a price cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ScaleError {
    /// More than can be counted.
    #[error(
        "the price is too large to be counted (the limit is 2.5 billion USD per month): lower the scale or ask for less"
    )]
    TooLarge,
    /// A quote at no price of the token.
    #[error("a token that is worth 0 USD pays for nothing: set its price in USD")]
    Worthless,
    /// More places than any denom has.
    #[error("a denom with {0} places after the point cannot be quoted: at most 18 are supported")]
    TooFine(u32),
    /// A chain without time.
    #[error("a block interval of 0 ms has no price per block: read the interval from the chain")]
    NoInterval,
}

impl Scale {
    /// What `demands` cost together, in USD per month, exact.
    ///
    /// # Errors
    /// When the sum is above about 2.5 × 10^9 USD.
    pub fn monthly(&self, demands: &[Demand]) -> Result<Monthly, ScaleError> {
        let sum = sum(demands.iter().map(|demand| self.parts(demand)));
        sum.map(Monthly).ok_or(ScaleError::TooLarge)
    }

    fn parts(&self, demand: &Demand) -> Option<u128> {
        let storage = demand.storage.iter().map(|(class, bytes)| cost(self.storage(*class), *bytes, GIB));
        let gpus = demand.gpus.iter().map(|gpu| cost(self.gpu(gpu), gpu.units, 1));
        let rest = [
            cost(self.cpu, demand.cpu_milli, THOUSAND),
            cost(self.memory, demand.memory, GIB),
            cost(self.endpoint, demand.endpoints, 1),
            cost(self.ip, demand.ips, 1),
        ];
        sum(rest.into_iter().chain(storage).chain(gpus))?.checked_mul(u128::from(demand.count))
    }

    /// USD per GiB and month of a class.
    pub fn storage(&self, class: StorageClass) -> Usd {
        match class {
            StorageClass::Ephemeral => self.ephemeral,
            StorageClass::Beta1 => self.beta1,
            StorageClass::Beta2 => self.beta2,
            StorageClass::Beta3 => self.beta3,
            StorageClass::Any => self.any,
            StorageClass::Ram => self.memory,
        }
    }

    /// USD per month of one GPU: by model, memory and interface, else by model and memory, else by model, else the
    /// dearest of the table, else 100.
    pub fn gpu(&self, gpu: &Gpu) -> Usd {
        let model = &gpu.model;
        let with_ram = gpu.ram.as_ref().map(|ram| format!("{model}.{ram}"));
        let with_all = with_ram.as_ref().zip(gpu.interface.as_ref()).map(|(key, bus)| format!("{key}.{bus}"));
        let names = [with_all, with_ram, Some(model.clone())];
        let named = names.into_iter().flatten().find_map(|name| self.gpu.get(&name));
        named.or_else(|| self.gpu.values().max()).copied().unwrap_or(UNKNOWN_GPU)
    }
}

/// `amount` at a price per `unit` (1, 1000 or a GiB), in parts.
fn cost(price: Usd, amount: u64, unit: u128) -> Option<u128> {
    price.0.atoms().checked_mul(u128::from(amount))?.checked_mul(PARTS / unit)
}

fn sum(parts: impl Iterator<Item = Option<u128>>) -> Option<u128> {
    Checked::sum(parts.map(Checked)).0
}

/// A sum that fails rather than wraps.
struct Checked(Option<u128>);

impl Sum for Checked {
    fn sum<I: Iterator<Item = Self>>(mut parts: I) -> Self {
        Self(parts.try_fold(0u128, |sum, part| sum.checked_add(part.0?)))
    }
}

/// How many blocks a month of [`MONTH_MS`] has, rounded down to 10^-18; `None` for an interval of zero.
pub fn blocks_per_month(block_interval_ms: u64) -> Option<Dec> {
    Dec::from_ratio(u128::from(MONTH_MS), u128::from(block_interval_ms))
}

/// Turns USD per month into base units of a denom per block, and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Base units (in 10^-18) per part of [`Monthly`], as a reduced fraction.
    numerator: u128,
    denominator: u128,
}

impl Quote {
    /// A quote at `usd_per_token` USD per whole token of 10^`exponent` base units, on a chain that aims at a block
    /// each `block_interval_ms`.
    ///
    /// # Errors
    /// When the token is worthless or dearer than can be counted, has more than 18 places, or the interval is zero.
    pub fn new(usd_per_token: Dec, exponent: u32, block_interval_ms: u64) -> Result<Self, ScaleError> {
        if usd_per_token.is_zero() {
            return Err(ScaleError::Worthless);
        }
        if exponent > 18 {
            return Err(ScaleError::TooFine(exponent));
        }
        if block_interval_ms == 0 {
            return Err(ScaleError::NoInterval);
        }
        let above = [ATOMS, 10u128.pow(exponent), u128::from(block_interval_ms)];
        let below = [PARTS, u128::from(MONTH_MS), usd_per_token.atoms()];
        let (numerator, denominator) = fraction(above, below).ok_or(ScaleError::TooLarge)?;
        Ok(Self { numerator, denominator })
    }

    /// Base units per block, rounded up to 10^-18.
    ///
    /// # Errors
    /// When it is more than a [`Dec`] holds.
    pub fn per_block(&self, price: Monthly) -> Result<Dec, ScaleError> {
        let atoms = mul_div_ceil(price.0, self.numerator, self.denominator);
        atoms.map(Dec::from_atoms).ok_or(ScaleError::TooLarge)
    }

    /// What a rate in base units per block is per month, rounded down to less than 10^-29 USD. For a denom of at most
    /// 12 places and a price that is not tiny, [`Quote::per_block`] leads back to the same rate.
    ///
    /// # Errors
    /// When it is above about 2.5 × 10^9 USD.
    pub fn monthly(&self, rate: Dec) -> Result<Monthly, ScaleError> {
        let parts = mul_div_floor(rate.atoms(), self.denominator, self.numerator);
        parts.map(Monthly).ok_or(ScaleError::TooLarge)
    }
}

/// The product of `above` over that of `below` in lowest terms; `None` when one needs more than 128 bits.
fn fraction(mut above: [u128; 3], mut below: [u128; 3]) -> Option<(u128, u128)> {
    for a in &mut above {
        for b in &mut below {
            let common = gcd(*a, *b);
            (*a, *b) = (*a / common, *b / common);
        }
    }
    let product = |factors: [u128; 3]| factors.into_iter().try_fold(1u128, u128::checked_mul);
    Some((product(above)?, product(below)?))
}

/// The greatest common divisor of two numbers above zero.
fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
#[path = "scale_tests.rs"]
mod tests;
