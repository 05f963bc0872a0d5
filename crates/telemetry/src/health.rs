//! What is asked of a process that is to be alive, or ready.

use serde::Serialize;

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at, such as `disk`.
    pub check: &'static str,
    /// Whether it is as it must be.
    pub ok: bool,
    /// What was found.
    pub reason: String,
    /// What to do; empty where nothing is to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Check {
    /// It is as it must be.
    pub fn good(check: &'static str, reason: impl Into<String>) -> Self {
        Self { check, ok: true, reason: reason.into(), remedy: String::new() }
    }

    /// It is not.
    pub fn bad(check: &'static str, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, ok: false, reason: reason.into(), remedy: remedy.into() }
    }
}

/// Whether all is well, and the lines that say so: one JSON object a check; without `verbose` only those that failed.
pub fn lines(checks: &[Check], verbose: bool) -> (bool, String) {
    let well = checks.iter().all(|check| check.ok);
    let shown = checks.iter().filter(|check| verbose || !check.ok);
    let text: String = shown.filter_map(|check| serde_json::to_string(check).ok()).map(|line| line + "\n").collect();
    (well, if text.is_empty() { "ok\n".to_owned() } else { text })
}

/// Free share of a disk below which a process is not ready, in percent, and bytes below which it never is.
const LEAST_FREE_PERCENT: u64 = 5;
const LEAST_FREE_BYTES: u64 = 512 << 20;

/// Whether a disk with so many bytes free of so many has room left.
pub fn disk(free: u64, total: u64) -> Check {
    let percent = if total == 0 { 0 } else { u128::from(free) * 100 / u128::from(total) };
    let text = format!("{} MiB free of {} MiB ({percent} %)", free >> 20, total >> 20);
    // A big disk has room where a small share of it is left.
    let scarce = free < LEAST_FREE_BYTES || (percent < u128::from(LEAST_FREE_PERCENT) && free < LEAST_FREE_BYTES * 20);
    if scarce {
        let remedy = format!("free space: at least {} MiB", LEAST_FREE_BYTES >> 20);
        return Check::bad(
            "disk",
            text,
            format!("{remedy}, and {LEAST_FREE_PERCENT} % or {} MiB", (LEAST_FREE_BYTES * 20) >> 20),
        );
    }
    Check::good("disk", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_always_and_the_rest_on_request() {
        let checks = [Check::good("peers", "3 peers"), Check::bad("disk", "full", "free some")];
        let bad = "{\"check\":\"disk\",\"ok\":false,\"reason\":\"full\",\"remedy\":\"free some\"}\n";
        assert_eq!(lines(&checks, false), (false, bad.to_owned()));
        let good = "{\"check\":\"peers\",\"ok\":true,\"reason\":\"3 peers\"}\n";
        assert_eq!(lines(&checks, true), (false, format!("{good}{bad}")));
        assert_eq!(lines(&checks[..1], false), (true, "ok\n".to_owned()));
    }

    #[test]
    fn a_disk_wants_bytes_and_a_share() {
        let gib = 1u64 << 30;
        assert!(disk(gib, 10 * gib).ok);
        assert!(disk(20 * gib, 1000 * gib).ok, "2 % of a big disk are enough");
        assert!(!disk(gib, 100 * gib).ok, "1 % of 100 GiB");
        assert!(!disk(gib / 4, gib / 2).ok, "a quarter of a GiB");
        assert!(!disk(0, 0).ok);
    }
}
