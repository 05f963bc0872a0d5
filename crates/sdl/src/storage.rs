//! The canonical order of volumes (spec/akash.md 2.3).

use crate::resources::Storage;

/// Sorts volumes as the Go parser does, mistakes of its comparator included: the order enters the manifest's hash.
///
/// The comparator answers "first" for two non-persistent volumes of one size in both directions, so the result
/// depends on the algorithm: insertion sort, which is what Go's stable sort is for up to 20 elements. It puts such
/// volumes into reverse order.
pub(crate) fn canonical_order(volumes: &mut [Storage]) {
    for end in 1..volumes.len() {
        let mut place = end;
        while let Some(pair) = place.checked_sub(1).and_then(|before| volumes.get_mut(before..=place))
            && let [before, moved] = pair
            && goes_first(moved, before)
        {
            std::mem::swap(before, moved);
            place -= 1;
        }
    }
}

fn goes_first(left: &Storage, right: &Storage) -> bool {
    if left.size != right.size {
        return left.size < right.size;
    }
    match (left.attribute("persistent"), right.attribute("persistent")) {
        (None, Some(_)) => return true,
        (Some(_), None) => return false,
        (Some(left), Some(right)) if left < right => return true,
        _ => {}
    }
    if !left.is_persistent() {
        true
    } else if !right.is_persistent() {
        false
    } else {
        left.name < right.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{Attribute, Quantity};

    fn volume(name: &str, size: u64, persistent: Option<&str>) -> Storage {
        let attributes = persistent.map(|value| Attribute::new("persistent", value)).into_iter().collect();
        Storage { name: name.to_owned(), size: Quantity(size), attributes }
    }

    fn sorted(mut volumes: Vec<Storage>) -> String {
        canonical_order(&mut volumes);
        volumes.into_iter().map(|volume| volume.name).collect()
    }

    #[test]
    fn smaller_first() {
        assert_eq!(sorted(vec![volume("a", 3, None), volume("b", 1, Some("true")), volume("c", 2, None)]), "bca");
    }

    #[test]
    fn equal_ephemeral_volumes_are_reversed() {
        assert_eq!(sorted(vec![volume("a", 1, None), volume("b", 1, None), volume("c", 1, None)]), "cba");
    }

    #[test]
    fn equal_persistent_volumes_go_by_name() {
        let persistent = |name| volume(name, 1, Some("true"));
        assert_eq!(sorted(vec![persistent("c"), persistent("a"), persistent("b")]), "abc");
    }

    #[test]
    fn unmarked_before_ephemeral_before_persistent() {
        let volumes = vec![volume("p", 1, Some("true")), volume("e", 1, Some("false")), volume("u", 1, None)];
        assert_eq!(sorted(volumes), "uep");
    }
}
