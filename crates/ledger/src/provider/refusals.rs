//! Why providers are refused. Codes and words are upstream's, which clients test for (spec/akash.md 1.13; upstream
//! `provider/v1beta4/errors.go`); each goes on to say what to do.

use crate::failure::Rejection;

const CODESPACE: &str = "provider";

fn refusal(code: u32, words: &str, detail: &str) -> Rejection {
    Rejection::new(CODESPACE, code, format!("{detail}: {words}"))
}

/// 1: a host URI that is not as it must be.
pub fn invalid_uri(detail: &str) -> Rejection {
    refusal(1, "invalid provider: invalid host uri", detail)
}

/// 2: a host URI without a scheme.
pub fn not_absolute_uri(detail: &str) -> Rejection {
    refusal(2, "invalid provider: not absolute host uri", detail)
}

/// 3: nobody registered a provider under this address.
pub fn not_found(owner: &str) -> Rejection {
    refusal(3, "invalid provider: address not found", &format!("{owner} is not registered; create it first"))
}

/// 4: the owner has a provider.
pub fn exists(owner: &str) -> Rejection {
    refusal(4, "invalid provider: already exists", &format!("{owner} is registered; update it instead"))
}

/// 6: attributes that are malformed.
pub fn attributes(detail: &str) -> Rejection {
    refusal(6, "attribute specification error", detail)
}

/// 8: a website that is no URI.
pub fn invalid_website(detail: &str) -> Rejection {
    refusal(8, "invalid provider: invalid info website", detail)
}

/// 24: the provider cannot go while it serves.
pub fn has_active_leases(owner: &str, count: u64) -> Rejection {
    let detail = format!("{owner} has {count} active leases; close them first");
    refusal(24, "provider has active leases", &detail)
}

/// 25: the provider cannot go while its hosts stand on the chain. Tetra's own.
pub fn has_hosts(owner: &str, count: usize) -> Rejection {
    let detail = format!("{owner} has {count} registered hosts; retire them first");
    refusal(25, "provider has registered hosts", &detail)
}
