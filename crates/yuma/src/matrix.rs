//! What the steps do with matrices of [`Fixed`].

use crate::fixed::Fixed;
use crate::sparse::Sparse;
use crate::{Uid, at};

/// Validators' rows over miners' columns.
pub type Matrix = Sparse<Fixed>;

impl Matrix {
    /// Replaces every cell by what `value` makes of row, column and value, or takes it out.
    pub(crate) fn keep(&mut self, mut value: impl FnMut(usize, Uid, Fixed) -> Option<Fixed>) {
        let mut kept = 0;
        let mut from = 0;
        for (row, end) in self.starts.iter_mut().skip(1).enumerate() {
            for cell in from..*end {
                let (Some(uid), Some(old)) = (self.uids.get(cell).copied(), self.values.get(cell).copied()) else {
                    continue;
                };
                let Some(new) = value(row, uid, old) else {
                    continue;
                };
                // Never behind the cell that was read.
                if let (Some(to_uid), Some(to_value)) = (self.uids.get_mut(kept), self.values.get_mut(kept)) {
                    (*to_uid, *to_value) = (uid, new);
                    kept += 1;
                }
            }
            from = *end;
            *end = kept;
        }
        self.uids.truncate(kept);
        self.values.truncate(kept);
    }

    /// Replaces every cell by what `value` makes of row, column and value.
    pub(crate) fn map(&mut self, mut value: impl FnMut(usize, Uid, Fixed) -> Fixed) {
        for (row, bounds) in self.starts.windows(2).enumerate() {
            let [from, to] = bounds else {
                continue;
            };
            let uids = self.uids.get(*from..*to).unwrap_or_default();
            let values = self.values.get_mut(*from..*to).unwrap_or_default();
            for (uid, cell) in uids.iter().zip(values) {
                *cell = value(row, *uid, *cell);
            }
        }
    }

    /// Cells of both matrices put together: `value` gets row, column and what each holds there, and gives the new
    /// cell or none.
    pub(crate) fn merged(
        &self,
        other: &Self,
        mut value: impl FnMut(usize, Uid, Option<Fixed>, Option<Fixed>) -> Option<Fixed>,
    ) -> Self {
        let rows = self.neurons();
        let mut made = Self::with_capacity(rows, self.cells().max(other.cells()));
        for row in 0..rows {
            let mut ours = self.row_cells(row).peekable();
            let mut theirs = other.row_cells(row).peekable();
            loop {
                let uid = match (ours.peek(), theirs.peek()) {
                    (Some((a, _)), Some((b, _))) => *a.min(b),
                    (Some((uid, _)), None) | (None, Some((uid, _))) => *uid,
                    (None, None) => break,
                };
                let here = ours.next_if(|(at, _)| *at == uid).map(|(_, value)| value);
                let there = theirs.next_if(|(at, _)| *at == uid).map(|(_, value)| value);
                if let Some(new) = value(row, uid, here, there) {
                    made.push(uid, new);
                }
            }
            made.end_row();
        }
        made
    }

    /// The same cells as they will be stored: `value` makes them of column and value.
    pub(crate) fn stored(&self, value: impl Fn(Uid, Fixed) -> u16) -> Sparse<u16> {
        let values = self.uids.iter().zip(&self.values).map(|(uid, cell)| value(*uid, *cell)).collect();
        Sparse { starts: self.starts.clone(), uids: self.uids.clone(), values }
    }

    /// The sum of each row.
    pub(crate) fn row_sums(&self) -> Vec<Fixed> {
        (0..self.neurons()).map(|row| self.row(row).1.iter().copied().sum()).collect()
    }

    /// For each column, what `fold` makes of its cells one after the other, from zero.
    pub(crate) fn columns(&self, mut fold: impl FnMut(Fixed, usize, Fixed) -> Fixed) -> Vec<Fixed> {
        let mut folded = vec![Fixed::ZERO; self.neurons()];
        for row in 0..self.neurons() {
            for (uid, value) in self.row_cells(row) {
                if let Some(column) = folded.get_mut(usize::from(uid)) {
                    *column = fold(*column, row, value);
                }
            }
        }
        folded
    }

    /// The sum of each column's cells, each times its row's factor.
    pub(crate) fn times_rows(&self, factors: &[Fixed]) -> Vec<Fixed> {
        self.columns(|sum, row, value| sum + at(factors, row) * value)
    }

    /// The sum of each row's cells, each times its column's factor.
    pub(crate) fn times_columns(&self, factors: &[Fixed]) -> Vec<Fixed> {
        let row = |row| self.row_cells(row).map(|(uid, value)| value * at(factors, usize::from(uid))).sum();
        (0..self.neurons()).map(row).collect()
    }

    /// Divides each column by its sum; a column of zeros stays.
    pub(crate) fn normalize_columns(&mut self) {
        let sums = self.columns(|sum, _, value| sum + value);
        self.map(|_, uid, value| match at(&sums, usize::from(uid)) {
            Fixed::ZERO => value,
            sum => value / sum,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(halves: i64) -> Fixed {
        Fixed::from_bits(halves << 31)
    }

    /// Rows of halves.
    fn matrix(rows: &[&[(Uid, i64)]]) -> Matrix {
        let mut made = Matrix::with_capacity(rows.len(), 0);
        for row in rows {
            row.iter().for_each(|(uid, halves)| made.push(*uid, number(*halves)));
            made.end_row();
        }
        made
    }

    #[test]
    fn cells_are_found_by_row_and_column() {
        let m = matrix(&[&[(0, 1), (2, 2)], &[], &[(2, 3)]]);
        assert_eq!((m.get(0, 2), m.get(0, 1), m.get(7, 0)), (Some(number(2)), None, None));
        assert_eq!(m.column(2).collect::<Vec<_>>(), [(0, number(2)), (2, number(3))]);
        assert_eq!(m.row_sums(), [number(3), Fixed::ZERO, number(3)]);
        assert_eq!(m.times_rows(&[number(2), number(2), number(1)])[2], Fixed::from_bits(7 << 30));
        assert_eq!(m.times_columns(&[number(2), number(2), number(1)])[0], number(2));
    }

    #[test]
    fn cells_are_taken_out_in_place() {
        let mut m = matrix(&[&[(0, 1), (2, 2)], &[], &[(1, 4), (2, 3)]]);
        m.keep(|row, uid, value| (uid != 2 || row == 2).then_some(value + Fixed::ONE));
        assert_eq!(m, matrix(&[&[(0, 3)], &[], &[(1, 6), (2, 5)]]));
    }

    #[test]
    fn rows_are_merged_by_column() {
        let (a, b) = (matrix(&[&[(0, 1), (2, 2)], &[]]), matrix(&[&[(1, 1), (2, 2)], &[(0, 5)]]));
        let sum = a.merged(&b, |_, _, a, b| Some(a.unwrap_or_default() + b.unwrap_or_default()));
        assert_eq!(sum, matrix(&[&[(0, 1), (1, 1), (2, 4)], &[(0, 5)]]));
    }

    #[test]
    fn columns_are_normalized() {
        let mut m = matrix(&[&[(0, 2), (1, 0)], &[(0, 2)]]);
        m.normalize_columns();
        assert_eq!(m, matrix(&[&[(0, 1), (1, 0)], &[(0, 1)]]));
    }
}
