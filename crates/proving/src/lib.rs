//! Proof that a device is there (spec/render_ionet.md B4.2): a seed fills memory, its vectors are taken in an order that only the
//! last of them names, and the sum of their outer products is the answer. Whoever has the answer and the seed checks it by
//! Freivalds' method in a fraction of the time: `C·r = Σ aₖ(bₖ·r)` for vectors `r` that were not known when `C` was committed
//! to.
//!
//! ```text
//! seed ──fill──▶ 2·depth vectors of `rows` numbers ──order by the last state──▶ C = Σₖ aₖ·bₖᵀ mod 65521 ──▶ SHA-256
//! ```
//!
//! What it shows: somebody computed `rows² · depth` products over `8 · rows · depth` bytes for this very seed. Memory can be
//! traded for computing (a vector can be made again from a state in between), which a class's deadline bounds. That it was this
//! machine, only the deadline shows: all devices compute over one beacon at the same time.
//!
//! Arithmetic is modulo 65521, the largest prime below 2^16. A wrong product passes one vector with probability 1/65521, and all of
//! [`CHECKS`] of them with less than 2^-63.

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

mod fill;

use fill::{Memory, numbers};
use sha2::{Digest, Sha256};

/// The modulus.
pub const PRIME: u32 = 65_521;
/// Vectors that a product is checked by.
pub const CHECKS: usize = 4;

/// The size of a puzzle, as the table of classes gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Puzzle {
    /// Rows and columns of the product.
    pub rows: usize,
    /// Outer products that are summed up; memory has twice as many vectors.
    pub depth: usize,
}

/// A product, row by row, each number below [`PRIME`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product(Vec<u16>);

/// The seed of one device in one round: of the beacon, the host's key, and the device's place on the host.
pub fn seed(beacon: &[u8], host_key: &[u8; 32], device: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"tetra/proving/seed/v1\0");
    hash.update(beacon);
    hash.update(host_key);
    hash.update(device.to_be_bytes());
    hash.finalize().into()
}

/// What an offer commits to: its devices' products, in order.
pub fn digest(products: &[Product]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"tetra/proving/digest/v1\0");
    for product in products {
        hash.update((product.0.len() as u64).to_be_bytes());
        hash.update(product.to_bytes());
    }
    hash.finalize().into()
}

impl Product {
    /// Two bytes a number, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Reads a product of a puzzle; none of other lengths, or with numbers that are none.
    pub fn from_bytes(puzzle: Puzzle, bytes: &[u8]) -> Option<Self> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let numbers: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
        let right = rest.is_empty() && Some(numbers.len()) == puzzle.rows.checked_mul(puzzle.rows);
        (right && numbers.iter().all(|number| u32::from(*number) < PRIME)).then_some(Self(numbers))
    }
}

/// Computes the product of a seed. It takes `8 · rows · depth` bytes, and time in proportion to `rows² · depth`.
pub fn prove(puzzle: Puzzle, seed: &[u8; 32]) -> Product {
    let memory = Memory::fill(puzzle, seed);
    let rows = puzzle.rows;
    let mut sums = vec![0u64; rows.saturating_mul(rows)];
    // Below 2^32 products of two numbers below 2^16 fit into 64 bits; no depth reaches that.
    for (a, b) in memory.pairs() {
        for (row, left) in sums.chunks_exact_mut(rows).zip(a) {
            let left = u64::from(*left);
            for (sum, right) in row.iter_mut().zip(b) {
                *sum = sum.wrapping_add(left.wrapping_mul(u64::from(*right)));
            }
        }
    }
    Product(sums.into_iter().map(reduced).collect())
}

fn reduced(sum: u64) -> u16 {
    u16::try_from(sum % u64::from(PRIME)).unwrap_or(0)
}

/// The sum of products of two vectors, modulo the prime.
fn dot(a: &[u32], b: &[u32]) -> u64 {
    let sum = a.iter().zip(b).fold(0u64, |sum, (a, b)| sum.wrapping_add(u64::from(*a).wrapping_mul(u64::from(*b))));
    sum % u64::from(PRIME)
}

