//! Whether a provider is where the tenant wants to be (spec/akash.md 1.7, "Placement match").

use std::collections::BTreeMap;
use std::fmt;

use crate::groups::GroupSpec;
use crate::resources::Attribute;

/// What auditors signed for a provider, by the auditor's address as orders write it. Nobody stands here who signed
/// nothing.
pub type Signed = BTreeMap<String, Vec<Attribute>>;

/// What of an order's placement an auditor did not sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// The auditor.
    pub auditor: String,
    /// The first attribute that it did not sign; none when it signed nothing at all for this provider.
    pub missing: Option<Attribute>,
}

/// Why a provider does not fit a group's placement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The provider does not claim this.
    Missing(Attribute),
    /// One of the auditors that must all have signed did not.
    AllOf(Unsigned),
    /// None of the auditors of whom one must have signed did; each with what is missing.
    AnyOf(Vec<Unsigned>),
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.missing {
            Some(Attribute { key, value }) => write!(f, "auditor {} has not signed {key}={value}", self.auditor),
            None => write!(f, "auditor {} has signed nothing of this provider", self.auditor),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(Attribute { key, value }) => write!(f, "the provider has no attribute {key}={value}"),
            Self::AllOf(unsigned) => write!(f, "all of the order's auditors must have signed: {unsigned}"),
            Self::AnyOf(unsigned) => {
                let list = unsigned.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                write!(f, "one of the order's auditors must have signed: {list}")
            }
        }
    }
}

/// The auditors whose signatures an order asks for; none when the provider's own word is enough.
pub fn auditors(group: &GroupSpec) -> impl Iterator<Item = &str> {
    group.signed_by.all_of.iter().chain(&group.signed_by.any_of).map(String::as_str)
}

/// Whether a provider fits a group's placement. Without auditors in the order, the provider's own attributes must be a
/// superset of those that the group requires. With auditors, only what they signed counts: all of `all_of` must have
/// signed a superset, and, where `any_of` names somebody, at least one of those.
///
/// # Errors
/// The first requirement that is not met.
pub fn check(group: &GroupSpec, provider: &[Attribute], signed: &Signed) -> Result<(), Mismatch> {
    let wanted = &group.attributes;
    let (all_of, any_of) = (&group.signed_by.all_of, &group.signed_by.any_of);
    if all_of.is_empty() && any_of.is_empty() {
        return match first_missing(wanted, provider) {
            None => Ok(()),
            Some(missing) => Err(Mismatch::Missing(missing.clone())),
        };
    }
    let lacks = |auditor: &String| match signed.get(auditor) {
        None => Some(Unsigned { auditor: auditor.clone(), missing: None }),
        Some(theirs) => first_missing(wanted, theirs)
            .map(|missing| Unsigned { auditor: auditor.clone(), missing: Some(missing.clone()) }),
    };
    if let Some(unsigned) = all_of.iter().find_map(lacks) {
        return Err(Mismatch::AllOf(unsigned));
    }
    match any_of.iter().map(lacks).collect::<Option<Vec<Unsigned>>>() {
        Some(unsigned) if !unsigned.is_empty() => Err(Mismatch::AnyOf(unsigned)),
        _ => Ok(()),
    }
}

/// The first wanted attribute that nothing of `found` matches.
fn first_missing<'a>(wanted: &'a [Attribute], found: &[Attribute]) -> Option<&'a Attribute> {
    let has = |wanted: &Attribute| found.iter().any(|f| f.value == wanted.value && glob(&wanted.key, &f.key));
    wanted.iter().find(|wanted| !has(wanted))
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
    use proptest::prelude::*;

    use super::*;
    use crate::model::SignedBy;

    fn attribute((key, value): (&str, &str)) -> Attribute {
        Attribute::new(key, value)
    }

    fn order(wanted: &[(&str, &str)], all_of: &[&str], any_of: &[&str]) -> GroupSpec {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        GroupSpec {
            name: "here".to_owned(),
            attributes: wanted.iter().copied().map(attribute).collect(),
            signed_by: SignedBy { all_of: texts(all_of), any_of: texts(any_of) },
            units: Vec::new(),
        }
    }

    #[test]
    fn the_refusal_names_auditor_and_attribute() {
        let own = [("region", "eu"), ("tier", "gold")].map(attribute);
        let signed: Signed = [
            ("ann".to_owned(), own.to_vec()),
            ("bob".to_owned(), vec![Attribute::new("region", "eu")]),
            ("cat".to_owned(), vec![Attribute::new("region", "us")]),
        ]
        .into();
        let both = [("region", "eu"), ("tier", "gold")];
        let say = |wanted: &[(&str, &str)], all_of: &[&str], any_of: &[&str]| match check(
            &order(wanted, all_of, any_of),
            &own,
            &signed,
        ) {
            Ok(()) => "fits".to_owned(),
            Err(mismatch) => mismatch.to_string(),
        };
        let said = [
            say(&both, &[], &[]),
            say(&[("region", "us")], &[], &[]),
            say(&both, &["ann"], &[]),
            say(&both, &["ann", "bob"], &[]),
            say(&[("region", "eu")], &["ann", "bob"], &[]),
            say(&both, &[], &["bob", "ann"]),
            say(&both, &[], &["bob", "cat", "dan"]),
            say(&both, &["ann"], &["bob"]),
            say(&both, &["dan"], &["ann"]),
            say(&[], &["dan"], &[]),
            say(&[], &["cat"], &[]),
            // What the provider says of itself does not count beside auditors, and need not.
            say(&[("region", "us")], &["cat"], &[]),
        ];
        insta::assert_snapshot!(said.join(
            "
"
        ));
    }

    const KEYS: [&str; 3] = ["dc", "region", "tier"];
    const AUDITORS: [&str; 3] = ["ann", "bob", "cat"];

    fn some(names: [&'static str; 3]) -> impl Strategy<Value = Vec<&'static str>> {
        proptest::collection::btree_set(0usize..3, 0..3)
            .prop_map(move |set| set.into_iter().filter_map(|place| names.get(place).copied()).collect())
    }

    proptest! {
        /// Against the sentence of the specification, said with sets.
        #[test]
        fn orders_fit_as_the_sentence_says(
            wanted in some(KEYS), own in some(KEYS), all_of in some(AUDITORS), any_of in some(AUDITORS),
            theirs in proptest::collection::vec(some(KEYS), 3),
        ) {
            let pairs = |keys: &[&'static str]| keys.iter().map(|key| (*key, "yes")).collect::<Vec<_>>();
            let list = |keys: &[&'static str]| pairs(keys).into_iter().map(attribute).collect::<Vec<_>>();
            let signed: Signed = AUDITORS
                .iter()
                .zip(&theirs)
                .filter(|(_, keys)| !keys.is_empty())
                .map(|(auditor, keys)| ((*auditor).to_owned(), list(keys)))
                .collect();
            let vouches = |auditor: &&str| {
                let keys = AUDITORS.iter().position(|known| known == auditor).and_then(|place| theirs.get(place));
                keys.is_some_and(|keys| !keys.is_empty() && wanted.iter().all(|key| keys.contains(key)))
            };
            let fits = if all_of.is_empty() && any_of.is_empty() {
                wanted.iter().all(|key| own.contains(key))
            } else {
                all_of.iter().all(vouches) && (any_of.is_empty() || any_of.iter().any(vouches))
            };
            let found = check(&order(&pairs(&wanted), &all_of, &any_of), &list(&own), &signed);
            prop_assert_eq!(found.is_ok(), fits, "{:?}", found);
        }
    }

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
