//! Quantities as people write them, to integers, by exact decimal arithmetic on the digits (spec/akash.md 2.2).

/// Byte suffixes, which are case-sensitive: `Gi` is 2^30, `G` is 10^9, `gi` is a mistake.
const SUFFIXES: [(&str, u64); 12] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
];

/// Why a text is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a number with one of the known suffixes.
    #[error("not a number with a known suffix")]
    Malformed,
    /// Below zero.
    #[error("negative")]
    Negative,
    /// Beyond the integer that carries it on the wire.
    #[error("too large")]
    TooLarge,
}

/// CPU units in thousandths of a core: `500m`, `0.5` or `2`. Fractions of a thousandth are cut off.
///
/// # Errors
/// When the text is no such number, is negative, or exceeds 32 bits.
pub fn cpu_milli(text: &str) -> Result<u32, UnitError> {
    let milli = match text.strip_suffix('m') {
        Some(digits) => unsigned(digits)?,
        None => Decimal::parse(text)?.times(1000)?,
    };
    u32::try_from(milli).map_err(|_| UnitError::TooLarge)
}

/// A count of GPUs: digits alone.
///
/// # Errors
/// When the text is not digits alone, or exceeds 64 bits.
pub fn gpu_units(text: &str) -> Result<u64, UnitError> {
    unsigned(text)
}

/// A size in bytes: a decimal number and an optional suffix. Fractions of a byte are cut off.
///
/// # Errors
/// When the suffix is unknown (also by case), or the number is malformed, negative or exceeds 64 bits.
pub fn bytes(text: &str) -> Result<u64, UnitError> {
    for (suffix, unit) in SUFFIXES {
        if let Some(number) = text.strip_suffix(suffix) {
            return Decimal::parse(number)?.times(unit);
        }
    }
    Decimal::parse(text)?.times(1)
}

/// A GPU's memory as whole gibibytes, rounded down: `81920Mi` is `80Gi`. Decimal suffixes are refused, as upstream.
///
/// # Errors
/// As [`bytes`].
pub fn gpu_ram(text: &str) -> Result<String, UnitError> {
    let decimal_suffix = SUFFIXES.iter().any(|(suffix, _)| suffix.len() == 1 && text.ends_with(suffix));
    if decimal_suffix {
        return Err(UnitError::Malformed);
    }
    Ok(format!("{}Gi", bytes(text)? >> 30))
}

/// A decimal number times a unit, rounded down, or `None` when it is no such number or too large.
pub(crate) fn multiple(text: &str, unit: u64) -> Option<u64> {
    Decimal::parse(text).and_then(|decimal| decimal.times(unit)).ok()
}

fn unsigned(text: &str) -> Result<u64, UnitError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnitError::Malformed);
    }
    text.parse().map_err(|_| UnitError::TooLarge)
}

/// A number that is zero or more: `digits` × 10^`exponent`.
struct Decimal {
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Reads `12`, `0.5`, `.5`, `5.`, `+5` and `1e3`.
    fn parse(text: &str) -> Result<Self, UnitError> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, power(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(UnitError::Malformed);
        }
        if negative && digits.iter().any(|digit| *digit != b'0') {
            return Err(UnitError::Negative);
        }
        let places = i64::try_from(fraction.len()).map_err(|_| UnitError::TooLarge)?;
        let exponent = exponent.checked_sub(places).ok_or(UnitError::TooLarge)?;
        Ok(Self { digits: digits.iter().map(|digit| digit - b'0').collect(), exponent })
    }

    /// The product with a unit, rounded down to a whole number.
    fn times(&self, unit: u64) -> Result<u64, UnitError> {
        let mut product = self.product(unit);
        if self.exponent < 0 {
            let cut = usize::try_from(self.exponent.unsigned_abs()).unwrap_or(usize::MAX);
            product.truncate(product.len().saturating_sub(cut));
        }
        let mut value: u64 = 0;
        for digit in product.into_iter().skip_while(|digit| *digit == 0) {
            value = push(value, digit)?;
        }
        if value > 0 {
            for _ in 0..self.exponent.max(0) {
                value = push(value, 0)?;
            }
        }
        Ok(value)
    }

    /// The digits times a unit, as digits, by long multiplication.
    fn product(&self, unit: u64) -> Vec<u8> {
        let mut reversed = Vec::with_capacity(self.digits.len() + 20);
        let mut carry: u128 = 0;
        for digit in self.digits.iter().rev() {
            carry += u128::from(*digit) * u128::from(unit);
            reversed.push((carry % 10) as u8);
            carry /= 10;
        }
        while carry > 0 {
            reversed.push((carry % 10) as u8);
            carry /= 10;
        }
        reversed.reverse();
        reversed
    }
}

