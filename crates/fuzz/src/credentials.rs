//! What callers show to a gateway, and what operators leave in files.

use std::fs;

use client::certs::{Certificate, Credential, read};
use client::claims::{Claims, Scope, Target};
use client::token::Token;
use client::{Keystore, SigningKey};
use provider::gateway::auth::bearer;

const PROVIDER: &str = "tetra1provider";

/// The first byte chooses: a header, or claims.
pub(crate) fn token(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    if first % 2 == 1 {
        if let Ok(claims) = Claims::parse(bytes) {
            permits_no_more_than_it_says(&claims);
        }
        return;
    }
    let Ok(text) = bearer(bytes) else { return };
    assert!(bytes.ends_with(text.as_bytes()), "a token that is not in its header");
    let Ok(token) = Token::parse(text) else { return };
    permits_no_more_than_it_says(token.claims());
    let stranger = SigningKey::from_bytes([77; 32]).unwrap();
    assert!(token.verify(&stranger.public_key()).is_err(), "a token is signed by a key that signed none");
}

fn permits_no_more_than_it_says(claims: &Claims) {
    let text = serde_json::to_string(claims).unwrap();
    let again = Claims::parse(text.as_bytes()).unwrap_or_else(|error| panic!("its own claims are refused: {error}"));
    assert_eq!(again, *claims, "claims change on the way");
    let target = Target { dseq: Some(7), lease: Some((1, 1)) };
    for action in Scope::ALL {
        if claims.permit(PROVIDER, action, target).is_some() {
            let said = text.contains(&format!("\"{}\"", action.name())) || text.contains("\"full\"");
            assert!(said, "{action} is permitted by claims that do not name it: {text}");
        }
    }
}

pub(crate) fn certificate(bytes: &[u8]) {
    let _ = read::block(bytes, "PUBLIC KEY");
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(credential) = Credential::from_pem(text)
    {
        let again = Credential::from_pem(&credential.to_pem()).unwrap();
        assert_eq!(again.certificate(), credential.certificate(), "a credential changes on the way");
    }
    for read in [Certificate::from_der(bytes), Certificate::from_pem(bytes)] {
        let Ok(certificate) = read else { continue };
        assert!(matches!(certificate.is_signed_by(&certificate.public_key), Ok(true)), "not signed by its own key");
        let again = Certificate::from_der(certificate.der()).unwrap();
        assert_eq!(again, certificate, "a certificate changes on the way");
    }
}

/// The first byte chooses: a key file, or the configuration of a node or an agent.
pub(crate) fn settings(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str| fs::write(folder.path().join(name), bytes).unwrap();
    match first % 3 {
        0 => {
            put("some.key");
            let store = Keystore::new(folder.path());
            let Ok(info) = store.info("some") else { return };
            if let Ok(key) = store.open("some", None) {
                assert!(info.dev, "an encrypted key opens without its passphrase");
                assert_eq!(info.address(), Some(key.address()), "a key file names another address");
            }
        }
        1 => {
            put("node.json");
            let home = node::Home::new(folder.path());
            let Ok(config) = home.config() else { return };
            home.configure(&config).unwrap();
            assert_eq!(home.config().unwrap(), config, "a configuration changes on the way");
        }
        _ => {
            put("provider.json");
            let Ok(config) = provider::Home::new(folder.path()).config() else { return };
            let text = serde_json::to_string(&config).unwrap();
            let again: provider::ProviderConfig = serde_json::from_str(&text).unwrap();
            assert_eq!(again, config, "a configuration changes on the way");
        }
    }
}
