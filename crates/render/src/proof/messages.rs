//! Messages of proofs.

use ledger::{Context, Failure, MessageRoute, bank};
use proto::tetra::render::v1::{
    Audit, AuditStage, AuditedTile, AuditorPart, MsgAppeal, MsgAppealResponse, MsgCommitAudit, MsgCommitAuditResponse,
    MsgCommitFrame, MsgCommitFrameResponse, MsgDeclineAudit, MsgDeclineAuditResponse, MsgOpenFrame,
    MsgOpenFrameResponse, MsgRevealAudit, MsgRevealAuditResponse, MsgUpdateProofParams, MsgUpdateProofParamsResponse,
    NodeId as WireNode, OpenedTile, UnitId as WireUnit, Verdict,
};

use super::course::{self, again, go_on};
use super::state::{PARAMS, put, require};
use super::{appeals_account, closing, commitments, merkle, params};
use crate::ids::{NodeId, TryId, UnitId};
use crate::job::{self, Commit};
use crate::node;
use crate::refusal::proof as refusal;
use crate::time::{now_ms, some_ms};
use crate::{engine, epoch};

const LONGEST_REASON: usize = 256;
const LONGEST_SALT: usize = 32;
/// The least salt.
const SHORTEST_SALT: usize = 16;

fn owner(id: Option<&WireNode>) -> String {
    id.map(|id| id.owner.clone()).unwrap_or_default()
}

pub(crate) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new::<MsgCommitFrame, _>(|m| owner(m.node.as_ref()), commit_frame),
        MessageRoute::new::<MsgCommitAudit, _>(|m| owner(m.auditor.as_ref()), commit_audit),
        MessageRoute::new::<MsgDeclineAudit, _>(|m| owner(m.auditor.as_ref()), decline_audit),
        MessageRoute::new::<MsgOpenFrame, _>(|m| owner(m.node.as_ref()), open_frame),
        MessageRoute::new::<MsgRevealAudit, _>(|m| owner(m.auditor.as_ref()), reveal_audit),
        MessageRoute::new::<MsgAppeal, _>(|m| owner(m.appellant.as_ref()), appeal),
        MessageRoute::new::<MsgUpdateProofParams, _>(|m| m.authority.clone(), update_params),
    ]
}

fn try_id(ctx: &Context, unit: Option<&WireUnit>, attempt: u32) -> Result<TryId, Failure> {
    Ok((UnitId::from_wire(ctx, unit)?, attempt))
}

fn digest(bytes: &[u8], what: &str) -> Result<[u8; 32], Failure> {
    let digest = bytes.try_into();
    digest.map_err(|_| refusal::invalid(format!("{what} has 32 bytes, not {}", bytes.len())).into())
}

/// A node commits to a unit that it has in hand.
///
/// # Errors
/// `render_proof` 2; `render_job` 4, 6, 7.
pub fn commit_frame(ctx: &mut Context, msg: MsgCommitFrame) -> Result<MsgCommitFrameResponse, Failure> {
    let (id, by) = (try_id(ctx, msg.unit.as_ref(), msg.attempt)?, NodeId::from_wire(ctx, msg.node.as_ref())?);
    digest(&msg.root, "the root of the tiles")?;
    digest(&msg.file, "the digest of the file")?;
    if !msg.plants.is_empty() {
        digest(&msg.plants, "the commitment to planted hashes")?;
    }
    if msg.file_bytes == 0 || msg.elapsed_ms == 0 {
        return Err(refusal::invalid("a rendered file has bytes, and took time").into());
    }
    let found = node::require(ctx, &by)?;
    if msg.engine.is_none() || msg.engine != found.engine {
        let has = engine::text(&found.engine.unwrap_or_default());
        return Err(refusal::invalid(format!("the node was enabled with {has}; a commitment names the same")).into());
    }
    let commit = Commit { root: msg.root.clone(), file: msg.file.clone(), file_bytes: msg.file_bytes };
    if job::committed(ctx, &id.0, &by, id.1, commit)? {
        course::begin(ctx, &id, &by, msg)?;
    }
    Ok(MsgCommitFrameResponse {})
}

/// Where the part of an auditor of the running round stands.
fn part<'a>(audit: &'a mut Audit, auditor: Option<&WireNode>) -> Result<&'a mut AuditorPart, Failure> {
    let round = audit.round;
    let own = audit.auditors.iter_mut().find(|part| part.auditor.as_ref() == auditor && part.round == round);
    own.ok_or_else(|| refusal::not_yours("an auditor of this round").into())
}

fn require_stage(audit: &Audit, stage: AuditStage, what: &str) -> Result<(), Failure> {
    if audit.stage() == stage {
        return Ok(());
    }
    Err(refusal::wrong_stage(what, audit.stage().as_str_name()).into())
}

