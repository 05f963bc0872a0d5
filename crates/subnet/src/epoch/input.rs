//! A subnet as Yuma sees it.

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{Neuron, Row, Subnet};
use store::Map;
use thiserror::Error;
use yuma::{InputError, Rows, RowsError, Uid};

use crate::ids::{self, Netuid};
use crate::key::state::stake_of;
use crate::network::rules::{of_yuma, short};
use crate::weight::state::{BONDS, WEIGHTS, commitments, pairs};

/// Why a subnet cannot be computed: its state breaks a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// A row is none.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The parts do not fit together.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// The epoch of a subnet with these neurons, paying `emission`, if it came at the running height.
///
/// # Errors
/// When the state fails.
pub(crate) fn load(
    ctx: &Context,
    subnet: &Subnet,
    neurons: &[Neuron],
    emission: u64,
) -> Result<Result<yuma::Epoch, Unfit>, Failure> {
    let rules = subnet.rules.unwrap_or_default();
    let mut seen = Vec::with_capacity(neurons.len());
    for neuron in neurons {
        seen.push(yuma::Neuron {
            stake: stake_of(ctx, &ids::hotkey(&neuron.hotkey)?)?,
            // Who never weighed counts from its registration.
            last_update: neuron.updated_height.max(neuron.registered_height),
            registered: neuron.registered_height,
            permit: neuron.permit,
            committed: if rules.commit_reveal { earliest(ctx, neuron)? } else { None },
        });
    }
    let owner = neurons.iter().find(|neuron| neuron.hotkey == subnet.owner_hotkey).map(|neuron| short(neuron.uid));
    let (weights, bonds) =
        (rows(ctx, subnet.netuid, neurons.len(), &WEIGHTS)?, rows(ctx, subnet.netuid, neurons.len(), &BONDS)?);
    let made = || -> Result<yuma::Epoch, Unfit> {
        let subnet = yuma::Subnet {
            now: ctx.block.height,
            tempo: rules.tempo,
            last_step: (subnet.epochs > 0).then_some(subnet.last_epoch_height),
            neurons: seen,
            owner,
            weights: Rows::sparse(&weights)?,
            bonds: Rows::sparse(&bonds)?,
            emission,
        };
        Ok(yuma::Epoch::new(of_yuma(&rules), subnet)?)
    };
    Ok(made())
}

/// The height of a neuron's earliest commitment that is open.
fn earliest(ctx: &Context, neuron: &Neuron) -> Result<Option<u64>, Failure> {
    let open = commitments(ctx, neuron.netuid, neuron.uid)?;
    Ok(open.iter().map(|commitment| commitment.height).min())
}

/// Stored rows for each neuron, empty ones included.
fn rows(
    ctx: &Context,
    netuid: Netuid,
    neurons: usize,
    map: &Map<(Netuid, u32), Row>,
) -> Result<Vec<Vec<(Uid, u16)>>, Failure> {
    let mut rows = vec![Vec::new(); neurons];
    for ((_, uid), row) in map.under(&ctx.state, &netuid)? {
        let place = usize::try_from(uid).ok().and_then(|uid| rows.get_mut(uid));
        if let Some(place) = place {
            *place = pairs(&row).map(|(uid, value)| (short(uid), short(value))).collect();
        }
    }
    Ok(rows)
}
