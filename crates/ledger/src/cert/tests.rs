use std::collections::BTreeMap;

use insta::assert_snapshot;
use proptest::prelude::*;
use proto::akash::cert::v1::{CertificateFilter, Id, QueryCertificatesRequest, State};
use proto::cosmos::base::query::v1beta1::PageRequest;

use super::x509::CertificateError;
use super::*;
use crate::failure::{QueryError, QueryStatus};
use crate::testing::{self, ALICE, BOB, announced, refusal, stored};

macro_rules! vector {
    ($name:literal) => {
        (
            include_bytes!(concat!("vectors/", $name, ".cert.pem")).as_slice(),
            include_bytes!(concat!("vectors/", $name, ".pub.pem")).as_slice(),
        )
    };
}

type Pem<'a> = (&'a [u8], &'a [u8]);

const OPENSSL: Pem<'_> = vector!("openssl");
const CRYPTOGRAPHY: Pem<'_> = vector!("cryptography");
const JSRSASIGN: Pem<'_> = vector!("jsrsasign");

fn create(ctx: &mut Context, owner: &Address, (cert, pubkey): Pem<'_>) -> Result<(), Failure> {
    let msg = MsgCreateCertificate { owner: ctx.text(owner), cert: cert.to_vec(), pubkey: pubkey.to_vec() };
    messages::create_certificate(ctx, msg).map(|_| ())
}

fn revoke(ctx: &mut Context, owner: &Address, serial: &str) -> Result<(), Failure> {
    let id = Some(Id { owner: ctx.text(owner), serial: serial.to_owned() });
    messages::revoke_certificate(ctx, MsgRevokeCertificate { id }).map(|_| ())
}

/// The serial numbers that a query finds.
fn list(ctx: &Context, owner: &str, serial: &str, state: &str) -> Result<Vec<String>, QueryError> {
    let filter = CertificateFilter { owner: owner.to_owned(), serial: serial.to_owned(), state: state.to_owned() };
    let answer = queries::certificates(ctx, QueryCertificatesRequest { filter: Some(filter), pagination: None })?;
    Ok(answer.certificates.into_iter().map(|found| found.serial).collect())
}

#[test]
fn certificates_of_other_software_are_read() {
    let checked = |(cert, pubkey): Pem<'_>| {
        let checked = CheckedCertificate::parse(cert, pubkey).unwrap();
        assert_eq!(checked.subject, testing::context().text(&ALICE));
        assert_eq!(checked.issuer, checked.subject);
        (checked.serial.to_string(), checked.not_before, checked.not_after, checked.client_auth)
    };
    assert_eq!(checked(OPENSSL), ("1767225600000000007".to_owned(), 1_795_647_874, 2_111_007_874, true));
    assert_eq!(checked(CRYPTOGRAPHY), (0xf123_4567_89ab_cdef_u64.to_string(), 1_767_225_600, 1_798_761_600, true));
    assert_eq!(checked(JSRSASIGN), ("1767225600123".to_owned(), 1_767_225_600, 1_798_761_600, true));
    assert_eq!(checked(vector!("no-purpose")), ("84".to_owned(), 1_767_225_600, 2_840_140_800, false));
}

#[test]
fn certificates_that_break_a_rule_are_refused() {
    let why = |(cert, pubkey): Pem<'_>| CheckedCertificate::parse(cert, pubkey).unwrap_err();
    assert!(matches!(why(vector!("p384")), CertificateError::Pubkey(why) if why.contains("1.3.132.0.34")));
    assert!(matches!(why(vector!("rsa")), CertificateError::Pubkey(why) if why.contains("1.2.840.113549.1.1.1")));
    assert_eq!(why(vector!("sha384")), CertificateError::Algorithm("1.2.840.10045.4.3.3".to_owned()));
    assert_eq!(why(vector!("two-names")), CertificateError::CommonName(2));
    assert_eq!(why(vector!("other-signer")), CertificateError::Signature);
    assert_eq!(why((OPENSSL.0, CRYPTOGRAPHY.1)), CertificateError::OtherKey);

    let (cert, pubkey) = OPENSSL;
    let twice = [cert, cert].concat();
    let behind = [cert, b"more".as_slice()].concat();
    let before = [b"more\n".as_slice(), cert].concat();
    for bad in [b"".as_slice(), b"\xff", b"-----BEGIN CERTIFICATE-----", pubkey, &twice, &behind, &before] {
        assert!(matches!(why((bad, pubkey)), CertificateError::Pem(_)), "{}", String::from_utf8_lossy(bad));
    }
    assert!(matches!(why((cert, cert)), CertificateError::PubkeyPem(_)));
    let plain = String::from_utf8(pubkey.to_vec()).unwrap().replace("EC PUBLIC KEY", "PUBLIC KEY");
    assert!(matches!(why((cert, plain.as_bytes())), CertificateError::PubkeyPem(_)));
}

