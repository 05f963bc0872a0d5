//! Step 1: who set weights lately.

use crate::input::Epoch;

/// Whether each neuron set weights within the activity cutoff.
pub(crate) fn active(epoch: &Epoch) -> Vec<bool> {
    let cutoff = epoch.rules.common.activity_cutoff;
    let active = |last_update: u64| last_update.saturating_add(cutoff) >= epoch.subnet.now;
    epoch.subnet.neurons.iter().map(|neuron| active(neuron.last_update)).collect()
}
