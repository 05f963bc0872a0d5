//! Whether a provider is where the tenant wants to be (spec/akash.md 1.7, "Placement match").

use crate::groups::GroupSpec;
use crate::resources::Attribute;

/// Why a provider does not fit a group's placement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The provider does not claim this.
    Missing(Attribute),
    /// Auditors must have signed, and nobody can have signed yet.
    Unsigned,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(Attribute { key, value }) => write!(f, "the provider has no attribute {key}={value}"),
            Self::Unsigned => {
                f.write_str("the order wants attributes signed by auditors, and this chain has no audits yet")
            }
        }
    }
}

/// Whether the provider's own attributes are a superset of those that the group requires. A group that requires
/// signatures of auditors fits no provider, as there are no audits on this chain yet.
///
/// # Errors
/// The first requirement that is not met.
pub fn check(group: &GroupSpec, provider: &[Attribute]) -> Result<(), Mismatch> {
    let signed_by = &group.signed_by;
    if !signed_by.all_of.is_empty() || !signed_by.any_of.is_empty() {
        return Err(Mismatch::Unsigned);
    }
    let has =
        |wanted: &&Attribute| provider.iter().any(|found| found.value == wanted.value && glob(&wanted.key, &found.key));
    match group.attributes.iter().find(|wanted| !has(wanted)) {
        None => Ok(()),
        Some(missing) => Err(Mismatch::Missing(missing.clone())),
    }
}

/// Whether a text matches a pattern by Go's `filepath.Match`, of which attribute keys can only hold `*`: any number of
/// characters other than `/`.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    // Taking each piece at its first place leaves the most for the next ones.
    for piece in pieces {
        match rest.split_once(piece) {
            Some((skipped, behind)) if !skipped.contains('/') => rest = behind,
            _ => return false,
        }
    }
    rest.strip_suffix(last).is_some_and(|skipped| !skipped.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stops_at_a_slash() {
        for (pattern, text, matches) in [
            ("region", "region", true),
            ("region", "regions", false),
            ("vendor/nvidia/model/*", "vendor/nvidia/model/a100", true),
            ("vendor/nvidia/model/*", "vendor/nvidia/model/a100/ram/80Gi", false),
            ("vendor/*/model/a100", "vendor/nvidia/model/a100", true),
            ("vendor/*", "vendor/", true),
            ("vendor*", "vendor", true),
            ("*a*b", "xaxb", true),
            ("*a*b", "xax/b", false),
            ("a*ab", "ab", false),
            ("a*", "b", false),
        ] {
            assert_eq!(glob(pattern, text), matches, "{pattern} against {text}");
        }
    }
}
