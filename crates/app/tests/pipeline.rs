//! What a transaction goes through.

mod common;

use app::{SignedTx, TxResult, Verdicts};
use common::*;
use insta::assert_snapshot;
use proptest::prelude::*;
use proto::cosmos::tx::v1beta1::TxRaw;
use proto::{Any, Message};

const RICH: u128 = 1_000_000_000;
const FEE: u128 = 10_000;

fn good(net: &Net) -> Draft {
    Draft::new(vec![send(ALICE, BOB, 5)], &[(ALICE, net.account(ALICE).sequence)])
}

fn alice(net: &Net) -> [(Key, u64); 1] {
    [(ALICE, net.account(ALICE).number)]
}

fn said(result: &TxResult) -> String {
    format!("{} {}: {}\n", result.codespace, result.code, result.log)
}

/// Field 1000 as a varint, which no message here has.
const UNKNOWN_FIELD: [u8; 3] = [0xc0, 0x3e, 0x01];

/// A transaction of these parts, signed by Alice.
fn raw(net: &Net, body: Vec<u8>, auth: Vec<u8>) -> Vec<u8> {
    use proto::cosmos::tx::v1beta1::SignDoc;
    let document = SignDoc {
        body_bytes: body.clone(),
        auth_info_bytes: auth.clone(),
        chain_id: CHAIN_ID.to_owned(),
        account_number: net.account(ALICE).number,
    };
    let signatures = vec![ALICE.sign(&document.encode_to_vec())];
    TxRaw { body_bytes: body, auth_info_bytes: auth, signatures }.encode_to_vec()
}

