//! What always holds of subnets and neurons.

use ledger::{Context, Failure, capacity};

use super::pin::MARKET;
use super::rules;
use super::state::{NEURONS, PARAMS, SUBNETS, UIDS};
use crate::ids::{self, text};
use crate::key::state::HOTKEYS;
use crate::{params, wit};

/// Broken promises: rules and parameters are within bounds; the uids of a subnet have no gaps and each is a bound hotkey's;
/// locks lie in their account; a neuron that is pinned holds a machine.
///
/// # Errors
/// When the state fails.
pub(crate) fn check(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = Vec::new();
    let mut out_of_bounds = |what: String, checked: Result<(), Failure>| match checked {
        Err(Failure::Rejected(why)) => {
            broken.push(format!("{what}: {why}"));
            Ok(())
        }
        other => other,
    };
    if let Some(found) = PARAMS.get(&ctx.state)? {
        out_of_bounds("subnets".to_owned(), params::check(&found))?;
    }
    let (mut locked, mut seats) = (0u128, 0usize);
    let subnets = SUBNETS.all(&ctx.state)?;
    for (netuid, subnet) in &subnets {
        let checked = rules::check(ctx, &subnet.rules.unwrap_or_default());
        out_of_bounds(format!("subnet {netuid}"), checked)?;
    }
    for (netuid, subnet) in &subnets {
        locked = locked.saturating_add(subnet.locked.into());
        let neurons = NEURONS.under(&ctx.state, netuid)?;
        seats = seats.saturating_add(neurons.len());
        if neurons.len() != usize::try_from(subnet.neurons).unwrap_or(usize::MAX) {
            broken.push(format!("subnet {netuid} counts {} neurons, there are {}", subnet.neurons, neurons.len()));
        }
        for (expected, ((_, uid), neuron)) in (0u32..).zip(neurons) {
            let id = ids::hotkey(&neuron.hotkey)?;
            let found = UIDS.get(&ctx.state, &(id, *netuid))?;
            if uid != expected || neuron.uid != uid || found != Some(uid) || !HOTKEYS.has(&ctx.state, &id)? {
                broken.push(format!("uid {uid} of subnet {netuid} is not where {} says", text(&id)));
            }
            let held = !capacity::held(ctx, MARKET, &ids::reference(*netuid, &id))?.is_empty();
            if held != neuron.pinned {
                broken.push(format!("uid {uid} of subnet {netuid}: pinned {}, held {held}", neuron.pinned));
            }
        }
    }
    if UIDS.all(&ctx.state)?.len() != seats || NEURONS.all(&ctx.state)?.len() != seats {
        broken.push("there are neurons of a subnet that is not there".to_owned());
    }
    let there = wit::balance(ctx, &wit::locks())?;
    if there != locked {
        broken.push(format!("locks are {locked}nwit, their account has {there}nwit"));
    }
    Ok(broken)
}
