//! Hold for the machine that a subnet asks for, stored encodings, and what is announced.

use ledger::testing::{self, ALICE, BOB, CAROL};

use super::support::*;
use crate::params::WIT;

/// Every stored encoding after a small story: a change of it is a change of consensus.
#[test]
fn stored_encodings() {
    let mut ctx = market();
    let keys = [bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB), bind(&mut ctx, 3, &CAROL)];
    let netuid = create(&mut ctx, &ALICE, &keys[0]);
    register(&mut ctx, netuid, &keys[1], &BOB).unwrap();
    register(&mut ctx, netuid, &keys[2], &CAROL).unwrap();
    stake(&mut ctx, &keys[1], &BOB, 100 * WIT).unwrap();
    weigh(&mut ctx, 0, &keys[1], &BOB, &[(netuid, 1)]).unwrap();
    epoch(&mut ctx, netuid);
    weigh(&mut ctx, netuid, &keys[1], &BOB, &[(2, 1)]).unwrap();
    epoch(&mut ctx, netuid);
    rules(&mut ctx, netuid, |rules| rules.commit_reveal = true);
    commit(&mut ctx, netuid, &keys[1], &BOB, &[(2, 1)]).unwrap();
    let trees = crate::MODULES.map(|module| format!("{}\n{}", module.0, testing::stored(&ctx, module)));
    insta::assert_snapshot!(trees.join("\n"));
}

#[test]
fn announcements() {
    let mut ctx = market();
    let keys = [bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB)];
    let netuid = create(&mut ctx, &ALICE, &keys[0]);
    register(&mut ctx, netuid, &keys[1], &BOB).unwrap();
    stake(&mut ctx, &keys[1], &BOB, 100 * WIT).unwrap();
    insta::assert_snapshot!(testing::announced(&ctx));
}

#[test]
fn an_explanation_has_every_step_in_words_and_numbers() {
    let mut ctx = market();
    let keys = [bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB), bind(&mut ctx, 3, &CAROL)];
    let netuid = create(&mut ctx, &ALICE, &keys[0]);
    register(&mut ctx, netuid, &keys[1], &BOB).unwrap();
    register(&mut ctx, netuid, &keys[2], &CAROL).unwrap();
    stake(&mut ctx, &keys[1], &BOB, 100 * WIT).unwrap();
    epoch(&mut ctx, netuid);
    weigh(&mut ctx, netuid, &keys[1], &BOB, &[(1, 1), (2, 3)]).unwrap();
    let request = proto::tetra::subnet::v1::QueryExplainRequest { netuid, uid: 2 };
    let answer = crate::epoch::queries::explain_neuron(&ctx, request).unwrap();
    let lines = answer.steps.iter().map(|step| {
        let cells = step.cells.iter().map(|cell| format!(" {}>{}={}", cell.row, cell.column, cell.value));
        format!("{}: {}{}", step.step, step.value, cells.collect::<String>())
    });
    let lines: Vec<String> = lines.chain(answer.dropped.iter().cloned()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
