//! What the machine itself can do: signature checks as the chain makes them, on its threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use app::SignatureCheck;
use ledger::accounts::keys::PublicKey;
use secp256k1::{Message, SecretKey, ecdsa};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{LoadError, Result};

const LASTS: Duration = Duration::from_secs(3);
/// Bytes that a transfer signs.
const SIGNED: usize = 300;

pub(crate) fn run(threads: usize) -> Result<Value> {
    let check = check()?;
    if !check.verify() {
        return Err(LoadError::Chain("a good signature is refused".to_owned()));
    }
    let (over, checked) = (AtomicBool::new(false), AtomicU64::new(0));
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    checked.fetch_add(u64::from(std::hint::black_box(&check).verify()), Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(LASTS);
        over.store(true, Ordering::Relaxed);
    });
    let seconds = begin.elapsed().as_secs_f64();
    Ok(json!({ "threads": threads, "per_second": (checked.into_inner() as f64 / seconds).round() }))
}

fn check() -> Result<SignatureCheck> {
    let secret = SecretKey::from_secret_bytes([7; 32]).map_err(LoadError::chain)?;
    let sign_bytes = vec![7; SIGNED];
    let digest = Message::from_digest(Sha256::digest(&sign_bytes).into());
    Ok(SignatureCheck {
        tx: [0; 32],
        key: PublicKey::Secp256k1(secp256k1::PublicKey::from_secret_key(&secret).serialize()),
        account_number: 0,
        signature: ecdsa::sign(digest, &secret).serialize_compact().to_vec(),
        sign_bytes,
    })
}