#[test]
fn what_is_refused_costs_nothing_and_changes_nothing() {
    let mut net = Net::new();
    let base = good(&net);
    let mut text = String::new();
    let mut refuse = |what: &str, net: &mut Net, tx: Vec<u8>| {
        let result = net.one(tx);
        assert_ne!(result.code, 0, "{what}");
        text.push_str(&format!("{what}: {}", said(&result)));
        assert!(result.events.is_empty() && result.gas_used == 0, "{what}");
        assert_eq!((net.balance(ALICE, "utet"), net.account(ALICE).sequence), (RICH, 0), "{what}");
    };
    let bend = |net: &Net, change: &dyn Fn(&mut Draft)| {
        let mut draft = base.clone();
        change(&mut draft);
        draft.sign(&alice(net))
    };

    let (body, auth) = (base.body.encode_to_vec(), base.auth.encode_to_vec());
    refuse("empty", &mut net, Vec::new());
    refuse("garbage", &mut net, vec![0xff; 20]);
    let tx = [base.sign(&alice(&net)), UNKNOWN_FIELD.to_vec()].concat();
    refuse("unknown field of the raw transaction", &mut net, tx);
    let tx = raw(&net, [body.clone(), UNKNOWN_FIELD.to_vec()].concat(), auth.clone());
    refuse("unknown field of the body", &mut net, tx);
    let tx = raw(&net, body.clone(), [auth.clone(), UNKNOWN_FIELD.to_vec()].concat());
    refuse("unknown field of the auth info", &mut net, tx);
    // An empty memo, written out: protobuf leaves it away.
    let tx = raw(&net, [body.clone(), vec![0x12, 0x00]].concat(), auth.clone());
    refuse("a default written out", &mut net, tx);
    let tx = bend(&net, &|d| d.body.messages[0].value.extend(UNKNOWN_FIELD));
    refuse("unknown field of a message", &mut net, tx);
    let tx = bend(&net, &|d| d.auth.signer_infos[0].public_key.as_mut().unwrap().value.extend(UNKNOWN_FIELD));
    refuse("unknown field of a key", &mut net, tx);
    let tx = bend(&net, &|d| d.body.messages[0] = Any { type_url: "/tetra.Unknown".to_owned(), value: vec![] });
    refuse("unknown message", &mut net, tx);
    let tx = bend(&net, &|d| d.body.messages.clear());
    refuse("no message", &mut net, tx);
    let tx = bend(&net, &|d| d.body.messages = vec![d.body.messages[0].clone(); 101]);
    refuse("too many messages", &mut net, tx);
    let tx = bend(&net, &|d| d.body.memo = "x".repeat(257));
    refuse("long memo", &mut net, tx);
    let tx = bend(&net, &|d| d.body.unordered = true);
    refuse("unordered", &mut net, tx);
    let tx = bend(&net, &|d| d.body.extension_options = vec![Any::default()]);
    refuse("extension", &mut net, tx);
    let tx = bend(&net, &|d| d.fee().granter = BOB.text());
    refuse("granter", &mut net, tx);
    let tx = bend(&net, &|d| d.auth.signer_infos[0].mode_info = None);
    refuse("no sign mode", &mut net, tx);
    let tx = bend(&net, &|d| d.fee().amount = coins(9_999, "utet"));
    refuse("fee too low", &mut net, tx);
    let tx = bend(&net, &|d| d.fee().amount = coins(RICH + 1, "utet"));
    refuse("fee too high", &mut net, tx);
    let tx = bend(&net, &|d| d.chain_id = "tetra-test-2".to_owned());
    refuse("wrong chain", &mut net, tx);
    let tx = base.sign(&[(ALICE, 99)]);
    refuse("wrong account number", &mut net, tx);
    let tx = base.sign(&[(BOB, alice(&net)[0].1)]);
    refuse("signed by another key", &mut net, tx);
    let tx = bend(&net, &|d| d.auth.signer_infos[0].public_key = Some(BOB.public().to_any()));
    refuse("key of another account", &mut net, tx);
    let tx = bend(&net, &|d| d.auth.signer_infos[0].public_key = None);
    refuse("key never shown", &mut net, tx);
    let tx = bend(&net, &|d| d.auth.signer_infos[0].sequence = 1);
    refuse("sequence ahead", &mut net, tx);
    let tx = base.sign(&[]);
    refuse("no signature", &mut net, tx);
    let tx = base.unsigned();
    refuse("empty signature", &mut net, tx);
    let tx = Draft::new(vec![send(ALICE, BOB, 5)], &[(ALICE, 0), (BOB, 0)]).sign(&[(ALICE, 0), (BOB, 1)]);
    refuse("one signer too many", &mut net, tx);
    let tx = Draft::new(vec![send(DAVE, BOB, 5)], &[(DAVE, 0)]).sign(&[(DAVE, 0)]);
    refuse("account that does not exist", &mut net, tx);
    let late = net.height;
    let tx = bend(&net, &|d| d.body.timeout_height = late);
    refuse("timed out", &mut net, tx);
    assert_snapshot!(text);
}

#[test]
fn a_signature_in_the_upper_half_is_refused() {
    /// The order of secp256k1.
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae,
        0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
    ];
    let mut net = Net::new();
    let tx = good(&net).sign(&alice(&net));
    let mut raw = TxRaw::decode(tx.as_slice()).unwrap();
    let mut borrow = 0;
    for place in (0..32).rev() {
        let difference = i16::from(ORDER[place]) - i16::from(raw.signatures[0][32 + place]) - borrow;
        borrow = i16::from(difference < 0);
        raw.signatures[0][32 + place] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let result = net.one(raw.encode_to_vec());
    assert_eq!((result.codespace.as_str(), result.code), ("sdk", 4));
    assert_eq!(net.one(tx).code, 0);
}

#[test]
fn a_transaction_runs_once() {
    let mut net = Net::new();
    let tx = good(&net).sign(&alice(&net));
    assert_eq!(net.one(tx.clone()).code, 0);
    let replay = net.one(tx);
    assert_eq!((replay.codespace.as_str(), replay.code), ("sdk", 32));
    assert_snapshot!(replay.log, @"account sequence mismatch, expected 1, got 0: incorrect account sequence");
    assert_eq!(net.balance(ALICE, "utet"), RICH - 5 - FEE);
}