proptest! {
    #[test]
    fn no_bytes_panic_and_a_changed_certificate_is_refused(at in 0usize..400, bit in 0u32..8, noise: Vec<u8>) {
        let _ = CheckedCertificate::parse(&noise, &noise);
        let block = pem::parse(CRYPTOGRAPHY.0).unwrap();
        let mut der = block.contents().to_vec();
        prop_assume!(at < der.len());
        der[at] ^= 1 << bit;
        let text = pem::encode(&pem::Pem::new("CERTIFICATE", der));
        prop_assert!(CheckedCertificate::parse(text.as_bytes(), CRYPTOGRAPHY.1).is_err());
        let noise = pem::encode(&pem::Pem::new("CERTIFICATE", noise));
        prop_assert!(CheckedCertificate::parse(noise.as_bytes(), CRYPTOGRAPHY.1).is_err());
    }
}

#[test]
fn a_certificate_is_created_and_revoked_for_good() {
    let mut ctx = testing::context();
    create(&mut ctx, &ALICE, JSRSASIGN).unwrap();
    let serial = "1767225600123".parse().unwrap();
    assert_eq!(get(&ctx, &ALICE, &serial).unwrap().unwrap().state(), State::Valid);
    assert_eq!(get(&ctx, &BOB, &serial).unwrap(), None);
    revoke(&mut ctx, &ALICE, "1767225600123").unwrap();
    assert_eq!(get(&ctx, &ALICE, &serial).unwrap().unwrap().state(), State::Revoked);
    assert_snapshot!(refusal(revoke(&mut ctx, &ALICE, "1767225600123")), @"certificate 1767225600123 of tetra15xs6rgdp5xs6rgdp5xs6rgdp5xs6rgdpjsfh36 is revoked; nothing is left to do: certificate already revoked");
    assert_snapshot!(refusal(create(&mut ctx, &ALICE, JSRSASIGN)), @"tetra15xs6rgdp5xs6rgdp5xs6rgdp5xs6rgdpjsfh36 has a certificate 1767225600123 already; make one with another serial number: certificate exists");
    assert_eq!(announced(&ctx), "", "akash.cert.v1 has no events");
    assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
}

#[test]
fn refusals_carry_upstreams_codes() {
    let mut ctx = testing::context();
    let code = |result| {
        let refused = refusal(result);
        (refused.codespace, refused.code)
    };
    assert_eq!(code(create(&mut ctx, &BOB, OPENSSL)), ("cert", 6));
    assert_eq!(code(create(&mut ctx, &ALICE, (b"x", OPENSSL.1))), ("cert", 6));
    assert_eq!(code(create(&mut ctx, &ALICE, (OPENSSL.0, b"x"))), ("cert", 7));
    assert_eq!(code(create(&mut ctx, &ALICE, vector!("expired"))), ("cert", 6));
    assert_eq!(code(revoke(&mut ctx, &ALICE, "1")), ("cert", 1));
    assert_eq!(code(revoke(&mut ctx, &ALICE, "one")), ("cert", 5));
    assert_eq!(
        code(messages::revoke_certificate(&mut ctx, MsgRevokeCertificate { id: None }).map(|_| ())),
        ("sdk", 18)
    );
    let nobody = MsgCreateCertificate { owner: "nobody".to_owned(), ..MsgCreateCertificate::default() };
    assert_eq!(code(messages::create_certificate(&mut ctx, nobody).map(|_| ())), ("sdk", 7));
    assert_eq!(stored(&ctx, MODULE), "");
}

#[test]
fn certificates_are_found_by_owner_serial_and_state() {
    let mut ctx = testing::context();
    for pem in [CRYPTOGRAPHY, OPENSSL, JSRSASIGN] {
        create(&mut ctx, &ALICE, pem).unwrap();
    }
    let [js, go, py] = ["1767225600123", "1767225600000000007", "17375808098319191535"];
    revoke(&mut ctx, &ALICE, js).unwrap();
    let (alice, bob) = (ctx.text(&ALICE), ctx.text(&BOB));
    let found = |owner: &str, serial: &str, state: &str| list(&ctx, owner, serial, state).unwrap();
    assert_eq!(found("", "", ""), [js, go, py]);
    assert_eq!(found(&alice, "", ""), [js, go, py]);
    assert_eq!(found(&alice, "", "valid"), [go, py]);
    assert_eq!(found("", "", "revoked"), [js]);
    assert_eq!(found(&alice, js, ""), [js]);
    assert_eq!(found(&alice, js, "valid"), Vec::<String>::new());
    assert_eq!(found(&alice, "8", ""), Vec::<String>::new());
    assert_eq!(found(&bob, "", ""), Vec::<String>::new());
    for (owner, serial, state) in [("nobody", "", ""), (&alice, "x", ""), (&alice, "", "invalid"), ("", js, "")] {
        assert_eq!(list(&ctx, owner, serial, state).unwrap_err().status, QueryStatus::InvalidArgument);
    }

    let filter = Some(CertificateFilter { owner: alice, ..CertificateFilter::default() });
    let page = |key: Vec<u8>| {
        let pagination = Some(PageRequest { key, limit: 2, ..PageRequest::default() });
        let answer =
            queries::certificates(&ctx, QueryCertificatesRequest { filter: filter.clone(), pagination }).unwrap();
        let serials: Vec<String> = answer.certificates.into_iter().map(|found| found.serial).collect();
        (serials, answer.pagination.unwrap().next_key)
    };
    let (first, next) = page(Vec::new());
    assert_eq!(first, [js, go]);
    assert_eq!(page(next), (vec![py.to_owned()], Vec::new()));
}

