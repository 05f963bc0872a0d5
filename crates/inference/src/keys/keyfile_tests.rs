use super::*;

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const SEED: &str = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";

fn plain(seed: &str, address: &str) -> Vec<u8> {
    serde_json::json!({ "secretSeed": seed, "ss58Address": address, "secretPhrase": null }).to_string().into_bytes()
}

#[test]
fn plain_files_open_without_a_password() {
    let key = open(&plain(SEED, ALICE), None).unwrap();
    assert_eq!(key.id().to_string(), ALICE);
}

#[test]
fn a_file_that_lies_about_its_key_is_refused() {
    let other = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV";
    let error = open(&plain(SEED, other), None).unwrap_err();
    assert_eq!(error.to_string(), format!("the file says it is {other}, but its secret is that of {ALICE}"));
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let refusals: Vec<String> = [
        &b"$ANSIBLE_VAULT;1.1;AES256\n6162"[..],
        b"gAAAAABmZm9v",
        b"0x1234",
        br#"{"ss58Address":"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"}"#,
        br#"{"secretSeed":"0x12"}"#,
        br#"{"secretSeed":"0x12","cryptoType":0}"#,
        b"{}",
        b"$NACLshort",
    ]
    .iter()
    .map(|bytes| open(bytes, Some("p")).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(refusals.join("\n"));
    assert!(matches!(open(b"$NACLxxx", None), Err(KeyfileError::Locked)));
}

/// What bittensor-wallet wrote for Substrate's development phrase, under a password and in the clear.
#[test]
fn files_that_the_wallet_of_bittensor_wrote_open() {
    let vector: serde_json::Value = serde_json::from_str(include_str!("../../tests/vectors/btcli.json")).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap().to_owned();
    let sealed = hex::decode(text("sealed")).unwrap();
    for (bytes, password) in [(text("plain").into_bytes(), None), (sealed.clone(), Some(text("password")))] {
        let key = open(&bytes, password.as_deref()).unwrap();
        assert_eq!(key.id().to_string(), text("address"));
        let signature = hex::decode(text("signature")).unwrap().try_into().unwrap();
        assert!(key.id().verifies(text("message").as_bytes(), &signature), "a signature that the wallet made");
    }
    assert!(matches!(open(&sealed, Some("wrong")), Err(KeyfileError::WrongPassword)));
    assert!(matches!(open(&sealed, None), Err(KeyfileError::Locked)));
    // The same key from its 64 bytes alone.
    let mut fields: serde_json::Value = serde_json::from_str(&text("plain")).unwrap();
    for name in ["secretSeed", "secretPhrase"] {
        fields.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(open(fields.to_string().as_bytes(), None).unwrap().id().to_string(), text("address"));
}
