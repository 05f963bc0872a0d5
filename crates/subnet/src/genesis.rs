//! The market's part of genesis: a message of `tetra.subnet.v1`, in protobuf JSON with the names of the `.proto` files. Indexes are
//! not part of it; they follow from the records.

use ledger::{Context, Failure, Rejection, protobuf_json};
use proto::tetra::subnet::v1::{GenesisState, Row, RowOf};
use serde::{Deserialize, Serialize};
use store::{Amount, Map};

use crate::epoch::state::EMISSION;
use crate::ids::{self, Netuid, Uid};
use crate::key::queries::stake;
use crate::key::state::{BY_COLDKEY, HOTKEYS, SHARES, set_shares};
use crate::network::state::{LAST_LOCK, NEURONS, PARAMS, SUBNETS, UIDS, put_neuron};
use crate::weight::state::{BONDS, COMMITMENTS, SEATS, WEIGHTS, put_commitments};
use crate::{epoch, params};

/// Everything of this market. A new network gives parameters alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Genesis(#[serde(with = "protobuf_json")] pub GenesisState);

fn refuse(why: impl std::fmt::Display) -> Failure {
    Rejection::invalid_request(format!("genesis subnet: {why}")).into()
}

/// Puts a genesis into an empty state, after that of the bank and of capacity: the money behind stakes, locks and emission is
/// there, and so are the holds of neurons. [`crate::invariants`] tells whether all of it fits together.
///
/// # Errors
/// `sdk` 18 when something is named twice, belongs to nothing or breaks a promise.
pub fn import(ctx: &mut Context, Genesis(genesis): &Genesis) -> Result<(), Failure> {
    if let Some(found) = &genesis.params {
        params::check(found)?;
        PARAMS.set(&mut ctx.state, found);
    }
    import_keys(ctx, genesis)?;
    import_subnets(ctx, genesis)?;
    if let Some(emission) = &genesis.emission {
        EMISSION.set(&mut ctx.state, emission);
    }
    if let Some(last) = &genesis.last_lock {
        LAST_LOCK.set(&mut ctx.state, last);
    }
    match crate::invariants::check(ctx)?.first() {
        Some(broken) => Err(refuse(broken)),
        None => Ok(()),
    }
}

fn import_keys(ctx: &mut Context, genesis: &GenesisState) -> Result<(), Failure> {
    for hotkey in &genesis.hotkeys {
        let id = ids::hotkey(&hotkey.hotkey)?;
        if HOTKEYS.has(&ctx.state, &id)? {
            return Err(refuse(format!("hotkey {} is there twice", ids::text(&id))));
        }
        let coldkey = ctx.address(&hotkey.coldkey)?;
        ctx.address(&hotkey.operator)?;
        HOTKEYS.set(&mut ctx.state, &id, hotkey);
        BY_COLDKEY.set(&mut ctx.state, &(coldkey, id), &());
    }
    for stake in &genesis.stakes {
        let (id, coldkey) = (ids::hotkey(&stake.hotkey)?, ctx.address(&stake.coldkey)?);
        let shares = stake.shares.parse().map_err(|_| refuse(format!("{:?} are no shares", stake.shares)))?;
        if SHARES.has(&ctx.state, &(id, coldkey))? {
            return Err(refuse(format!("a stake of {} is there twice", stake.coldkey)));
        }
        set_shares(ctx, &id, &coldkey, shares);
    }
    Ok(())
}

fn import_subnets(ctx: &mut Context, genesis: &GenesisState) -> Result<(), Failure> {
    for subnet in &genesis.subnets {
        if SUBNETS.has(&ctx.state, &subnet.netuid)? || subnet.netuid == ids::ROOT {
            return Err(refuse(format!("subnet {} is there twice, or is root", subnet.netuid)));
        }
        ctx.address(&subnet.owner)?;
        SUBNETS.set(&mut ctx.state, &subnet.netuid, subnet);
        epoch::running::schedule(ctx, subnet);
    }
    for neuron in &genesis.neurons {
        let id = ids::hotkey(&neuron.hotkey)?;
        if UIDS.has(&ctx.state, &(id, neuron.netuid))? {
            return Err(refuse(format!("uid {} of subnet {} is there twice", neuron.uid, neuron.netuid)));
        }
        UIDS.set(&mut ctx.state, &(id, neuron.netuid), &neuron.uid);
        put_neuron(ctx, neuron);
    }
    for (of, map) in [(&genesis.weights, &WEIGHTS), (&genesis.bonds, &BONDS)] {
        for row in of {
            map.set(&mut ctx.state, &(row.netuid, row.uid), &row.row.clone().unwrap_or_default());
        }
    }
    for of in &genesis.commitments {
        put_commitments(ctx, of.netuid, of.uid, of.commitments.clone());
    }
    for seat in &genesis.seats {
        SEATS.set(&mut ctx.state, &ids::hotkey(&seat.hotkey)?, seat);
    }
    Ok(())
}

/// The genesis that [`import`] makes the present state of.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let state = &ctx.state;
    let mut stakes = Vec::new();
    for ((id, coldkey), Amount(shares)) in SHARES.all(state)? {
        stakes.push(stake(ctx, &HOTKEYS.get(state, &id)?.unwrap_or_default(), &id, &coldkey, shares));
    }
    let rows = |map: &Map<(Netuid, Uid), Row>| -> Result<Vec<RowOf>, Failure> {
        let rows = map.all(state)?.into_iter();
        Ok(rows.map(|((netuid, uid), row)| RowOf { netuid, uid, row: Some(row) }).collect())
    };
    Ok(Genesis(GenesisState {
        params: PARAMS.get(state)?,
        hotkeys: HOTKEYS.all(state)?.into_iter().map(|(_, hotkey)| hotkey).collect(),
        stakes,
        subnets: SUBNETS.all(state)?.into_iter().map(|(_, subnet)| subnet).collect(),
        neurons: NEURONS.all(state)?.into_iter().map(|(_, neuron)| neuron).collect(),
        weights: rows(&WEIGHTS)?,
        bonds: rows(&BONDS)?,
        commitments: COMMITMENTS.all(state)?.into_iter().map(|(_, of)| of).collect(),
        seats: SEATS.all(state)?.into_iter().map(|(_, seat)| seat).collect(),
        emission: EMISSION.get(state)?,
        last_lock: LAST_LOCK.get(state)?,
    }))
}
