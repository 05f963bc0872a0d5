//! `profiles.placement.<name>`.

use primitives::{Dec, DecCoin, Denom};

use super::compute::texts;
use super::each;
use crate::error::{ErrorKind, SdlError};
use crate::field::Field;
use crate::model::{Placement, SignedBy};

pub(super) fn placement(field: &Field<'_>) -> Result<Placement, SdlError> {
    Ok(Placement {
        attributes: match field.get("attributes")? {
            Some(given) => texts(&given)?,
            None => Vec::new(),
        },
        signed_by: match field.get("signedBy")? {
            Some(given) => SignedBy {
                all_of: given.texts_of("allOf")?.unwrap_or_default(),
                any_of: given.texts_of("anyOf")?.unwrap_or_default(),
            },
            None => SignedBy::default(),
        },
        pricing: each(
            &field.require("pricing", "add `pricing` with the highest price of each compute profile")?,
            price,
        )?,
    })
}

fn price(field: &Field<'_>) -> Result<DecCoin, SdlError> {
    let denom = field.require("denom", "name the coin, such as `denom: uact`")?;
    let denom = Denom::new(denom.text()?)
        .map_err(|error| denom.error(ErrorKind::Value, error.to_string(), "write a denom such as `uact`"))?;
    let amount = field.require("amount", "write the highest price per block, such as `amount: 1000`")?;
    Ok(DecCoin { denom, amount: positive(&amount)? })
}

fn positive(amount: &Field<'_>) -> Result<Dec, SdlError> {
    const REMEDY: &str = "write a price above zero in base units per block, with at most 18 places";
    let text = amount.text()?;
    let value: Dec = text
        .parse()
        .map_err(|error: primitives::DecError| amount.error(ErrorKind::Value, error.to_string(), REMEDY))?;
    if value.is_zero() {
        return Err(amount.error(ErrorKind::Value, "the price is zero", REMEDY));
    }
    Ok(value)
}
