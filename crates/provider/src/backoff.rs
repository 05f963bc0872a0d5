//! How long to wait before trying again.

use std::time::Duration;

/// Doubling waits between two bounds.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits of `first`, twice that, and so on, never more than `most`.
    pub(crate) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first.min(most) }
    }

    /// The wait before the next attempt.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.most);
        wait
    }

    /// As [`Backoff::wait`], begun anew when what failed had run for longer than the longest wait.
    pub(crate) fn wait_after(&mut self, ran: Duration) -> Duration {
        if ran > self.most {
            self.reset();
        }
        self.wait()
    }

    /// Begins anew.
    pub(crate) fn reset(&mut self) {
        self.next = self.first.min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_double_up_to_the_most(first in 1u64..1000, factor in 1u64..100) {
            let (first, most) = (Duration::from_millis(first), Duration::from_millis(first * factor));
            let mut backoff = Backoff::new(first, most);
            let mut last = backoff.wait();
            prop_assert_eq!(last, first);
            for _ in 0..20 {
                let wait = backoff.wait();
                prop_assert_eq!(wait, (last * 2).min(most));
                last = wait;
            }
            prop_assert_eq!(last, most);
            prop_assert_eq!(backoff.wait_after(most), most);
            prop_assert_eq!(backoff.wait_after(most + Duration::from_nanos(1)), first);
        }
    }
}
