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

/// Bytes free on a disk below which a process is not ready. Shares and trends are for alerts, which come earlier.
const LEAST_FREE_BYTES: u64 = 1 << 30;

/// Whether a disk with so many bytes free of so many has room left.
pub fn disk(free: u64, total: u64) -> Check {
    let text = format!("{} MiB free of {} MiB", free >> 20, total >> 20);
    if free < LEAST_FREE_BYTES {
        return Check::bad("disk", text, format!("free space: at least {} MiB are wanted", LEAST_FREE_BYTES >> 20));
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
    fn a_disk_wants_room() {
        let gib = 1u64 << 30;
        assert!(disk(gib, 1000 * gib).ok);
        let full = disk(gib - 1, 1000 * gib);
        assert!(
            !full.ok && full.reason == "1023 MiB free of 1024000 MiB" && full.remedy.contains("1024 MiB"),
            "{full:?}"
        );
        assert!(!disk(0, 0).ok);
    }
}
