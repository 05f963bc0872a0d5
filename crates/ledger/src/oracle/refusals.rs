//! Refusals of the oracle, codespace `oracle`.

use crate::failure::Rejection;

const CODESPACE: &str = "oracle";

/// 2: somebody posts who is no feeder.
pub fn not_a_feeder(who: &str) -> Rejection {
    let why = format!("{who} is no feeder: only those that the parameters name may post prices");
    Rejection::new(CODESPACE, 2, why)
}

/// 3: a pair that the oracle does not keep.
pub fn no_such_pair(pair: &str) -> Rejection {
    let pairs = super::PAIRS.join(", ");
    Rejection::new(CODESPACE, 3, format!("{pair:?} is no pair of the oracle; there are {pairs}"))
}

/// 4: a price that may not be used now.
pub fn unusable(pair: &str, reason: &str) -> Rejection {
    Rejection::new(CODESPACE, 4, format!("the price {pair} may not be used now: {reason}"))
}
