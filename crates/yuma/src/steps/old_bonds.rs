//! The first part of steps 11 and 12: the bonds of the epoch before, without those in miners that came since.

use crate::fixed::Fixed;
use crate::input::Epoch;
use crate::matrix::Matrix;
use crate::trace::{Dropped, Watch};
use crate::{Uid, at};

/// Shares of each miner's bonds, for the classic rules.
pub(crate) fn shares<W: Watch>(epoch: &Epoch, watch: &mut W) -> Matrix {
    let mut sums = vec![0u64; epoch.neurons()];
    let rows = epoch.subnet.bonds.cells();
    for row in 0..epoch.neurons() {
        let block = seen_from(epoch, row);
        for (uid, bond) in rows.row_cells(row).filter(|(uid, _)| block > epoch.registered(*uid)) {
            // At most 2^16 numbers of 16 bits.
            if let Some(sum) = sums.get_mut(usize::from(uid)) {
                *sum += u64::from(bond);
            }
        }
    }
    kept(epoch, watch, |uid, bond| Fixed::ratio(u64::from(bond), at(&sums, usize::from(uid))))
}

/// Bonds as fractions, for Yuma3.
pub(crate) fn fractions<W: Watch>(epoch: &Epoch, watch: &mut W) -> Matrix {
    kept(epoch, watch, |_, bond| Fixed::fraction(bond))
}

fn kept<W: Watch>(epoch: &Epoch, watch: &mut W, number: impl Fn(Uid, u16) -> Fixed) -> Matrix {
    let rows = epoch.subnet.bonds.cells();
    let mut made = Matrix::with_capacity(rows.neurons(), rows.cells());
    for (row, from) in (0..epoch.neurons()).zip(0..=Uid::MAX) {
        let block = seen_from(epoch, row);
        for (uid, bond) in rows.row_cells(row) {
            if block > epoch.registered(uid) {
                made.push(uid, number(uid, bond));
            } else {
                watch.dropped(from, uid, Dropped::BondOfFormer);
            }
        }
        made.end_row();
    }
    made
}

/// Bonds of this row are in miners that were registered before this block: the one after the epoch before, or under the
/// rules of 2024 the one in which the validator set its weights.
fn seen_from(epoch: &Epoch, row: usize) -> u64 {
    let subnet = &epoch.subnet;
    if epoch.rules.is_2024() {
        return subnet.neurons.get(row).map_or(0, |neuron| neuron.last_update);
    }
    match subnet.last_step {
        Some(block) => block.saturating_add(1),
        None => subnet.now.saturating_sub(subnet.tempo),
    }
}
