//! The market's part of genesis: a message of `tetra.cluster.v1`, in protobuf JSON with the names of the `.proto` files.
//! Indexes are not part of it; they follow from the records.

use ledger::{Context, Failure, Rejection, protobuf_json};
use proto::tetra::cluster::v1::GenesisState;
use serde::{Deserialize, Serialize};

use crate::hire::state::{CLUSTERS, QUOTES, import as import_cluster, put_quote};
use crate::ids::{ClusterId, OfferId};
use crate::params;
use crate::supply::import_appeal;
use crate::supply::state::{APPEALS, CLASSES, OFFERS, PARAMS, PROOFS, REWARDS, ROUND, import as import_offer};

/// Everything of this market. A new network gives parameters alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Genesis(#[serde(with = "protobuf_json")] pub GenesisState);

fn refuse(why: impl std::fmt::Display) -> Failure {
    Rejection::invalid_request(format!("genesis cluster: {why}")).into()
}

/// Puts a genesis into an empty state, after that of the bank, of escrow and of capacity: collateral, accounts and holds are there.
/// [`crate::invariants`] tells whether all of it fits together.
///
/// # Errors
/// `sdk` 18 when something is named twice, belongs to nothing or breaks a promise.
pub fn import(ctx: &mut Context, Genesis(genesis): &Genesis) -> Result<(), Failure> {
    if let Some(found) = &genesis.params {
        params::check(found)?;
        if let Some(wanted) = &found.rewards {
            crate::supply::rewards::check_denom(ctx, wanted)?;
        }
        PARAMS.set(&mut ctx.state, found);
    }
    for class in &genesis.classes {
        CLASSES.set(&mut ctx.state, &class.name, class);
    }
    for offer in &genesis.offers {
        let id = OfferId::from_wire(ctx, offer.id.as_ref())?;
        if OFFERS.has(&ctx.state, &id)? {
            return Err(refuse(format!("offer {} is there twice", id.text(&ctx.chain.prefix))));
        }
        import_offer(ctx, &id, offer);
    }
    if let Some(round) = &genesis.round {
        ROUND.set(&mut ctx.state, round);
    }
    if let Some(rewards) = &genesis.rewards {
        REWARDS.set(&mut ctx.state, rewards);
    }
    for proof in &genesis.proofs {
        PROOFS.set(&mut ctx.state, &(proof.round, proof.place), proof);
    }
    for appeal in &genesis.appeals {
        let of = appeal.proof.as_ref().and_then(|proof| proof.offer.as_ref());
        let id = OfferId::from_wire(ctx, of)?;
        import_appeal(ctx, &id, appeal);
    }
    for quote in &genesis.quotes {
        let id = ClusterId::from_wire(ctx, quote.id.as_ref())?;
        put_quote(ctx, &id, quote);
    }
    for cluster in &genesis.clusters {
        let id = ClusterId::from_wire(ctx, cluster.id.as_ref())?;
        if CLUSTERS.has(&ctx.state, &id)? {
            return Err(refuse(format!("cluster {} is there twice", id.text(&ctx.chain.prefix))));
        }
        import_cluster(ctx, &id, cluster);
    }
    match crate::invariants::check(ctx)?.first() {
        Some(broken) => Err(refuse(broken)),
        None => Ok(()),
    }
}

/// The genesis that [`import`] makes the present state of.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let state = &ctx.state;
    Ok(Genesis(GenesisState {
        params: PARAMS.get(state)?,
        offers: OFFERS.all(state)?.into_iter().map(|(_, offer)| offer).collect(),
        classes: CLASSES.all(state)?.into_iter().map(|(_, class)| class).collect(),
        round: ROUND.get(state)?,
        proofs: PROOFS.all(state)?.into_iter().map(|(_, proof)| proof).collect(),
        rewards: REWARDS.get(state)?,
        appeals: APPEALS.all(state)?.into_iter().map(|(_, appeal)| appeal).collect(),
        quotes: QUOTES.all(state)?.into_iter().map(|(_, quote)| quote).collect(),
        clusters: CLUSTERS.all(state)?.into_iter().map(|(_, cluster)| cluster).collect(),
    }))
}
