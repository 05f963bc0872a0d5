//! What senders of messages try, and what they hear.

use proto::tetra::render::v1::*;

use super::players::{commit_msg, open_msg};
use super::support::*;
use crate::proof::{commitments, messages};

/// A job with a unit under audit: node 1 renders, 2 and 3 audit, 4 has no part.
fn opening() -> (Net, crate::JobId) {
    let mut net = net();
    net.join(1, Render::Honest, Look::Honest);
    let id = net.submit(1, 1);
    net.pass();
    for number in 2..=3 {
        net.join(number, Render::Lazy, Look::Honest);
    }
    net.player(1).plants = true;
    (net, id)
}

#[test]
fn commitments_that_are_refused() {
    let (mut net, id) = opening();
    let player = net.players[&1];
    let good = commit_msg(&net.ctx, &player, &net.frame(&id, 0));
    type Change = fn(&mut MsgCommitFrame);
    let changes: [Change; 8] = [
        |msg| msg.root = vec![1; 31],
        |msg| msg.plants = vec![1],
        |msg| msg.file = Vec::new(),
        |msg| msg.elapsed_ms = 0,
        |msg| msg.attempt = 2,
        |msg| msg.unit.as_mut().unwrap().index = 1,
        |msg| msg.engine.as_mut().unwrap().build = "4.5".to_owned(),
        |msg| msg.engine = None,
    ];
    let mut told = Vec::new();
    for change in changes {
        let mut msg = good.clone();
        change(&mut msg);
        told.push(refused(run(&mut net.ctx, messages::commit_frame, msg)));
    }
    let foreign = MsgCommitFrame { node: Some(node_of(2).to_wire(&net.ctx.chain.prefix)), ..good.clone() };
    told.push(refused(run(&mut net.ctx, messages::commit_frame, foreign)));
    run(&mut net.ctx, messages::commit_frame, good.clone()).unwrap();
    told.push(refused(run(&mut net.ctx, messages::commit_frame, good)));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn openings_and_reveals_that_are_refused() {
    let (mut net, id) = opening();
    net.until(|net| {
        let unit = Some(id.unit(0).to_wire(&net.ctx.chain.prefix));
        let found = crate::proof::queries::audit(&net.ctx, QueryAuditRequest { unit, attempt: 0 });
        found.is_ok_and(|found| found.audit.unwrap().stage() == AuditStage::Committing)
    });
    let audit = net.audit(&id, 0);
    let (unit, attempt) = (audit.unit.clone(), audit.attempt);
    let (player, salt) = (net.players[&1], vec![9; 32]);
    let auditor = |net: &Net, number: u8| Some(node_of(number).to_wire(&net.ctx.chain.prefix));
    let tiles: Vec<AuditedTile> = audit
        .tiles
        .iter()
        .map(|index| {
            let hash = true_tile(&id.unit(0), *index).to_vec();
            AuditedTile { index: *index, hash, elapsed_ms: 9, ..AuditedTile::default() }
        })
        .collect();
    let commit = |net: &Net, number: u8| MsgCommitAudit {
        auditor: auditor(net, number),
        unit: unit.clone(),
        attempt,
        commitment: commitments::audit(&salt, &node_of(number), &tiles).to_vec(),
    };
    let mut told = Vec::new();
    let early = open_msg(&net.ctx, &player, &audit);
    told.push(refused(run(&mut net.ctx, messages::open_frame, early.clone())));
    for number in [1, 2, 3] {
        let msg = commit(&net, number);
        let result = run(&mut net.ctx, messages::commit_audit, msg.clone());
        if number == 1 {
            told.push(refused(result));
        } else {
            result.unwrap();
            told.push(refused(run(&mut net.ctx, messages::commit_audit, msg)));
        }
    }
    assert_eq!(net.audit(&id, 0).stage(), AuditStage::Opening);
    let reveal = |net: &Net, number: u8| MsgRevealAudit {
        auditor: auditor(net, number),
        unit: unit.clone(),
        attempt,
        tiles: tiles.clone(),
        salt: salt.clone(),
    };
    let soon = reveal(&net, 2);
    told.push(refused(run(&mut net.ctx, messages::reveal_audit, soon)));
    type Change = fn(&mut MsgOpenFrame);
    let changes: [Change; 7] = [
        |msg| drop(msg.tiles.pop()),
        |msg| msg.tiles[0].hash = vec![4; 32],
        |msg| msg.tiles[1].path.swap(0, 1),
        |msg| msg.tiles[0].path.clear(),
        |msg| msg.plants[0].hash = vec![8; 32],
        |msg| msg.plants.clear(),
        |msg| msg.salt = vec![9; 15],
    ];
    for change in changes {
        let mut msg = early.clone();
        change(&mut msg);
        told.push(refused(run(&mut net.ctx, messages::open_frame, msg)));
    }
    run(&mut net.ctx, messages::open_frame, early.clone()).unwrap();
    told.push(refused(run(&mut net.ctx, messages::open_frame, early)));
    let mut other = reveal(&net, 2);
    other.tiles[0].hash = vec![4; 32];
    told.push(refused(run(&mut net.ctx, messages::reveal_audit, other)));
    let stolen = MsgRevealAudit { auditor: auditor(&net, 4), ..reveal(&net, 2) };
    told.push(refused(run(&mut net.ctx, messages::reveal_audit, stolen)));
    for number in [2, 3] {
        let msg = reveal(&net, number);
        run(&mut net.ctx, messages::reveal_audit, msg).unwrap();
    }
    assert_eq!(net.audit(&id, 0).verdict(), Verdict::Honest);
    let late = reveal(&net, 2);
    told.push(refused(run(&mut net.ctx, messages::reveal_audit, late)));
    insta::assert_snapshot!(told.join("\n"));
}

/// A node that commits before it knows what is drawn cannot choose: with the same state, another beacon draws others.
#[test]
fn what_is_drawn_depends_on_the_beacon() {
    let drawn = |seed: u8| {
        let (mut net, id) = opening();
        net.ctx.block.seed = [seed; 32];
        net.until(|net| net.frame(&id, 0).state() == FrameState::Auditing);
        net.audit(&id, 0).tiles
    };
    assert_ne!(drawn(1), drawn(2));
    assert_eq!(drawn(1), drawn(1));
}
