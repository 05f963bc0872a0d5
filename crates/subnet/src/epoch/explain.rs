//! Every step of an epoch for one neuron, as if the epoch came now.

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{ExplainedCell, ExplainedStep, QueryExplainResponse, Subnet};
use yuma::{Dropped, Fixed, Seen, Step};

use super::{input, sharing};
use crate::ids::Uid;
use crate::network::rules::short;
use crate::network::state::neurons;
use crate::params::params;

/// Explains a neuron. `None` when it is not there, or the subnet's state breaks a promise.
///
/// # Errors
/// When the state fails.
pub(super) fn explain(ctx: &Context, subnet: &Subnet, uid: Uid) -> Result<Option<QueryExplainResponse>, Failure> {
    let mut subnet = subnet.clone();
    sharing::draw(ctx, &mut subnet)?;
    let members = neurons(ctx, subnet.netuid)?;
    if uid >= subnet.neurons {
        return Ok(None);
    }
    let owner = u128::from(subnet.pending) * u128::from(params(ctx)?.owner_cut) / 65_535;
    let divided = subnet.pending.saturating_sub(u64::try_from(owner).unwrap_or(0));
    let Ok(epoch) = input::load(ctx, &subnet, &members, divided)? else { return Ok(None) };
    let (outcome, trace) = epoch.explain(short(uid));
    let place = usize::from(short(uid));
    let dropped = trace.dropped.iter().map(|(from, to, why)| format!("uid {from} of uid {to}: {}", reason(*why)));
    let earned = outcome.server_emission.iter().any(|mined| *mined > 0);
    let paid = |values: &[u64]| if earned { values.get(place).copied().unwrap_or(0) } else { 0 };
    Ok(Some(QueryExplainResponse {
        steps: trace.steps.iter().map(|(step, seen)| explained(*step, seen, short(uid))).collect(),
        dropped: dropped.collect(),
        server_emission: paid(&outcome.server_emission),
        validator_emission: paid(&outcome.validator_emission),
    }))
}

fn explained(step: Step, seen: &Seen, uid: u16) -> ExplainedStep {
    let uid = u32::from(uid);
    let cells = |given: Vec<(u16, String)>, received: Vec<(u16, String)>| {
        let given = given.into_iter().map(|(to, value)| ExplainedCell { row: uid, column: to.into(), value });
        let received = received.into_iter().map(|(from, value)| ExplainedCell { row: from.into(), column: uid, value });
        given.chain(received).collect()
    };
    let fixed = |row: &[(u16, Fixed)]| row.iter().map(|(other, value)| (*other, value.to_string())).collect();
    let stored = |row: &[(u16, u16)]| row.iter().map(|(other, value)| (*other, value.to_string())).collect();
    let (value, cells) = match seen {
        Seen::Flag(flag) => (if *flag { "yes" } else { "no" }.to_owned(), Vec::new()),
        Seen::Number(number) => (number.to_string(), Vec::new()),
        Seen::Amount(amount) => (amount.to_string(), Vec::new()),
        Seen::Cells { given, received } => (String::new(), cells(fixed(given), fixed(received))),
        Seen::Stored { given, received } => (String::new(), cells(stored(given), stored(received))),
    };
    ExplainedStep { step: name(step).to_owned(), value, cells }
}

/// What a step is, for a reader.
fn name(step: Step) -> &'static str {
    match step {
        Step::Active => "active: it weighed within the cutoff",
        Step::Stake => "stake: its share of the subnet's stake",
        Step::Permit => "permit: it may weigh in this epoch",
        Step::NextPermit => "next permit: it may weigh from the next epoch on",
        Step::ActiveStake => "active stake: its share of the stake that speaks",
        Step::Weights => "weights: those that count, as shares of their row",
        Step::Consensus => "consensus: the weight that enough stake supports",
        Step::Clipped => "clipped: weights cut down to consensus",
        Step::ValidatorTrust => "validator trust: what is left of its row",
        Step::Rank => "rank: what it gets, by stake",
        Step::Trust => "trust: how much of its rank cutting left",
        Step::Incentive => "incentive: its share of what miners get",
        Step::BondWeights => "bond weights: of which bonds are formed",
        Step::OldBonds => "old bonds: those of the epoch before that count",
        Step::NewBonds => "new bonds: what these weights alone would give",
        Step::BondAverage => "bond average: old and new",
        Step::BondShares => "bond shares: of each miner",
        Step::Dividends => "dividends: its share of what validators get",
        Step::EmissionShare => "emission share: of all that is paid",
        Step::ServerEmission => "for mining, nwit",
        Step::ValidatorEmission => "for validating, nwit",
        Step::StoredBonds => "stored bonds: of 65535",
    }
}

fn reason(why: Dropped) -> &'static str {
    match why {
        Dropped::NoPermit => "the validator has no permit",
        Dropped::Oneself => "a weight of oneself",
        Dropped::Outdated => "the miner came after the weights were set",
        Dropped::CommittedBefore => "the miner came after a commitment that is open",
        Dropped::NoConsensus => "too little stake gives it any weight",
        Dropped::BondOfFormer => "the bond was in the neuron that had the uid before",
    }
}
