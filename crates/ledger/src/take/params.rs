//! The rates.

use std::collections::BTreeMap;

use primitives::Denom;
use proto::akash::take::v1::{DenomTakeRate, Params as WireParams};
use serde::{Deserialize, Serialize};

use super::MODULE;
use super::state::PARAMS;
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The take of payments. Defaults: 4 % of the staking coin `utet`, 20 % of all others, as on Akash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Percent of payments in a denom that has a rate of its own.
    pub denom_take_rates: BTreeMap<String, u32>,
    /// Percent of payments in all other denoms.
    pub default_take_rate: u32,
}

impl Default for Params {
    fn default() -> Self {
        let denom_take_rates = BTreeMap::from([("utet".to_owned(), 4), ("uusd".to_owned(), 20)]);
        Self { denom_take_rates, default_take_rate: 20 }
    }
}

impl Params {
    /// Checks the bounds: denoms are well formed, no rate is above 100 %.
    ///
    /// # Errors
    /// `sdk` 18.
    pub fn check(&self) -> Result<(), Failure> {
        check_rate("the default", self.default_take_rate)?;
        for (denom, rate) in &self.denom_take_rates {
            let malformed = |error: primitives::CoinError| Rejection::invalid_request(format!("take rate: {error}"));
            Denom::new(denom).map_err(malformed)?;
            check_rate(denom, *rate)?;
        }
        Ok(())
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// `sdk` 18 when a denom comes twice, or as [`Params::check`].
    pub fn from_wire(wire: &WireParams) -> Result<Self, Failure> {
        let mut denom_take_rates = BTreeMap::new();
        for entry in &wire.denom_take_rates {
            if denom_take_rates.insert(entry.denom.clone(), entry.rate).is_some() {
                let why = format!("take rate of {} stands there twice; name each denom once", entry.denom);
                return Err(Rejection::invalid_request(why).into());
            }
        }
        let params = Self { denom_take_rates, default_take_rate: wire.default_take_rate };
        params.check()?;
        Ok(params)
    }

    /// The wire form, in order of denom.
    pub fn to_wire(&self) -> WireParams {
        let rate = |(denom, rate): (&String, &u32)| DenomTakeRate { denom: denom.clone(), rate: *rate };
        WireParams {
            denom_take_rates: self.denom_take_rates.iter().map(rate).collect(),
            default_take_rate: self.default_take_rate,
        }
    }

    /// The take of payments in a denom, in percent.
    pub fn rate(&self, denom: &Denom) -> u32 {
        self.denom_take_rates.get(denom.as_str()).copied().unwrap_or(self.default_take_rate)
    }
}

fn check_rate(of: &str, rate: u32) -> Result<(), Failure> {
    if rate <= 100 {
        return Ok(());
    }
    Err(Rejection::invalid_request(format!("take rate of {of} is {rate} %; a rate is 0 to 100 percent")).into())
}

/// The parameters; the defaults before genesis.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context) -> Result<Params, Failure> {
    let Some(wire) = PARAMS.get(&ctx.state)? else {
        return Ok(Params::default());
    };
    Params::from_wire(&wire).map_err(|failure| {
        let key = hex::encode(PARAMS.key());
        store::Error::Corrupt { module: MODULE.0, key, why: failure.to_string() }.into()
    })
}

/// Sets the parameters.
pub(super) fn set(ctx: &mut Context, params: &Params) {
    PARAMS.set(&mut ctx.state, &params.to_wire());
}
