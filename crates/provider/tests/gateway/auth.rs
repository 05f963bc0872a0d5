//! Who is let in.

use std::fmt::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::certs::{Credential, Usage};
use client::token;
use proptest::prelude::*;
use provider::gateway::auth::{AuthError, Caller, authenticate};
use serde_json::{Value, json};

use crate::desk::{FakeChain, PROVIDER, address, credential, gateway_credential, key, now, prefix};

const NOW: u64 = 1_000_000;

fn check(header: Option<&[u8]>) -> Result<Caller, AuthError> {
    ask(&FakeChain::default(), header, &[], Duration::from_secs(NOW))
}

fn ask(chain: &FakeChain, header: Option<&[u8]>, certificates: &[&[u8]], now: Duration) -> Result<Caller, AuthError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(authenticate(header, certificates, chain, &prefix(), now))
}

fn check_token(token: &str) -> Result<Caller, AuthError> {
    check(Some(format!("Bearer {token}").as_bytes()))
}

fn good() -> Value {
    json!({
        "iss": address(1), "iat": NOW, "nbf": NOW, "exp": NOW + 60, "version": "v1", "leases": { "access": "full" },
    })
}

/// The good claims with one of them changed, or removed where the new value is null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    let fields = claims.as_object_mut().unwrap();
    fields.remove(name);
    if !value.is_null() {
        fields.insert(name.to_owned(), value);
    }
    claims
}

#[test]
fn a_token_of_the_owner_is_taken() {
    assert_eq!(check_token(&token::signed(&key(1), &good())).unwrap().owner, address(1));
    assert!(check(Some(format!("bearer {}", token::signed(&key(1), &good())).as_bytes())).is_ok());
}

