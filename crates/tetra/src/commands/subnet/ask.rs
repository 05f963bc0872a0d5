//! The questions about subnets that commands ask the chain.

use client::NodeError;
use inference::keys::HotkeyId;
use primitives::{Coin, Denom};
use proto::Message;
use proto::tetra::subnet::v1 as wire;

use crate::chain::Chain;
use crate::error::{Class, CliError, Result};
use crate::money::Units;

/// WIT's base unit.
pub const NWIT: &str = "nwit";

impl Chain {
    /// Base units of WIT, for people.
    pub fn wit(&self, amount: u64) -> String {
        wit(&self.units, amount)
    }

    /// Every subnet, and what a new one costs.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn subnets(&self) -> Result<(Vec<wire::SubnetView>, u64)> {
        let first = wire::QuerySubnetsRequest::default();
        let found: wire::QuerySubnetsResponse = self.node.query("/tetra.subnet.v1.Query/Subnets", &first).await?;
        let all = self.all(
            "/tetra.subnet.v1.Query/Subnets",
            |pagination| wire::QuerySubnetsRequest { pagination },
            |found: wire::QuerySubnetsResponse| (found.subnets, found.pagination),
        );
        Ok((all.await?, found.lock_cost))
    }

    /// One subnet.
    ///
    /// # Errors
    /// When there is none of that number.
    pub async fn subnet(&self, netuid: u32) -> Result<wire::SubnetView> {
        let request = wire::QuerySubnetRequest { netuid };
        let found: Option<wire::QuerySubnetResponse> = self.found("/tetra.subnet.v1.Query/Subnet", &request).await?;
        found.and_then(|found| found.subnet).ok_or_else(|| {
            CliError::new(Class::NotFound, format!("there is no subnet {netuid}"))
                .hint("`tetra subnet list` shows those that are")
        })
    }

    /// The neurons of a subnet by uid.
    ///
    /// # Errors
    /// When there is no such subnet.
    pub async fn neurons(&self, netuid: u32) -> Result<Vec<wire::NeuronView>> {
        self.subnet(netuid).await?;
        let found = self.all(
            "/tetra.subnet.v1.Query/Neurons",
            |pagination| wire::QueryNeuronsRequest { netuid, pagination },
            |found: wire::QueryNeuronsResponse| (found.neurons, found.pagination),
        );
        found.await
    }

    /// The neuron of a hotkey in a subnet, if it has one.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn neuron(&self, netuid: u32, id: HotkeyId) -> Result<Option<wire::NeuronView>> {
        let request = wire::QueryNeuronRequest { netuid, hotkey: id.as_bytes().to_vec() };
        let found: Option<wire::QueryNeuronResponse> = self.found("/tetra.subnet.v1.Query/Neuron", &request).await?;
        Ok(found.and_then(|found| found.neuron))
    }

    /// What holds for all subnets.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn subnet_params(&self) -> Result<wire::Params> {
        let request = wire::QueryParamsRequest {};
        let found: wire::QueryParamsResponse = self.node.query("/tetra.subnet.v1.Query/Params", &request).await?;
        Ok(found.params.unwrap_or_default())
    }

    /// An answer, or none when what was asked for is not there.
    pub(crate) async fn found<Q: Message, R: Message + Default>(&self, path: &str, request: &Q) -> Result<Option<R>> {
        match self.node.query(path, request).await {
            Err(error) if NodeError::is_not_found(&error) => Ok(None),
            found => Ok(Some(found?)),
        }
    }
}

/// Base units of WIT, for people.
pub fn wit(units: &Units, amount: u64) -> String {
    match Denom::new(NWIT) {
        Ok(denom) => units.coin(&Coin { denom, amount: amount.into() }),
        Err(_) => amount.to_string(),
    }
}

/// An amount of WIT that people wrote, in base units.
///
/// # Errors
/// When it is another coin's, or too large.
pub fn parse_wit(units: &Units, text: &str) -> Result<u64> {
    let coin = units.parse(text)?;
    let wrong =
        |what: &str| CliError::new(Class::Usage, format!("{text:?} is {what}")).hint("write for example 1.5wit");
    if coin.denom.as_str() != NWIT {
        return Err(wrong("no amount of WIT"));
    }
    u64::try_from(coin.amount).map_err(|_| wrong("more WIT than there can be"))
}

/// The hotkey of an answer as people write it.
pub fn ss58(hotkey: &[u8]) -> String {
    <[u8; 32]>::try_from(hotkey).map_or_else(|_| hex::encode(hotkey), |bytes| HotkeyId::from_bytes(bytes).to_string())
}
