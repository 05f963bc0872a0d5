//! Sparse rows: what [`Rows`](crate::Rows) and [`Matrix`](crate::Matrix) are made of.

use crate::Uid;

/// One row of cells for each neuron, each in the order of uids and without doubles. A cell may be there and hold zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sparse<T> {
    /// Where each row begins, and where the last ends.
    pub(crate) starts: Vec<usize>,
    pub(crate) uids: Vec<Uid>,
    pub(crate) values: Vec<T>,
}

impl<T: Copy> Sparse<T> {
    /// No rows yet.
    pub(crate) fn with_capacity(rows: usize, cells: usize) -> Self {
        let mut starts = Vec::with_capacity(rows + 1);
        starts.push(0);
        Self { starts, uids: Vec::with_capacity(cells), values: Vec::with_capacity(cells) }
    }

    /// Adds a cell to the row that is not yet ended. Uids rise.
    pub(crate) fn push(&mut self, uid: Uid, value: T) {
        self.uids.push(uid);
        self.values.push(value);
    }

    /// Ends a row.
    pub(crate) fn end_row(&mut self) {
        self.starts.push(self.uids.len());
    }

    /// How many rows and columns there are.
    pub fn neurons(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// How many cells there are.
    pub fn cells(&self) -> usize {
        self.uids.len()
    }

    /// One row's uids, rising, and their values; empty for a row that is not there.
    pub fn row(&self, row: usize) -> (&[Uid], &[T]) {
        let range = match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(from), Some(to)) => *from..*to,
            _ => 0..0,
        };
        (self.uids.get(range.clone()).unwrap_or_default(), self.values.get(range).unwrap_or_default())
    }

    /// One row's cells.
    pub fn row_cells(&self, row: usize) -> impl ExactSizeIterator<Item = (Uid, T)> + '_ {
        let (uids, values) = self.row(row);
        uids.iter().copied().zip(values.iter().copied())
    }

    /// A cell; none where there is none.
    pub fn get(&self, row: Uid, column: Uid) -> Option<T> {
        let (uids, values) = self.row(usize::from(row));
        values.get(uids.binary_search(&column).ok()?).copied()
    }

    /// One column's cells, by row.
    pub fn column(&self, column: Uid) -> impl Iterator<Item = (Uid, T)> + '_ {
        (0..=Uid::MAX).take(self.neurons()).filter_map(move |row| Some((row, self.get(row, column)?)))
    }

    /// These rows as lists.
    pub fn to_lists(&self) -> Vec<Vec<(Uid, T)>> {
        (0..self.neurons()).map(|row| self.row_cells(row).collect()).collect()
    }
}
