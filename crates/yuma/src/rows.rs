//! What a chain stores for each validator: a row of `(uid, u16)`, weights or bonds.

use thiserror::Error;

use crate::sparse::Sparse;
use crate::{MOST_NEURONS, Uid};

/// Rows of weights or bonds, one for each neuron, each in the order of uids and without doubles.
///
/// A weight of zero that was set is kept: liquid alpha tells it from one that was not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows(Sparse<u16>);

/// Why rows are not those of a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RowsError {
    /// More rows than uids.
    #[error("a subnet has at most {MOST_NEURONS} neurons, these are more rows")]
    TooMany,
    /// A uid that no neuron has.
    #[error("the row of uid {row} names uid {uid}, but there are {neurons} neurons")]
    NoSuchNeuron {
        /// Whose row.
        row: usize,
        /// Who is named.
        uid: Uid,
        /// How many there are.
        neurons: usize,
    },
    /// The same uid twice.
    #[error("the row of uid {row} names uid {uid} twice: give it one value")]
    Twice {
        /// Whose row.
        row: usize,
        /// Who is named.
        uid: Uid,
    },
    /// A dense row that is too short or too long.
    #[error("the row of uid {row} has {length} values for {neurons} neurons")]
    Length {
        /// Whose row.
        row: usize,
        /// Values in it.
        length: usize,
        /// How many neurons there are.
        neurons: usize,
    },
}

impl Rows {
    /// Rows without entries.
    ///
    /// # Errors
    /// When there are more neurons than uids.
    pub fn empty(neurons: usize) -> Result<Self, RowsError> {
        Self::sparse(&vec![Vec::new(); neurons.min(MOST_NEURONS + 1)])
    }

    /// Rows as lists of entries, in any order.
    ///
    /// # Errors
    /// When there are more rows than uids, an entry names a uid above the last row, or a row names one twice.
    pub fn sparse(rows: &[Vec<(Uid, u16)>]) -> Result<Self, RowsError> {
        let neurons = rows.len();
        let mut made = begun(neurons, rows.iter().map(Vec::len).sum())?;
        let mut sorted: Vec<(Uid, u16)> = Vec::new();
        for (row, entries) in rows.iter().enumerate() {
            sorted.clone_from(entries);
            sorted.sort_by_key(|(uid, _)| *uid);
            let mut last = None;
            for (uid, value) in &sorted {
                if usize::from(*uid) >= neurons {
                    return Err(RowsError::NoSuchNeuron { row, uid: *uid, neurons });
                }
                if last == Some(*uid) {
                    return Err(RowsError::Twice { row, uid: *uid });
                }
                last = Some(*uid);
                made.push(*uid, *value);
            }
            made.end_row();
        }
        Ok(Self(made))
    }

    /// Rows with a value for every uid. Zeros count as not set.
    ///
    /// # Errors
    /// When there are more rows than uids, or a row does not have one value for each row.
    pub fn dense(rows: &[Vec<u16>]) -> Result<Self, RowsError> {
        let neurons = rows.len();
        let cells = rows.iter().flatten().filter(|value| **value != 0).count();
        let mut made = begun(neurons, cells)?;
        for (row, values) in rows.iter().enumerate() {
            if values.len() != neurons {
                return Err(RowsError::Length { row, length: values.len(), neurons });
            }
            for (uid, value) in (0..=Uid::MAX).zip(values).filter(|(_, value)| **value != 0) {
                made.push(uid, *value);
            }
            made.end_row();
        }
        Ok(Self(made))
    }

    /// How many neurons there are.
    pub fn neurons(&self) -> usize {
        self.0.neurons()
    }

    /// The rows.
    pub fn cells(&self) -> &Sparse<u16> {
        &self.0
    }

    /// Takes a miner's column out of every row: what the reset of its bonds does (spec/bittensor.md 2.2, step 15).
    pub fn without_column(&self, miner: Uid) -> Self {
        let mut made = Sparse::with_capacity(self.neurons(), self.0.cells());
        for row in 0..self.neurons() {
            for (uid, value) in self.0.row_cells(row).filter(|(uid, _)| *uid != miner) {
                made.push(uid, value);
            }
            made.end_row();
        }
        Self(made)
    }

    /// Rows that are known to be right.
    pub(crate) fn from_cells(cells: Sparse<u16>) -> Self {
        Self(cells)
    }
}

/// No rows yet.
fn begun(rows: usize, cells: usize) -> Result<Sparse<u16>, RowsError> {
    if rows > MOST_NEURONS { Err(RowsError::TooMany) } else { Ok(Sparse::with_capacity(rows, cells)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_keep_zeros() {
        let rows = Rows::sparse(&[vec![(1, 7), (0, 0)], vec![]]).unwrap();
        assert_eq!(rows.cells().to_lists(), [vec![(0, 0), (1, 7)], vec![]]);
        assert_eq!((rows.neurons(), rows.cells().cells()), (2, 2));
        assert_eq!(rows.cells().row(9).0, [0; 0]);
    }

    #[test]
    fn dense_rows_are_those_without_zeros() {
        let dense = Rows::dense(&[vec![0, 5], vec![3, 0]]).unwrap();
        assert_eq!(dense, Rows::sparse(&[vec![(1, 5)], vec![(0, 3)]]).unwrap());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let told = |rows: Result<Rows, RowsError>| rows.unwrap_err().to_string();
        assert_eq!(told(Rows::sparse(&[vec![(1, 7)]])), "the row of uid 0 names uid 1, but there are 1 neurons");
        assert_eq!(
            told(Rows::sparse(&[vec![(0, 7), (0, 8)]])),
            "the row of uid 0 names uid 0 twice: give it one value"
        );
        assert_eq!(told(Rows::dense(&[vec![]])), "the row of uid 0 has 0 values for 1 neurons");
        assert_eq!(Rows::empty(65_537), Err(RowsError::TooMany));
        assert!(Rows::empty(65_536).is_ok() && Rows::empty(0).is_ok());
    }

    #[test]
    fn a_reset_miner_has_no_bonds() {
        let rows = Rows::sparse(&[vec![(0, 1), (1, 2)], vec![(1, 3)]]).unwrap();
        assert_eq!(rows.without_column(1).cells().to_lists(), [vec![(0, 1)], vec![]]);
    }
}
