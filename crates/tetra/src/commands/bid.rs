//! `tetra bid`, and bids as the auction of `tetra deploy` sees them.

use std::collections::{BTreeMap, BTreeSet};

use primitives::Dec;
use proto::akash::market::v1::BidId;
use proto::akash::market::v1beta5::bid::State;
use proto::akash::provider::v1beta4::Provider;
use provider::devices::{self, SIMULATED};
use serde::{Deserialize, Serialize};

use crate::chain::{Chain, dec_coin};
use crate::context::Context;
use crate::error::Result;
use crate::money::{Rate, Units};
use crate::output::{self, row};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Bids on your deployments, cheapest first
    List {
        /// Those on one deployment
        dseq: Option<u64>,
        /// Lost and closed ones too
        #[arg(long)]
        all: bool,
    },
}

/// A bid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The deployment.
    pub dseq: u64,
    /// The group.
    pub gseq: u32,
    /// The order.
    pub oseq: u32,
    /// Who bids.
    pub provider: String,
    /// The bidder's gateway; empty when it is not registered any more.
    pub host: String,
    /// The bid's state.
    pub state: String,
    /// Models of the GPUs that it offers, `nvidia/a100/80Gi`; empty where none were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<String>,
    /// Whether there are no such GPUs: it offers simulated ones, or may, for its provider sells some.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// What it asks.
    pub rate: Rate,
    /// The block of the bid.
    pub created_at: u64,
    #[serde(skip)]
    price: Dec,
}

/// Bids on an owner's deployments, by order, the cheapest first; `dseq` 0 for all, `state` empty for all.
///
/// # Errors
/// When the node does not answer.
pub async fn find(chain: &Chain, owner: &str, dseq: u64, state: &str) -> Result<Vec<Offer>> {
    let providers = chain.providers().await?;
    let claims = |one: &Provider| one.attributes.iter().any(|found| found.key == SIMULATED && found.value == "true");
    let simulating: BTreeSet<String> =
        providers.iter().filter(|one| claims(one)).map(|one| one.owner.clone()).collect();
    let hosts: BTreeMap<String, String> = providers.into_iter().map(|one| (one.owner, one.host_uri)).collect();
    let mut offers = Vec::new();
    for bid in chain.bids(owner, dseq, state).await? {
        let BidId { dseq, gseq, oseq, provider, .. } = bid.id.unwrap_or_default();
        let price = dec_coin(bid.price.as_ref())?;
        let units = bid.resources_offer.iter().filter_map(|unit| unit.resources.as_ref()?.gpu.as_ref());
        let gpus: Vec<&str> = units.flat_map(|gpu| &gpu.attributes).map(|attribute| attribute.key.as_str()).collect();
        let simulated = gpus.iter().any(|path| devices::is_simulated(path) || simulating.contains(&provider));
        offers.push(Offer {
            dseq,
            gseq,
            oseq,
            host: hosts.get(&provider).cloned().unwrap_or_default(),
            gpus: gpus.into_iter().map(devices::show).collect(),
            simulated,
            provider,
            state: State::try_from(bid.state).map_or("?", |state| state.as_str_name()).to_owned(),
            rate: Rate::new(&price, chain.network.block_interval_ms)?,
            created_at: u64::try_from(bid.created_at).unwrap_or_default(),
            price: price.amount,
        });
    }
    cheapest_first(&mut offers);
    Ok(offers)
}

/// Equal prices go by address, so that everybody who looks sees the same order.
fn cheapest_first(offers: &mut [Offer]) {
    offers.sort_by(|one, other| {
        let key = |offer: &Offer| (offer.dseq, offer.gseq, offer.oseq, offer.price);
        key(one).cmp(&key(other)).then_with(|| one.provider.cmp(&other.provider))
    });
}

/// Offers for people; `height` tells their age.
pub fn table(offers: &[Offer], height: u64, units: &Units) -> String {
    // A column for those who asked for some.
    let with_gpus = offers.iter().any(|offer| !offer.gpus.is_empty());
    let gpus = |cell: String| with_gpus.then_some(cell);
    let line = |offer: &Offer| {
        let mut cells = row([
            &format!("{}/{}/{}", offer.dseq, offer.gseq, offer.oseq),
            &offer.state,
            &offer.provider,
            &offer.host,
            &offer.rate.block_text(),
            &offer.rate.hour_text(units),
            &offer.rate.month_text(units),
            &format!("{} blocks", height.saturating_sub(offer.created_at)),
        ]);
        cells.extend(gpus(offer.gpus.join(", ")));
        cells
    };
    let mut head = row(["ORDER", "STATE", "PROVIDER", "HOST", "PER BLOCK", "PER HOUR", "PER MONTH", "AGE"]);
    head.extend(gpus("GPUS".to_owned()));
    output::table(&std::iter::once(head).chain(offers.iter().map(line)).collect::<Vec<_>>())
}

/// Runs one.
///
/// # Errors
/// When the node does not answer.
pub async fn run(context: &Context, verb: Verb) -> Result {
    let Verb::List { dseq, all } = verb;
    let chain = context.chain().await?;
    let owner = chain.prefix().text(&context.own_address()?);
    let found = find(&chain, &owner, dseq.unwrap_or(0), if all { "" } else { "open" }).await?;
    let height = chain.height().await?;
    output::show(context.format(), &found, |found| {
        if found.is_empty() {
            return "no bids".to_owned();
        }
        table(found, height, &chain.units)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::{DecCoin, Denom};

    fn offer(provider: &str, price: &str) -> Offer {
        let price = DecCoin { denom: Denom::new("uusd").unwrap(), amount: price.parse().unwrap() };
        Offer {
            dseq: 7,
            gseq: 1,
            oseq: 1,
            provider: provider.to_owned(),
            host: "https://127.0.0.1:8443".to_owned(),
            state: "open".to_owned(),
            gpus: Vec::new(),
            simulated: false,
            rate: Rate::new(&price, 500).unwrap(),
            created_at: 10,
            price: price.amount,
        }
    }

    #[test]
    fn the_cheapest_is_first_and_prices_are_compared_as_numbers() {
        let mut offers = vec![offer("tetra1c", "10"), offer("tetra1b", "9.5"), offer("tetra1a", "10")];
        cheapest_first(&mut offers);
        let order: Vec<&str> = offers.iter().map(|offer| offer.provider.as_str()).collect();
        assert_eq!(order, ["tetra1b", "tetra1a", "tetra1c"]);
        insta::assert_snapshot!(table(&offers, 13, &Units::default()));
    }
}
