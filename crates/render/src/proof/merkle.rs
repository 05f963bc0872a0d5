//! Openings of tiles: RFC 6962, section 2.1, over SHA-256. A leaf is the 32 bytes of a tile's digest.

use sha2::{Digest, Sha256};

type Hash = [u8; 32];

fn leaf(tile: &Hash) -> Hash {
    Sha256::new().chain_update([0]).chain_update(tile).finalize().into()
}

fn inner(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The largest power of two below a count of at least two.
fn split(count: u32) -> u32 {
    count.next_power_of_two() / 2
}

/// The root to which a tile leads, given the siblings from the leaf up; none when the path does not fit the place.
pub fn climb(tile: &Hash, mut index: u32, mut count: u32, path: &[Hash]) -> Option<Hash> {
    if index >= count || count > 1 << 30 {
        return None;
    }
    // From the top down: at each fork, whether the way goes left.
    let mut lefts = Vec::new();
    while count > 1 {
        let left = split(count);
        lefts.push(index < left);
        (index, count) = if index < left { (index, left) } else { (index - left, count - left) };
    }
    if lefts.len() != path.len() {
        return None;
    }
    let step = |hash: Hash, (left, sibling): (bool, &Hash)| {
        if left { inner(&hash, sibling) } else { inner(sibling, &hash) }
    };
    Some(lefts.into_iter().rev().zip(path).fold(leaf(tile), step))
}

/// The root over tiles, and the path of one of them, as a node makes it.
pub fn tree(tiles: &[Hash], index: usize) -> Option<(Hash, Vec<Hash>)> {
    let (first, rest) = tiles.split_first()?;
    if rest.is_empty() {
        return (index == 0).then(|| (leaf(first), Vec::new()));
    }
    let middle = usize::try_from(split(u32::try_from(tiles.len()).ok()?)).ok()?;
    let (left, right) = tiles.split_at_checked(middle)?;
    let (own, other, at) = if index < middle { (left, right, index) } else { (right, left, index - middle) };
    let (own_root, mut path) = tree(own, at)?;
    let (other_root, _) = tree(other, 0)?;
    path.push(other_root);
    let root = if index < middle { inner(&own_root, &other_root) } else { inner(&other_root, &own_root) };
    Some((root, path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tiles(count: u8) -> Vec<Hash> {
        (0..count).map(|number| [number; 32]).collect()
    }

    /// The shape is Certificate Transparency's: a tree of three is ((0, 1), 2).
    #[test]
    fn the_shape_is_that_of_rfc_6962() {
        let t = tiles(3);
        let expected = inner(&inner(&leaf(&t[0]), &leaf(&t[1])), &leaf(&t[2]));
        assert_eq!(tree(&t, 2).unwrap(), (expected, vec![inner(&leaf(&t[0]), &leaf(&t[1]))]));
    }

    proptest! {
        #[test]
        fn what_a_node_makes_leads_to_its_root(count in 1u8..70, at in 0u8..70, other in 0u8..70, flip in 0usize..7) {
            let at = at % count;
            let all = tiles(count);
            let (root, path) = tree(&all, usize::from(at)).unwrap();
            prop_assert_eq!(tree(&all, 0).unwrap().0, root);
            let (index, total) = (u32::from(at), u32::from(count));
            prop_assert_eq!(climb(&all[usize::from(at)], index, total, &path), Some(root));
            // Another tile, another place or another path lead elsewhere.
            prop_assert_ne!(climb(&[0xee; 32], index, total, &path), Some(root));
            if other % count != at {
                prop_assert_ne!(climb(&all[usize::from(at)], u32::from(other % count), total, &path), Some(root));
            }
            let mut bent = path.clone();
            if let Some(sibling) = bent.get_mut(flip) {
                sibling[0] ^= 1;
                prop_assert_ne!(climb(&all[usize::from(at)], index, total, &bent), Some(root));
            }
        }
    }
}
