//! Refusals, with upstream's codes (positions in its list, spec/akash.md 1.13) and phrases.

use primitives::Denom;

use super::state::{Account, AccountId, Payment, PaymentId};
use crate::failure::Rejection;

const CODESPACE: &str = "escrow";

fn name(id: &AccountId) -> String {
    format!("{}/{}", id.scope.as_str_name(), id.xid)
}

pub(super) fn account_exists(id: &AccountId) -> Rejection {
    Rejection::new(CODESPACE, 1, format!("account exists: {}", name(id)))
}

pub(super) fn account_closed(id: &AccountId) -> Rejection {
    Rejection::new(CODESPACE, 2, format!("account closed: {}; it was refunded and takes no more money", name(id)))
}

pub(super) fn account_not_found(id: &AccountId) -> Rejection {
    Rejection::new(CODESPACE, 3, format!("account not found: {}", name(id)))
}

pub(super) fn account_overdrawn(id: &AccountId, account: &Account) -> Rejection {
    let (owed, denom) = (account.owed, &account.denom);
    let text =
        format!("account overdrawn: {} ran out of funds and owes {owed}{denom}; deposit that to close it", name(id));
    Rejection::new(CODESPACE, 4, text)
}

pub(super) fn invalid_denomination(wanted: &Denom, found: &Denom) -> Rejection {
    Rejection::new(CODESPACE, 5, format!("invalid denomination: the account holds {wanted}, not {found}"))
}

pub(super) fn payment_exists(id: &PaymentId) -> Rejection {
    Rejection::new(CODESPACE, 6, format!("payment exists: {}/{}", id.xid, id.payment))
}

pub(super) fn payment_closed(id: &PaymentId, payment: &Payment) -> Rejection {
    let debt = match payment.owed {
        0 => String::new(),
        owed => format!("; of its last tick it is owed {owed} base units, which a deposit into the account pays"),
    };
    let text = format!("payment closed: {}/{} was paid out when it ended{debt}", id.xid, id.payment);
    Rejection::new(CODESPACE, 7, text)
}

pub(super) fn payment_not_found(id: &PaymentId) -> Rejection {
    Rejection::new(CODESPACE, 8, format!("payment not found: {}/{}", id.xid, id.payment))
}

pub(super) fn payment_rate_zero() -> Rejection {
    Rejection::new(CODESPACE, 9, "payment rate zero: a payment must have a price")
}

pub(super) fn mixed_units() -> Rejection {
    Rejection::new(
        CODESPACE,
        10,
        "invalid payment: the payments of one account are all per block or all per millisecond",
    )
}

pub(super) fn invalid_settlement(why: &str) -> Rejection {
    Rejection::new(CODESPACE, 11, format!("invalid settlement: {why}"))
}

pub(super) fn invalid_id(why: &str) -> Rejection {
    Rejection::new(CODESPACE, 12, format!("invalid account id: {why}"))
}

pub(super) fn too_many_depositors(limit: usize) -> Rejection {
    let text = format!(
        "invalid depositor: the account has money of {limit} others than its owner, and only those and the owner may \
         still add"
    );
    Rejection::new(CODESPACE, 14, text)
}

pub(super) fn invalid_deposit(why: &str) -> Rejection {
    Rejection::new(CODESPACE, 16, format!("invalid deposit: {why}"))
}
