//! Certificates of accounts: made, read, kept, compared with what the chain says.

use std::time::Duration;

use client::certs::standing::{Purpose, check};
use client::certs::{CertError, CertStore, Certificate, Credential, LIFETIME, Usage};
use proptest::prelude::*;
use proto::akash::cert::v1::{Certificate as Stored, State};
use rcgen::{CertificateParams, DnType, KeyPair};

const OWNER: &str = "tetra19rl4cm2hmr8afy4kldpxz3fka4jguq0a4erxug";
/// A second of 2026.
const NOW: Duration = Duration::from_nanos(1_780_000_000_123_456_789);

fn tenant() -> Credential {
    Credential::generate(OWNER, &Usage::Tenant, NOW).unwrap()
}

fn stored(credential: &Credential) -> Stored {
    let message = credential.message();
    Stored { state: State::Valid as i32, cert: message.cert, pubkey: message.pubkey }
}

#[test]
fn a_certificate_has_the_form_of_the_wire_format() {
    let made = tenant();
    let read = Certificate::from_pem(made.certificate_pem().as_bytes()).unwrap();
    assert_eq!(&read, made.certificate());
    assert_eq!((read.owner.as_str(), read.serial.as_str()), (OWNER, "1780000000123456789"));
    assert_eq!(read.not_after - read.not_before, i64::try_from(LIFETIME.as_secs()).unwrap());
    assert!(read.client_auth && !read.server_auth);
    assert!(made.public_key_pem().starts_with("-----BEGIN EC PUBLIC KEY-----"));

    use x509_parser::prelude::{FromDer, X509Certificate};
    let (_, parsed) = X509Certificate::from_der(read.der()).unwrap();
    let form = parsed.subject().iter_attributes().find(|it| it.attr_type().to_id_string() == "2.23.133.2.6").unwrap();
    assert_eq!(form.as_str(), Ok("v0.0.1"));
    let usage = parsed.key_usage().unwrap().unwrap().value;
    assert!(usage.data_encipherment() && usage.key_encipherment() && !usage.key_cert_sign());

    let hosts = vec!["provider.example".to_owned(), "192.0.2.1".to_owned()];
    let gateway = Credential::generate(OWNER, &Usage::Gateway { hosts: hosts.clone() }, NOW).unwrap();
    assert!(gateway.certificate().client_auth && gateway.certificate().server_auth);
    assert_eq!((&gateway.certificate().hosts, read.hosts.len()), (&hosts, 0));
}

#[test]
fn what_is_kept_is_found_again_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = CertStore::new(folder.path().join("certs"));
    assert!(store.list(OWNER).unwrap().is_empty());
    let (first, later) = (tenant(), Credential::generate(OWNER, &Usage::Tenant, NOW + LIFETIME).unwrap());
    let path = store.add(&first).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(store.add(&first), Err(CertError::File { .. })));
    store.add(&later).unwrap();
    let kept: Vec<_> = store.list(OWNER).unwrap().iter().map(|kept| kept.certificate().clone()).collect();
    assert_eq!(kept, [later.certificate().clone(), first.certificate().clone()]);
    let again = store.get(OWNER, &first.certificate().serial).unwrap().unwrap();
    assert_eq!(again.to_pem(), first.to_pem());
    // A file with another certificate than its name says, and a key that is another one's.
    std::fs::copy(store.path(OWNER, &later.certificate().serial).unwrap(), &path).unwrap();
    assert!(matches!(store.get(OWNER, &first.certificate().serial), Err(CertError::File { .. })));
    std::fs::write(&path, format!("{}{}", first.certificate_pem(), later.key_pem())).unwrap();
    assert!(matches!(store.get(OWNER, &first.certificate().serial), Err(CertError::File { .. })));
    store.remove(OWNER, &first.certificate().serial).unwrap();
    assert!(store.get(OWNER, &first.certificate().serial).unwrap().is_none());
    for (owner, serial) in [("../x", "1"), (OWNER, ""), ("", "1"), (OWNER, "1/2")] {
        assert!(matches!(store.get(owner, serial), Err(CertError::Malformed(_))), "{owner:?} {serial:?}");
    }
}

