//! One appeal against a proof that was found wrong: others look at the same products once more.
//!
//! ```text
//! blocked ──its time passes──▶ what it cost goes to the pool
//!    └──appeal──▶ open ──a round is drawn──▶ judges ──more right than not──▶ granted: everything returns
//!                                               └──else, or nobody could see it──▶ lost: everything goes to the pool
//! ```
//!
//! Whether products are those of their seed is arithmetic: who kept them shows them again, and twice as many others as before and one
//! more multiply.

use ledger::{Context, Failure};
use primitives::math::mul_div_floor;
use proto::tetra::cluster::v1::{Appeal, Offer, Params, Proof, Round, Verdict};

use super::state::{APPEALS, OFFERS, OPEN_APPEALS, PROOFS, put, require};
use super::verdict::{Finding, finding};
use super::{draw, events};
use crate::ids::OfferId;
use crate::money;
use crate::params::params;
use crate::refusal::supply as refusal;

/// How many appeals are drawn for a round; the others wait for the next.
pub(crate) const MOST_PER_ROUND: usize = 64;

/// Takes part of an offer's collateral for a wrong proof, blocks it, and remembers what an appeal needs.
pub(super) fn condemn(
    ctx: &mut Context,
    (id, offer): (&OfferId, &mut Offer),
    (round, params): (&Round, &Params),
    proof: &Proof,
) -> Result<(), Failure> {
    let slashed = mul_div_floor(offer.collateral.into(), params.slash_bp.into(), 10_000).unwrap_or(0);
    let slashed = u64::try_from(slashed).unwrap_or(offer.collateral);
    offer.blocked = true;
    offer.collateral = offer.collateral.saturating_sub(slashed);
    offer.slashed = slashed;
    offer.appeal_until_ms = ctx.block.time_ms().saturating_add(params.appeal_ms);
    let (seed, draw) = (round.seed.clone(), round.draw.clone());
    let appeal = Appeal { proof: Some(proof.clone()), seed, draw, terms: offer.terms.clone(), ..Appeal::default() };
    APPEALS.set(&mut ctx.state, id, &appeal);
    Ok(())
}

/// Opens the appeal of an offer.
///
/// # Errors
/// `cluster_supply` 3, 11; `sdk` 5.
pub(super) fn open(ctx: &mut Context, id: &OfferId) -> Result<(), Failure> {
    let (mut offer, now) = (require(ctx, id)?, ctx.block.time_ms());
    let refuse = |why: &str| Err(Failure::from(refusal::no_appeal(why)));
    let Some(mut appeal) = APPEALS.get(&ctx.state, id)? else {
        return refuse("no proof of it was found wrong lately");
    };
    if appeal.opened_ms > 0 {
        return refuse("it has appealed already");
    }
    if now >= offer.appeal_until_ms {
        return refuse("the time for it is over");
    }
    let deposit = params(ctx)?.appeal_deposit;
    money::send(ctx, &id.owner, &money::collateral(), deposit.into())?;
    (appeal.opened_ms, appeal.deposit, offer.appeal_until_ms) = (now, deposit, 0);
    offer.reason = "it appealed: others look at its proof once more in the next round".to_owned();
    APPEALS.set(&mut ctx.state, id, &appeal);
    OPEN_APPEALS.set(&mut ctx.state, id, &());
    events::appeal(ctx, id, "opened");
    put(ctx, id, offer)
}

/// Those of a round who look at an appeal: twice as many as verify a proof and one more, of other owners, and none who spoke before.
fn judges(ctx: &Context, round: &Round, params: &Params, id: &OfferId, proof: &Proof) -> Result<Vec<u32>, Failure> {
    let wanted = params.verifiers.saturating_mul(2).saturating_add(1);
    let mut found: Vec<u32> = Vec::new();
    let seed = [round.draw.as_slice(), id.owner.as_bytes(), &id.host].concat();
    for try_ in 0..wanted.saturating_mul(8) {
        let place = draw::below(&seed, try_, round.commits);
        let Some(other) = PROOFS.get(&ctx.state, &(round.number, place))? else { continue };
        let spoke = proof.verdicts.iter().any(|said| said.verifier == other.offer);
        let own = OfferId::from_wire(ctx, other.offer.as_ref())?.owner == id.owner;
        if !found.contains(&place) && !spoke && !own && found.len() < wanted as usize {
            found.push(place);
        }
    }
    Ok(found)
}

/// Draws judges for open appeals from the commitments of a round that was drawn just now.
pub(super) fn draw_judges(ctx: &mut Context, round: &Round) -> Result<(), Failure> {
    let params = params(ctx)?;
    for (id, ()) in OPEN_APPEALS.first(&ctx.state, &(), MOST_PER_ROUND)? {
        let Some(mut appeal) = APPEALS.get(&ctx.state, &id)? else { continue };
        let proof = appeal.proof.clone().unwrap_or_default();
        (appeal.judges, appeal.verdicts) = (judges(ctx, round, &params, &id, &proof)?, Vec::new());
        // Where nobody else is there it waits for the next round.
        appeal.round = if appeal.judges.is_empty() { 0 } else { round.number };
        APPEALS.set(&mut ctx.state, &id, &appeal);
    }
    Ok(())
}

