//! What a node can do: by its own word, its benchmark, and by the frames that it proved.
//!
//! Nobody sees a benchmark being run. What the chain sees is how much work a frame was, by the clocks of its auditors, and when
//! the node was given it and committed to it, by header time. A node's word counts up to [`TOLERANCE`] times what its frames
//! showed: they show less than it can do, because scenes are fetched and units wait behind others in its hands.

use ledger::{Context, Failure};
use proto::tetra::render::v1::Node;

use super::state::{get, put};
use crate::ids::NodeId;

/// How many times the power that its frames showed a node may declare.
pub const TOLERANCE: u64 = 4;
/// What the newest frame counts for, of so many parts; the others are what was shown before.
const PARTS: u64 = 8;
/// The work of the benchmark scene, 5 units, in thousandths of a unit times milliseconds per second: a node that renders it
/// in 30 seconds does 600 units an hour (docs/protocol.md, "Renders").
const BENCHMARK_WORK: u64 = 5_000_000;

/// The power that a benchmark declares, in thousandths of a unit per second, rounded down, at least one.
pub fn declared(benchmark_ms: u64) -> u64 {
    BENCHMARK_WORK.checked_div(benchmark_ms).unwrap_or(0).max(1)
}

/// The power by which a node's clock measures the work of others, in thousandths of a unit per second: what it declared, but at
/// most [`TOLERANCE`] times what it showed, if it showed anything.
pub fn clock(node: &Node) -> u64 {
    match node.shown_milli {
        0 => node.power_milli,
        shown => node.power_milli.min(shown.saturating_mul(TOLERANCE)),
    }
}

/// What a power renders in so many milliseconds, in thousandths of a unit, rounded down.
pub fn able(power_milli: u64, ms: u64) -> u64 {
    u64::try_from(u128::from(power_milli) * u128::from(ms) / 1_000).unwrap_or(u64::MAX)
}

/// The power that counts for the availability pool, in the same unit: as [`clock`], and nothing before a frame was proven.
pub fn counted(node: &Node) -> u64 {
    if node.shown_milli == 0 { 0 } else { clock(node) }
}

/// A frame of so much work, in thousandths of a unit, was proven; it was in the node's hands for so many milliseconds of header
/// time. It counts as an eighth of what is shown, the first as all of it; rounded down, at least one.
///
/// # Errors
/// When the state fails.
pub fn show(ctx: &mut Context, id: &NodeId, work_milli: u64, elapsed_ms: u64) -> Result<(), Failure> {
    let Some(mut node) = get(ctx, id)? else { return Ok(()) };
    let this = u128::from(work_milli) * 1_000 / u128::from(elapsed_ms.max(1));
    let this = u64::try_from(this).unwrap_or(u64::MAX);
    node.shown_milli = match node.shown_milli {
        0 => this,
        before => u64::try_from((u128::from(before) * u128::from(PARTS - 1) + u128::from(this)) / u128::from(PARTS))
            .unwrap_or(u64::MAX),
    }
    .max(1);
    put(ctx, id, node)
}

#[cfg(test)]
mod tests {
    use ledger::testing;
    use proptest::prelude::*;

    use super::*;

    fn shown(power_milli: u64, shown_milli: u64) -> Node {
        Node { power_milli, shown_milli, ..Node::default() }
    }

    #[test]
    fn a_word_counts_as_far_as_frames_bear_it_out() {
        assert_eq!((declared(30_000), declared(0), declared(u64::MAX)), (166, 1, 1));
        assert_eq!((clock(&shown(166, 0)), counted(&shown(166, 0))), (166, 0));
        assert_eq!((clock(&shown(166, 60)), counted(&shown(166, 60))), (166, 166));
        assert_eq!((clock(&shown(5_000_000, 60)), counted(&shown(5_000_000, 60))), (240, 240));
    }

    #[test]
    fn a_first_frame_counts_whole_and_later_ones_an_eighth() {
        let (mut ctx, id) = (testing::empty(), NodeId { owner: testing::ALICE, host: [1; 32] });
        show(&mut ctx, &id, 10_000, 60_000).unwrap();
        assert_eq!(get(&ctx, &id).unwrap(), None);
        crate::node::state::NODES.set(&mut ctx.state, &id, &shown(166, 0));
        let mut next = |work, elapsed| {
            show(&mut ctx, &id, work, elapsed).unwrap();
            get(&ctx, &id).unwrap().unwrap().shown_milli
        };
        assert_eq!([next(10_000, 60_000), next(10_000, 0), next(0, 9)], [166, 1_250_145, 1_093_876]);
    }

    proptest! {
        #[test]
        fn what_is_shown_stays_between_its_frames(frames in prop::collection::vec((1..1_000_000u64, 1..1_000_000u64), 1..20)) {
            let (mut ctx, id) = (testing::empty(), NodeId { owner: testing::ALICE, host: [1; 32] });
            crate::node::state::NODES.set(&mut ctx.state, &id, &shown(u64::MAX, 0));
            for (work, elapsed) in &frames {
                show(&mut ctx, &id, *work, *elapsed).unwrap();
            }
            let each = || frames.iter().map(|(work, elapsed)| work * 1_000 / elapsed);
            let found = get(&ctx, &id).unwrap().unwrap().shown_milli;
            // Each of up to 20 frames rounds down by less than one.
            prop_assert!(found <= each().max().unwrap().max(1) && found + 20 >= each().min().unwrap());
        }
    }
}
