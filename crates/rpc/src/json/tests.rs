//! JSON as clients write it and read it.

use std::sync::LazyLock;

use proptest::prelude::*;
use prost_reflect::DynamicMessage;
use proto::akash::deployment::v1::DeploymentReclamation;
use proto::akash::deployment::v1beta4::{GroupSpec, MsgCreateDeployment, QueryDeploymentsRequest, ResourceUnit};
use proto::akash::escrow::types::v1::{AccountState, Balance, State};
use proto::cosmos::bank::v1beta1::{MsgSend, QueryAllBalancesRequest, QuerySendEnabledRequest};
use proto::cosmos::base::query::v1beta1::PageResponse;
use proto::cosmos::base::v1beta1::{Coin, DecCoin};
use proto::cosmos::tx::v1beta1::{AuthInfo, BroadcastTxRequest, ModeInfo, SignerInfo, Tx, TxBody, mode_info};
use proto::{Any, Duration, Message, Name, Timestamp, ToAny};
use serde_json::{Value, json};

use super::Json;
use crate::descriptors::Catalog;

fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::load().unwrap());
    &CATALOG
}

fn written<M: Message + Name>(message: &M) -> Value {
    let catalog = catalog();
    let descriptor = catalog.pool().get_message_by_name(&M::full_name()).unwrap();
    Json(catalog).write(&DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).unwrap())
}

fn read<M: Message + Name + Default>(given: &Value) -> Result<M, String> {
    let catalog = catalog();
    let mut message = DynamicMessage::new(catalog.pool().get_message_by_name(&M::full_name()).unwrap());
    Json(catalog).merge(&mut message, given).map_err(|error| error.to_string())?;
    Ok(M::decode(message.encode_to_vec().as_slice()).unwrap())
}

fn from_query<M: Message + Name + Default>(pairs: &[(&str, &str)]) -> Result<M, String> {
    let catalog = catalog();
    let mut message = DynamicMessage::new(catalog.pool().get_message_by_name(&M::full_name()).unwrap());
    for (path, text) in pairs {
        Json(catalog).merge_text(&mut message, path, text).map_err(|error| error.to_string())?;
    }
    Ok(M::decode(message.encode_to_vec().as_slice()).unwrap())
}

fn deployment() -> MsgCreateDeployment {
    let price = Some(DecCoin { denom: "utet".into(), amount: "1500000000000000000".into() });
    let unit = ResourceUnit { resource: None, count: 1, price };
    MsgCreateDeployment {
        groups: vec![GroupSpec { name: "g".into(), requirements: None, resources: vec![unit] }],
        hash: vec![255, 254, 253],
        reclamation: Some(DeploymentReclamation { min_window: Some(Duration { seconds: 90, nanos: 500_000_000 }) }),
        ..MsgCreateDeployment::default()
    }
}

fn tx() -> Tx {
    let amount = vec![Coin { denom: "utet".into(), amount: "1".into() }];
    let send = MsgSend { from_address: "a".into(), to_address: "b".into(), amount };
    let single = mode_info::Single { mode: 1 };
    let signer = SignerInfo {
        public_key: Some(proto::cosmos::crypto::secp256k1::PubKey { key: vec![2; 33] }.to_any()),
        mode_info: Some(ModeInfo { sum: Some(mode_info::Sum::Single(single)) }),
        sequence: 3,
    };
    Tx {
        body: Some(TxBody {
            messages: vec![send.to_any(), deployment().to_any()],
            timeout_height: u64::MAX,
            timeout_timestamp: Some(Timestamp { seconds: 1_767_323_045, nanos: 120_000_000 }),
            ..TxBody::default()
        }),
        auth_info: Some(AuthInfo { signer_infos: vec![signer], fee: None }),
        signatures: vec![vec![1, 2, 3]],
    }
}

#[test]
fn a_transaction_is_shown_with_its_messages_and_read_again() {
    let shown = written(&tx());
    insta::assert_json_snapshot!(shown);
    assert_eq!(read::<Tx>(&shown), Ok(tx()));
}

#[test]
fn empty_bytes_and_absent_messages_are_null_and_defaults_are_written() {
    let page = PageResponse { next_key: vec![], total: 0 };
    assert_eq!(written(&page), json!({ "next_key": null, "total": "0" }));
    let funds = vec![Balance { denom: "utet".into(), amount: "-25".into() }];
    let account = AccountState { state: State::Overdrawn as i32, funds, settled_at: -1, ..AccountState::default() };
    assert_eq!(
        written(&account),
        json!({
            "owner": "", "state": "overdrawn", "transferred": [], "settled_at": "-1",
            "funds": [{ "denom": "utet", "amount": "-0.000000000000000025" }], "deposits": [],
        })
    );
    assert_eq!(read::<AccountState>(&written(&account)), Ok(account));
}