#[test]
fn both_kinds_of_keys_sign_and_later_without_showing_the_key() {
    let mut net = Net::new();
    for key in [ALICE, PROVIDER] {
        let tx = net.signed(key, vec![send(key, BOB, 5)]);
        assert_eq!(net.one(tx).code, 0);
        let account = net.account(key);
        let mut draft = Draft::new(vec![send(key, BOB, 5)], &[(key, account.sequence)]);
        draft.auth.signer_infos[0].public_key = None;
        let tx = draft.sign(&[(key, account.number)]);
        assert_eq!(net.one(tx).code, 0);
    }
    assert_eq!(net.balance(BOB, "utet"), RICH + 20);
}

#[test]
fn several_sign_and_the_first_pays() {
    let mut net = Net::new();
    let messages = vec![send(PROVIDER, BOB, 1), send(ALICE, BOB, 2), send(PROVIDER, BOB, 4)];
    let draft = Draft::new(messages, &[(PROVIDER, 0), (ALICE, 0)]);
    let keys = [(PROVIDER, net.account(PROVIDER).number), (ALICE, net.account(ALICE).number)];
    let swapped = draft.sign(&[keys[1], keys[0]]);
    assert_eq!(net.one(swapped).code, 4);
    let result = net.one(draft.sign(&keys));
    assert_eq!((result.code, result.log.as_str()), (0, ""));
    assert_eq!(net.balance(PROVIDER, "utet"), RICH - 5 - FEE);
    assert_eq!(net.balance(ALICE, "utet"), RICH - 2);
    assert_eq!((net.account(PROVIDER).sequence, net.account(ALICE).sequence), (1, 1));

    // A payer beside the signers of messages signs as well.
    let mut draft = Draft::new(vec![send(ALICE, BOB, 2)], &[(ALICE, 1), (PROVIDER, 1)]);
    draft.fee().payer = PROVIDER.text();
    let result = net.one(draft.sign(&[keys[1], keys[0]]));
    assert_eq!((result.code, result.log.as_str()), (0, ""));
    assert_eq!(net.balance(PROVIDER, "utet"), RICH - 5 - 2 * FEE);
}

#[test]
fn out_of_gas_keeps_the_fee_and_discards_the_writes() {
    let mut net = Net::new();
    let mut draft = good(&net);
    draft.fee().gas_limit = 10_000;
    let result = net.one(draft.sign(&alice(&net)));
    assert_eq!((result.codespace.as_str(), result.code), ("sdk", 11));
    assert!(result.gas_used > result.gas_wanted && !result.events.is_empty());
    assert_eq!(net.balance(ALICE, "utet"), RICH - FEE);
    assert_eq!(net.balance(BOB, "utet"), RICH);
    assert_eq!(net.account(ALICE).sequence, 1);
}

#[test]
fn a_message_that_fails_takes_the_others_with_it() {
    let mut net = Net::new();
    let tx = net.signed(ALICE, vec![send(ALICE, BOB, 5), send(ALICE, BOB, RICH)]);
    let result = net.one(tx);
    assert_eq!((result.codespace.as_str(), result.code), ("sdk", 5));
    assert!(result.log.starts_with("failed to execute message; message index: 1: spendable balance"));
    assert_eq!((net.balance(ALICE, "utet"), net.balance(BOB, "utet")), (RICH - FEE, RICH));
    assert!(result.data.is_empty());
}

#[test]
fn a_time_out_is_the_last_height() {
    let mut net = Net::new();
    let mut draft = good(&net);
    draft.body.timeout_height = 2;
    let tx = draft.sign(&alice(&net));
    net.block(Vec::new());
    assert_eq!(net.one(tx).code, 0);
}

#[test]
fn a_simulation_comes_to_the_gas_of_the_run_signed_or_not() {
    let mut net = Net::new();
    for messages in [vec![send(ALICE, BOB, 5)], vec![send(ALICE, DAVE, 5), send(ALICE, DAVE, 6)]] {
        let draft = Draft::new(messages, &[(ALICE, net.account(ALICE).sequence)]);
        let tx = draft.sign(&alice(&net));
        let simulated = net.app.simulate(&net.reader(), &tx).unwrap();
        let unsigned = net.app.simulate(&net.reader(), &draft.unsigned()).unwrap();
        let run = net.one(tx);
        assert_eq!((run.code, simulated.code, unsigned.code), (0, 0, 0));
        assert_eq!((simulated.gas_used, unsigned.gas_used), (run.gas_used, run.gas_used));
        assert_eq!(simulated.data, run.data);
    }
    assert_eq!(net.balance(DAVE, "utet"), 11);
}

