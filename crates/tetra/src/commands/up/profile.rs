//! Profiles: sets of genesis data. A chain is what its genesis says; nothing else of Tetra knows of profiles.

use app::genesis::ModuleStates;
use ledger::bank::Policy;
use ledger::bank::genesis::DenomEntry;
use ledger::fees::params::GasPriceText;
use ledger::take;
use market::{auction, deployment};
use primitives::{Coins, Prefix};
use serde::{Deserialize, Serialize};

use crate::error::{Class, Classify, Result};

/// A set of genesis data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// TET, USD, LUX and WIT; a take of 4 and 20 %; renders, with made-up prices that say so; subnets
    #[default]
    Tetra,
    /// AKT and ACT, addresses with akash; a take of 4 and 20 %; the older Akash API is spoken as well
    AkashClassic,
}

/// What gas costs on a chain of the profile `akash-classic`: a tenth of what clients of Akash assume, whose fees do not
/// grow with the gas above 400,000 (PyPI `akash` 0.6.0).
const CLASSIC_GAS_PRICE: &str = "0.0025";

impl Profile {
    /// The chain id of a local network. It must be no other network's, since a signature for one would hold on the other.
    pub fn chain_id(self) -> &'static str {
        match self {
            Self::Tetra => "tetra-local",
            Self::AkashClassic => "akash-classic-local",
        }
    }

    /// The bech32 prefix of addresses.
    ///
    /// # Errors
    /// None that can be provoked.
    pub fn prefix(self) -> Result<Prefix> {
        let prefix = match self {
            Self::Tetra => "tetra",
            Self::AkashClassic => "akash",
        };
        Prefix::new(prefix).class(Class::Internal)
    }

    /// The denom that pays gas.
    pub fn coin(self) -> &'static str {
        match self {
            Self::Tetra => "utet",
            Self::AkashClassic => "uakt",
        }
    }

    /// The denom whose unit is a dollar.
    pub fn dollar(self) -> &'static str {
        match self {
            Self::Tetra => "uusd",
            Self::AkashClassic => "uact",
        }
    }

    /// Whether the older Akash API is spoken as well.
    pub fn classic(self) -> bool {
        self == Self::AkashClassic
    }

    /// Whether renders are sold, for which there must be LUX and prices, and whether there are subnets, for which there must be WIT.
    pub fn renders(self) -> bool {
        self == Self::Tetra
    }

    /// The modules' state before anybody has anything. The modules' defaults are the profile `tetra`: gas 0.025utet, deposits
    /// of half a unit.
    ///
    /// # Errors
    /// None that can be provoked.
    pub fn state(self) -> Result<ModuleStates> {
        let mut state = ModuleStates::default();
        if self == Self::AkashClassic {
            state.bank.denoms = vec![
                DenomEntry::new("uact", "ACT", 6, Policy::None, "Akash Compute Token: one dollar of hired hardware"),
                DenomEntry::new("uakt", "AKT", 6, Policy::Inflation, "Akash: staking, gas and hired hardware"),
            ];
            let gas = GasPriceText { denom: self.coin().to_owned(), price: CLASSIC_GAS_PRICE.to_owned() };
            state.fees.params.gas_prices = vec![gas];
            let rates = [(self.coin(), 4), (self.dollar(), 20)].map(|(denom, rate)| (denom.to_owned(), rate));
            state.take.params = take::Params { denom_take_rates: rates.into(), default_take_rate: 20 };
            let deposits: Coins = "500000uact,500000uakt".parse().class(Class::Internal)?;
            let deployment = deployment::Params { min_deposits: deposits.clone() };
            let auction = auction::Params { bid_min_deposits: deposits, ..auction::Params::default() };
            state.market = market::Genesis::with(&deployment, &auction);
        }
        let markets: &[&str] = if self.renders() { &["ulux", "nwit"] } else { &[] };
        let used = [&[self.coin(), self.dollar()], markets].concat();
        state.bank.denoms.retain(|entry| used.contains(&entry.denom.as_str()));
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use engine::ValidatorKey;

    use super::super::accounts;
    use super::super::genesis::genesis;
    use super::*;

    #[test]
    fn each_profile_begins_a_chain_of_its_own() {
        let accounts = accounts::all(1).unwrap();
        let begun = [Profile::Tetra, Profile::AkashClassic].map(|profile| {
            let genesis = genesis(profile, 500, 1_700_000_000, &[ValidatorKey::generate()], &accounts, None).unwrap();
            let state = &genesis.state;
            let denoms: Vec<&str> = state.bank.denoms.iter().map(|entry| entry.denom.as_str()).collect();
            serde_json::json!({
                "chain": [genesis.chain_id, genesis.prefix, genesis.classic],
                "denoms": denoms,
                "coins": state.bank.balances.first().map(|balance| balance.coins.clone()),
                "oracle": state.oracle.params,
                "epoch_ms": state.render.epoch.params.epoch_ms,
                "gas": state.fees.params.gas_prices,
                "take": state.take,
                "deployments": state.market.deployment.params.as_ref().map(|params| params.min_deposits.len()),
                "bids": state.market.market.params.as_ref().map(|params| params.bid_min_deposits.len()),
            })
        });
        insta::assert_snapshot!(serde_json::to_string_pretty(&begun).unwrap());
    }
}
