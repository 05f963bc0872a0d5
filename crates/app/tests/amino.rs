//! Transactions that wallets sign as JSON.

mod common;

use common::*;
use ledger::accounts::keys::PublicKey;
use proto::akash::market::v1beta5::MsgCreateBid;
use proto::cosmos::tx::signing::v1beta1::SignMode;
use proto::cosmos::tx::v1beta1::{ModeInfo, TxRaw, mode_info};
use proto::{Any, Message, ToAny};

fn amino(draft: &mut Draft) {
    let mode = mode_info::Single { mode: SignMode::LegacyAminoJson as i32 };
    draft.auth.signer_infos[0].mode_info = Some(ModeInfo { sum: Some(mode_info::Sum::Single(mode)) });
}

fn signed(draft: &Draft, text: &str) -> Vec<u8> {
    let signatures = vec![ALICE.sign(text.as_bytes())];
    TxRaw { body_bytes: draft.body.encode_to_vec(), auth_info_bytes: draft.auth.encode_to_vec(), signatures }
        .encode_to_vec()
}

/// Five units from Alice to Bob, with a memo that needs escapes.
fn draft(net: &Net) -> Draft {
    let mut draft = Draft::new(vec![send(ALICE, BOB, 5)], &[(ALICE, net.account(ALICE).sequence)]);
    draft.body.memo = "a<b & \"c\"".to_owned();
    draft.body.timeout_height = 900;
    amino(&mut draft);
    draft
}

/// The text as a wallet writes it, by hand.
fn text(net: &Net, sequence: u64) -> String {
    format!(
        concat!(
            r#"{{"account_number":"{number}","chain_id":"{chain}","fee":{{"amount":[{{"amount":"10000","denom":"utet"}}],"#,
            r#""gas":"400000"}},"memo":"a\u003cb \u0026 \"c\"","msgs":[{{"type":"cosmos-sdk/MsgSend","value":{{"#,
            r#""amount":[{{"amount":"5","denom":"utet"}}],"from_address":"{alice}","to_address":"{bob}"}}}}],"#,
            r#""sequence":"{sequence}","timeout_height":"900"}}"#
        ),
        number = net.account(ALICE).number,
        chain = CHAIN_ID,
        alice = ALICE.text(),
        bob = BOB.text(),
        sequence = sequence,
    )
}

#[test]
fn a_send_signed_as_json_is_executed() {
    let mut net = Net::new();
    let before = net.balance(BOB, "utet");
    for sequence in 0..2 {
        let tx = signed(&draft(&net), &text(&net, sequence));
        let result = net.one(tx);
        assert_eq!((result.code, result.log.as_str()), (0, ""));
    }
    assert_eq!(net.balance(BOB, "utet"), before + 10);
    assert!(matches!(ALICE.public(), PublicKey::Secp256k1(_)), "the wallets that sign so have such keys");
}

#[test]
fn what_was_not_signed_is_not_executed() {
    let mut net = Net::new();
    let good = text(&net, 0);
    let changes: [fn(&mut Draft); 6] = [
        |draft| draft.body.messages = vec![send(ALICE, BOB, 6)],
        |draft| draft.body.messages.push(send(ALICE, BOB, 5)),
        |draft| draft.body.memo.push('!'),
        |draft| draft.body.timeout_height = 901,
        |draft| draft.fee().gas_limit += 1,
        |draft| draft.fee().payer = ALICE.text(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut draft = draft(&net);
        change(&mut draft);
        let result = net.one(signed(&draft, &good));
        assert!(result.log.contains("signature verification failed"), "change {number}: {}", result.log);
    }
    // A text for another sequence, and the text under the other mode.
    let result = net.one(signed(&draft(&net), &text(&net, 1)));
    assert!(result.log.contains("signature verification failed"), "{}", result.log);
    let mut direct = draft(&net);
    let mode = mode_info::Single { mode: SignMode::Direct as i32 };
    direct.auth.signer_infos[0].mode_info = Some(ModeInfo { sum: Some(mode_info::Sum::Single(mode)) });
    let result = net.one(signed(&direct, &good));
    assert!(result.log.contains("signature verification failed"), "{}", result.log);
}

#[test]
fn messages_without_a_json_form_want_the_direct_mode() {
    let mut net = Net::new();
    let bid: Any = MsgCreateBid::default().to_any();
    let mut draft = draft(&net);
    draft.body.messages = vec![bid];
    let result = net.one(signed(&draft, "{}"));
    assert_eq!((result.codespace.as_str(), result.code), ("sdk", 4));
    assert_eq!(
        result.log,
        "/akash.market.v1beta5.MsgCreateBid cannot be signed as amino JSON on this chain: sign with SIGN_MODE_DIRECT"
    );
}
