//! What the oracle announces.

use primitives::Address;
use proto::tetra::oracle::v1::EventPricePosted;
use serde_json::json;

use crate::context::Context;

pub(super) fn posted(ctx: &mut Context, feeder: &Address, pair: &str, micros: u64) {
    let feeder = json!(ctx.text(feeder));
    let fields = [("feeder", feeder), ("pair", json!(pair)), ("micros", json!(micros.to_string()))];
    ctx.announce_typed::<EventPricePosted, 3>(fields);
}
