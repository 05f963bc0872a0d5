//! Small words of the wire to typed ones and back, and what is stored to typed ones.

use std::time::Duration;

use ledger::Failure;
use primitives::{Coin, CoinError, DecCoin};
use proto::cosmos::base::v1beta1 as cosmos;
use serde_json::{Value, json};
use store::Module;

pub(crate) fn coin_out(coin: &Coin) -> cosmos::Coin {
    cosmos::Coin { denom: coin.denom.as_str().to_owned(), amount: coin.amount.to_string() }
}

pub(crate) fn dec_coin_out(coin: &DecCoin) -> cosmos::DecCoin {
    cosmos::DecCoin { denom: coin.denom.as_str().to_owned(), amount: coin.amount.to_wire() }
}

pub(crate) fn dec_coin_in(coin: &cosmos::DecCoin) -> Result<DecCoin, CoinError> {
    DecCoin::from_wire(&coin.denom, &coin.amount)
}

/// A protobuf duration; none when it is negative or malformed.
pub(crate) fn duration_in(duration: &proto::Duration) -> Option<Duration> {
    let nanos = u32::try_from(duration.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(duration.seconds).ok()?, nanos))
}

/// A price as JSON of typed events: the amount with a point and 18 places.
pub(crate) fn price_json(price: &DecCoin) -> Value {
    json!({ "denom": price.denom.as_str(), "amount": price.amount.to_string() })
}

/// Stored data that breaks a rule under which it was stored: the state is corrupt.
pub(crate) fn corrupt(module: Module, key: &str, why: impl std::fmt::Display) -> Failure {
    let (module, key, why) = (module.0, key.to_owned(), why.to_string());
    Failure::Broken(store::Error::Corrupt { module, key, why })
}
