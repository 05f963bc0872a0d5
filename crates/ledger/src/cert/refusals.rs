//! Why certificates are refused. Codes and words are upstream's, which clients test for (spec/akash.md 1.13; upstream
//! `cert/v1/errors.go`); each goes on to say what to do.

use super::Serial;
use crate::failure::Rejection;

const CODESPACE: &str = "cert";

fn refusal(code: u32, words: &str, detail: &str) -> Rejection {
    Rejection::new(CODESPACE, code, format!("{detail}: {words}"))
}

/// 1: the owner has no certificate with this serial number.
pub fn not_found(owner: &str, serial: &Serial) -> Rejection {
    let detail = format!("{owner} has no certificate {serial}; list its certificates to see which it has");
    refusal(1, "certificate not found", &detail)
}

/// 3: the serial number is taken, by a valid or a revoked certificate.
pub fn exists(owner: &str, serial: &Serial) -> Rejection {
    let detail = format!("{owner} has a certificate {serial} already; make one with another serial number");
    refusal(3, "certificate exists", &detail)
}

/// 4: it was revoked before.
pub fn already_revoked(owner: &str, serial: &Serial) -> Rejection {
    refusal(
        4,
        "certificate already revoked",
        &format!("certificate {serial} of {owner} is revoked; nothing is left to do"),
    )
}

/// 5: the text is no serial number.
pub fn invalid_serial(detail: &str) -> Rejection {
    refusal(5, "invalid serial number", detail)
}

/// 6: the certificate is not as it must be.
pub fn invalid_certificate(detail: &str) -> Rejection {
    refusal(6, "invalid certificate value", detail)
}

/// 7: the public key is not as it must be.
pub fn invalid_pubkey(detail: &str) -> Rejection {
    refusal(7, "invalid pubkey value", detail)
}

/// 8: a state that no certificate has.
pub fn invalid_state(detail: &str) -> Rejection {
    refusal(8, "invalid state", detail)
}
