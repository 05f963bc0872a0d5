//! Escrow in genesis.

use insta::assert_snapshot;

use super::stored::lived_in;
use super::support::*;
use crate::escrow::genesis::{Genesis, export, import};
use crate::escrow::{self, AccountId, MODULE};
use crate::testing::{self, PROVIDER, advance, stored};
use crate::{Context, accounts, bank};

#[test]
fn export_and_import_are_inverse() {
    let lived_in = lived_in();
    let exported = export(&lived_in).unwrap();
    let text = serde_json::to_string_pretty(&exported).unwrap();
    assert_snapshot!(text);
    let mut again = testing::empty();
    import(&mut again, &serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(stored(&again, MODULE), stored(&lived_in, MODULE));
    assert_eq!(export(&again).unwrap(), exported);
    let nothing = export(&testing::empty()).unwrap();
    assert_eq!(
        (serde_json::to_string(&nothing).unwrap().as_str(), nothing),
        (r#"{"accounts":[],"payments":[]}"#, Genesis::default())
    );
}

/// The life of before goes on after an export and import.
#[test]
fn an_imported_account_bills_on() {
    let mut before = lived_in();
    let mut after = testing::empty();
    after.block = before.block.clone();
    accounts::genesis::import(&mut after, &accounts::genesis::export(&before).unwrap()).unwrap();
    bank::genesis::import(&mut after, &bank::genesis::export(&before).unwrap()).unwrap();
    import(&mut after, &export(&before).unwrap()).unwrap();
    let live = |ctx: &mut Context| {
        advance(ctx, 4);
        escrow::begin_block(ctx).unwrap();
        withdraw(ctx, "1/1/x").unwrap();
        escrow::withdraw(ctx, "tetra1owner/8", "a").unwrap();
        escrow::deposit_into(ctx, &AccountId::deployment("tetra1owner/9"), &deposit("5utet"), &PROVIDER).unwrap();
        close(ctx).unwrap();
        sound(ctx);
        (stored(ctx, MODULE), stored(ctx, bank::MODULE))
    };
    assert_eq!(live(&mut after), live(&mut before));
}

fn refusal_of(change: impl FnOnce(&mut Genesis)) -> String {
    let mut bad = export(&lived_in()).unwrap();
    change(&mut bad);
    refused(import(&mut testing::empty(), &bad))
}

#[test]
fn a_contradictory_genesis_is_refused() {
    let texts = [
        refusal_of(|g| g.accounts.push(g.accounts[0].clone())),
        refusal_of(|g| g.payments.push(g.payments[0].clone())),
        refusal_of(|g| g.payments[0].account = "nobody/1".to_owned()),
        refusal_of(|g| g.payments[0].take_percent = 101),
        refusal_of(|g| g.payments[0].rate = "0".to_owned()),
        refusal_of(|g| g.payments[0].rate = "-1".to_owned()),
        refusal_of(|g| g.payments[0].state = "invalid".to_owned()),
        refusal_of(|g| g.payments[0].payee = "somebody".to_owned()),
        refusal_of(|g| g.payments[0].owed = "0.5".to_owned()),
        refusal_of(|g| g.accounts[0].scope = "lease".to_owned()),
        refusal_of(|g| g.accounts[0].state = "ended".to_owned()),
        refusal_of(|g| g.accounts[0].denom = "1".to_owned()),
        refusal_of(|g| g.accounts[0].unit = "second".to_owned()),
        refusal_of(|g| g.accounts[0].owner = "somebody".to_owned()),
        refusal_of(|g| g.accounts[0].deposits[0].source = "grant".to_owned()),
        refusal_of(|g| g.accounts[0].deposits[0].balance = "1.".to_owned()),
        refusal_of(|g| g.accounts[0].transferred = "340282366920938463463".to_owned()),
    ];
    assert_snapshot!(texts.join("\n"));
}

/// Without the clock such an account would never bill anything.
#[test]
fn payments_per_millisecond_need_their_clock() {
    assert_snapshot!(
        refusal_of(|g| g.clock = None),
        @"sdk 18: genesis escrow account deployment/tetra1owner/8: it bills per millisecond, and the clock is missing"
    );
    // An account that was settled in the future would not bill until then.
    assert_snapshot!(
        refusal_of(|g| g.clock.as_mut().unwrap().billable_ms = 17_999),
        @"sdk 18: genesis escrow account deployment/tetra1owner/8: it was settled at millisecond 18000, the clock shows 17999"
    );
}

/// Otherwise nobody could ever settle the account, and its money would stay for good.
#[test]
fn rates_must_add_up_to_something_countable() {
    let refused = refusal_of(|g| {
        g.payments[1].state = "open".to_owned();
        g.payments[1].rate = "340282366920938463463.2".to_owned();
    });
    assert_snapshot!(
        refused,
        @"sdk 18: genesis escrow account deployment/tetra1owner/7: the rates of the account's payments add up to more than the chain can count: close some of them"
    );
}
