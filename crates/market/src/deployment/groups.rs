//! Groups: what one may ask for, and how its state changes.
//!
//! What a group may ask for is [`sdl::limits`]: chain and clients share that rule.

use ledger::{Context, Failure, Rejection};
use proto::akash::deployment::v1beta4 as wire;
use proto::akash::deployment::v1beta4::Group;
use proto::akash::deployment::v1beta4::group::State;
use sdl::limits::{GroupProblem, LimitError};
use sdl::{GroupSpec, WireError};

use super::state::GROUPS;
use super::{MODULE, events};
use crate::auction::ending::{self, Ending};
use crate::ids::GroupId;
use crate::refusal::deployment as refusal;
use crate::wire::corrupt;

/// The groups of a message, typed.
///
/// # Errors
/// `deployment` 7 when one breaks a rule of spec/akash.md 1.5, 24 when that is a price, 25 for a name given twice.
pub fn parse(groups: &[wire::GroupSpec]) -> Result<Vec<GroupSpec>, Rejection> {
    sdl::limits::validate_groups(groups).map_err(|error| match error {
        LimitError::DuplicateGroup(name) => refusal::duplicate_group(&name),
        LimitError::MixedDenoms { .. }
        | LimitError::Group { problem: GroupProblem::Price { .. } | GroupProblem::Wire(WireError::Price(_)), .. } => {
            refusal::invalid_price(error)
        }
        error => refusal::invalid_groups(error),
    })?;
    groups.iter().map(|group| GroupSpec::try_from(group).map_err(refusal::invalid_groups)).collect()
}

/// The typed form of a stored group, which was checked when it was stored.
pub(crate) fn stored_spec(ctx: &Context, id: &GroupId, spec: Option<&wire::GroupSpec>) -> Result<GroupSpec, Failure> {
    let damaged = |why: &dyn std::fmt::Display| corrupt(MODULE, &id.text(&ctx.chain.prefix), why);
    let spec = spec.ok_or_else(|| damaged(&"a group has no spec"))?;
    GroupSpec::try_from(spec).map_err(|error| damaged(&error))
}

/// Refuses when the group has ended, for whatever reason.
pub(crate) fn must_not_have_ended(ctx: &Context, id: &GroupId, group: &Group) -> Result<(), Rejection> {
    match group.state() {
        State::Open | State::Paused => Ok(()),
        State::Closed | State::InsufficientFunds | State::Invalid => {
            Err(refusal::group_closed(&id.text(&ctx.chain.prefix)))
        }
    }
}

/// Pauses an open group; its orders are ended by the caller or were before.
pub(crate) fn pause(ctx: &mut Context, id: &GroupId, group: &mut Group) {
    group.set_state(State::Paused);
    GROUPS.set(&mut ctx.state, id, group);
    events::group_paused(ctx, id);
}

/// Ends a group and all that was going on for it.
pub(crate) fn end(ctx: &mut Context, id: &GroupId, mut group: Group, ending: Ending) -> Result<(), Failure> {
    group.set_state(if ending == Ending::INSUFFICIENT_FUNDS { State::InsufficientFunds } else { State::Closed });
    GROUPS.set(&mut ctx.state, id, &group);
    events::group_closed(ctx, id);
    ending::end_orders(ctx, id, ending)
}
