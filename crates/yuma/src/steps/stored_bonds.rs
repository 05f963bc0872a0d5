//! Step 14: the bonds that are stored.

use crate::at;
use crate::input::Epoch;
use crate::rows::Rows;
use crate::sparse::Sparse;

/// Rows of those who keep or get a permit are the formed ones; who loses it has none; others' rows stay.
pub(crate) fn rows(epoch: &Epoch, formed: &Sparse<u16>, before: &[bool], next: &[bool]) -> Rows {
    let old = epoch.subnet.bonds.cells();
    let mut stored = Sparse::with_capacity(formed.neurons(), formed.cells());
    for row in 0..epoch.neurons() {
        let cells = match (at(next, row), at(before, row)) {
            (true, _) => Some(formed.row_cells(row)),
            (false, true) => None,
            (false, false) => Some(old.row_cells(row)),
        };
        cells.into_iter().flatten().for_each(|(uid, bond)| stored.push(uid, bond));
        stored.end_row();
    }
    Rows::from_cells(stored)
}
