//! Step 5: weights that count, as shares of their row.

use crate::fixed::Fixed;
use crate::input::Epoch;
use crate::matrix::Matrix;
use crate::trace::{Dropped, Watch};
use crate::{Uid, at};

/// Rows of those with a permit, without weights for oneself (the owner may) and for miners that were registered since the
/// weights were set or committed, each divided by its sum.
pub(crate) fn normalized<W: Watch>(epoch: &Epoch, permits: &[bool], watch: &mut W) -> Matrix {
    let rows = epoch.subnet.weights.cells();
    let mut made = Matrix::with_capacity(rows.neurons(), rows.cells());
    let mut kept: Vec<(Uid, u16)> = Vec::new();
    for (row, from) in (0..epoch.neurons()).zip(0..=Uid::MAX) {
        kept.clear();
        for (uid, value) in rows.row_cells(row) {
            match dropped(epoch, at(permits, row), from, uid) {
                Some(why) => watch.dropped(from, uid, why),
                None => kept.push((uid, value)),
            }
        }
        // At most 2^16 numbers of 16 bits.
        let sum: u64 = kept.iter().map(|(_, value)| u64::from(*value)).sum();
        for (uid, value) in &kept {
            made.push(*uid, Fixed::ratio(u64::from(*value), sum));
        }
        made.end_row();
    }
    made
}

/// Why a weight does not count, if it does not.
fn dropped(epoch: &Epoch, permit: bool, from: Uid, to: Uid) -> Option<Dropped> {
    let neuron = epoch.subnet.neurons.get(usize::from(from))?;
    let registered = epoch.registered(to);
    let committed = neuron.committed.filter(|_| !epoch.rules.is_2024());
    if !permit {
        Some(Dropped::NoPermit)
    } else if from == to && epoch.owner() != Some(from) {
        Some(Dropped::Oneself)
    } else if neuron.last_update <= registered {
        Some(Dropped::Outdated)
    } else if committed.is_some_and(|block| block < registered) {
        Some(Dropped::CommittedBefore)
    } else {
        None
    }
}