#[test]
fn verdicts_given_before_are_those_given_in_line() {
    let net = Net::new();
    let bad = good(&net).sign(&[(BOB, 0)]);
    let number = |key| net.account(key).number;
    let bob = Draft::new(vec![send(BOB, DAVE, 50_000)], &[(BOB, 0)]).sign(&[(BOB, number(BOB))]);
    // Dave is born in this block, right after the account that collects fees: nobody could check his signature before.
    let dave = Draft::new(vec![send(DAVE, BOB, 1)], &[(DAVE, 0)]).sign(&[(DAVE, 4)]);
    let ed = Draft::new(vec![send(PROVIDER, BOB, 1)], &[(PROVIDER, 0)]).sign(&[(PROVIDER, number(PROVIDER))]);
    let mut block = net.input(vec![bad, bob, dave, ed, good(&net).sign(&alice(&net))]);
    let inline = net.execute(&block).unwrap();
    let codes: Vec<u32> = inline.results.iter().map(|result| result.code).collect();
    assert_eq!(codes, [4, 0, 0, 0, 0]);

    let context = net.app.reading(&net.reader()).unwrap();
    let mut verdicts = Verdicts::default();
    let mut asked = 0;
    for tx in &block.txs {
        for check in net.app.signature_checks(&context, &SignedTx::decode(tx).unwrap()) {
            verdicts.insert(&check, check.verify());
            assert_eq!(verdicts.get(&check), Some(check.verify()));
            asked += 1;
        }
    }
    assert_eq!(asked, 4);
    block.verdicts = verdicts;
    let parallel = net.execute(&block).unwrap();
    assert_eq!(parallel.results, inline.results);
    assert_eq!(parallel.writes, inline.writes);
}

#[test]
fn the_mempool_lets_sequences_lie_ahead() {
    let net = Net::new();
    let number = net.account(ALICE).number;
    let tx = Draft::new(vec![send(ALICE, BOB, 5)], &[(ALICE, 7)]).sign(&[(ALICE, number)]);
    let admission = net.app.check(&net.reader(), &SignedTx::decode(&tx).unwrap(), &Verdicts::default()).unwrap();
    assert_eq!((admission.sequence, admission.expected_sequence, admission.sender), (7, 0, ALICE.address()));
    assert_eq!((admission.gas_limit, admission.priority), (400_000, 25_000));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic_and_change_nothing(txs in proptest::collection::vec(any::<Vec<u8>>(), 1..8)) {
        let net = Net::new();
        let empty = net.execute(&net.input(Vec::new())).unwrap();
        let effects = net.execute(&net.input(txs.clone())).unwrap();
        prop_assert!(effects.results.iter().all(|result| result.code != 0));
        prop_assert_eq!(effects.writes, empty.writes);
        for tx in &txs {
            let simulated = net.app.simulate(&net.reader(), tx).unwrap();
            prop_assert!(simulated.code != 0);
        }
    }

    #[test]
    fn a_changed_bit_is_refused(place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let net = Net::new();
        let mut tx = good(&net).sign(&alice(&net));
        let place = place.index(tx.len());
        tx[place] ^= 1 << bit;
        let effects = net.execute(&net.input(vec![tx])).unwrap();
        prop_assert_ne!(effects.results[0].code, 0);
    }

    #[test]
    fn any_message_with_arbitrary_content_never_panics(message in any::<prop::sample::Index>(), value: Vec<u8>) {
        let net = Net::new();
        let urls: Vec<&str> = net.app.message_urls().collect();
        let any = Any { type_url: (*message.get(&urls)).to_owned(), value };
        let tx = net.signed(ALICE, vec![any]);
        net.execute(&net.input(vec![tx.clone()])).unwrap();
        net.app.simulate(&net.reader(), &tx).unwrap();
    }
}
