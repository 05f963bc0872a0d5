//! Why signatures of auditors are refused. Codes and words are upstream's (upstream `audit/v1/errors.go`); each goes
//! on to say what to do.

use crate::failure::Rejection;

const CODESPACE: &str = "audit";

/// What upstream says of a provider for which nothing is signed.
pub const NOT_FOUND: &str = "invalid provider: address not found";

fn refusal(code: u32, words: &str, detail: &str) -> Rejection {
    Rejection::new(CODESPACE, code, format!("{detail}: {words}"))
}

/// 1: the auditor signed nothing for this provider.
pub fn nothing_signed(owner: &str, auditor: &str) -> Rejection {
    refusal(1, NOT_FOUND, &format!("{auditor} has signed no attribute of {owner}; there is nothing to delete"))
}

/// 3: the auditor did not sign this attribute.
pub fn attribute_not_found(key: &str, owner: &str, auditor: &str) -> Rejection {
    let detail =
        format!("{auditor} has not signed {key:?} of {owner}; name each signed attribute once, or none for all");
    refusal(3, "attribute not found", &detail)
}
