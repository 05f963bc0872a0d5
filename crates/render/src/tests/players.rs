//! What players do with their units and audits, each in its own way.

use ledger::Context;
use proto::cosmos::base::query::v1beta1::PageRequest;
use proto::tetra::render::v1::*;
use store::Key;

use super::recorded;
use super::support::*;
use crate::ids::{NodeId, TryId, UnitId};
use crate::job;
use crate::proof::{self, commitments, merkle};

const SALT: [u8; 32] = [9; 32];

impl Net {
    pub(super) fn play(&mut self, number: u8) {
        let player = self.players[&number];
        let wire = Some(player.node.to_wire(&self.ctx.chain.prefix));
        let work = job::queries::work(&self.ctx, QueryWorkRequest { node: wire.clone() }).unwrap();
        for frame in work.frames.iter().filter(|_| player.render != Render::Lazy) {
            let msg = commit_msg(&self.ctx, &player, frame);
            run(&mut self.ctx, proof::messages::commit_frame, msg).unwrap();
        }
        let pagination = Some(PageRequest { limit: 1000, ..PageRequest::default() });
        let duties = proof::queries::duties(&self.ctx, QueryDutiesRequest { node: wire.clone(), pagination }).unwrap();
        for audit in duties.audits {
            if audit.node == wire {
                self.open(&player, &audit);
            } else {
                self.look(&player, &audit);
            }
        }
    }

    fn open(&mut self, player: &Player, audit: &Audit) {
        let due = audit.stage() == AuditStage::Opening && audit.opened.is_empty();
        if due && player.render != Render::Mute {
            let msg = open_msg(&self.ctx, player, audit);
            let opened = run(&mut self.ctx, proof::messages::open_frame, msg);
            assert!(self.turns || opened.is_ok(), "{opened:?}");
        }
    }

    fn look(&mut self, player: &Player, audit: &Audit) {
        let turns = self.turns;
        let ctx = &mut self.ctx;
        let auditor = Some(player.node.to_wire(&ctx.chain.prefix));
        let Some(part) = audit.auditors.iter().find(|part| part.auditor == auditor && part.round == audit.round) else {
            return;
        };
        let (unit, attempt) = (audit.unit.clone(), audit.attempt);
        let by = NodeId::from_wire(ctx, audit.node.as_ref()).unwrap();
        let rendered = self.players.values().find(|other| other.node == by).copied();
        let tiles = || audited(ctx, player, rendered.as_ref(), audit);
        match audit.stage() {
            AuditStage::Committing if part.commitment.is_empty() && part.declined.is_empty() => match player.look {
                Look::Silent => {}
                Look::Declines => {
                    let msg = MsgDeclineAudit { auditor, unit, attempt, reason: "no origin answers".to_owned() };
                    run(ctx, proof::messages::decline_audit, msg).unwrap();
                }
                Look::Honest | Look::Lies | Look::Copies => {
                    let commitment = commitments::audit(&SALT, &player.node, &tiles()).to_vec();
                    let msg = MsgCommitAudit { auditor, unit, attempt, commitment };
                    run(ctx, proof::messages::commit_audit, msg).unwrap();
                }
            },
            AuditStage::Opening if !audit.opened.is_empty() && !part.commitment.is_empty() && part.tiles.is_empty() => {
                let msg = MsgRevealAudit { auditor, unit, attempt, tiles: tiles(), salt: SALT.to_vec() };
                let revealed = run(ctx, proof::messages::reveal_audit, msg);
                assert!(turns || revealed.is_ok(), "{revealed:?}");
            }
            _ => {}
        }
    }
}

fn try_of(ctx: &Context, unit: Option<&proto::tetra::render::v1::UnitId>, attempt: u32) -> TryId {
    (UnitId::from_wire(ctx, unit).unwrap(), attempt)
}