/// Whether a product is that of a seed, by vectors that `draw` gives: it must not have been known when the product was
/// committed to.
pub fn check(puzzle: Puzzle, seed: &[u8; 32], product: &Product, draw: &[u8]) -> bool {
    let rows = puzzle.rows;
    if rows == 0 || Some(product.0.len()) != rows.checked_mul(rows) {
        return false;
    }
    let vectors: Vec<Vec<u32>> = (0..CHECKS)
        .map(|index| {
            let mut hash = Sha256::new();
            hash.update(b"tetra/proving/check/v1\0");
            hash.update(draw);
            hash.update(seed);
            hash.update((index as u64).to_be_bytes());
            numbers(&hash.finalize().into()).take(rows).collect()
        })
        .collect();
    let mut wanted = vec![vec![0u64; rows]; CHECKS];
    for (a, b) in Memory::fill(puzzle, seed).pairs() {
        for (sums, vector) in wanted.iter_mut().zip(&vectors) {
            let scale = dot(b, vector);
            for (sum, left) in sums.iter_mut().zip(a) {
                *sum = sum.wrapping_add(scale.wrapping_mul(u64::from(*left)));
            }
        }
    }
    let numbers: Vec<u32> = product.0.iter().map(|number| u32::from(*number)).collect();
    wanted.iter().zip(&vectors).all(|(sums, vector)| {
        numbers.chunks_exact(rows).zip(sums).all(|(row, sum)| dot(row, vector) == sum % u64::from(PRIME))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Puzzle = Puzzle { rows: 24, depth: 40 };

    #[test]
    fn the_product_of_a_seed_is_pinned() {
        // Every node must compute the same for ever: a change here is a change of the rules.
        let product = prove(SMALL, &[7; 32]);
        let text: String = digest(&[product]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, PINNED);
    }

    const PINNED: &str = "936ede0c6b2794c6564c12e41c51ab3a3d225a1ad08d8ae5af9e80db4e59d666";

    proptest! {
        #[test]
        fn what_was_computed_passes_and_one_wrong_number_does_not(
            seed: [u8; 32], draw: [u8; 32], at in 0usize..SMALL.rows * SMALL.rows, by in 1u16..1_000,
        ) {
            let product = prove(SMALL, &seed);
            prop_assert!(check(SMALL, &seed, &product, &draw));
            prop_assert_eq!(Product::from_bytes(SMALL, &product.to_bytes()), Some(product.clone()));
            let mut wrong = product;
            wrong.0[at] = ((u32::from(wrong.0[at]) + u32::from(by)) % PRIME) as u16;
            prop_assert!(!check(SMALL, &seed, &wrong, &draw));
        }

        #[test]
        fn foreign_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let tiny = Puzzle { rows: 4, depth: 1 };
            if let Some(product) = Product::from_bytes(tiny, &bytes) {
                prop_assert_eq!(product.to_bytes(), bytes);
                prop_assert!(!check(tiny, &[1; 32], &product, b"draw"));
            }
        }
    }

    #[test]
    fn replayed_relayed_and_cloned_proofs_are_wrong() {
        let (beacon, next) = ([1u8; 32], [2u8; 32]);
        let (host, clone) = ([3u8; 32], [4u8; 32]);
        let right = prove(SMALL, &seed(&beacon, &host, 0));
        for (beacon, host, device) in [(&next, &host, 0), (&beacon, &clone, 0), (&beacon, &host, 1)] {
            assert!(!check(SMALL, &seed(beacon, host, device), &right, b"draw"));
        }
        // What was committed to for one device is not what two commit to.
        assert_ne!(digest(std::slice::from_ref(&right)), digest(&[right.clone(), right]));
    }

    /// The rate at which honest proofs are refused, over more than a thousand of them: none, because there are no floats.
    #[test]
    fn no_honest_proof_is_refused() {
        let tiny = Puzzle { rows: 8, depth: 8 };
        let refused = (0..2_000u32).filter(|number| {
            let seed = seed(&number.to_be_bytes(), &[9; 32], 0);
            !check(tiny, &seed, &prove(tiny, &seed), &number.to_le_bytes())
        });
        assert_eq!(refused.count(), 0);
    }
}
