//! Messages of supply.

use ledger::{Context, Failure, MessageRoute, provider};
use proto::tetra::cluster::v1::{
    MsgAppeal, MsgAppealResponse, MsgBeat, MsgBeatResponse, MsgCommitProof, MsgCommitProofResponse, MsgOfferDevices,
    MsgOfferDevicesResponse, MsgPauseDevices, MsgPauseDevicesResponse, MsgUpdateParams, MsgUpdateParamsResponse,
    MsgVerifyAppeal, MsgVerifyAppealResponse, MsgVerifyProof, MsgVerifyProofResponse, MsgWithdrawDevices,
    MsgWithdrawDevicesResponse, Proof, Round, Source, Tier, Verdict, VerdictKind,
};

use super::state::{OFFERS, PARAMS, PROOFS, ROUND, put, remove, require, terms};
use super::{appeal as appeals, rewards, round, terms as checked, verdict};
use crate::ids::OfferId;
use crate::params::{self, LONGEST_NAME, params};
use crate::refusal::supply as refusal;
use crate::{money, overlay};

/// The longest reason of a verdict, in bytes.
const LONGEST_REASON: usize = 4 * LONGEST_NAME;

pub(crate) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new::<MsgOfferDevices, _>(|m| m.owner.clone(), offer_devices),
        MessageRoute::new::<MsgPauseDevices, _>(|m| m.owner.clone(), pause_devices),
        MessageRoute::new::<MsgWithdrawDevices, _>(|m| m.owner.clone(), withdraw_devices),
        MessageRoute::new::<MsgBeat, _>(|m| m.owner.clone(), beat),
        MessageRoute::new::<MsgCommitProof, _>(|m| m.owner.clone(), commit_proof),
        MessageRoute::new::<MsgVerifyProof, _>(|m| m.owner.clone(), verify_proof),
        MessageRoute::new::<MsgAppeal, _>(|m| m.owner.clone(), appeal),
        MessageRoute::new::<MsgVerifyAppeal, _>(|m| m.owner.clone(), verify_appeal),
        MessageRoute::new::<MsgUpdateParams, _>(|m| m.authority.clone(), update_params),
    ]
}

/// Offers a registered host, or changes the terms. New terms must be proved anew.
///
/// # Errors
/// `cluster_supply` 2, 4, 5, 8, 10; `sdk` 5, 7.
pub fn offer_devices(ctx: &mut Context, msg: MsgOfferDevices) -> Result<MsgOfferDevicesResponse, Failure> {
    let id = OfferId::of(ctx, &msg.owner, &msg.host_key)?;
    let name = id.text(&ctx.chain.prefix);
    let wanted = msg.terms.ok_or_else(|| refusal::invalid("its terms are missing"))?;
    let is_lease = match Source::try_from(msg.source) {
        Ok(Source::Provider | Source::RenderIdle | Source::Ssh) => false,
        Ok(Source::Lease) => true,
        _ => {
            return Err(refusal::invalid("its source is missing: provider, idle renders, lease, or SSH").into());
        }
    };
    if is_lease != wanted.lease.is_some() {
        let why = "devices that are leased elsewhere say where, and no others";
        return Err(refusal::invalid(why).into());
    }
    if provider::get(ctx, &id.owner)?.is_none() {
        return Err(refusal::no_provider(&ctx.text(&id.owner)).into());
    }
    let params = params(ctx)?;
    checked::check(ctx, &params, &id, &wanted)?;
    let old = OFFERS.get(&ctx.state, &id)?;
    let mut offer = old.clone().unwrap_or_default();
    if offer.hired > 0 {
        return Err(refusal::in_use(&name, offer.hired).into());
    }
    if offer.blocked {
        return Err(refusal::blocked(&name, &offer.reason).into());
    }
    let each = params::class(&params, &wanted.class)?.collateral;
    offer.collateral = settle_collateral(ctx, &id, offer.collateral, each.saturating_mul(wanted.devices.into()))?;
    if old.is_none() {
        let (since_ms, height) = (ctx.block.time_ms(), ctx.block.height);
        (offer.id, offer.since_ms, offer.idle_height) = (Some(id.to_wire(&ctx.chain.prefix)), since_ms, height);
    }
    if offer.terms.as_ref() != Some(&wanted) {
        (offer.proved_round, offer.fresh_until_ms, offer.committed_round) = (0, 0, 0);
        offer.reason = "not proved yet".to_owned();
    }
    (offer.terms, offer.source, offer.beat_ms) = (Some(wanted), msg.source, ctx.block.time_ms());
    let (collateral, is_proved) = (offer.collateral, offer.proved_round > 0);
    put(ctx, &id, offer)?;
    if !is_proved {
        round::open_for_the_first(ctx)?;
    }
    Ok(MsgOfferDevicesResponse { collateral })
}