/// An auditor commits to its hashes of the drawn tiles.
///
/// # Errors
/// `render_proof` 2, 3, 4, 5.
pub fn commit_audit(ctx: &mut Context, msg: MsgCommitAudit) -> Result<MsgCommitAuditResponse, Failure> {
    let id = try_id(ctx, msg.unit.as_ref(), msg.attempt)?;
    let mut audit = require(ctx, &id)?;
    require_stage(&audit, AuditStage::Committing, "a commitment")?;
    digest(&msg.commitment, "the commitment")?;
    let part = part(&mut audit, msg.auditor.as_ref())?;
    if !part.commitment.is_empty() || !part.declined.is_empty() {
        return Err(refusal::invalid("this auditor has committed or declined before").into());
    }
    part.commitment = msg.commitment;
    put(ctx, &id, &audit)?;
    go_on(ctx, &id, false)?;
    Ok(MsgCommitAuditResponse {})
}

/// An auditor that could not fetch the scene says so, before it has committed.
///
/// # Errors
/// `render_proof` 2, 3, 4, 5.
pub fn decline_audit(ctx: &mut Context, msg: MsgDeclineAudit) -> Result<MsgDeclineAuditResponse, Failure> {
    let id = try_id(ctx, msg.unit.as_ref(), msg.attempt)?;
    let mut audit = require(ctx, &id)?;
    require_stage(&audit, AuditStage::Committing, "declining")?;
    let reason = msg.reason.trim();
    if reason.is_empty() || reason.len() > LONGEST_REASON {
        return Err(refusal::invalid(format!("a reason of at most {LONGEST_REASON} bytes is wanted")).into());
    }
    let part = part(&mut audit, msg.auditor.as_ref())?;
    if !part.commitment.is_empty() || !part.declined.is_empty() {
        return Err(refusal::invalid("this auditor has committed or declined before").into());
    }
    part.declined = reason.to_owned();
    put(ctx, &id, &audit)?;
    go_on(ctx, &id, false)?;
    Ok(MsgDeclineAuditResponse {})
}

fn check_salt(salt: &[u8]) -> Result<(), Failure> {
    match (SHORTEST_SALT..=LONGEST_SALT).contains(&salt.len()) {
        true => Ok(()),
        false => Err(refusal::invalid(format!("a salt has {SHORTEST_SALT} to {LONGEST_SALT} bytes")).into()),
    }
}

/// Whether each drawn tile is opened, in order, and leads to the root.
fn check_opening(audit: &Audit, tiles: &[OpenedTile]) -> Result<(), Failure> {
    let opened: Vec<u32> = tiles.iter().map(|tile| tile.index).collect();
    if opened != audit.tiles {
        return Err(refusal::bad_opening(format!("the drawn tiles are {:?}, in this order", audit.tiles)).into());
    }
    let grid = audit.grid.unwrap_or_default();
    let count = grid.columns.saturating_mul(grid.rows);
    for tile in tiles {
        let hash = digest(&tile.hash, "a tile's digest")?;
        let path: Result<Vec<[u8; 32]>, _> = tile.path.iter().map(|node| node.as_slice().try_into()).collect();
        let path = path.map_err(|_| refusal::bad_opening("a sibling has 32 bytes"))?;
        if merkle::climb(&hash, tile.index, count, &path).is_none_or(|root| root.as_slice() != audit.root) {
            return Err(refusal::bad_opening(format!("tile {} does not lead to the root", tile.index)).into());
        }
    }
    Ok(())
}

/// Whether planted hashes are those that the node committed to, in order, and none of them is what it opened.
fn check_plants(audit: &Audit, tiles: &[OpenedTile], msg: &MsgOpenFrame) -> Result<(), Failure> {
    if audit.plants.is_empty() {
        return match msg.plants.is_empty() && msg.salt.is_empty() {
            true => Ok(()),
            false => Err(refusal::bad_opening("no planted hashes were committed to").into()),
        };
    }
    check_salt(&msg.salt)?;
    let ordered = msg.plants.windows(2).all(|pair| matches!(pair, [a, b] if a.index < b.index));
    let plain = msg.plants.iter().all(|plant| plant.hash.len() == 32 && plant.path.is_empty());
    if !ordered || !plain || commitments::plants(&msg.salt, &msg.plants).as_slice() != audit.plants {
        return Err(refusal::bad_opening("the planted hashes are not those that were committed to").into());
    }
    let planted_truth = |plant: &OpenedTile| tiles.iter().any(|t| t.index == plant.index && t.hash == plant.hash);
    match msg.plants.iter().find(|plant| planted_truth(plant)) {
        Some(plant) => Err(refusal::bad_opening(format!("the planted hash of tile {} is its own", plant.index)).into()),
        None => Ok(()),
    }
}

