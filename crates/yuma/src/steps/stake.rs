//! Step 2: each neuron's share of the subnet's stake.

use crate::fixed::Fixed;
use crate::input::Epoch;
use crate::rules::Era;

/// Stake over the sum of stakes, rounded down to 2^-32. Under the rules of 2026 stake below the threshold counts as none,
/// but for the owner's. The sum has no upper end; zeros when it is zero.
pub(crate) fn shares(epoch: &Epoch) -> Vec<Fixed> {
    let threshold = match epoch.rules.era {
        Era::V2024 => 0,
        Era::V2026 { stake_threshold, .. } => stake_threshold,
    };
    let owner = epoch.owner().map(usize::from);
    let counted = |(uid, stake): (usize, u64)| if stake < threshold && owner != Some(uid) { 0 } else { stake };
    let stakes: Vec<u64> = epoch.subnet.neurons.iter().map(|neuron| neuron.stake).enumerate().map(counted).collect();
    // At most 2^16 numbers of 64 bits.
    let sum: u128 = stakes.iter().copied().map(u128::from).sum();
    stakes.into_iter().map(|stake| share(stake, sum)).collect()
}

/// A share of at most one.
fn share(stake: u64, sum: u128) -> Fixed {
    let bits = (u128::from(stake) << 32).checked_div(sum).unwrap_or(0);
    i64::try_from(bits).map_or(Fixed::ONE, Fixed::from_bits)
}