/// Pays collateral in, or back, until it is what is wanted.
fn settle_collateral(ctx: &mut Context, id: &OfferId, has: u64, wanted: u64) -> Result<u64, Failure> {
    money::send(ctx, &id.owner, &money::collateral(), wanted.saturating_sub(has).into())?;
    money::send(ctx, &money::collateral(), &id.owner, has.saturating_sub(wanted).into())?;
    Ok(wanted)
}

/// Takes an offer out for a while, or back in.
///
/// # Errors
/// `cluster_supply` 2, 3; `sdk` 7.
pub fn pause_devices(ctx: &mut Context, msg: MsgPauseDevices) -> Result<MsgPauseDevicesResponse, Failure> {
    let id = OfferId::of(ctx, &msg.owner, &msg.host_key)?;
    let mut offer = require(ctx, &id)?;
    offer.paused = msg.paused;
    offer.reason = if msg.paused { "its owner paused it" } else { "its owner took it back in" }.to_owned();
    put(ctx, &id, offer)?;
    Ok(MsgPauseDevicesResponse {})
}

/// Ends an offer of which nothing is hired and returns its collateral.
///
/// # Errors
/// `cluster_supply` 2, 3, 4; `sdk` 7.
pub fn withdraw_devices(ctx: &mut Context, msg: MsgWithdrawDevices) -> Result<MsgWithdrawDevicesResponse, Failure> {
    let id = OfferId::of(ctx, &msg.owner, &msg.host_key)?;
    let mut offer = require(ctx, &id)?;
    if offer.hired > 0 {
        return Err(refusal::in_use(&id.text(&ctx.chain.prefix), offer.hired).into());
    }
    let judged = ROUND.get(&ctx.state)?.is_none_or(|round| round.closed || round.number != offer.committed_round);
    if appeals::is_open(ctx, &id)? {
        return Err(refusal::invalid("its appeal is open; withdraw it when that is judged").into());
    }
    if !judged {
        let why = format!("its proof of round {} is not judged yet; withdraw it after that", offer.committed_round);
        return Err(refusal::invalid(why).into());
    }
    appeals::forfeit(ctx, &id, &mut offer)?;
    money::send(ctx, &money::collateral(), &id.owner, offer.collateral.into())?;
    remove(ctx, &id, &offer)?;
    Ok(MsgWithdrawDevicesResponse { collateral: offer.collateral })
}

/// A sign of life.
///
/// # Errors
/// `cluster_supply` 2, 3; `sdk` 7.
pub fn beat(ctx: &mut Context, msg: MsgBeat) -> Result<MsgBeatResponse, Failure> {
    let id = OfferId::of(ctx, &msg.owner, &msg.host_key)?;
    if Tier::try_from(msg.tier).is_err() {
        return Err(refusal::invalid(format!("{} is no connectivity tier", msg.tier)).into());
    }
    let mut offer = require(ctx, &id)?;
    (offer.beat_ms, offer.tier) = (ctx.block.time_ms(), msg.tier);
    put(ctx, &id, offer)?;
    Ok(MsgBeatResponse {})
}

