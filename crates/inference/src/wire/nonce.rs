//! Replays: a nonce is the caller's clock in nanoseconds, and rises within a session.
//!
//! A session's first nonce must be younger than the allowed skew plus the request's time-out. What is older than any first
//! nonce could be is forgotten, and a request that old is refused whether or not it is remembered.

use std::collections::BTreeMap;
use std::time::Duration;

use super::refusal::{Refusal, Status};
use super::{ALLOWED_SKEW, Caller, MAX_TIMEOUT};
use crate::keys::HotkeyId;

/// Sessions of one caller that are remembered at a time; further ones wait until old ones are forgotten.
const MAX_SESSIONS: usize = 262_144;
/// Every so many requests, what is too old is forgotten.
const SWEEP_EVERY: u32 = 1024;

/// What was seen.
#[derive(Debug, Default)]
pub struct Nonces {
    sessions: BTreeMap<HotkeyId, BTreeMap<String, Last>>,
    since_sweep: u32,
}

#[derive(Debug)]
struct Last {
    nonce: u64,
    /// From when on a repetition is too old to be taken anyway.
    until: u64,
}

fn ns(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl Nonces {
    /// Takes a request's nonce at a time of this machine's clock.
    ///
    /// # Errors
    /// [`Status::Unauthorized`] for one that was seen, or whose clock differs; [`Status::Busy`] when one caller opened more
    /// sessions than are remembered.
    pub fn take(&mut self, caller: &Caller, now: u64) -> Result<(), Refusal> {
        self.since_sweep += 1;
        if self.since_sweep >= SWEEP_EVERY {
            self.since_sweep = 0;
            self.forget(now);
        }
        let refused = |why: String| Err(Refusal::new(Status::Unauthorized, why));
        if caller.nonce > now.saturating_add(ns(ALLOWED_SKEW)) {
            let ahead = Duration::from_nanos(caller.nonce - now).as_secs_f64();
            return refused(format!("the nonce is {ahead:.1} s ahead of this clock: are both clocks right?"));
        }
        let sessions = self.sessions.entry(caller.hotkey).or_default();
        let until = caller.nonce.saturating_add(ns(caller.window()));
        match sessions.get_mut(&caller.session) {
            Some(last) if caller.nonce <= last.nonce => {
                refused("the nonce was seen in this session already".to_owned())
            }
            Some(last) => {
                *last = Last { nonce: caller.nonce, until: until.max(last.until) };
                Ok(())
            }
            None => {
                let age = Duration::from_nanos(now.saturating_sub(caller.nonce));
                if age > ALLOWED_SKEW + caller.timeout.min(MAX_TIMEOUT) {
                    let late = age.as_secs_f64();
                    return refused(format!("the nonce is {late:.1} s behind this clock: are both clocks right?"));
                }
                if sessions.len() >= MAX_SESSIONS {
                    return Err(Refusal::new(Status::Busy, "too many sessions: keep to one for many requests"));
                }
                sessions.insert(caller.session.clone(), Last { nonce: caller.nonce, until });
                Ok(())
            }
        }
    }

    /// Forgets sessions so old that no first nonce could repeat theirs.
    fn forget(&mut self, now: u64) {
        self.sessions.retain(|_, sessions| {
            sessions.retain(|_, last| last.until >= now);
            !sessions.is_empty()
        });
    }

    /// How many sessions are remembered.
    pub fn len(&self) -> usize {
        self.sessions.values().map(BTreeMap::len).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Scheme;

    const SECOND: u64 = 1_000_000_000;
    const NOW: u64 = 1_700_000_000 * SECOND;

    fn caller(nonce: u64, session: &str) -> Caller {
        let hotkey = HotkeyId::from_bytes([1; 32]);
        Caller { hotkey, nonce, session: session.to_owned(), timeout: Duration::from_secs(12), scheme: Scheme::V2 }
    }

    #[test]
    fn a_first_nonce_is_as_young_as_skew_and_time_out_allow() {
        let late = |seconds: u64| Nonces::default().take(&caller(NOW - seconds * SECOND, "a"), NOW);
        assert_eq!(late(16), Ok(()));
        assert_eq!(
            late(17).unwrap_err().to_string(),
            "401: the nonce is 17.0 s behind this clock: are both clocks right?"
        );
        let early = |seconds: u64| Nonces::default().take(&caller(NOW + seconds * SECOND, "a"), NOW);
        assert_eq!(early(4), Ok(()));
        assert_eq!(
            early(5).unwrap_err().to_string(),
            "401: the nonce is 5.0 s ahead of this clock: are both clocks right?"
        );
    }

    #[test]
    fn within_a_session_nonces_rise() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.take(&caller(NOW, "a"), NOW), Ok(()));
        assert!(nonces.take(&caller(NOW, "a"), NOW).is_err());
        assert!(nonces.take(&caller(NOW - 1, "a"), NOW).is_err());
        assert_eq!(nonces.take(&caller(NOW - 1, "b"), NOW), Ok(()));
        assert_eq!(nonces.take(&caller(NOW + 1, "a"), NOW), Ok(()));
    }

    #[test]
    fn memory_is_bounded_by_time() {
        let mut nonces = Nonces::default();
        let step = SECOND;
        for i in 0..20_000 {
            let now = NOW + i * step;
            nonces.take(&caller(now, &i.to_string()), now).unwrap();
        }
        assert!(nonces.len() <= 17 + SWEEP_EVERY as usize + 1, "{}", nonces.len());
    }

    proptest! {
        /// Whatever is sent again later is refused, however long after.
        #[test]
        fn no_request_is_taken_twice(sent in proptest::collection::vec((0u64..2_000, 0u8..4, 0u64..2_000), 1..200)) {
            let mut nonces = Nonces { since_sweep: SWEEP_EVERY - 3, ..Nonces::default() };
            let mut taken = std::collections::BTreeSet::new();
            let mut now = NOW;
            for (age, session, passes) in sent {
                now += passes * SECOND / 10;
                nonces.since_sweep = SWEEP_EVERY;
                let request = caller(now - age * SECOND / 100, &session.to_string());
                for again in taken.iter().take(5) {
                    let (nonce, session): &(u64, u8) = again;
                    prop_assert!(nonces.take(&caller(*nonce, &session.to_string()), now).is_err());
                }
                if nonces.take(&request, now).is_ok() {
                    prop_assert!(taken.insert((request.nonce, session)));
                }
            }
        }
    }
}
