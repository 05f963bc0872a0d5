//! Encodings of keys and values; both are consensus rules (docs/protocol.md, "State keys and values").
//!
//! Keys keep order: integers are big-endian, texts end with two zero bytes (a zero byte inside is followed by
//! 0xff), tuples are their parts one after the other. Values are protobuf; a message that encodes to nothing is
//! stored as one zero byte, which no protobuf message encodes to, so that no stored value is empty.

use primitives::Address;
use prost::Message;

/// A part of a key.
pub trait Key: Sized {
    /// Appends the order-preserving encoding.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads one encoding from the front, moving past it; `None` when the bytes are no such encoding.
    fn read(bytes: &mut &[u8]) -> Option<Self>;

    /// The encoding alone.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(count)?;
    *bytes = tail;
    Some(head)
}

macro_rules! big_endian_key {
    ($($integer:ty),*) => {$(
        impl Key for $integer {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                take(bytes, size_of::<$integer>())?.try_into().ok().map(<$integer>::from_be_bytes)
            }
        }
    )*};
}

big_endian_key!(u8, u32, u64);

impl Key for () {
    fn write(&self, _: &mut Vec<u8>) {}

    fn read(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl Key for Address {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Address::try_from(take(bytes, 20)?).ok()
    }
}

impl<const N: usize> Key for [u8; N] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        take(bytes, N)?.try_into().ok()
    }
}

impl Key for String {
    fn write(&self, out: &mut Vec<u8>) {
        for byte in self.bytes() {
            out.push(byte);
            if byte == 0 {
                out.push(0xff);
            }
        }
        out.extend_from_slice(&[0, 0]);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut text = Vec::new();
        loop {
            match *take(bytes, 1)?.first()? {
                0 => match *take(bytes, 1)?.first()? {
                    0 => return String::from_utf8(text).ok(),
                    0xff => text.push(0),
                    _ => return None,
                },
                byte => text.push(byte),
            }
        }
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?))
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
        self.2.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?, C::read(bytes)?))
    }
}

/// What a collection stores.
pub trait Value: Sized {
    /// The stored bytes; never empty.
    fn to_stored(&self) -> Vec<u8>;

    /// Reads stored bytes.
    ///
    /// # Errors
    /// Says why the bytes are not such a value.
    fn from_stored(bytes: &[u8]) -> std::result::Result<Self, String>;
}

const NOTHING: [u8; 1] = [0];

impl<M: Message + Default> Value for M {
    fn to_stored(&self) -> Vec<u8> {
        let bytes = self.encode_to_vec();
        if bytes.is_empty() { NOTHING.to_vec() } else { bytes }
    }

    fn from_stored(bytes: &[u8]) -> std::result::Result<Self, String> {
        let bytes = if bytes == NOTHING { &[] } else { bytes };
        M::decode(bytes).map_err(|error| error.to_string())
    }
}

/// An amount of base units: 16 big-endian bytes, so that money can be summed from raw state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub u128);

impl Value for Amount {
    fn to_stored(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn from_stored(bytes: &[u8]) -> std::result::Result<Self, String> {
        let bytes = bytes.try_into().map_err(|_| format!("an amount has 16 bytes, not {}", bytes.len()))?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_round_trip_and_keep_order(a: (String, u64, u32), b: (String, u64, u32)) {
            let (left, right) = (a.to_bytes(), b.to_bytes());
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            let mut rest = left.as_slice();
            prop_assert_eq!(<(String, u64, u32)>::read(&mut rest), Some(a));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn no_stored_value_is_empty(number: u64, amount: u128) {
            prop_assert!(!number.to_stored().is_empty());
            prop_assert_eq!(u64::from_stored(&number.to_stored()), Ok(number));
            prop_assert_eq!(Amount::from_stored(&Amount(amount).to_stored()), Ok(Amount(amount)));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = <(String, Address)>::read(&mut bytes.as_slice());
            let _ = Amount::from_stored(&bytes);
            let _ = String::from_stored(&bytes);
        }
    }

    #[test]
    fn zero_is_stored_as_one_zero_byte() {
        assert_eq!(0u64.to_stored(), [0]);
        assert_eq!(u64::from_stored(&[0]), Ok(0));
    }
}
