//! Messages of weights.

use ledger::{Context, Failure, MessageRoute};
use proto::tetra::subnet::v1::{
    Commitment, MsgCommitWeights, MsgCommitWeightsResponse, MsgRevealWeights, MsgRevealWeightsResponse, MsgSetWeights,
    MsgSetWeightsResponse, Neuron, Rules, Subnet,
};

use super::check::{self, Sent};
use super::commitment::{self, LONGEST_SALT, MOST_OPEN, SHORTEST_SALT, Time};
use super::state::{WEIGHTS, commitments, put_commitments};
use super::{events, root};
use crate::ids::{self, HotkeyId, Netuid, ROOT};
use crate::key::state::operated;
use crate::network::state::{put_neuron, require, require_neuron};
use crate::refusal::weight as refusal;

pub(crate) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new::<MsgSetWeights, _>(|m| m.operator.clone(), set_weights),
        MessageRoute::new::<MsgCommitWeights, _>(|m| m.operator.clone(), commit_weights),
        MessageRoute::new::<MsgRevealWeights, _>(|m| m.operator.clone(), reveal_weights),
    ]
}

/// Who weighs, where, and by which rules.
struct Voter {
    id: HotkeyId,
    stake: u64,
    subnet: Subnet,
    rules: Rules,
    neuron: Neuron,
}

impl Voter {
    fn find(ctx: &Context, netuid: Netuid, hotkey: &[u8], operator: &str) -> Result<Self, Failure> {
        let id = ids::hotkey(hotkey)?;
        let hotkey = operated(ctx, &id, operator)?;
        let subnet = require(ctx, netuid)?;
        let neuron = require_neuron(ctx, netuid, &id)?;
        Ok(Self { id, stake: hotkey.stake, rules: subnet.rules.unwrap_or_default(), subnet, neuron })
    }

    /// The rate limit: who never weighed is free.
    fn in_time(&self, ctx: &Context) -> Result<(), Failure> {
        let next = self.neuron.weighed_height.saturating_add(self.rules.weights_rate_limit);
        if self.neuron.weighed_height > 0 && ctx.block.height < next {
            return Err(refusal::too_early(next).into());
        }
        Ok(())
    }

    fn store(mut self, ctx: &mut Context, sent: &Sent, updated_height: u64, what: &str) -> Result<(), Failure> {
        let row = check::checked(sent, &self.neuron, self.stake, &self.rules, self.subnet.neurons)?;
        let (netuid, uid) = (self.neuron.netuid, self.neuron.uid);
        WEIGHTS.set(&mut ctx.state, &(netuid, uid), &row);
        self.neuron.updated_height = updated_height;
        put_neuron(ctx, &self.neuron);
        events::weights(ctx, netuid, uid, what);
        Ok(())
    }
}

/// Sets weights: of miners of a subnet, or, on subnet 0, of subnets.
///
/// # Errors
/// `subnet_weight` 2 to 7, 9; `subnet` 3, 9; `subnet_key` 2, 3, 4; `sdk` 7.
pub fn set_weights(ctx: &mut Context, msg: MsgSetWeights) -> Result<MsgSetWeightsResponse, Failure> {
    let sent = Sent { uids: msg.uids, values: msg.values, version: msg.version };
    if msg.netuid == ROOT {
        root::set_weights(ctx, &ids::hotkey(&msg.hotkey)?, &msg.operator, &sent)?;
        return Ok(MsgSetWeightsResponse {});
    }
    let mut voter = Voter::find(ctx, msg.netuid, &msg.hotkey, &msg.operator)?;
    if voter.rules.commit_reveal && !sent.is_of_oneself(voter.neuron.uid) {
        return Err(refusal::commit_first(msg.netuid).into());
    }
    voter.in_time(ctx)?;
    voter.neuron.weighed_height = ctx.block.height;
    let height = ctx.block.height;
    voter.store(ctx, &sent, height, "set")?;
    Ok(MsgSetWeightsResponse {})
}

/// Commits to weights that are revealed later.
///
/// # Errors
/// `subnet_weight` 3, 5, 8; `subnet` 3, 9; `subnet_key` 2, 3, 4; `sdk` 7.
pub fn commit_weights(ctx: &mut Context, msg: MsgCommitWeights) -> Result<MsgCommitWeightsResponse, Failure> {
    let mut voter = Voter::find(ctx, msg.netuid, &msg.hotkey, &msg.operator)?;
    if !voter.rules.commit_reveal {
        return Err(refusal::commitment("the subnet takes weights as they are: set them").into());
    }
    if msg.commitment.len() != 32 {
        return Err(refusal::commitment(format!("it has 32 bytes, not {}", msg.commitment.len())).into());
    }
    if voter.stake < voter.rules.stake_threshold {
        return Err(refusal::too_little_stake(voter.stake, voter.rules.stake_threshold).into());
    }
    voter.in_time(ctx)?;
    let uid = voter.neuron.uid;
    let mut open = commitments(ctx, msg.netuid, uid)?;
    if open.len() >= MOST_OPEN {
        return Err(refusal::commitment(format!("{MOST_OPEN} are open already")).into());
    }
    let (height, epoch) = (ctx.block.height, voter.subnet.epochs);
    open.push(Commitment { commitment: msg.commitment, height, epoch });
    put_commitments(ctx, msg.netuid, uid, open);
    voter.neuron.weighed_height = height;
    put_neuron(ctx, &voter.neuron);
    events::weights(ctx, msg.netuid, uid, "committed");
    Ok(MsgCommitWeightsResponse {})
}

/// Reveals weights that were committed to; they count from the height of the commitment.
///
/// # Errors
/// `subnet_weight` 2, 3, 4, 6, 8; `subnet` 3, 9; `subnet_key` 2, 3, 4; `sdk` 7.
pub fn reveal_weights(ctx: &mut Context, msg: MsgRevealWeights) -> Result<MsgRevealWeightsResponse, Failure> {
    let sent = Sent { uids: msg.uids, values: msg.values, version: msg.version };
    let voter = Voter::find(ctx, msg.netuid, &msg.hotkey, &msg.operator)?;
    if !(SHORTEST_SALT..=LONGEST_SALT).contains(&msg.salt.len()) {
        let why = format!("a salt has {SHORTEST_SALT} to {LONGEST_SALT} bytes, not {}", msg.salt.len());
        return Err(refusal::commitment(why).into());
    }
    let uid = voter.neuron.uid;
    let wanted = commitment::of(msg.netuid, &voter.id, &sent, &msg.salt);
    let mut open = commitments(ctx, msg.netuid, uid)?;
    let place = open.iter().position(|open| open.commitment == wanted);
    let missing = || refusal::commitment("nothing that is open hides these weights with this salt");
    let place = place.ok_or_else(missing)?;
    let found = open.remove(place);
    match commitment::time(&found, voter.subnet.epochs, &voter.rules) {
        Time::Now => {}
        Time::Early(epoch) => {
            let why = format!("it is revealed in epoch {epoch}; the subnet is in {}", voter.subnet.epochs);
            return Err(refusal::commitment(why).into());
        }
        Time::Late => return Err(refusal::commitment("its epoch has passed").into()),
    }
    // Whoever revealed a later commitment first keeps those weights.
    if found.height < voter.neuron.updated_height {
        return Err(refusal::commitment("later weights of this neuron are in force already").into());
    }
    put_commitments(ctx, msg.netuid, uid, open);
    voter.store(ctx, &sent, found.height, "revealed")?;
    Ok(MsgRevealWeightsResponse {})
}
