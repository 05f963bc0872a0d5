//! Refusals of credits, codespace `render_credit`. Too few credits are `sdk` 5, as too few coins are.

use ledger::Rejection;

const CODESPACE: &str = "render_credit";

/// 2: what is offered does not buy credits.
pub fn not_taken(denom: &str) -> Rejection {
    let why = format!("credits are bought with ulux or uusd, not with {denom}");
    Rejection::new(CODESPACE, 2, why)
}

/// 3: fewer credits than the least that was asked for.
pub fn too_few(ucredits: u64, least: u64) -> Rejection {
    let why = format!("the payment buys {ucredits} millionths of a credit, at least {least} were asked for; pay more");
    Rejection::new(CODESPACE, 3, why)
}

/// 4: a payment that is too small to keep books of.
pub fn too_small(ucredits: u64, least: u64) -> Rejection {
    let why = format!("the payment buys {ucredits} millionths of a credit; a payment must buy at least {least}");
    Rejection::new(CODESPACE, 4, why)
}

/// 5: too many payments that are not used up.
pub fn too_many_lots(most: usize) -> Rejection {
    let why = format!("{most} payments are not used up yet; spend of them before you buy more credits");
    Rejection::new(CODESPACE, 5, why)
}

/// 6: an ask that is none.
pub fn bad_ask(why: impl Into<String>) -> Rejection {
    Rejection::new(CODESPACE, 6, why)
}
