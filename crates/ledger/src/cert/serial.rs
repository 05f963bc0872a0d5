//! Serial numbers of certificates: whole numbers of up to 20 bytes (RFC 5280, 4.1.2.2), decimal on the wire.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A serial number, big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial([u8; 20]);

/// Why a text or bytes are no serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SerialError {
    /// Something else than digits.
    #[error("a serial number is written in decimal digits")]
    Digits,
    /// Zero or negative.
    #[error("a serial number is positive")]
    NotPositive,
    /// More than 20 bytes.
    #[error("a serial number has at most 20 bytes")]
    TooLarge,
}

impl Serial {
    /// From the content of a DER `INTEGER`: two's complement, big-endian.
    ///
    /// # Errors
    /// When it is not positive, or too large.
    pub fn from_integer(content: &[u8]) -> Result<Self, SerialError> {
        let significant = match content {
            [first, ..] if *first >= 0x80 => return Err(SerialError::NotPositive),
            [0, rest @ ..] => rest,
            all => all,
        };
        let mut bytes = [0; 20];
        let start = bytes.len().checked_sub(significant.len()).ok_or(SerialError::TooLarge)?;
        for (place, byte) in bytes.iter_mut().skip(start).zip(significant) {
            *place = *byte;
        }
        Self::positive(bytes)
    }

    /// From its 20 bytes, big-endian.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Its 20 bytes, big-endian.
    pub const fn to_bytes(self) -> [u8; 20] {
        self.0
    }

    fn positive(bytes: [u8; 20]) -> Result<Self, SerialError> {
        if bytes == [0; 20] { Err(SerialError::NotPositive) } else { Ok(Self(bytes)) }
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        if text.is_empty() {
            return Err(SerialError::Digits);
        }
        let mut bytes = [0u8; 20];
        for character in text.chars() {
            let mut carry = character.to_digit(10).ok_or(SerialError::Digits)?;
            for byte in bytes.iter_mut().rev() {
                let value = u32::from(*byte) * 10 + carry;
                *byte = value.to_be_bytes()[3];
                carry = value >> 8;
            }
            if carry != 0 {
                return Err(SerialError::TooLarge);
            }
        }
        Self::positive(bytes)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut digits = Vec::new();
        while rest != [0; 20] {
            let mut remainder = 0u32;
            for byte in &mut rest {
                let value = (remainder << 8) | u32::from(*byte);
                // Exact: the quotient of a number below 10 x 256 by 10 fits a byte, the remainder goes on.
                *byte = (value / 10).to_be_bytes()[3];
                remainder = value % 10;
            }
            digits.extend(char::from_digit(remainder, 10));
        }
        f.write_str(&digits.iter().rev().collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn small_numbers_are_written_as_integers_are(number in 1u128..) {
            let serial: Serial = number.to_string().parse().unwrap();
            prop_assert_eq!(&serial.to_bytes()[4..], &number.to_be_bytes()[..]);
            prop_assert_eq!(serial.to_string(), number.to_string());
        }

        #[test]
        fn every_number_is_read_as_written(bytes: [u8; 20]) {
            prop_assume!(bytes != [0; 20]);
            let serial = Serial::from_bytes(bytes);
            prop_assert_eq!(serial.to_string().parse(), Ok(serial));
            let content: Vec<u8> = std::iter::once(0).chain(bytes).collect();
            prop_assert_eq!(Serial::from_integer(&content), Ok(serial));
        }

        #[test]
        fn no_text_and_no_bytes_panic(text: String, bytes: Vec<u8>) {
            let _ = text.parse::<Serial>();
            let _ = Serial::from_integer(&bytes);
        }
    }

    #[test]
    fn the_bounds_are_kept() {
        let largest = "1461501637330902918203684832716283019655932542975";
        assert_eq!(largest.parse::<Serial>().unwrap(), Serial::from_bytes([0xff; 20]));
        assert_eq!("1461501637330902918203684832716283019655932542976".parse::<Serial>(), Err(SerialError::TooLarge));
        assert_eq!("0".parse::<Serial>(), Err(SerialError::NotPositive));
        for text in ["", "-1", "+1", " 1", "0x1f", "1.0", "٣"] {
            assert_eq!(text.parse::<Serial>(), Err(SerialError::Digits), "{text:?}");
        }
        assert_eq!(Serial::from_integer(&[0x80]), Err(SerialError::NotPositive));
        assert_eq!(Serial::from_integer(&[]), Err(SerialError::NotPositive));
        assert_eq!(Serial::from_integer(&[1; 21]), Err(SerialError::TooLarge));
        assert_eq!("007".parse::<Serial>().unwrap().to_string(), "7");
    }
}
