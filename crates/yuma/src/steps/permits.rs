//! Step 3: who may set weights from the next epoch on.

use crate::fixed::Fixed;
use crate::input::Epoch;

/// Who may set weights in this epoch: as given, and under the rules of 2026 the owner.
pub(crate) fn current(epoch: &Epoch) -> Vec<bool> {
    with_owner(epoch, epoch.subnet.neurons.iter().map(|neuron| neuron.permit).collect())
}

/// The neurons with the most stake; where stakes are equal, the later uids. Under the rules of 2026 none without stake
/// but the owner.
pub(crate) fn next(epoch: &Epoch, stake: &[Fixed]) -> Vec<bool> {
    let places = usize::from(epoch.rules.common.most_validators);
    let mut order: Vec<(Fixed, usize)> = stake.iter().enumerate().map(|(uid, stake)| (*stake, uid)).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let needs_stake = !epoch.rules.is_2024();
    let mut permits = vec![false; stake.len()];
    for (stake, uid) in order.into_iter().take(places) {
        if let Some(permit) = permits.get_mut(uid) {
            *permit = !needs_stake || stake > Fixed::ZERO;
        }
    }
    with_owner(epoch, permits)
}

fn with_owner(epoch: &Epoch, mut permits: Vec<bool>) -> Vec<bool> {
    if let Some(permit) = epoch.owner().and_then(|owner| permits.get_mut(usize::from(owner))) {
        *permit = true;
    }
    permits
}