#[test]
fn every_refusal_says_why() {
    let granular = |permissions: Value| with("leases", json!({ "access": "granular", "permissions": permissions }));
    let grant = |grant: Value| {
        granular(json!([{ "provider": address(PROVIDER), "access": "granular", "deployments": [grant] }]))
    };
    let claims = [
        ("no issuer", with("iss", Value::Null)),
        ("foreign issuer", with("iss", json!("cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4"))),
        ("never signed", with("iss", json!(address(3)))),
        ("somebody else's", with("iss", json!(address(2)))),
        ("no expiry", with("exp", Value::Null)),
        (
            "expired",
            json!({ "iss": address(1), "iat": 1, "nbf": 1, "exp": NOW - 31, "version": "v1",
            "leases": { "access": "full" } }),
        ),
        (
            "not yet",
            json!({ "iss": address(1), "iat": NOW + 31, "nbf": NOW + 31, "exp": NOW + 60, "version": "v1",
            "leases": { "access": "full" } }),
        ),
        ("times out of order", with("nbf", json!(NOW + 1))),
        ("text time", with("iat", json!(NOW.to_string()))),
        ("negative time", with("iat", json!(-1))),
        ("version", with("version", json!("v2"))),
        ("empty jti", with("jti", json!(""))),
        ("unknown claim", with("aud", json!("x"))),
        ("unknown access", with("leases", json!({ "access": "some" }))),
        ("full with scope", with("leases", json!({ "access": "full", "scope": ["logs"] }))),
        ("scoped without scope", with("leases", json!({ "access": "scoped" }))),
        ("empty scope", with("leases", json!({ "access": "scoped", "scope": [] }))),
        ("scope twice", with("leases", json!({ "access": "scoped", "scope": ["logs", "logs"] }))),
        ("unknown scope", with("leases", json!({ "access": "scoped", "scope": ["fly"] }))),
        ("no permissions", granular(json!([]))),
        ("permission of nobody", granular(json!([{ "access": "full" }]))),
        ("foreign provider", granular(json!([{ "provider": "akash1x", "access": "full" }]))),
        (
            "scoped with deployments",
            granular(json!([{ "provider": address(PROVIDER), "access": "scoped",
            "scope": ["logs"], "deployments": [] }])),
        ),
        (
            "no deployments",
            granular(json!([{ "provider": address(PROVIDER), "access": "granular",
            "deployments": [] }])),
        ),
        (
            "provider twice",
            granular(json!([
            { "provider": address(PROVIDER), "access": "full" }, { "provider": address(PROVIDER), "access": "full" }])),
        ),
        ("dseq zero", grant(json!({ "dseq": 0, "scope": ["logs"], "services": ["web"] }))),
        ("no scope", grant(json!({ "dseq": 1, "services": ["web"] }))),
        ("service twice", grant(json!({ "dseq": 1, "scope": ["logs"], "services": ["web", "web"] }))),
        ("unnamed service", grant(json!({ "dseq": 1, "scope": ["logs"], "services": [""] }))),
        ("more in a grant", grant(json!({ "dseq": 1, "scope": ["logs"], "services": ["web"], "bseq": 1 }))),
        ("no services", grant(json!({ "dseq": 1, "scope": ["logs"], "services": [] }))),
        ("oseq alone", grant(json!({ "dseq": 1, "scope": ["logs"], "services": ["web"], "oseq": 1 }))),
    ];
    let token = token::signed(&key(1), &good());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let longer = URL_SAFE_NO_PAD.encode(with("exp", json!(NOW + 3600)).to_string());
    let altered = format!("{}.{longer}.{signature}", message.split('.').next().unwrap());
    let adr36 = URL_SAFE_NO_PAD.encode(json!({ "alg": "ES256KADR36", "typ": "JWT" }).to_string());
    let swapped = format!("{adr36}.{}", token.split_once('.').unwrap().1);
    let header = |header: Value| token::sign_value(&key(1), &header, &good());
    let tokens = [
        ("claims altered", altered),
        ("cut", format!("{message}x.{signature}")),
        ("no signature", format!("{message}.")),
        ("short signature", format!("{message}.AAAA")),
        ("signed with another key", token::signed(&key(2), &good())),
        ("no algorithm", header(json!({ "alg": "none", "typ": "JWT" }))),
        ("signature of ES256K as one of ADR-036", swapped),
        ("header with more", header(json!({ "alg": "ES256K", "typ": "JWT", "crit": ["x"] }))),
        ("two parts", "a.b".to_owned()),
        ("no parts", "a".to_owned()),
        ("padded", format!("{token}=")),
    ];
    let headers: [(&str, Option<&[u8]>); 5] = [
        ("no header", None),
        ("empty", Some(b"")),
        ("basic", Some(b"Basic abc")),
        ("two words", Some(b"Bearer a b")),
        ("not text", Some(b"Bearer \xff")),
    ];
    let mut table = String::new();
    let mut note = |name: &str, result: Result<Caller, AuthError>| {
        let error = result.expect_err(name);
        let kind = format!("{error:?}");
        let kind = kind.split('(').next().unwrap();
        writeln!(table, "{name}: {kind}: {error}").unwrap();
    };
    headers.into_iter().for_each(|(name, header)| note(name, check(header)));
    tokens.into_iter().for_each(|(name, token)| note(name, check_token(&token)));
    claims.into_iter().for_each(|(name, claims)| note(name, check_token(&token::signed(&key(1), &claims))));
    insta::assert_snapshot!(table);
}

#[test]
fn a_token_signed_as_a_wallet_signs_it_is_taken() {
    let header = json!({ "alg": "ES256KADR36", "typ": "JWT" });
    assert_eq!(check_token(&token::sign_value(&key(1), &header, &good())).unwrap().owner, address(1));
    let strangers = token::sign_value(&key(2), &header, &good());
    assert!(matches!(check_token(&strangers), Err(AuthError::Invalid(_))));
}

