//! The tables of messages and queries, and where outcomes of lower modules go.

use ledger::{Context, Failure, MessageRoute, QueryRoute};

/// Outcomes that one message may cause, directly or through each other. A deployment of 20 groups with 20 orders
/// of 21 bids each stays far below.
const MOST_OUTCOMES: usize = 100_000;

pub(crate) fn messages() -> Vec<MessageRoute> {
    [
        ledger::bank::message_routes(),
        ledger::take::message_routes(),
        ledger::fees::message_routes(),
        ledger::provider::message_routes(),
        ledger::audit::message_routes(),
        ledger::cert::message_routes(),
        ledger::validators::message_routes(),
        ledger::escrow::message_routes(),
        ledger::capacity::message_routes(),
        ledger::oracle::message_routes(),
        market::message_routes(),
        render::message_routes(),
        subnet::message_routes(),
        cluster::message_routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(crate) fn queries() -> Vec<QueryRoute> {
    [
        ledger::accounts::query_routes(),
        ledger::bank::query_routes(),
        ledger::take::query_routes(),
        ledger::fees::query_routes(),
        ledger::provider::query_routes(),
        ledger::audit::query_routes(),
        ledger::cert::query_routes(),
        ledger::validators::query_routes(),
        ledger::escrow::query_routes(),
        ledger::capacity::query_routes(),
        ledger::oracle::query_routes(),
        market::query_routes(),
        render::query_routes(),
        subnet::query_routes(),
        cluster::query_routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Hands every pending outcome to the modules that react to it, until none is left.
pub(crate) fn route_outcomes(context: &mut Context) -> Result<(), Failure> {
    for _ in 0..MOST_OUTCOMES {
        match context.outcomes.pop_front() {
            Some(outcome) => {
                market::react(context, &outcome)?;
                render::react(context, &outcome)?;
                subnet::react(context, &outcome)?;
                cluster::react(context, &outcome)?;
            }
            None => return Ok(()),
        }
    }
    Err(ledger::Rejection::overflow("the number of consequences of one message").into())
}
