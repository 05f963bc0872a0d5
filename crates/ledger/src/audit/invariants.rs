//! What always holds of auditors' signatures.

use super::messages;
use super::state::{BY_AUDITOR, SIGNED};
use crate::context::Context;

/// Broken promises: whoever stands as an auditor signed something, well formed, each attribute once and in order; and
/// both indices name the same pairs.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let mut broken = Vec::new();
    let all = SIGNED.all(&ctx.state)?;
    for ((owner, auditor), signed) in &all {
        let name = format!("what {} signed for {}", ctx.text(auditor), ctx.text(owner));
        if let Err(refused) = messages::check(&signed.attributes) {
            broken.push(format!("{name}: {refused}"));
        }
        if !signed.attributes.is_sorted_by(|left, right| left.key < right.key) {
            broken.push(format!("{name} is not in order of key"));
        }
        if !BY_AUDITOR.has(&ctx.state, &(*auditor, *owner))? {
            broken.push(format!("{name} is not found by auditor"));
        }
    }
    let by_auditor = BY_AUDITOR.all(&ctx.state)?.len();
    if by_auditor != all.len() {
        broken.push(format!("{} pairs of provider and auditor, but {by_auditor} by auditor", all.len()));
    }
    Ok(broken)
}
