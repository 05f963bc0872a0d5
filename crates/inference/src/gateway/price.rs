//! What an answer costs, and who gets it. Integers in base units.

use serde::{Deserialize, Serialize};

use super::answer::Usage;

/// Base units of a whole WIT.
const BASE_UNITS: u128 = 1_000_000_000;

/// Prices and the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Base units for a million tokens of questions.
    pub prompt: u64,
    /// Base units for a million tokens of answers.
    pub completion: u64,
    /// The miner's part, of 10,000.
    pub miner_bps: u16,
    /// What the subnet recycles, of 10,000. The gateway keeps the rest.
    pub recycled_bps: u16,
    /// What a whole WIT costs users who pay in dollars, in millionths of one; none takes no dollars. The gateway keeps the dollars,
    /// and pays miners their WIT.
    pub usd_per_wit: Option<u64>,
}

/// What an account is kept in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Currency {
    /// Base units of WIT.
    #[default]
    Wit,
    /// Millionths of a dollar.
    Usd,
}

impl Currency {
    /// Whether it is what it is unless said otherwise.
    pub fn is_wit(&self) -> bool {
        *self == Self::Wit
    }
}

/// What something costs in each currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Base units of WIT.
    pub wit: u128,
    /// Millionths of a dollar, rounded up; none where no dollars are taken.
    pub usd: Option<u128>,
}

impl Bill {
    /// The cost in a currency.
    pub fn of(&self, currency: Currency) -> Option<u128> {
        match currency {
            Currency::Wit => Some(self.wit),
            Currency::Usd => self.usd,
        }
    }
}

/// Who gets what of a bill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The miner.
    pub miner: u128,
    /// Nobody.
    pub recycled: u128,
    /// The gateway.
    pub gateway: u128,
}

impl Price {
    /// Whether the parts are parts of a whole.
    pub fn is_sound(&self) -> bool {
        u32::from(self.miner_bps) + u32::from(self.recycled_bps) <= 10_000
    }

    /// The cost of tokens, rounded up once for the whole answer.
    pub fn cost(&self, usage: Usage) -> u128 {
        let prompt = u128::from(usage.prompt) * u128::from(self.prompt);
        let completion = u128::from(usage.completion) * u128::from(self.completion);
        prompt.saturating_add(completion).div_ceil(1_000_000)
    }

    /// The cost of tokens in each currency.
    pub fn bill(&self, usage: Usage) -> Bill {
        let wit = self.cost(usage);
        let usd = self.usd_per_wit.map(|price| wit.saturating_mul(price.into()).div_ceil(BASE_UNITS));
        Bill { wit, usd }
    }

    /// The split of a cost: miner's and recycled parts rounded down, the rest is the gateway's.
    pub fn split(&self, cost: u128) -> Split {
        let part = |bps: u16| cost.saturating_mul(bps.into()) / 10_000;
        let (miner, recycled) = (part(self.miner_bps), part(self.recycled_bps));
        Split { miner, recycled, gateway: cost.saturating_sub(miner).saturating_sub(recycled) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_lost_in_a_split(prompt in 0u64..1 << 40, completion in 0u64..1 << 40, price: u32, miner in 0u16..=10_000, part in 0u16..=10_000) {
            let recycled_bps = part.min(10_000 - miner);
            let price = Price { prompt: price.into(), completion: 3, miner_bps: miner, recycled_bps, usd_per_wit: Some(350_000) };
            prop_assert!(price.is_sound());
            let cost = price.cost(Usage { prompt, completion });
            let exact = u128::from(prompt) * u128::from(price.prompt) + u128::from(completion) * 3;
            prop_assert!(cost * 1_000_000 >= exact && cost * 1_000_000 < exact + 1_000_000);
            let split = price.split(cost);
            prop_assert_eq!(split.miner + split.recycled + split.gateway, cost);
            // 35 cents a WIT, rounded up.
            let usd = price.bill(Usage { prompt, completion }).usd.unwrap();
            prop_assert!(usd * 1_000_000_000 >= cost * 350_000 && (usd.max(1) - 1) * 1_000_000_000 <= cost * 350_000);
        }
    }
}
