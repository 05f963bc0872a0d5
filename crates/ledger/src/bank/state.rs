//! What is stored of money.

use primitives::{Address, Denom};
use proto::cosmos::bank::v1beta1::Metadata;
use store::{Amount, Error, Item, Map, State};

use super::MODULE;

/// A registered denom.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredDenom {
    /// [`super::Policy`] by name.
    #[prost(string, tag = "1")]
    pub policy: String,
    /// Whether users may send it: 0 as the default says, 1 yes, 2 no.
    #[prost(enumeration = "SendEnabled", tag = "2")]
    pub send_enabled: i32,
    /// How people see it.
    #[prost(message, optional, tag = "3")]
    pub metadata: Option<Metadata>,
}

/// Whether users may send a denom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum SendEnabled {
    /// As [`super::Params::default_send_enabled`] says.
    Default = 0,
    /// Yes.
    Yes = 1,
    /// No.
    No = 2,
}

/// Parameters, [`super::Params`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredParams {
    /// Whether denoms that say nothing themselves may be sent.
    #[prost(bool, tag = "1")]
    pub default_send_enabled: bool,
}

/// Base units by account and denom; never zero.
pub const BALANCES: Map<(Address, String), Amount> = Map::new(MODULE, 1);
/// Base units in existence by denom; never zero.
pub const SUPPLY: Map<String, Amount> = Map::new(MODULE, 2);
/// The registry of denoms.
pub const DENOMS: Map<String, StoredDenom> = Map::new(MODULE, 3);
/// Parameters; absent only before genesis.
pub const PARAMS: Item<StoredParams> = Item::new(MODULE, 4);

/// A denom out of a stored key.
pub(super) fn stored_denom(text: &str) -> Result<Denom, Error> {
    Denom::new(text).map_err(|error| Error::Corrupt {
        module: MODULE.0,
        key: hex::encode(text),
        why: error.to_string(),
    })
}

/// Sets an amount, or removes it when it is zero.
pub(super) fn put<K: store::Key>(state: &mut State, map: &Map<K, Amount>, key: &K, amount: u128) {
    match amount {
        0 => map.remove(state, key),
        _ => map.set(state, key, &Amount(amount)),
    }
}