/// The node opens the drawn tiles, with the paths to its root, and what it planted.
///
/// # Errors
/// `render_proof` 2, 3, 4, 5, 6.
pub fn open_frame(ctx: &mut Context, msg: MsgOpenFrame) -> Result<MsgOpenFrameResponse, Failure> {
    let id = try_id(ctx, msg.unit.as_ref(), msg.attempt)?;
    let mut audit = require(ctx, &id)?;
    require_stage(&audit, AuditStage::Opening, "an opening")?;
    if audit.node != msg.node {
        return Err(refusal::not_yours("the audited").into());
    }
    if !audit.opened.is_empty() {
        return Err(refusal::bad_opening("the node has opened before").into());
    }
    check_opening(&audit, &msg.tiles)?;
    check_plants(&audit, &msg.tiles, &msg)?;
    (audit.opened, audit.planted) = (msg.tiles, msg.plants);
    put(ctx, &id, &audit)?;
    go_on(ctx, &id, false)?;
    Ok(MsgOpenFrameResponse {})
}

fn check_audited(audit: &Audit, tiles: &[AuditedTile]) -> Result<(), Failure> {
    let revealed: Vec<u32> = tiles.iter().map(|tile| tile.index).collect();
    if revealed != audit.tiles {
        return Err(refusal::bad_opening(format!("the drawn tiles are {:?}, in this order", audit.tiles)).into());
    }
    for tile in tiles {
        digest(&tile.hash, "a tile's digest")?;
        if tile.differing > tile.values {
            return Err(refusal::bad_opening(format!("tile {}: more values differ than there are", tile.index)).into());
        }
    }
    Ok(())
}

/// An auditor reveals what it committed to, once the node has opened.
///
/// # Errors
/// `render_proof` 2, 3, 4, 5, 6.
pub fn reveal_audit(ctx: &mut Context, msg: MsgRevealAudit) -> Result<MsgRevealAuditResponse, Failure> {
    let id = try_id(ctx, msg.unit.as_ref(), msg.attempt)?;
    let mut audit = require(ctx, &id)?;
    require_stage(&audit, AuditStage::Opening, "a reveal")?;
    if audit.opened.is_empty() {
        return Err(refusal::wrong_stage("a reveal", "AUDIT_STAGE_OPENING, and the node has not opened").into());
    }
    check_audited(&audit, &msg.tiles)?;
    check_salt(&msg.salt)?;
    let auditor = NodeId::from_wire(ctx, msg.auditor.as_ref())?;
    let part = part(&mut audit, msg.auditor.as_ref())?;
    if part.commitment != commitments::audit(&msg.salt, &auditor, &msg.tiles) || !part.tiles.is_empty() {
        return Err(refusal::bad_opening("this is not what the auditor committed to, or was revealed before").into());
    }
    part.tiles = msg.tiles;
    put(ctx, &id, &audit)?;
    go_on(ctx, &id, false)?;
    Ok(MsgRevealAuditResponse {})
}

/// Who was punished by a verdict asks for more auditors, with a deposit: the node once, the auditors of an audit once.
///
/// # Errors
/// `render_proof` 3, 4, 7; `sdk` 5 when the deposit is not covered.
pub fn appeal(ctx: &mut Context, msg: MsgAppeal) -> Result<MsgAppealResponse, Failure> {
    let id = try_id(ctx, msg.unit.as_ref(), msg.attempt)?;
    let mut audit = require(ctx, &id)?;
    require_stage(&audit, AuditStage::Closed, "an appeal")?;
    let appellant = NodeId::from_wire(ctx, msg.appellant.as_ref())?;
    let is_auditor = |part: &AuditorPart| part.auditor == msg.appellant && part.punished;
    let side = if audit.node == msg.appellant && audit.punished {
        "node"
    } else if audit.auditors.iter().any(is_auditor) {
        "auditors"
    } else {
        return Err(refusal::no_appeal("only who was punished by a verdict appeals").into());
    };
    if audit.verdict() == Verdict::Silent {
        return Err(refusal::no_appeal("silence cannot be opened afterwards").into());
    }
    if audit.appeals.iter().any(|used| used == side) {
        return Err(refusal::no_appeal(format!("the side of the {side} has appealed before")).into());
    }
    let params = epoch::params(ctx)?;
    let until = some_ms(audit.closed_at.as_ref()).unwrap_or(0).saturating_add(params.appeal_ms);
    if now_ms(ctx) > until {
        return Err(refusal::no_appeal("its time is over").into());
    }
    if let Some(deposit) = &params.appeal_deposit {
        let coins = closing::coins(deposit)?;
        bank::send(ctx, &appellant.owner, &appeals_account(), &coins)?;
    }
    audit.deposit = params.appeal_deposit;
    audit.appeals.push(side.to_owned());
    audit.appellant = msg.appellant;
    again(ctx, &id, audit)?;
    Ok(MsgAppealResponse {})
}

/// Replaces the parameters.
///
/// # Errors
/// `sdk` 4 unless the authority signed; `render_proof` 8.
pub fn update_params(ctx: &mut Context, msg: MsgUpdateProofParams) -> Result<MsgUpdateProofParamsResponse, Failure> {
    ctx.require_authority(&msg.authority)?;
    let wanted = msg.params.ok_or_else(|| refusal::invalid_param("they are missing"))?;
    params::check(&wanted)?;
    PARAMS.set(&mut ctx.state, &wanted);
    Ok(MsgUpdateProofParamsResponse {})
}