fn lived_in() -> Context {
    let mut ctx = testing::context();
    for pem in [CRYPTOGRAPHY, OPENSSL, JSRSASIGN] {
        create(&mut ctx, &ALICE, pem).unwrap();
    }
    revoke(&mut ctx, &ALICE, "1767225600123").unwrap();
    ctx
}

#[test]
fn stored_keys_and_values() {
    assert_snapshot!(stored(&lived_in(), MODULE));
}

#[test]
fn genesis_export_and_import_are_inverse() {
    let lived_in = lived_in();
    let exported = genesis::export(&lived_in).unwrap();
    let text = serde_json::to_string_pretty(&exported).unwrap();
    assert_snapshot!(text);
    // Later than every certificate's end: genesis takes what was stored.
    let mut again = testing::empty();
    again.block.time.seconds += 100 * 365 * 86_400;
    genesis::import(&mut again, &serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(stored(&again, MODULE), stored(&lived_in, MODULE));
    assert_eq!(genesis::export(&again).unwrap(), exported);

    let entry = &exported.certificates[0];
    let import = |certificates| refusal(genesis::import(&mut testing::empty(), &Genesis { certificates })).code;
    assert_eq!(import(vec![entry.clone(), entry.clone()]), 18);
    assert_eq!(import(vec![genesis::Entry { state: "invalid".to_owned(), ..entry.clone() }]), 8);
    assert_eq!(import(vec![genesis::Entry { cert: String::new(), ..entry.clone() }]), 6);
}

#[test]
fn what_breaks_a_promise_is_found() {
    let mut ctx = lived_in();
    let serial: Serial = "1767225600123".parse().unwrap();
    let mut certificate = get(&ctx, &ALICE, &serial).unwrap().unwrap();
    state::CERTIFICATES.set(&mut ctx.state, &(ALICE, [1; 20]), &certificate);
    state::CERTIFICATES.set(&mut ctx.state, &(BOB, serial.to_bytes()), &certificate);
    certificate.state = 0;
    state::CERTIFICATES.set(&mut ctx.state, &(ALICE, serial.to_bytes()), &certificate);
    assert_eq!(invariants::check(&ctx).unwrap().len(), 3);
}

/// A certificate of an owner with a serial number, fresh from a library.
fn fresh(ctx: &Context, owner: &Address, serial: u8) -> (Vec<u8>, Vec<u8>) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, ctx.text(owner));
    params.serial_number = Some(rcgen::SerialNumber::from(vec![serial]));
    let pubkey = key.public_key_pem().replace("PUBLIC KEY", "EC PUBLIC KEY");
    (params.self_signed(&key).unwrap().pem().into_bytes(), pubkey.into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Random creations and revocations against the plain table of what must be there.
    #[test]
    fn certificates_follow_a_model(steps in proptest::collection::vec((any::<bool>(), 0usize..2, 1u8..6), 0..24)) {
        let mut ctx = testing::context();
        let mut model: BTreeMap<(usize, u8), State> = BTreeMap::new();
        let owners = [ALICE, BOB];
        for (revokes, who, serial) in steps {
            let now = model.get(&(who, serial)).copied();
            let owner = &owners[who];
            if revokes {
                let done = revoke(&mut ctx, owner, &serial.to_string());
                match now {
                    Some(State::Valid) => {
                        prop_assert!(done.is_ok());
                        model.insert((who, serial), State::Revoked);
                    }
                    Some(_) => prop_assert_eq!(refusal(done).code, 4),
                    None => prop_assert_eq!(refusal(done).code, 1),
                }
            } else {
                let (cert, pubkey) = fresh(&ctx, owner, serial);
                let done = create(&mut ctx, owner, (&cert, &pubkey));
                if now.is_some() {
                    prop_assert_eq!(refusal(done).code, 3);
                } else {
                    prop_assert!(done.is_ok());
                    model.insert((who, serial), State::Valid);
                }
            }
        }
        prop_assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
        for (who, owner) in owners.iter().enumerate() {
            for state in [State::Valid, State::Revoked] {
                let found = list(&ctx, &ctx.text(owner), "", state.as_str_name()).unwrap();
                let wanted = model.iter().filter(|((of, _), at)| *of == who && **at == state);
                prop_assert_eq!(found, wanted.map(|((_, serial), _)| serial.to_string()).collect::<Vec<_>>());
            }
        }
    }
}