#[test]
fn the_certificate_on_the_chain_is_taken_and_every_other_is_refused() {
    let made = tenant();
    let shown = made.certificate().clone();
    let good = stored(&made);
    assert_eq!(check(&shown, Some(&good), Purpose::Client, NOW), Ok(()));
    assert_eq!(check(&shown, Some(&good), Purpose::Client, NOW + LIFETIME), Ok(()));
    let refused = |stored: Option<&Stored>, purpose, now| check(&shown, stored, purpose, now).unwrap_err();
    assert!(matches!(refused(None, Purpose::Client, NOW), CertError::Unknown { .. }));
    let revoked = Stored { state: State::Revoked as i32, ..good.clone() };
    assert!(matches!(refused(Some(&revoked), Purpose::Client, NOW), CertError::Revoked { .. }));
    for state in [0, 7] {
        let other = Stored { state, ..good.clone() };
        assert!(matches!(refused(Some(&other), Purpose::Client, NOW), CertError::Unknown { .. }));
    }
    for now in [NOW + LIFETIME + Duration::from_secs(1), NOW - Duration::from_secs(31)] {
        assert!(matches!(refused(Some(&good), Purpose::Client, now), CertError::Expired { .. }));
    }
    assert!(matches!(refused(Some(&good), Purpose::Server, NOW), CertError::Purpose { .. }));
    let stranger = stored(&tenant());
    assert!(matches!(refused(Some(&stranger), Purpose::Client, NOW), CertError::Differs { .. }));
    let mixed = Stored { pubkey: good.pubkey.clone(), ..stranger };
    assert!(matches!(refused(Some(&mixed), Purpose::Client, NOW), CertError::Differs { .. }));
    let broken = Stored { pubkey: b"-----BEGIN".to_vec(), ..good };
    assert!(matches!(refused(Some(&broken), Purpose::Client, NOW), CertError::Malformed(_)));
}

#[test]
fn who_signed_for_another_is_told() {
    let issuer_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, OWNER);
    let own = Certificate::from_der(params.self_signed(&issuer_key).unwrap().der());
    assert!(own.is_ok_and(|own| !own.client_auth), "without extended key usage it is for nothing");
    // The same names, but another key inside: not self-signed.
    let issuer = rcgen::Issuer::new(params.clone(), issuer_key);
    let inner = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
    assert!(matches!(Certificate::from_der(inner.der()), Err(CertError::Malformed(why)) if why.contains("own key")));
    let mut other = params.clone();
    other.distinguished_name.push(DnType::CommonName, "tetra1other");
    let issued = other.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
    assert!(matches!(Certificate::from_der(issued.der()), Err(CertError::Malformed(why)) if why.contains("issuer")));
    let longer = [tenant().certificate().der(), b"x"].concat();
    assert!(matches!(Certificate::from_der(&longer), Err(CertError::Malformed(_))));
    let twice = tenant().certificate_pem().repeat(2);
    assert!(matches!(Certificate::from_pem(twice.as_bytes()), Err(CertError::Malformed(_))));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Certificate::from_der(&bytes).is_err());
        prop_assert!(Certificate::from_pem(&bytes).is_err());
    }

    #[test]
    fn a_certificate_with_any_bit_changed_is_refused_or_differs(index in any::<prop::sample::Index>(), bit in 0u8..8) {
        let made = tenant();
        let mut bytes = made.certificate().der().to_vec();
        let at = index.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(shown) = Certificate::from_der(&bytes) {
            prop_assert!(check(&shown, Some(&stored(&made)), Purpose::Client, NOW).is_err());
        }
    }
}