fn current(ctx: &Context, number: u64) -> Result<Round, Failure> {
    let round = ROUND.get(&ctx.state)?.ok_or_else(|| refusal::too_late("there is no round yet"))?;
    if round.number != number {
        return Err(refusal::too_late(format!("it is of round {number}; this is round {}", round.number)).into());
    }
    Ok(round)
}

/// Commits to what the devices computed over the beacon of this round.
///
/// # Errors
/// `cluster_supply` 2, 3, 6, 8; `sdk` 7.
pub fn commit_proof(ctx: &mut Context, msg: MsgCommitProof) -> Result<MsgCommitProofResponse, Failure> {
    let id = OfferId::of(ctx, &msg.owner, &msg.host_key)?;
    let mut offer = require(ctx, &id)?;
    if offer.blocked {
        return Err(refusal::blocked(&id.text(&ctx.chain.prefix), &offer.reason).into());
    }
    let mut round = current(ctx, msg.round)?;
    let params = params(ctx)?;
    let took_ms = ctx.block.time_ms().saturating_sub(round.opened_ms);
    let deadline = params::class(&params, &terms(&offer).class)?.deadline_ms;
    if took_ms > deadline || !round.draw.is_empty() {
        let why = format!("it took {took_ms} ms of chain time, and its class has {deadline} ms; the next round comes");
        return Err(refusal::too_late(why).into());
    }
    if offer.committed_round == round.number {
        return Err(refusal::too_late(format!("round {} has its commitment already", round.number)).into());
    }
    if msg.digest.len() != 32 {
        return Err(refusal::invalid("a digest has 32 bytes").into());
    }
    overlay::check_key(&msg.overlay_key)
        .and_then(|()| overlay::check_endpoints(&msg.endpoints))
        .map_err(refusal::invalid)?;
    (offer.committed_round, offer.place) = (round.number, round.commits);
    let proof = Proof {
        offer: Some(id.to_wire(&ctx.chain.prefix)),
        round: round.number,
        digest: msg.digest,
        took_ms,
        place: round.commits,
        overlay_key: msg.overlay_key,
        endpoints: msg.endpoints,
        ..Proof::default()
    };
    PROOFS.set(&mut ctx.state, &(round.number, round.commits), &proof);
    round.commits = round.commits.saturating_add(1);
    ROUND.set(&mut ctx.state, &round);
    put(ctx, &id, offer)?;
    Ok(MsgCommitProofResponse {})
}

/// Says what a drawn verifier found of a proof. When the last one spoke it is judged.
///
/// # Errors
/// `cluster_supply` 2, 3, 6, 7; `sdk` 7.
pub fn verify_proof(ctx: &mut Context, msg: MsgVerifyProof) -> Result<MsgVerifyProofResponse, Failure> {
    let verifier = OfferId::of(ctx, &msg.owner, &msg.host_key)?;
    let (by, of) = (require(ctx, &verifier)?, OfferId::from_wire(ctx, msg.offer.as_ref())?);
    let (target, round, params) = (require(ctx, &of)?, current(ctx, msg.round)?, params(ctx)?);
    if by.blocked {
        return Err(refusal::blocked(&verifier.text(&ctx.chain.prefix), &by.reason).into());
    }
    if round.draw.is_empty() || round.closed {
        return Err(
            refusal::not_drawn("verifiers are drawn after the last commitment, and speak until it closes").into()
        );
    }
    check_word(msg.kind(), &msg.reason)?;
    let proof = match target.committed_round == round.number {
        true => PROOFS.get(&ctx.state, &(round.number, target.place))?,
        false => None,
    };
    let mut proof = proof.ok_or_else(|| refusal::not_drawn("it committed to nothing in this round"))?;
    let judges = verdict::judges(ctx, &round, &params, &proof)?;
    if by.committed_round != round.number || !judges.contains(&by.place) {
        return Err(refusal::not_drawn("this offer was not drawn for that proof").into());
    }
    let (kind, verifier) = (msg.kind, Some(verifier.to_wire(&ctx.chain.prefix)));
    if proof.judged || proof.verdicts.iter().any(|said| said.verifier == verifier) {
        return Err(refusal::not_drawn("it has spoken already, or the proof is judged").into());
    }
    proof.verdicts.push(Verdict { verifier, kind, reason: msg.reason, formed: msg.formed });
    match proof.verdicts.len() >= judges.len() {
        true => verdict::judge(ctx, &round, &params, proof)?,
        false => PROOFS.set(&mut ctx.state, &(round.number, proof.place), &proof),
    }
    Ok(MsgVerifyProofResponse {})
}

