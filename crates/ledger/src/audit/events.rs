//! What auditors announce: `EventTrustedAuditorCreated` and `EventTrustedAuditorDeleted`, which have the provider and
//! the auditor.

use primitives::Address;
use proto::{Message, Name};
use serde_json::Value;

use crate::context::Context;

pub(super) fn announce<E: Message + Name>(ctx: &mut Context, owner: &Address, auditor: &Address) {
    let (owner, auditor) = (Value::String(ctx.text(owner)), Value::String(ctx.text(auditor)));
    ctx.announce_typed::<E, 2>([("owner", owner), ("auditor", auditor)]);
}
