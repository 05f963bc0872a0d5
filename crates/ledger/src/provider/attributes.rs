//! What a provider claims of itself.

use std::collections::BTreeSet;

use proto::akash::base::attributes::v1::Attribute;

use super::refusals;
use crate::failure::Rejection;

/// Checks attributes: keys match upstream's `^([a-zA-Z][\w\/\.\-]{1,126})$` and none comes twice. Values are free.
///
/// # Errors
/// `provider` 6.
pub fn check(attributes: &[Attribute]) -> Result<(), Rejection> {
    let mut seen = BTreeSet::new();
    for Attribute { key, .. } in attributes {
        if !is_key(key) {
            let rule = "a letter, then 1 to 126 letters, digits or _/.-";
            return Err(refusals::attributes(&format!("attribute key {key:?} is not {rule}")));
        }
        if !seen.insert(key) {
            return Err(refusals::attributes(&format!("attribute key {key:?} stands there twice; remove one")));
        }
    }
    Ok(())
}

fn is_key(text: &str) -> bool {
    let mut bytes = text.bytes();
    (2..=127).contains(&text.len())
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_/.-".contains(&byte))
}
