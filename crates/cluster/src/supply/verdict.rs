//! What follows from what verifiers say of a proof.

use ledger::{Context, Failure};
use proto::tetra::cluster::v1::{Params, Proof, Round, VerdictKind};

use super::state::{OFFERS, PROOFS, ROUND, put};
use super::{appeal, draw, events, rewards, round};
use crate::ids::OfferId;
use crate::params::params;

/// How many proofs are judged in one block at most.
const MOST_PER_BLOCK: u32 = 256;

/// What a proof was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// More said right than anything else: the devices count.
    Passed,
    /// Most of those who were drawn said wrong: it costs collateral.
    Guilty,
    /// Neither: the devices do not count until another round.
    Open,
}

/// The finding of `drawn` verifiers.
pub fn finding(proof: &Proof, drawn: usize) -> Finding {
    let said = |kind: VerdictKind| proof.verdicts.iter().filter(|verdict| verdict.kind() == kind).count();
    let (right, wrong, silent) = (said(VerdictKind::Right), said(VerdictKind::Wrong), said(VerdictKind::Silent));
    if wrong.saturating_mul(2) > drawn {
        Finding::Guilty
    } else if right > wrong.saturating_add(silent) {
        Finding::Passed
    } else {
        Finding::Open
    }
}

/// Whether most of `drawn` verifiers reached the offer through an overlay, and were reached.
fn formed(proof: &Proof, drawn: usize) -> bool {
    proof.verdicts.iter().filter(|verdict| verdict.formed).count().saturating_mul(2) > drawn
}

/// Those who may judge the proof at a place: drawn, and of other owners, except on a development network.
///
/// # Errors
/// When the state fails.
pub fn judges(ctx: &Context, round: &Round, params: &Params, proof: &Proof) -> Result<Vec<u32>, Failure> {
    let owner = proof.offer.as_ref().map(|id| id.owner.clone()).unwrap_or_default();
    let mut judges = Vec::new();
    for place in draw::verifiers(ctx, round, params, proof.place) {
        let Some(other) = PROOFS.get(&ctx.state, &(round.number, place))? else { continue };
        if ctx.chain.dev || other.offer.as_ref().is_some_and(|id| id.owner != owner) {
            judges.push(place);
        }
    }
    Ok(judges)
}

/// Judges a proof once and for all.
///
/// # Errors
/// When the state fails.
pub(super) fn judge(ctx: &mut Context, round: &Round, params: &Params, mut proof: Proof) -> Result<(), Failure> {
    proof.judged = true;
    let drawn = judges(ctx, round, params, &proof)?.len();
    let found = finding(&proof, drawn);
    let id = OfferId::from_wire(ctx, proof.offer.as_ref())?;
    PROOFS.set(&mut ctx.state, &(round.number, proof.place), &proof);
    let Some(mut offer) = OFFERS.get(&ctx.state, &id)? else { return Ok(()) };
    let reasons: Vec<&str> = proof.verdicts.iter().map(|verdict| verdict.reason.as_str()).collect();
    let said = reasons.into_iter().find(|reason| !reason.is_empty()).unwrap_or_default().to_owned();
    match found {
        Finding::Passed => {
            offer.proved_round = round.number;
            offer.fresh_until_ms = round::fresh_until(round, params);
            offer.proved_in_ms = proof.took_ms;
            offer.reason = format!("proof of round {} passed", round.number);
            if offer.tried_round == 0 {
                match formed(&proof, drawn) {
                    true => offer.tried_round = round.number,
                    false => {
                        offer.reason = format!("strangers could not form a cluster with it in round {}", round.number)
                    }
                }
            }
        }
        Finding::Guilty => {
            offer.reason = format!("its proof of round {} is wrong: {said}", round.number);
            appeal::condemn(ctx, (&id, &mut offer), (round, params), &proof)?;
            events::slash(ctx, &id, offer.slashed, &offer.reason);
        }
        Finding::Open if drawn == 0 => {
            offer.reason = format!("round {} had nobody else to verify it", round.number);
        }
        Finding::Open => offer.reason = format!("its proof of round {} was not confirmed: {said}", round.number),
    }
    let (passed, reason) = (found == Finding::Passed, offer.reason.clone());
    put(ctx, &id, offer)?;
    if passed && let Some(offer) = OFFERS.get(&ctx.state, &id)? {
        rewards::weigh(ctx, params, &offer, &mut proof)?;
        PROOFS.set(&mut ctx.state, &(round.number, proof.place), &proof);
    }
    events::verdict(ctx, &id, round.number, passed, &reason);
    Ok(())
}

/// Judges what is left of a round whose time for verdicts is over.
///
/// # Errors
/// When the state fails.
pub(crate) fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    let Some(mut round) = ROUND.get(&ctx.state)? else { return Ok(()) };
    let params = params(ctx)?;
    let over = !round.draw.is_empty() && ctx.block.time_ms() >= round.drawn_ms.saturating_add(params.verdict_ms);
    if round.closed || !over {
        return Ok(());
    }
    let until = round.judged.saturating_add(MOST_PER_BLOCK).min(round.commits);
    for place in round.judged..until {
        match PROOFS.get(&ctx.state, &(round.number, place))? {
            Some(proof) if !proof.judged => judge(ctx, &round, &params, proof)?,
            _ => {}
        }
    }
    round.judged = until;
    round.closed = until == round.commits;
    ROUND.set(&mut ctx.state, &round);
    if round.closed {
        appeal::close(ctx, &round)?;
        rewards::close(ctx, &round)?;
        events::round(ctx, round.number, "closed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proto::tetra::cluster::v1::Verdict;

    use super::*;

    #[test]
    fn a_proof_passes_by_more_and_is_guilty_by_most() {
        use VerdictKind::{Right, Silent, Wrong};
        let of = |kinds: &[VerdictKind], drawn| {
            let verdicts = kinds.iter().map(|kind| Verdict { kind: (*kind).into(), ..Verdict::default() });
            finding(&Proof { verdicts: verdicts.collect(), ..Proof::default() }, drawn)
        };
        assert_eq!(of(&[Right, Right, Right], 3), Finding::Passed);
        assert_eq!(of(&[Right], 3), Finding::Passed);
        assert_eq!(of(&[Right, Wrong], 3), Finding::Open);
        assert_eq!(of(&[Right, Wrong, Wrong], 3), Finding::Guilty);
        // One word alone takes no money of three that were asked.
        assert_eq!(of(&[Wrong], 3), Finding::Open);
        assert_eq!(of(&[Silent, Silent, Right], 3), Finding::Open);
        assert_eq!(of(&[], 3), Finding::Open);
        assert_eq!(of(&[], 0), Finding::Open);
    }
}
