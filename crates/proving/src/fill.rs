//! Memory that a seed fills, and the order in which it is taken.

use sha2::{Digest, Sha256};

use crate::{PRIME, Puzzle};

/// A generator of 64 bits: xorshift with multiplication (Vigna, "An experimental exploration of Marsaglia's xorshift generators,
/// scrambled", 2016: xorshift64*). It is quick and its states follow from each other; nothing here asks it to be secret.
#[derive(Clone, Copy)]
struct Generator(u64);

impl Generator {
    fn of(seed: &[u8; 32]) -> Self {
        let hash: [u8; 32] = Sha256::digest(seed).into();
        let head = hash.first_chunk::<8>().map_or(1, |head| u64::from_le_bytes(*head));
        Self(head | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn number(&mut self) -> u32 {
        // The upper half, scaled: the bias of 2^-16 helps nobody.
        let upper = self.next() >> 32;
        u32::try_from((upper * u64::from(PRIME)) >> 32).unwrap_or(0)
    }
}

/// Numbers below the prime that follow from a seed.
pub(crate) fn numbers(seed: &[u8; 32]) -> impl Iterator<Item = u32> {
    let mut generator = Generator::of(seed);
    std::iter::repeat_with(move || generator.number())
}

/// The vectors, and the order of their pairs.
pub(crate) struct Memory {
    rows: usize,
    words: Vec<u32>,
    order: Vec<usize>,
}

impl Memory {
    pub(crate) fn fill(puzzle: Puzzle, seed: &[u8; 32]) -> Self {
        let Puzzle { rows, depth } = puzzle;
        let vectors = depth.saturating_mul(2);
        let mut generator = Generator::of(seed);
        let words: Vec<u32> = (0..vectors.saturating_mul(rows)).map(|_| generator.number()).collect();
        // Fisher and Yates's shuffle, by what comes after the last word: no vector is used before all are made.
        let mut order: Vec<usize> = (0..vectors).collect();
        for at in (1..vectors).rev() {
            let other = usize::try_from(generator.next() % (at as u64).saturating_add(1)).unwrap_or(0);
            order.swap(at, other);
        }
        Self { rows, words, order }
    }

    /// The pairs of vectors whose outer products are summed up.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&[u32], &[u32])> {
        let vector = |at: &usize| {
            let start = at.saturating_mul(self.rows);
            self.words.get(start..start.saturating_add(self.rows)).unwrap_or_default()
        };
        self.order.as_chunks::<2>().0.iter().map(move |[a, b]| (vector(a), vector(b)))
    }
}
