//! What is stored of certificates.

use primitives::Address;
use proto::akash::cert::v1::Certificate;
use store::Map;

use super::MODULE;

/// Certificates by owner and serial number, the number big-endian.
pub const CERTIFICATES: Map<(Address, [u8; 20]), Certificate> = Map::new(MODULE, 1);