fn check_word(kind: VerdictKind, reason: &str) -> Result<(), Failure> {
    if !matches!(kind, VerdictKind::Right | VerdictKind::Wrong | VerdictKind::Silent) {
        return Err(refusal::not_drawn("it is right, wrong or silent").into());
    }
    if reason.len() > LONGEST_REASON || reason.chars().any(char::is_control) {
        return Err(refusal::not_drawn(format!("a reason has at most {LONGEST_REASON} readable bytes")).into());
    }
    Ok(())
}

/// Asks others to look once more at the proof for which an offer is blocked.
///
/// # Errors
/// `cluster_supply` 2, 3, 11; `sdk` 5, 7.
pub fn appeal(ctx: &mut Context, msg: MsgAppeal) -> Result<MsgAppealResponse, Failure> {
    let id = OfferId::of(ctx, &msg.owner, &msg.host_key)?;
    appeals::open(ctx, &id)?;
    Ok(MsgAppealResponse {})
}

/// Says what a drawn judge found of a proof that is appealed for.
///
/// # Errors
/// `cluster_supply` 2, 3, 6, 7, 8, 11; `sdk` 7.
pub fn verify_appeal(ctx: &mut Context, msg: MsgVerifyAppeal) -> Result<MsgVerifyAppealResponse, Failure> {
    let judge = OfferId::of(ctx, &msg.owner, &msg.host_key)?;
    let (by, of) = (require(ctx, &judge)?, OfferId::from_wire(ctx, msg.offer.as_ref())?);
    let round = current(ctx, msg.round)?;
    if by.blocked {
        return Err(refusal::blocked(&judge.text(&ctx.chain.prefix), &by.reason).into());
    }
    check_word(msg.kind(), &msg.reason)?;
    let verifier = Some(judge.to_wire(&ctx.chain.prefix));
    let verdict = Verdict { verifier, kind: msg.kind, reason: msg.reason, formed: false };
    appeals::hear(ctx, &of, (&round, &by), verdict)?;
    Ok(MsgVerifyAppealResponse {})
}

/// Sets what holds for this market. A class that devices are offered in stays.
///
/// # Errors
/// `cluster_supply` 9; `sdk` 4, 7.
pub fn update_params(ctx: &mut Context, msg: MsgUpdateParams) -> Result<MsgUpdateParamsResponse, Failure> {
    ctx.require_authority(&msg.authority)?;
    let wanted = msg.params.ok_or_else(|| refusal::invalid_param("params are missing: send all of them"))?;
    params::check(&wanted)?;
    if let Some(wanted) = &wanted.rewards {
        rewards::check_denom(ctx, wanted)?;
    }
    for (name, state) in super::state::CLASSES.all(&ctx.state)? {
        if state.proved.saturating_add(state.claimed) > 0 && params::class(&wanted, &name).is_err() {
            let why = format!("class {name:?} is missing, and devices of it are offered");
            return Err(refusal::invalid_param(why).into());
        }
    }
    if wanted.denom != params(ctx)?.denom && !OFFERS.first(&ctx.state, &(), 1)?.is_empty() {
        return Err(refusal::invalid_param("denom cannot change while devices are offered").into());
    }
    PARAMS.set(&mut ctx.state, &wanted);
    Ok(MsgUpdateParamsResponse {})
}
