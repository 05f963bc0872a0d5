//! Deployments and groups.

use insta::assert_snapshot;
use ledger::testing::{ALICE, AUTHORITY, BOB, FUNDS, advance, announced, balance, forget};
use ledger::{Context, Failure};
use proto::Duration;
use proto::akash::deployment::v1::DeploymentReclamation;
use proto::akash::deployment::v1beta4::{MsgCreateDeployment, MsgUpdateDeployment, MsgUpdateParams, Params};
use proto::cosmos::base::v1beta1::Coin;

use super::support::*;
use crate::deployment::messages::{create_deployment, update_deployment, update_params};
use crate::ids::DeploymentId;

const ID: DeploymentId = DeploymentId { owner: ALICE, dseq: 7 };

fn good(ctx: &Context) -> MsgCreateDeployment {
    msg_create(ctx, &ID, groups(&[1, 2], "100", "uusd"), "5000000uusd")
}

#[test]
fn a_deployment_opens_an_order_for_each_group_and_sets_money_aside() {
    let mut ctx = market();
    let msg = good(&ctx);
    run(&mut ctx, create_deployment, msg).unwrap();
    assert_eq!(balance(&ctx, &ALICE, "uusd"), FUNDS - 5_000_000);
    assert_snapshot!(announced(&ctx) + &states(&ctx, &ID));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_deployment_is_updated_and_closed_and_its_money_comes_back() {
    let mut ctx = market();
    let msg = good(&ctx);
    run(&mut ctx, create_deployment, msg).unwrap();
    advance(&mut ctx, 3);
    let msg = MsgUpdateDeployment { id: Some(ID.to_wire(&ctx.chain.prefix)), hash: vec![1; 32] };
    run(&mut ctx, update_deployment, msg).unwrap();
    close_deployment(&mut ctx, &ID).unwrap();
    assert_eq!(balance(&ctx, &ALICE, "uusd"), FUNDS);
    assert_snapshot!(announced(&ctx) + &states(&ctx, &ID));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn groups_pause_start_and_close() {
    let mut ctx = market();
    let msg = good(&ctx);
    run(&mut ctx, create_deployment, msg).unwrap();
    forget(&mut ctx);
    pause_group(&mut ctx, &ID.group(1)).unwrap();
    start_group(&mut ctx, &ID.group(1)).unwrap();
    close_group(&mut ctx, &ID.group(2)).unwrap();
    assert_snapshot!(announced(&ctx) + &states(&ctx, &ID));

    pause_group(&mut ctx, &ID.group(1)).unwrap();
    close_group(&mut ctx, &ID.group(1)).unwrap();
    assert_snapshot!("the_last_group_closes_and_the_deployment_stays", states(&ctx, &ID));
    assert_eq!(broken(&ctx), Vec::<String>::new());
    close_deployment(&mut ctx, &ID).unwrap();
    assert_eq!(balance(&ctx, &ALICE, "uusd"), FUNDS);
}

#[test]
fn creations_that_are_refused() {
    let mut ctx = market();
    deploy(&mut ctx, ALICE, 1);
    let mut refusals = Refusals::default();
    let mut refuse = |change: fn(&mut MsgCreateDeployment)| {
        let mut msg = good(&ctx);
        change(&mut msg);
        refusals.note(run(&mut ctx, create_deployment, msg));
    };
    refuse(|m| m.id.as_mut().unwrap().dseq = 1);
    refuse(|m| m.id = None);
    refuse(|m| m.id.as_mut().unwrap().dseq = 0);
    refuse(|m| m.id.as_mut().unwrap().owner = "tetra1x".to_owned());
    refuse(|m| m.groups.clear());
    refuse(|m| m.groups[1].name = m.groups[0].name.clone());
    refuse(|m| m.groups[0].resources[0].price.as_mut().unwrap().denom = "utet".to_owned());
    refuse(|m| m.groups[0].resources[0].count = 0);
    refuse(|m| m.hash = Vec::new());
    refuse(|m| m.hash = vec![1; 31]);
    refuse(|m| m.deposit = None);
    refuse(|m| m.deposit = deposit("499999uusd"));
    refuse(|m| m.deposit = deposit("5000000utet"));
    refuse(|m| m.deposit.as_mut().unwrap().sources.clear());
    refuse(|m| m.groups = groups(&[1], "100", "ufoo"));
    refuse(|m| {
        m.groups = groups(&[1], "100", "ulux");
        m.deposit = deposit("5000000ulux");
    });
    refuse(|m| m.deposit = deposit("999999999999999999uusd"));
    refuse(|m| m.reclamation = Some(DeploymentReclamation { min_window: None }));
    refuse(|m| {
        let min_window = Some(Duration { seconds: 3_599, nanos: 0 });
        m.reclamation = Some(DeploymentReclamation { min_window });
    });
    assert_snapshot!(refusals.0);
    assert_eq!(balance(&ctx, &ALICE, "uusd"), FUNDS - 5_000_000);
}

#[test]
fn what_a_deployment_and_its_groups_refuse_afterwards() {
    let mut ctx = market();
    let id = deploy(&mut ctx, ALICE, 7);
    let mut refusals = Refusals::default();
    let update = |ctx: &mut Context, id: &DeploymentId, hash: Vec<u8>| -> Result<(), Failure> {
        let msg = MsgUpdateDeployment { id: Some(id.to_wire(&ctx.chain.prefix)), hash };
        run(ctx, update_deployment, msg).map(drop)
    };
    let missing = DeploymentId { owner: BOB, dseq: 7 };
    refusals.note(update(&mut ctx, &missing, vec![1; 32]));
    refusals.note(update(&mut ctx, &id, HASH.to_vec()));
    refusals.note(update(&mut ctx, &id, Vec::new()));
    refusals.note(close_deployment(&mut ctx, &missing));
    refusals.note(start_group(&mut ctx, &id.group(1)));
    refusals.note(pause_group(&mut ctx, &id.group(2)));
    refusals.note(pause_group(&mut ctx, &id.group(0)));
    pause_group(&mut ctx, &id.group(1)).unwrap();
    refusals.note(pause_group(&mut ctx, &id.group(1)));
    close_group(&mut ctx, &id.group(1)).unwrap();
    refusals.note(pause_group(&mut ctx, &id.group(1)));
    refusals.note(start_group(&mut ctx, &id.group(1)));
    refusals.note(close_group(&mut ctx, &id.group(1)));
    close_deployment(&mut ctx, &id).unwrap();
    refusals.note(update(&mut ctx, &id, vec![1; 32]));
    refusals.note(close_deployment(&mut ctx, &id));
    let msg = msg_create(&ctx, &id, groups(&[1], "100", "uusd"), "5000000uusd");
    refusals.note(run(&mut ctx, create_deployment, msg));
    assert_snapshot!(refusals.0);
}

#[test]
fn the_authority_changes_the_least_deposits() {
    let mut ctx = market();
    let msg = |ctx: &Context, who, coins: &[(&str, &str)]| MsgUpdateParams {
        authority: ctx.text(who),
        params: Some(Params {
            min_deposits: coins
                .iter()
                .map(|(denom, amount)| Coin { denom: (*denom).to_owned(), amount: (*amount).to_owned() })
                .collect(),
        }),
    };
    let mut refusals = Refusals::default();
    for (who, coins) in [
        (&ALICE, &[("utet", "5")][..]),
        (&AUTHORITY, &[]),
        (&AUTHORITY, &[("utet", "0")]),
        (&AUTHORITY, &[("utet", "2147483648")]),
        (&AUTHORITY, &[("utet", "5"), ("utet", "6")]),
    ] {
        let msg = msg(&ctx, who, coins);
        refusals.note(run(&mut ctx, update_params, msg));
    }
    let change = msg(&ctx, &AUTHORITY, &[("utet", "7")]);
    run(&mut ctx, update_params, change).unwrap();
    let create = good(&ctx);
    refusals.note(run(&mut ctx, create_deployment, create));
    let create = msg_create(&ctx, &ID, groups(&[1], "100", "utet"), "7utet");
    run(&mut ctx, create_deployment, create).unwrap();
    assert_snapshot!(refusals.0);
}
