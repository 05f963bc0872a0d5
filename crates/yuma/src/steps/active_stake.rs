//! Step 4: the stake that speaks in this epoch.

use super::normalized;
use crate::at;
use crate::fixed::Fixed;

/// Shares among active neurons with a permit; zero for all others, and for all when none of them has stake.
pub(crate) fn shares(stake: &[Fixed], active: &[bool], permits: &[bool]) -> Vec<Fixed> {
    let speaks = |uid| at(active, uid) && at(permits, uid);
    let counted = |(uid, stake): (usize, &Fixed)| if speaks(uid) { *stake } else { Fixed::ZERO };
    normalized(stake.iter().enumerate().map(counted).collect())
}
