//! What is stored of auditors' signatures.

use primitives::Address;
use proto::akash::audit::v1::AuditedAttributesStore;
use store::Map;

use super::MODULE;

/// Signed attributes in order of key, by provider and auditor; never none.
pub const SIGNED: Map<(Address, Address), AuditedAttributesStore> = Map::new(MODULE, 1);
/// The same by auditor and provider.
pub const BY_AUDITOR: Map<(Address, Address), ()> = Map::new(MODULE, 2);