fn push(value: u64, digit: u8) -> Result<u64, UnitError> {
    value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit))).ok_or(UnitError::TooLarge)
}

/// An exponent. One beyond any text's length is cut: it makes the number zero or too large all the same.
fn power(text: &str) -> Result<i64, UnitError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnitError::Malformed);
    }
    let size: i64 = digits.parse().unwrap_or(i64::MAX).min(1 << 40);
    Ok(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cpu_forms() {
        let vectors = [("0.1", 100), ("500m", 500), ("2", 2000), ("1.0005", 1000), ("1e-1", 100), (".5", 500)];
        for (text, milli) in vectors {
            assert_eq!(cpu_milli(text), Ok(milli), "{text}");
        }
        // A double would give 1000.9999999999999 here.
        assert_eq!(cpu_milli("1.001"), Ok(1001));
        assert_eq!(cpu_milli("-1"), Err(UnitError::Negative));
        assert_eq!(cpu_milli("-0.0"), Ok(0));
        assert_eq!(cpu_milli("4294968"), Err(UnitError::TooLarge));
        for text in ["", "m", "1.5m", "-5m", "two", "1 ", "0x10", "1e", "1.2.3", "NaN", "inf"] {
            assert_eq!(cpu_milli(text), Err(UnitError::Malformed), "{text}");
        }
    }

    #[test]
    fn byte_forms() {
        let vectors = [
            ("512Mi", 512 << 20),
            ("1G", 1_000_000_000),
            ("4.75Gi", 5_100_273_664),
            ("0.1Ki", 102),
            ("1024", 1024),
            ("1.9", 1),
            ("1e3k", 1_000_000),
            ("0e999999999999999999999", 0),
            ("1e-999999999999999999999", 0),
        ];
        for (text, value) in vectors {
            assert_eq!(bytes(text), Ok(value), "{text}");
        }
        for text in ["16gi", "6GB", "10Gb", "1 Gi", "Gi", "1K", "1b"] {
            assert_eq!(bytes(text), Err(UnitError::Malformed), "{text}");
        }
        assert_eq!(bytes("16Ei"), Err(UnitError::TooLarge));
        assert_eq!(bytes("1e999999999999"), Err(UnitError::TooLarge));
    }

    #[test]
    fn gpu_memory_is_whole_gibibytes() {
        assert_eq!(gpu_ram("81920Mi").as_deref(), Ok("80Gi"));
        assert_eq!(gpu_ram("80Gi").as_deref(), Ok("80Gi"));
        assert_eq!(gpu_ram("80G"), Err(UnitError::Malformed));
    }

    proptest! {
        #[test]
        fn thousandths_are_exact(milli: u32) {
            let text = format!("{}.{:03}", milli / 1000, milli % 1000);
            prop_assert_eq!(cpu_milli(&text), Ok(milli));
        }

        #[test]
        fn any_text_is_answered(text in ".*") {
            let _ = (cpu_milli(&text), bytes(&text), gpu_ram(&text), gpu_units(&text));
        }
    }
}
