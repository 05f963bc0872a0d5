//! Whether a device is what was asked for.

/// Capability paths are keys and values in turn: `vendor/nvidia/model/a100/ram/80Gi`.
fn pairs(path: &str) -> Vec<(&str, &str)> {
    let mut parts = path.split('/');
    std::iter::from_fn(|| Some((parts.next()?, parts.next().unwrap_or("")))).collect()
}

/// Shell glob of one path segment: `*` stands for any text. Each part is taken where it comes first, so that no pattern
/// makes work beyond one walk over the text for each of its parts.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else { return false };
    let Some(tail) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(tail)
}

/// Whether a device whose capability path is `model` has everything that `pattern` names, in any order; `*` in a
/// value stands for any text (spec/akash.md 1.7, capability match).
pub fn matches(pattern: &str, model: &str) -> bool {
    let has = pairs(model);
    pairs(pattern).iter().all(|(key, value)| has.iter().any(|(k, v)| k == key && glob(value, v)))
}

/// Whether a device is accepted by any of the patterns; no patterns accept every device.
pub fn accepted(accepts: &[String], model: &str) -> bool {
    accepts.is_empty() || accepts.iter().any(|pattern| matches(pattern, model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let a100 = "vendor/nvidia/model/a100/ram/80Gi/interface/sxm";
        for (pattern, fits) in [
            ("vendor/nvidia/model/a100", true),
            ("vendor/nvidia/model/*", true),
            ("vendor/nvidia/model/a*0", true),
            ("vendor/nvidia/model/a100/interface/sxm", true),
            ("vendor/nvidia/model/a100/ram/40Gi", false),
            ("vendor/nvidia/model/h100", false),
            ("vendor/amd", false),
            ("vendor/nvidia/model/a10", false),
        ] {
            assert_eq!(matches(pattern, a100), fits, "{pattern}");
        }
        assert!(accepted(&[], a100));
        assert!(accepted(&["vendor/amd".to_owned(), "vendor/nvidia".to_owned()], a100));
    }
    /// What `*` means, by trying everything.
    fn tried(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skipped| tried(rest, &text[skipped..])),
            Some((first, rest)) => text.first() == Some(first) && tried(rest, &text[1..]),
        }
    }

    proptest::proptest! {
        #[test]
        fn stars_stand_for_any_text(pattern in "[ab*]{0,7}", text in "[ab]{0,9}") {
            proptest::prop_assert_eq!(glob(&pattern, &text), tried(pattern.as_bytes(), text.as_bytes()));
        }
    }

    /// Markets differ in the patterns that they let through; none may stall the chain.
    #[test]
    fn a_pattern_of_many_stars_is_matched_at_once() {
        let (pattern, text) = (format!("{}b", "*a".repeat(60)), "a".repeat(120));
        assert!(!glob(&pattern, &text));
    }
}
