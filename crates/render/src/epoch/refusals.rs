//! Refusals of epochs, codespace `render_epoch`.

use ledger::Rejection;

const CODESPACE: &str = "render_epoch";

/// 2: a parameter out of bounds.
pub fn invalid_param(why: impl std::fmt::Display) -> Rejection {
    Rejection::new(CODESPACE, 2, format!("parameter invalid: {why}"))
}

/// 3: nothing to claim.
pub fn nothing_owed(owner: &str) -> Rejection {
    let why = format!("no closed epoch owes {owner} anything: work is paid after the epoch of its approval");
    Rejection::new(CODESPACE, 3, why)
}

/// 4: a tier without a price.
pub fn no_price(tier: &str) -> Rejection {
    Rejection::new(CODESPACE, 4, format!("{tier} has no price: name one of the tiers 1 to 3"))
}
