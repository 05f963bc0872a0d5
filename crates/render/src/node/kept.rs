//! What is kept back of a node's pay, and how it gets it when it leaves for good.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Node, NodeState};

use super::state::{get, put};
use crate::credit::Paid;
use crate::epoch;
use crate::ids::NodeId;
use crate::proof::state::DUTIES;
use crate::refusal::node as refusal;
use crate::time::now_ms;

/// What was burned for some value: LUX, and USD that went to the vault, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Burned {
    pub(crate) lux: u128,
    pub(crate) usd: u128,
}

/// An amount of a record, which is written by [`text`] alone; [`is_well_formed`] keeps what is none out of the state.
fn amount(text: &str) -> u128 {
    text.parse().unwrap_or(0)
}

fn text(amount: u128) -> String {
    if amount == 0 { String::new() } else { amount.to_string() }
}

impl Burned {
    /// For what is kept back.
    pub(crate) fn held(node: &Node) -> Self {
        Self { lux: amount(&node.held_back_lux), usd: amount(&node.held_back_usd) }
    }

    /// For what was taken.
    pub(crate) fn taken(node: &Node) -> Self {
        Self { lux: amount(&node.taken_lux), usd: amount(&node.taken_usd) }
    }

    pub(crate) fn hold(self, node: &mut Node) {
        (node.held_back_lux, node.held_back_usd) = (text(self.lux), text(self.usd));
    }

    pub(crate) fn take(self, node: &mut Node) {
        (node.taken_lux, node.taken_usd) = (text(self.lux), text(self.usd));
    }

    /// The part of it for `ucredits` of `of`, at most all of it; rounded down.
    pub(crate) fn part(self, ucredits: u64, of: u64) -> Self {
        let part = |all: u128| match ucredits < of {
            true => primitives::math::mul_div_floor(all, ucredits.into(), of.into()).unwrap_or(0),
            false => all,
        };
        Self { lux: part(self.lux), usd: part(self.usd) }
    }

    pub(crate) fn plus(self, more: Self) -> Self {
        Self { lux: self.lux.saturating_add(more.lux), usd: self.usd.saturating_add(more.usd) }
    }

    pub(crate) fn less(self, less: Self) -> Self {
        Self { lux: self.lux.saturating_sub(less.lux), usd: self.usd.saturating_sub(less.usd) }
    }
}

/// Whether the amounts of a record are numbers, written as the chain writes them.
pub(crate) fn is_well_formed(node: &Node) -> bool {
    [&node.held_back_lux, &node.held_back_usd, &node.taken_lux, &node.taken_usd]
        .into_iter()
        .all(|written| text(amount(written)) == *written)
}

/// The header time from which a node that leaves may be paid, in milliseconds: the time of an appeal after it left, or after
/// the last evidence of it, for that may be a verdict that is appealed.
fn due_ms(ctx: &Context, node: &Node) -> Result<u64, Failure> {
    Ok(node.leaves_ms.max(node.evidence_ms.saturating_add(epoch::params(ctx)?.appeal_ms)))
}

/// A disabled node begins to leave for good.
///
/// # Errors
/// When the state fails.
pub(super) fn begin(ctx: &mut Context, id: &NodeId) -> Result<(), Failure> {
    let Some(mut node) = get(ctx, id)? else { return Ok(()) };
    node.leaves_ms = now_ms(ctx).saturating_add(epoch::params(ctx)?.appeal_ms);
    put(ctx, id, node)
}

/// Releases what is kept back of a disabled node whose time has come; what was taken of it is never minted for. Gives the
/// value that now counts in the open epoch, in millionths of a credit.
///
/// # Errors
/// `render_node` 9 before that time, while an audit of it or by it goes on, or when nothing is kept back.
pub(super) fn release(ctx: &mut Context, id: &NodeId, mut node: Node) -> Result<u64, Failure> {
    let name = id.text(&ctx.chain.prefix);
    let due = due_ms(ctx, &node)?;
    if node.state() != NodeState::Disabled || now_ms(ctx) < due {
        return Err(refusal::leaves_later(&name, &format!("it is paid from {due} ms since 1970 on")).into());
    }
    if !DUTIES.first(&ctx.state, id, 1)?.is_empty() {
        return Err(refusal::leaves_later(&name, "an audit in which it takes part goes on").into());
    }
    let ucredits = std::mem::take(&mut node.held_back_ucredits);
    if ucredits == 0 {
        return Err(refusal::leaves_later(&name, "nothing is kept back").into());
    }
    let burned = Burned::held(&node);
    Burned::default().hold(&mut node);
    put(ctx, id, node)?;
    let paid = Paid { lux_burned: burned.lux, usd_vault: burned.usd, ..Paid::default() };
    epoch::release(ctx, &name, &id.owner, ucredits, &paid)?;
    Ok(ucredits)
}
