//! Nodes that leave for good: what is kept back of them, when they get it, and what is never minted.

use proto::tetra::render::v1::*;

use super::support::*;
use crate::time::{now_ms, stamp};
use crate::{epoch, node};

fn leave(net: &mut Net, number: u8) -> Result<u64, ledger::Failure> {
    let msg = MsgDisableNode { node: Some(node_of(number).to_wire(&net.ctx.chain.prefix)), leave: true };
    run(&mut net.ctx, node::messages::disable_node, msg).map(|done| done.released_ucredits)
}

/// Two nodes that audited each other and have their hold-backs full.
fn worked() -> Net {
    let mut net = net();
    for number in 1..=2 {
        net.join(number, Render::Honest, Look::Honest);
    }
    let id = net.submit(1, 24);
    net.until(|net| (0..24).all(|index| net.frame(&id, index).state() == FrameState::Review));
    net.approve(&id).unwrap();
    net
}

fn later(net: &mut Net, ms: u64) {
    net.ctx.block.time = stamp(now_ms(&net.ctx) + ms);
}

fn amount(text: &str) -> u128 {
    text.parse().unwrap_or(0)
}

#[test]
fn who_leaves_gets_what_was_kept_back_after_the_time_of_an_appeal_and_once() {
    let mut net = worked();
    let kept = net.node(1).held_back_ucredits;
    let (lux, usd) = (amount(&net.node(1).held_back_lux), amount(&net.node(1).held_back_usd));
    assert!(kept > 0 && lux + usd > 0, "{kept} {lux} {usd}");
    assert_eq!(leave(&mut net, 1).unwrap(), 0);
    assert_eq!(net.node(1).state(), NodeState::Disabled);
    let wait = net.node(1).leaves_ms - now_ms(&net.ctx);
    assert_eq!(wait, epoch::params(&net.ctx).unwrap().appeal_ms);
    assert!(refused(leave(&mut net, 1)).starts_with("render_node 9"));
    later(&mut net, wait - 1);
    assert!(refused(leave(&mut net, 1)).starts_with("render_node 9"));
    later(&mut net, 1);
    let before = epoch::attributed(&net.ctx, &owner_of(1)).unwrap();
    assert_eq!(leave(&mut net, 1).unwrap(), kept);
    assert_eq!(epoch::attributed(&net.ctx, &owner_of(1)).unwrap(), before + kept);
    let left = net.node(1);
    assert_eq!((left.held_back_ucredits, left.held_back_lux, left.held_back_usd), (0, String::new(), String::new()));
    assert!(refused(leave(&mut net, 1)).contains("nothing is kept back"));
    assert_eq!(crate::invariants::check(&net.ctx).unwrap(), Vec::<String>::new());
}

#[test]
fn enabling_ends_the_leaving_and_keeps_what_is_kept() {
    let mut net = worked();
    let before = net.node(1);
    leave(&mut net, 1).unwrap();
    let msg = msg_enable(&net.ctx, 1);
    run(&mut net.ctx, node::messages::enable_node, msg).unwrap();
    let after = net.node(1);
    assert_eq!(after.leaves_ms, 0);
    let kept = |node: &Node| (node.held_back_ucredits, node.held_back_lux.clone(), node.held_back_usd.clone());
    assert_eq!(kept(&after), kept(&before));
}

#[test]
fn a_fault_takes_its_part_of_what_was_burned_an_appeal_returns_it_and_a_ban_pays_nothing() {
    let mut net = worked();
    let whole = net.node(1);
    let sum = |node: &Node| {
        (
            amount(&node.held_back_lux) + amount(&node.taken_lux),
            amount(&node.held_back_usd) + amount(&node.taken_usd),
            node.held_back_ucredits + node.taken_ucredits,
        )
    };
    let taken = node::slash(&mut net.ctx, &node_of(1), "a test").unwrap();
    let less = net.node(1);
    assert_eq!(sum(&less), sum(&whole));
    assert!(less.held_back_lux != whole.held_back_lux || less.held_back_usd != whole.held_back_usd);
    node::forgive(&mut net.ctx, &node_of(1), taken).unwrap();
    let again = net.node(1);
    assert_eq!(
        (again.held_back_ucredits, &again.held_back_lux, &again.held_back_usd),
        (whole.held_back_ucredits, &whole.held_back_lux, &whole.held_back_usd)
    );
    for _ in 0..3 {
        node::slash(&mut net.ctx, &node_of(1), "a test").unwrap();
    }
    assert_eq!(net.node(1).state(), NodeState::Banned);
    later(&mut net, 30 * 86_400_000);
    assert!(refused(leave(&mut net, 1)).starts_with("render_node 6"));
}

#[test]
fn genesis_keeps_who_leaves_and_refuses_what_is_no_amount() {
    let mut net = worked();
    leave(&mut net, 1).unwrap();
    let node = net.node(1);
    assert!(node::kept::is_well_formed(&node));
    for odd in ["x", "-1", "01", "0", " 1"] {
        assert!(!node::kept::is_well_formed(&Node { held_back_lux: odd.to_owned(), ..node.clone() }), "{odd}");
    }
}
