//! What providers announce: `EventProviderCreated`, `EventProviderUpdated` and `EventProviderDeleted`, which have but
//! the owner.

use primitives::Address;
use proto::{Message, Name};
use serde_json::Value;

use crate::context::Context;

pub(super) fn announce<E: Message + Name>(ctx: &mut Context, owner: &Address) {
    let owner = Value::String(ctx.text(owner));
    ctx.announce_typed::<E, 1>([("owner", owner)]);
}
