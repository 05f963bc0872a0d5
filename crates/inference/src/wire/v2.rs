//! Our own scheme: the caller's hotkey signs the request line, the addressee, its clock and the hash of the raw body.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::refusal::{Refusal, Status};
use super::{Caller, MAX_TIMEOUT, Scheme, header, signature};
use crate::keys::{Hotkey, HotkeyId};

/// Which scheme it is: `2`.
pub const PROTOCOL: &str = "tetra-protocol";
/// The subnet.
pub const NETUID: &str = "tetra-netuid";
/// The caller's address.
pub const CALLER: &str = "tetra-caller";
/// The miner's address.
pub const MINER: &str = "tetra-miner";
/// The caller's clock in nanoseconds since 1970.
pub const NONCE: &str = "tetra-nonce";
/// The caller's session.
pub const SESSION: &str = "tetra-session";
/// How long the caller waits, in milliseconds.
pub const TIMEOUT: &str = "tetra-timeout-ms";
/// The caller's signature.
pub const SIGNATURE: &str = "tetra-signature";
/// The miner's signature of the caller's: the answer comes from the hotkey that was asked.
pub const ANSWER: &str = "tetra-answer-signature";

const MAX_SESSION: usize = 64;

/// What is signed besides the body.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// The path with its leading slash; the method is always POST.
    pub path: &'a str,
    /// The subnet.
    pub netuid: u16,
    /// The miner that is asked.
    pub miner: HotkeyId,
    /// The caller.
    pub caller: Caller,
}

/// The text that is signed: nothing can be moved from one line to another, since no field holds a line break.
pub fn text(envelope: &Envelope<'_>, body: &[u8]) -> String {
    let Envelope { path, netuid, miner, caller } = envelope;
    let (hash, timeout) = (hex::encode(Sha256::digest(body)), caller.timeout.as_millis());
    let Caller { hotkey, nonce, session, .. } = caller;
    format!("tetra-wire-v2\nPOST {path}\n{netuid}\n{hotkey}\n{miner}\n{nonce}\n{session}\n{timeout}\n{hash}")
}