#[test]
fn a_certificate_of_the_owner_is_taken_and_every_other_refused() {
    let (chain, mine) = (FakeChain::default(), credential(1));
    let der = mine.certificate().der();
    let by = |certificates: &[&[u8]], at: Duration| ask(&chain, None, certificates, at).map(|caller| caller.owner);
    let refused = |certificates: &[&[u8]], at: Duration, word: &str| match by(certificates, at) {
        Err(AuthError::Unauthorized(why)) => assert!(why.contains(word), "{why}"),
        other => panic!("{word}: {other:?}"),
    };
    refused(&[der], now(), "knows no certificate");
    chain.publish(&mine);
    assert_eq!(by(&[der], now()), Ok(address(1)));
    refused(&[der, der], now(), "one client certificate is wanted, not 2");
    refused(&[&der[1..]], now(), "not the certificate of an account");
    refused(&[der], now() + client::certs::LIFETIME + Duration::from_secs(60), "expired");
    refused(&[der], now() - Duration::from_secs(60), "not yet valid");
    // Another certificate of the same owner and serial number.
    let made = Duration::from_nanos(mine.certificate().serial.parse().unwrap());
    let forged = Credential::generate(&address(1), &Usage::Tenant, made).unwrap();
    refused(&[forged.certificate().der()], now(), "not the one on the chain");
    // A certificate that names no client.
    let mut bare = rcgen::CertificateParams::new(Vec::new()).unwrap();
    bare.distinguished_name.push(rcgen::DnType::CommonName, address(1));
    let bare_key = rcgen::KeyPair::generate().unwrap();
    let bare = bare.self_signed(&bare_key).unwrap();
    let bare = Credential::from_pem(&format!("{}{}", bare.pem(), bare_key.serialize_pem())).unwrap();
    chain.publish(&bare);
    refused(&[bare.certificate().der()], now(), "not for clients");
    let foreign = Credential::generate("cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4", &Usage::Tenant, now()).unwrap();
    chain.publish(&foreign);
    refused(&[foreign.certificate().der()], now(), "common name");
    chain.revoke(&mine);
    refused(&[der], now(), "is revoked");
    // A provider's own certificate is for both ways, as the wire format has it.
    let gateway = gateway_credential();
    chain.publish(&gateway);
    assert_eq!(by(&[gateway.certificate().der()], now()), Ok(address(PROVIDER)));
}

#[test]
fn two_names_at_once_are_ambiguous_and_a_header_that_is_none_is_told_first() {
    let (chain, mine) = (FakeChain::default(), credential(1));
    chain.publish(&mine);
    let at = Duration::from_secs(NOW);
    let both = |header: &str| ask(&chain, Some(header.as_bytes()), &[mine.certificate().der()], at).unwrap_err();
    assert_eq!(both(&format!("Bearer {}", token::signed(&key(1), &good()))), AuthError::Ambiguous);
    assert!(matches!(both("Basic x"), AuthError::Header(_)));
    assert!(matches!(both("Bearer x"), AuthError::Header(_)));
    let claims = with("version", json!("v2"));
    assert!(matches!(both(&format!("Bearer {}", token::signed(&key(1), &claims))), AuthError::Claims(_)));
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(check(Some(&bytes)).is_err());
        let token = [b"Bearer ".as_slice(), &bytes].concat();
        prop_assert!(check(Some(&token)).is_err());
    }

    #[test]
    fn no_claims_make_it_panic(claims in "\\PC{0,200}", header in "\\PC{0,60}") {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let good_header = part(r#"{"alg":"ES256K","typ":"JWT"}"#);
        for message in [format!("{good_header}.{}", part(&claims)), format!("{}.{}", part(&header), part(&claims))] {
            let signature = URL_SAFE_NO_PAD.encode(key(1).sign(message.as_bytes()));
            let refused = check_token(&format!("{message}.{signature}")).is_err();
            prop_assert!(refused);
        }
    }

    #[test]
    fn only_the_owners_key_signs(secret in any::<[u8; 32]>(), owner in 1u8..=2) {
        let Ok(stranger) = client::SigningKey::from_bytes(secret) else { return Ok(()) };
        let claims = with("iss", json!(address(owner)));
        prop_assert!(check_token(&token::signed(&stranger, &claims)).is_err());
        prop_assert!(check_token(&token::signed(&key(3 - owner), &claims)).is_err());
        prop_assert!(check_token(&token::signed(&key(owner), &claims)).is_ok());
    }

    #[test]
    fn a_token_with_any_bit_changed_is_refused(index in any::<prop::sample::Index>(), bit in 0u8..7) {
        let token = token::signed(&key(1), &good());
        let mut bytes = token.clone().into_bytes();
        let at = index.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let header = [b"Bearer ".as_slice(), &bytes].concat();
        prop_assert!(check(Some(&header)).is_err());
    }
}
