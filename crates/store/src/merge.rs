//! Layers of writes as one: in order, the highest layer's write of each key. Lazy, so that who takes few pays for few.

use std::iter::Peekable;

use crate::state::{Direction, Write};

/// The writes of layers, the lowest first, whose own order is from the smallest key.
pub(crate) fn writes<'a>(
    layers: impl Iterator<Item = impl DoubleEndedIterator<Item = Write<'a>>>,
    direction: Direction,
) -> impl Iterator<Item = Write<'a>> {
    let mut layers: Vec<Peekable<_>> = layers.map(|layer| Turned { layer, direction }.peekable()).collect();
    std::iter::from_fn(move || {
        let heads = layers.iter_mut().filter_map(|layer| layer.peek().map(|(key, _)| *key));
        let next = heads.reduce(|one, other| if direction.precedes(other, one) { other } else { one })?;
        layers.iter_mut().filter_map(|layer| layer.next_if(|(key, _)| *key == next)).last()
    })
}

/// A layer in the order of a direction.
struct Turned<I> {
    layer: I,
    direction: Direction,
}

impl<I: DoubleEndedIterator> Iterator for Turned<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<Self::Item> {
        match self.direction {
            Direction::Up => self.layer.next(),
            Direction::Down => self.layer.next_back(),
        }
    }
}