/// Takes the word of a judge.
///
/// # Errors
/// `cluster_supply` 7, 11.
pub(super) fn hear(
    ctx: &mut Context,
    of: &OfferId,
    (round, by): (&Round, &Offer),
    verdict: Verdict,
) -> Result<(), Failure> {
    let open = APPEALS.get(&ctx.state, of)?.filter(|appeal| appeal.round == round.number && !round.closed);
    let mut appeal = open.ok_or_else(|| refusal::no_appeal("none of that name is open in this round"))?;
    if by.committed_round != round.number || !appeal.judges.contains(&by.place) {
        return Err(refusal::not_drawn("this offer was not drawn for that appeal").into());
    }
    if appeal.verdicts.iter().any(|said| said.verifier == verdict.verifier) {
        return Err(refusal::not_drawn("it has spoken already").into());
    }
    appeal.verdicts.push(verdict);
    let all = appeal.verdicts.len() >= appeal.judges.len();
    APPEALS.set(&mut ctx.state, of, &appeal);
    if all { settle(ctx, of, &appeal) } else { Ok(()) }
}

/// Settles what a round that closes leaves open.
pub(super) fn close(ctx: &mut Context, round: &Round) -> Result<(), Failure> {
    for (id, ()) in OPEN_APPEALS.first(&ctx.state, &(), MOST_PER_ROUND)? {
        match APPEALS.get(&ctx.state, &id)? {
            Some(appeal) if appeal.round == round.number => settle(ctx, &id, &appeal)?,
            _ => {}
        }
    }
    Ok(())
}

fn settle(ctx: &mut Context, id: &OfferId, appeal: &Appeal) -> Result<(), Failure> {
    let said = Proof { verdicts: appeal.verdicts.clone(), ..Proof::default() };
    let granted = finding(&said, appeal.judges.len()) == Finding::Passed;
    OPEN_APPEALS.remove(&mut ctx.state, id);
    APPEALS.remove(&mut ctx.state, id);
    let Some(mut offer) = OFFERS.get(&ctx.state, id)? else { return Ok(()) };
    let slashed = std::mem::take(&mut offer.slashed);
    if granted {
        money::send(ctx, &money::collateral(), &id.owner, appeal.deposit.into())?;
        offer.collateral = offer.collateral.saturating_add(slashed);
        (offer.blocked, offer.fresh_until_ms) = (false, 0);
        offer.reason = "its appeal was granted: its next proof counts again".to_owned();
    } else {
        money::send(ctx, &money::collateral(), &money::pool(), slashed.saturating_add(appeal.deposit).into())?;
        offer.reason = "its appeal was lost".to_owned();
    }
    events::appeal(ctx, id, if granted { "granted" } else { "lost" });
    put(ctx, id, offer)
}

/// What a wrong proof cost goes to the pool, when the time for an appeal has passed or the offer is withdrawn. What is asked for by
/// an open appeal stays.
pub(super) fn forfeit(ctx: &mut Context, id: &OfferId, offer: &mut Offer) -> Result<(), Failure> {
    let slashed = std::mem::take(&mut offer.slashed);
    money::send(ctx, &money::collateral(), &money::pool(), slashed.into())?;
    offer.appeal_until_ms = 0;
    APPEALS.remove(&mut ctx.state, id);
    Ok(())
}

/// Whether an offer's appeal is open.
pub(super) fn is_open(ctx: &Context, id: &OfferId) -> Result<bool, Failure> {
    Ok(OPEN_APPEALS.has(&ctx.state, id)?)
}

/// Stores an appeal of genesis.
pub(crate) fn import(ctx: &mut Context, id: &OfferId, appeal: &Appeal) {
    APPEALS.set(&mut ctx.state, id, appeal);
    if appeal.opened_ms > 0 {
        OPEN_APPEALS.set(&mut ctx.state, id, &());
    }
}

/// The appeals that an offer is drawn for in a round and has not spoken of.
pub(super) fn of_judge(ctx: &Context, round: &Round, by: &Offer) -> Result<Vec<Appeal>, Failure> {
    let mut found = Vec::new();
    for (id, ()) in OPEN_APPEALS.first(&ctx.state, &(), MOST_PER_ROUND)? {
        let Some(appeal) = APPEALS.get(&ctx.state, &id)? else { continue };
        let spoken = appeal.verdicts.iter().any(|said| said.verifier == by.id);
        if appeal.round == round.number && appeal.judges.contains(&by.place) && !spoken {
            found.push(appeal);
        }
    }
    Ok(found)
}