#[test]
fn a_packed_message_of_an_unknown_type_is_shown_as_bytes() {
    let message = Any { type_url: "/nobody.knows.This".into(), value: vec![1, 2, 3] };
    let body = TxBody { messages: vec![message], ..TxBody::default() };
    assert_eq!(written(&body)["messages"], json!([{ "@type": "/nobody.knows.This", "value": "AQID" }]));
    let mut nested = Any { type_url: "/nobody.knows.This".into(), value: vec![] };
    for _ in 0..500 {
        nested = Any { type_url: "/google.protobuf.Any".into(), value: nested.encode_to_vec() };
    }
    written(&TxBody { messages: vec![nested], ..TxBody::default() });
}

#[test]
fn names_in_either_style_numbers_as_text_and_enums_by_number() {
    let plain = BroadcastTxRequest { tx_bytes: vec![251, 255], mode: 2 };
    for given in [
        json!({ "tx_bytes": "+/8=", "mode": "BROADCAST_MODE_SYNC" }),
        json!({ "txBytes": "-_8", "mode": 2 }),
        json!({ "txBytes": "+/8", "mode": "2" }),
    ] {
        assert_eq!(read::<BroadcastTxRequest>(&given), Ok(plain.clone()), "{given}");
    }
    let given = json!({ "timeout_height": 7, "memo": null, "unordered": true });
    let body = read::<TxBody>(&given).unwrap();
    assert_eq!((body.timeout_height, body.unordered), (7, true));
    for (given, part) in [
        (json!({ "timeout_height": "-1" }), "timeout_height"),
        (json!({ "timeout_height": 1.5 }), "64 bits"),
        (json!({ "memo": 5 }), "a text"),
        (json!({ "messages": {} }), "a list"),
        (json!({ "messages": [{ "value": 1 }] }), "@type"),
        (json!({ "messages": [{ "@type": "/a.b" }] }), "not known"),
        (json!({ "timeout_timestamp": "yesterday" }), "a time"),
        (json!({ "unordered": "perhaps" }), "true or false"),
        (json!({ "nothing": 1 }), "no such field"),
        (json!([]), "an object"),
    ] {
        let error = read::<TxBody>(&given).unwrap_err();
        assert!(error.contains(part), "{given}: {error}");
    }
    let price = json!({ "denom": "utet", "amount": "0.0000000000000000001" });
    assert!(read::<DecCoin>(&price).unwrap_err().contains("decimal"));
}

#[test]
fn queries_reach_into_messages_and_grow_lists() {
    let request: QueryDeploymentsRequest = from_query(&[
        ("filters.owner", "own"),
        ("filters.dseq", "18446744073709551615"),
        ("filters.nothing", "x"),
        ("pagination.countTotal", "True"),
        ("pagination.count_total", "true"),
        ("pagination.key", "AQI="),
        ("pagination.limit", "1"),
        ("nothing", "x"),
        ("filters.owner.deeper", "x"),
    ])
    .unwrap();
    let (filters, page) = (request.filters.unwrap(), request.pagination.unwrap());
    assert_eq!((filters.owner.as_str(), filters.dseq), ("own", u64::MAX));
    assert_eq!((page.key.as_slice(), page.limit, page.count_total), (&[1, 2][..], 1, true));
    let request: QuerySendEnabledRequest = from_query(&[("denoms", "a"), ("denoms", "b")]).unwrap();
    assert_eq!(request.denoms, ["a", "b"]);
    for (pairs, part) in [
        ([("pagination.limit", "x")], "limit"),
        ([("pagination", "x")], "an object"),
        ([("pagination.key", "*")], "base64"),
        ([("resolve_denom", "maybe")], "true or false"),
    ] {
        let error = from_query::<QueryAllBalancesRequest>(&pairs).unwrap_err();
        assert!(error.contains(part), "{pairs:?}: {error}");
    }
}

proptest! {
    #[test]
    fn any_bytes_that_decode_are_written_and_read_again(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let catalog = catalog();
        let descriptor = catalog.pool().get_message_by_name("cosmos.tx.v1beta1.Tx").unwrap();
        if let Ok(message) = DynamicMessage::decode(descriptor, bytes.as_slice()) {
            Json(catalog).write(&message);
        }
    }

    #[test]
    fn a_message_survives(
        memo in ".{0,20}",
        height: u64,
        // Empty ones are null, as upstream writes them.
        signatures in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..70), 0..3),
    ) {
        let body = TxBody { memo, timeout_height: height, ..TxBody::default() };
        let tx = Tx { body: Some(body), auth_info: None, signatures };
        prop_assert_eq!(read::<Tx>(&written(&tx)), Ok(tx));
    }
}
