//! In what order the frames of a job are rendered.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why an order is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no order of frames; there are forward, nth:N with N of at least 2, and bisect")]
pub struct OrderError(String);

/// The order of a job's frames. Every order renders every frame once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Order {
    /// As the list has them.
    #[default]
    Forward,
    /// Each n-th of the list first, then the others in the list's order: an early look at the whole.
    EveryNth(u32),
    /// The first, the last, the one in the middle, then the middles of what lies between: Afanasy's order 0.
    Bisect,
}

impl Order {
    /// The same items in this order.
    pub fn arrange<T: Copy>(self, items: &[T]) -> Vec<T> {
        let positions: Vec<usize> = match self {
            Self::Forward => (0..items.len()).collect(),
            Self::EveryNth(n) => {
                let n = n.max(1) as usize;
                let (nth, others): (Vec<usize>, Vec<usize>) = (0..items.len()).partition(|position| position % n == 0);
                nth.into_iter().chain(others).collect()
            }
            Self::Bisect => bisect(items.len()),
        };
        positions.into_iter().filter_map(|position| items.get(position).copied()).collect()
    }
}

/// Positions from both ends inwards: the middle of each gap, gaps of one generation from the left; middles round down.
fn bisect(count: usize) -> Vec<usize> {
    let Some(last) = count.checked_sub(1) else { return Vec::new() };
    let mut positions = vec![0];
    if last > 0 {
        positions.push(last);
    }
    let mut gaps = VecDeque::from([(0, last)]);
    while let Some((left, right)) = gaps.pop_front() {
        if right - left < 2 {
            continue;
        }
        let middle = left + (right - left) / 2;
        positions.push(middle);
        gaps.push_back((left, middle));
        gaps.push_back((middle, right));
    }
    positions
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forward => f.write_str("forward"),
            Self::EveryNth(n) => write!(f, "nth:{n}"),
            Self::Bisect => f.write_str("bisect"),
        }
    }
}

impl FromStr for Order {
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        let refused = || OrderError(text.to_owned());
        match text {
            "forward" => Ok(Self::Forward),
            "bisect" => Ok(Self::Bisect),
            _ => {
                let n = text.strip_prefix("nth:").and_then(|n| n.parse().ok()).filter(|n| *n >= 2);
                n.map(Self::EveryNth).ok_or_else(refused)
            }
        }
    }
}

impl TryFrom<String> for Order {
    type Error = OrderError;

    fn try_from(text: String) -> Result<Self, OrderError> {
        text.parse()
    }
}

impl From<Order> for String {
    fn from(order: Order) -> Self {
        order.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn orders_are_as_their_names_say() {
        let frames: Vec<u32> = (1..=9).collect();
        assert_eq!(Order::Forward.arrange(&frames), frames);
        assert_eq!(Order::EveryNth(4).arrange(&frames), [1, 5, 9, 2, 3, 4, 6, 7, 8]);
        assert_eq!(Order::Bisect.arrange(&frames), [1, 9, 5, 3, 7, 2, 4, 6, 8]);
        // The example of Afanasy's documentation, up to which side of the middle is taken.
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!(Order::Bisect.arrange(&hundred)[..5], [1, 100, 50, 25, 75]);
        assert_eq!(Order::Bisect.arrange::<u32>(&[]), [0; 0]);
        assert_eq!(Order::Bisect.arrange(&[3]), [3]);
    }

    #[test]
    fn orders_are_written_and_read() {
        for order in [Order::Forward, Order::EveryNth(2), Order::EveryNth(25), Order::Bisect] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        for text in ["", "backward", "nth:", "nth:1", "nth:0", "nth:-2", "Bisect"] {
            assert_eq!(text.parse::<Order>(), Err(OrderError(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn every_order_has_every_frame_once(count in 0usize..600, n in 0u32..40, kind in 0..3) {
            let order = [Order::Forward, Order::EveryNth(n), Order::Bisect][kind as usize];
            let frames: Vec<usize> = (0..count).collect();
            let mut arranged = order.arrange(&frames);
            arranged.sort_unstable();
            prop_assert_eq!(arranged, frames);
        }

        #[test]
        fn after_each_generation_of_bisect_no_gap_is_wide(count in 2usize..600, generation in 0u32..9) {
            let known = 1 + (1usize << generation);
            let mut seen = bisect(count)[..known.min(count)].to_vec();
            seen.sort_unstable();
            let widest = seen.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            prop_assert!(widest <= (count - 1).div_ceil(1 << generation));
        }
    }
}
