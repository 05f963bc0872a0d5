//! Addresses in the overlay: 100.127.0.0/16, of the range that RFC 6598 keeps for carriers, which no container reaches otherwise.

use std::net::Ipv4Addr;

use crate::Number;

/// Bits of the network's prefix.
pub const PREFIX: u8 = 16;
const NETWORK: [u8; 2] = [100, 127];

/// The address of a node. Numbers are counted up to 65,534 in a cluster.
pub fn of(number: Number) -> Ipv4Addr {
    let [.., high, low] = number.to_be_bytes();
    Ipv4Addr::new(NETWORK[0], NETWORK[1], high, low)
}

/// The number of an address; none of one outside of the overlay.
pub fn number(address: Ipv4Addr) -> Option<Number> {
    let [a, b, high, low] = address.octets();
    ([a, b] == NETWORK).then(|| u32::from(u16::from_be_bytes([high, low])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_numbers() {
        assert_eq!(of(1).to_string(), "100.127.0.1");
        assert_eq!(of(258).to_string(), "100.127.1.2");
        assert_eq!(number(of(258)), Some(258));
        assert_eq!(number(Ipv4Addr::new(100, 64, 0, 1)), None);
    }
}
