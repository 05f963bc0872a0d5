//! What packets suffer on their way.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use engine::driver::seeded::Peer;
use rand::Rng;

/// How links behave. Packets overtake each other when the latency has a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// Of every packet, in microseconds.
    pub latency_us: RangeInclusive<u64>,
    /// Of a thousand packets, how many never arrive.
    pub lost: u32,
    /// Of a thousand packets, how many arrive twice.
    pub doubled: u32,
    /// Of a thousand packets, how many take ten times as long.
    pub late: u32,
}

impl Links {
    /// A quiet local network: one to three milliseconds, nothing lost, next to nothing overtaken.
    pub fn quiet() -> Self {
        Self { latency_us: 1_000..=3_000, lost: 0, doubled: 0, late: 0 }
    }

    /// A bad long-distance line: 20 to 200 ms, a tenth lost, some twice, some late.
    pub fn wild() -> Self {
        Self { latency_us: 20_000..=200_000, lost: 100, doubled: 50, late: 50 }
    }

    /// Any line between the two, by the dice.
    pub fn any(dice: &mut impl Rng) -> Self {
        let least = dice.random_range(500..=50_000);
        Self {
            latency_us: least..=least + dice.random_range(0..=250_000),
            lost: dice.random_range(0..=200),
            doubled: dice.random_range(0..=100),
            late: dice.random_range(0..=100),
        }
    }

    /// When the copies of one packet arrive; none when it is lost.
    pub(crate) fn arrivals(&self, dice: &mut impl Rng) -> Vec<Duration> {
        let mut happens = |of_thousand: u32| dice.random_range(0..1000) < of_thousand;
        let (lost, doubled, late) = (happens(self.lost), happens(self.doubled), happens(self.late));
        let copies = if lost { 0 } else { 1 + usize::from(doubled) };
        let factor = if late { 10 } else { 1 };
        (0..copies).map(|_| Duration::from_micros(factor * dice.random_range(self.latency_us.clone()))).collect()
    }
}

/// Which nodes cannot reach which.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cuts(BTreeSet<(Peer, Peer)>);

impl Cuts {
    pub(crate) fn cut(&mut self, from: Peer, to: Peer) {
        self.0.insert((from, to));
    }

    pub(crate) fn heal(&mut self) {
        self.0.clear();
    }

    pub(crate) fn passes(&self, from: Peer, to: Peer) -> bool {
        !self.0.contains(&(from, to))
    }
}