/// The tiles that a node makes of a try, and which of them are wrong.
pub(super) fn tiles_of(player: &Player, (unit, attempt): &TryId) -> Vec<[u8; 32]> {
    if let Render::Recorded(case) = player.render {
        return recorded::cases()[case].tiles.iter().map(|tile| tile.committed).collect();
    }
    let wrong = match player.render {
        Render::Wrong(count) | Render::Framing(count) => count,
        _ => 0,
    };
    let seed = [unit.to_bytes(), attempt.to_be_bytes().to_vec(), player.node.to_bytes()].concat();
    let mut order: Vec<u32> = (0..TILES).collect();
    order.sort_by_key(|index| hash(&[b"which", &seed, &index.to_be_bytes()]));
    let bad = &order[..wrong.min(TILES) as usize];
    let tile = |index: u32| match bad.contains(&index) {
        true => hash(&[b"bad", &seed, &index.to_be_bytes()]),
        false => true_tile(unit, index),
    };
    (0..TILES).map(tile).collect()
}

/// What a node plants: wrong hashes of its first half of tiles, or the true ones of all that it rendered wrong.
pub(super) fn plants_of(player: &Player, id: &TryId) -> Vec<OpenedTile> {
    let plant = |index: u32, hash: [u8; 32]| OpenedTile { index, hash: hash.to_vec(), path: Vec::new() };
    if let Render::Framing(_) = player.render {
        let tiles = tiles_of(player, id);
        let wrong = (0..TILES).filter(|index| tiles[*index as usize] != true_tile(&id.0, *index));
        return wrong.map(|index| plant(index, true_tile(&id.0, index))).collect();
    }
    let seed = [id.0.to_bytes(), id.1.to_be_bytes().to_vec()].concat();
    let planted = |index: u32| plant(index, hash(&[b"plant", &seed, &index.to_be_bytes()]));
    if player.plants { (0..TILES).step_by(2).map(planted).collect() } else { Vec::new() }
}

pub(super) fn commit_msg(ctx: &Context, player: &Player, frame: &Frame) -> MsgCommitFrame {
    let id = try_of(ctx, frame.id.as_ref(), frame.attempt);
    let plants = plants_of(player, &id);
    MsgCommitFrame {
        node: Some(player.node.to_wire(&ctx.chain.prefix)),
        unit: frame.id.clone(),
        attempt: frame.attempt,
        root: merkle::tree(&tiles_of(player, &id), 0).unwrap().0.to_vec(),
        plants: if plants.is_empty() { Vec::new() } else { commitments::plants(&SALT, &plants).to_vec() },
        file: vec![5; 32],
        file_bytes: 1_000,
        elapsed_ms: 60_000,
        engine: Some(engine()),
    }
}

pub(super) fn open_msg(ctx: &Context, player: &Player, audit: &Audit) -> MsgOpenFrame {
    let id = try_of(ctx, audit.unit.as_ref(), audit.attempt);
    let (tiles, plants) = (tiles_of(player, &id), plants_of(player, &id));
    let opened = |index: &u32| {
        let path = merkle::tree(&tiles, *index as usize).unwrap().1;
        let path = path.into_iter().map(|hash| hash.to_vec()).collect();
        OpenedTile { index: *index, hash: tiles[*index as usize].to_vec(), path }
    };
    MsgOpenFrame {
        node: audit.node.clone(),
        unit: audit.unit.clone(),
        attempt: audit.attempt,
        tiles: audit.tiles.iter().map(opened).collect(),
        salt: if plants.is_empty() { Vec::new() } else { SALT.to_vec() },
        plants,
    }
}

fn audited(ctx: &Context, player: &Player, rendered: Option<&Player>, audit: &Audit) -> Vec<AuditedTile> {
    let id = try_of(ctx, audit.unit.as_ref(), audit.attempt);
    let found = |place: usize, index: u32| match (player.look, rendered) {
        (Look::Lies, _) if place == 0 => hash(&[b"lie", &id.0.to_bytes()]),
        (Look::Copies, Some(rendered)) => {
            let plants = plants_of(rendered, &id);
            let planted = plants.iter().find(|plant| plant.index == index);
            planted.map_or(tiles_of(rendered, &id)[index as usize], |plant| plant.hash.clone().try_into().unwrap())
        }
        (_, Some(Player { render: Render::Recorded(case), .. })) => {
            recorded::cases()[*case].tiles[index as usize].audited
        }
        _ => true_tile(&id.0, index),
    };
    let tile = |(place, index): (usize, &u32)| AuditedTile {
        index: *index,
        hash: found(place, *index).to_vec(),
        elapsed_ms: 3_765,
        ..AuditedTile::default()
    };
    audit.tiles.iter().enumerate().map(tile).collect()
}
