use axum::http::{HeaderName, HeaderValue};
use serde_json::json;

use super::*;

fn synapse(hashed: &[&str]) -> Synapse {
    Synapse { name: "Prompting".to_owned(), hashed: hashed.iter().map(|field| (*field).to_owned()).collect() }
}

fn body() -> Map<String, Value> {
    let body = json!({ "roles": ["user"], "messages": ["hello"], "dummy_input": 7, "completion": null });
    body.as_object().unwrap().clone()
}

/// Numbers of the specification's wire vector, made with Python's hashlib.
#[test]
fn hashes_are_those_of_python() {
    let hash = |fields: &[&str]| body_hash(&synapse(fields), &body()).unwrap();
    assert_eq!(hash(&[]), "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
    assert_eq!(hash(&["dummy_input"]), "2792065dc8ce849c2fd6bac2c0189934746b514c4a2b273d8381b60a0dc253fb");
    assert_eq!(hash(&["roles", "messages"]), "84e3e9452a08961205658c8b022070b7b45b82be396cd458932117640644b0be");
    let hash = hash(&["dummy_input"]);
    let signed = text(1_700_000_000_000_000_000, "5Dendrite", "5Axon", "0000-uuid", &hash);
    assert_eq!(
        signed,
        "1700000000000000000.5Dendrite.5Axon.0000-uuid.2792065dc8ce849c2fd6bac2c0189934746b514c4a2b273d8381b60a0dc253fb"
    );
}

#[test]
fn what_python_would_write_otherwise_is_refused() {
    for value in
        [json!(1.5), json!(true), json!(null), json!({}), json!(["it's"]), json!(["ü"]), json!([1]), json!(["\n"])]
    {
        assert_eq!(python_str("f", &value).unwrap_err().status, Status::BadRequest, "{value}");
    }
    assert_eq!(python_str("f", &json!("it's \n ü")).unwrap(), "it's \n ü", "a text is its own str()");
    assert_eq!(python_str("f", &json!(-3)).unwrap(), "-3");
    assert_eq!(python_str("f", &json!([])).unwrap(), "[]");
    assert_eq!(python_str("f", &json!(["a", "b\"c"])).unwrap(), r#"['a', 'b"c']"#);
}

#[test]
fn a_signed_request_is_read_and_a_changed_one_refused() {
    let (key, miner) = (Hotkey::from_seed(&[1; 32]).unwrap(), Hotkey::from_seed(&[2; 32]).unwrap().id());
    let timeout = Duration::from_secs_f64(12.5);
    let caller = Caller { hotkey: key.id(), nonce: 17, session: "0000-uuid".to_owned(), timeout, scheme: Scheme::V1 };
    let synapse = synapse(&["roles", "messages"]);
    let mut headers = HeaderMap::new();
    for (name, value) in sign(&key, &synapse, &body(), &caller, miner).unwrap() {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());
    }
    assert_eq!(verify(&headers, &synapse, &body(), miner), Ok(caller));
    let mut changed = body();
    changed.insert("messages".to_owned(), json!(["hello!"]));
    assert_eq!(verify(&headers, &synapse, &changed, miner).unwrap_err().status, Status::BadRequest);
    let mut other = headers.clone();
    other.insert(DENDRITE_UUID, HeaderValue::from_static("0001-uuid"));
    assert_eq!(verify(&other, &synapse, &body(), miner).unwrap_err().status, Status::Unauthorized);
    let stranger = HotkeyId::from_bytes([9; 32]);
    assert_eq!(verify(&headers, &synapse, &body(), stranger).unwrap_err().status, Status::Unauthorized);
}
