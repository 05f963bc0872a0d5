//! What unmodified clients of the same wire format make is read as they mean it. The files below `data` were written by
//! the packages that their names tell.

use std::time::Duration;

use client::SigningKey;
use client::certs::Certificate;
use client::certs::standing::{Purpose, check};
use client::claims::{Access, Scope};
use client::token::{Token, TokenError};
use proto::akash::cert::v1::{Certificate as Stored, State};

/// `generatePEM` of both JavaScript packages, `create_certificate_for_mtls` of the Python one: line ends of CR LF, serial
/// numbers of 51 to 158 bits, three kinds of key usage, with and without the second attribute of the subject.
#[test]
fn certificates_are_taken_as_they_were_published() {
    let made = [
        (
            &include_bytes!("data/akashjs-0.11.1.cert.pem")[..],
            &include_bytes!("data/akashjs-0.11.1.pubkey.pem")[..],
            "akash19rl4cm2hmr8afy4kldpxz3fka4jguq0a4c26d8",
            "1795648790194000",
        ),
        (
            include_bytes!("data/chain-sdk-1.0.0-alpha.25.cert.pem"),
            include_bytes!("data/chain-sdk-1.0.0-alpha.25.pubkey.pem"),
            "akash19rl4cm2hmr8afy4kldpxz3fka4jguq0a3mq6x0",
            "1795648798700000",
        ),
        (
            include_bytes!("data/pypi-akash-0.6.0.cert.pem"),
            include_bytes!("data/pypi-akash-0.6.0.pubkey.pem"),
            "akash19rl4cm2hmr8afy4kldpxz3fka4jguq0a4c26d8",
            "234045728639439078612851659146990991899512559067",
        ),
    ];
    for (cert, pubkey, owner, serial) in made {
        let shown = Certificate::from_pem(cert).unwrap();
        assert_eq!((shown.owner.as_str(), shown.serial.as_str()), (owner, serial));
        let at = Duration::from_secs(u64::try_from(shown.not_before).unwrap());
        let stored = Stored { state: State::Valid as i32, cert: cert.to_vec(), pubkey: pubkey.to_vec() };
        assert_eq!(check(&shown, Some(&stored), Purpose::Client, at), Ok(()));
        assert_eq!(shown.not_after - shown.not_before, 365 * 86_400);
    }
}

/// `JwtTokenManager` with CosmJS's amino signer, which signs as browser wallets do (ADR-036).
#[test]
fn a_token_that_a_wallet_signed_verifies() {
    let phrase = format!("{}about", "abandon ".repeat(11));
    let key = SigningKey::from_mnemonic(&phrase, 0).unwrap();
    let token = Token::parse(include_str!("data/chain-sdk-1.0.0-alpha.25.jwt").trim()).unwrap();
    let other = SigningKey::from_mnemonic(&phrase, 1).unwrap();
    assert_eq!(token.clone().verify(&other.public_key()), Err(TokenError::Signature));
    let claims = token.verify(&key.public_key()).unwrap();
    assert_eq!(claims.iss, "akash19rl4cm2hmr8afy4kldpxz3fka4jguq0a3mq6x0");
    assert_eq!(claims.leases, Access::Scoped { scope: vec![Scope::Status, Scope::Logs] });
}
