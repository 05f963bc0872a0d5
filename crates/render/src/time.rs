//! Header time in milliseconds since 1970, which all timers of this market count in.

use ledger::Context;
use proto::Timestamp;

/// Header time of the running block.
pub fn now_ms(ctx: &Context) -> u64 {
    ms(&ctx.block.time)
}

/// A time in milliseconds; times before 1970 count as 0.
pub fn ms(time: &Timestamp) -> u64 {
    let millis = time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos) / 1_000_000);
    u64::try_from(millis).unwrap_or(0)
}

/// A time of the wire that may be missing.
pub fn some_ms(time: Option<&Timestamp>) -> Option<u64> {
    time.map(ms)
}

/// The time for the wire.
pub fn stamp(ms: u64) -> Timestamp {
    Timestamp {
        seconds: i64::try_from(ms / 1000).unwrap_or(i64::MAX),
        // Below 10^9 by the remainder.
        nanos: i32::try_from(ms % 1000).unwrap_or(0).saturating_mul(1_000_000),
    }
}
