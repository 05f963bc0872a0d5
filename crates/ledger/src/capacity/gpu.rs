//! Whether a device is what was asked for.

/// Capability paths are keys and values in turn: `vendor/nvidia/model/a100/ram/80Gi`.
fn pairs(path: &str) -> Vec<(&str, &str)> {
    let mut parts = path.split('/');
    std::iter::from_fn(|| Some((parts.next()?, parts.next().unwrap_or("")))).collect()
}

/// Shell glob of one path segment: `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).filter_map(|skipped| rest.get(skipped..)).any(|rest| glob(tail, rest))
        }),
    }
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
}
