//! Durations as Go writes them: `24h`, `1h30m`, `1.5h`, `300ms`.

use std::time::Duration;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A duration that is zero or more, at most 2^63 - 1 nanoseconds. Fractions of a nanosecond are cut off.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = crate::units::multiple(number, *nanoseconds)?;
        total = total.checked_add(part).filter(|total| i64::try_from(*total).is_ok())?;
        rest = tail;
    }
    Some(Duration::from_nanos(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        let seconds = [("24h", 86_400), ("1h30m", 5_400), ("1.5h", 5_400), ("90s", 90), ("0", 0)];
        for (text, expected) in seconds {
            assert_eq!(parse(text), Some(Duration::from_secs(expected)), "{text}");
        }
        assert_eq!(parse("1.5ms"), Some(Duration::from_micros(1_500)));
        for text in ["", "h", "5", "-1h", "1d", "1h5", "9999999999h", "1..5h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