/// Headers of a signed request, and the signature that its answer must sign.
pub fn sign(key: &Hotkey, envelope: &Envelope<'_>, body: &[u8]) -> (HeaderMap, [u8; 64]) {
    let signature = key.sign(text(envelope, body).as_bytes());
    let caller = &envelope.caller;
    let fields = [
        (PROTOCOL, "2".to_owned()),
        (NETUID, envelope.netuid.to_string()),
        (CALLER, caller.hotkey.to_string()),
        (MINER, envelope.miner.to_string()),
        (NONCE, caller.nonce.to_string()),
        (SESSION, caller.session.clone()),
        (TIMEOUT, caller.timeout.as_millis().to_string()),
        (SIGNATURE, format!("0x{}", hex::encode(signature))),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        // A session with characters that no header may have is refused by every miner; it is not sent.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    (headers, signature)
}

/// Whether headers claim this scheme.
pub fn is_claimed(headers: &HeaderMap) -> bool {
    headers.contains_key(PROTOCOL)
}

/// Checks a request that came to a miner. Replays are [`super::nonce::Nonces`]' matter.
///
/// # Errors
/// 400 for headers that cannot be read; 401 for another subnet, another miner, or a signature that is wrong.
pub fn verify(
    headers: &HeaderMap,
    path: &str,
    body: &[u8],
    netuid: u16,
    miner: HotkeyId,
) -> Result<(Caller, [u8; 64]), Refusal> {
    let bad = |why: &str| Refusal::new(Status::BadRequest, why);
    if header(headers, PROTOCOL)? != "2" {
        return Err(bad("this miner speaks tetra-protocol 2"));
    }
    if path.contains(['\n', '\r']) {
        return Err(bad("the path has a line break"));
    }
    let subnet: u16 = header(headers, NETUID)?.parse().map_err(|_| bad("tetra-netuid is no number of a subnet"))?;
    let hotkey: HotkeyId = header(headers, CALLER)?.parse().map_err(|error| bad(&format!("tetra-caller: {error}")))?;
    let asked: HotkeyId = header(headers, MINER)?.parse().map_err(|error| bad(&format!("tetra-miner: {error}")))?;
    let nonce = header(headers, NONCE)?.parse().map_err(|_| bad("tetra-nonce is no number of nanoseconds"))?;
    let session = header(headers, SESSION)?.to_owned();
    let plain = session.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !plain || !(1..=MAX_SESSION).contains(&session.len()) {
        return Err(bad("tetra-session is no text of 1 to 64 letters, digits and dashes"));
    }
    let timeout: u64 = header(headers, TIMEOUT)?.parse().map_err(|_| bad("tetra-timeout-ms is no number"))?;
    let timeout = Duration::from_millis(timeout);
    if timeout.is_zero() || timeout > MAX_TIMEOUT {
        return Err(bad("tetra-timeout-ms is not between 1 and 600000"));
    }
    let signature = signature(header(headers, SIGNATURE)?)?;
    let refused = |why: String| Err(Refusal::new(Status::Unauthorized, why));
    if subnet != netuid {
        return refused(format!("the request is for subnet {subnet}; this miner serves {netuid}"));
    }
    if asked != miner {
        return refused(format!("the request is for {asked}; this miner is {miner}"));
    }
    let caller = Caller { hotkey, nonce, session, timeout, scheme: Scheme::V2 };
    let envelope = Envelope { path, netuid, miner, caller };
    if !hotkey.verifies(text(&envelope, body).as_bytes(), &signature) {
        return refused("the signature is not that of the caller over this request".to_owned());
    }
    Ok((envelope.caller, signature))
}

fn answer_text(request: &[u8; 64]) -> String {
    format!("tetra-wire-v2 answer\n{}", hex::encode(request))
}

/// The miner's signature under its answer: of the request's, so that it is of no use for another.
pub fn sign_answer(key: &Hotkey, request: &[u8; 64]) -> String {
    format!("0x{}", hex::encode(key.sign(answer_text(request).as_bytes())))
}

/// Whether an answer comes from the miner that was asked.
///
/// # Errors
/// What is wrong with the header.
pub fn verify_answer(headers: &HeaderMap, request: &[u8; 64], miner: HotkeyId) -> Result<(), Refusal> {
    let signature = signature(header(headers, ANSWER)?)?;
    if !miner.verifies(answer_text(request).as_bytes(), &signature) {
        return Err(Refusal::new(Status::Unauthorized, format!("the answer is not signed by {miner}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"model":"m"}"#;
    const PATH: &str = "/v1/chat/completions";

    fn key(byte: u8) -> Hotkey {
        Hotkey::from_seed(&[byte; 32]).unwrap()
    }

    fn envelope() -> Envelope<'static> {
        let timeout = Duration::from_millis(12_000);
        let (nonce, session) = (1_700_000_000_000_000_000, "s-1".to_owned());
        let caller = Caller { hotkey: key(1).id(), nonce, session, timeout, scheme: Scheme::V2 };
        Envelope { path: PATH, netuid: 7, miner: key(2).id(), caller }
    }

    #[test]
    fn the_signed_text_is_what_other_implementations_must_build() {
        insta::assert_snapshot!(text(&envelope(), BODY));
    }

    #[test]
    fn what_was_signed_is_read_and_nothing_else() {
        let (headers, signature) = sign(&key(1), &envelope(), BODY);
        let read = verify(&headers, PATH, BODY, 7, key(2).id()).unwrap();
        assert_eq!(read, (envelope().caller, signature));
        let status = |headers: &HeaderMap, path, body, netuid, miner| {
            verify(headers, path, body, netuid, miner).unwrap_err().status
        };
        let unauthorized = Status::Unauthorized;
        assert_eq!(status(&headers, "/v1/completions", BODY, 7, key(2).id()), unauthorized);
        assert_eq!(status(&headers, PATH, b"{}", 7, key(2).id()), unauthorized);
        assert_eq!(status(&headers, PATH, BODY, 8, key(2).id()), unauthorized);
        assert_eq!(status(&headers, PATH, BODY, 7, key(3).id()), unauthorized);
        for (name, value) in [(NONCE, "1700000000000000001"), (SESSION, "s-2"), (TIMEOUT, "12001")] {
            let mut changed = headers.clone();
            changed.insert(name, HeaderValue::from_static(value));
            assert_eq!(status(&changed, PATH, BODY, 7, key(2).id()), unauthorized, "{name}");
        }
        for name in [PROTOCOL, NETUID, CALLER, MINER, NONCE, SESSION, TIMEOUT, SIGNATURE] {
            let mut changed = headers.clone();
            changed.remove(name);
            assert_eq!(status(&changed, PATH, BODY, 7, key(2).id()), Status::BadRequest, "{name}");
            let mut twice = headers.clone();
            twice.append(name, headers[name].clone());
            assert_eq!(status(&twice, PATH, BODY, 7, key(2).id()), Status::BadRequest, "{name} twice");
        }
    }

    #[test]
    fn an_answer_is_bound_to_its_request() {
        let (_, request) = sign(&key(1), &envelope(), BODY);
        let mut headers = HeaderMap::new();
        headers.insert(ANSWER, HeaderValue::try_from(sign_answer(&key(2), &request)).unwrap());
        assert_eq!(verify_answer(&headers, &request, key(2).id()), Ok(()));
        assert!(verify_answer(&headers, &request, key(3).id()).is_err());
        assert!(verify_answer(&headers, &[0; 64], key(2).id()).is_err());
    }
}
