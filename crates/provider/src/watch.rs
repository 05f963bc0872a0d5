//! The chain's blocks one after the other, and what in them matters to a provider.

use client::node::ChainEvent;
use client::{Node, NodeError};
use proto::akash::market::v1::{
    EventBidClosed, EventLeaseClosed, EventLeaseCreated, EventOrderClosed, EventOrderCreated,
};
use proto::tetra::escrow::v1::EventPaymentWithdrawn;
use proto::{Name, akash::market::v1 as ids};
use serde::Deserialize;
use serde_json::{Value, json};
use workload::PodId;

use crate::lease::{LeaseName, OrderName};

/// Something that happened on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// An order opened.
    OrderCreated(OrderName),
    /// An order ended, or became a lease's.
    OrderClosed(OrderName),
    /// A bid ended.
    BidClosed(LeaseName),
    /// A bid became a lease.
    LeaseCreated(LeaseName),
    /// A lease ended.
    LeaseClosed(LeaseName),
    /// What a lease earned was paid out, after the take.
    Paid {
        /// The lease.
        lease: LeaseName,
        /// In what.
        denom: String,
        /// Base units.
        amount: u128,
    },
}

/// What happened in a block, in order.
pub(crate) async fn block(node: &Node, height: u64) -> Result<Vec<Happening>, NodeError> {
    let results = node.call("block_results", json!({ "height": height.to_string() })).await?;
    Ok(happenings(&results))
}

fn happenings(results: &Value) -> Vec<Happening> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let succeeded = |tx: &Value| tx.get("code").and_then(Value::as_u64).unwrap_or(0) == 0;
    let txs = list(results.get("txs_results"));
    let of_txs = txs.iter().filter(|tx| succeeded(tx)).flat_map(|tx| list(tx.get("events")));
    let all = of_txs.chain(list(results.get("finalize_block_events")));
    all.filter_map(|event| happening(&serde_json::from_value(event).ok()?)).collect()
}

/// An id in an event: JSON with numbers as text or as numbers.
#[derive(Deserialize)]
struct EventId {
    owner: String,
    dseq: Value,
    gseq: u32,
    oseq: u32,
    #[serde(default)]
    provider: String,
}

/// A payment's id in an event: that of its account, `owner/dseq`, and its own, `gseq/oseq/provider`.
#[derive(Deserialize)]
struct PaymentId {
    aid: AccountId,
    xid: String,
}

#[derive(Deserialize)]
struct AccountId {
    xid: String,
}

#[derive(Deserialize)]
struct Paid {
    denom: String,
    amount: String,
}

fn payment(event: &ChainEvent) -> Option<Happening> {
    let id: PaymentId = serde_json::from_str(event.attribute("id")?).ok()?;
    let paid: Paid = serde_json::from_str(event.attribute("paid")?).ok()?;
    let lease = LeaseName::of_pod(&PodId::new(format!("{}/{}", id.aid.xid, id.xid)))?;
    Some(Happening::Paid { lease, denom: paid.denom, amount: paid.amount.parse().ok()? })
}

fn happening(event: &ChainEvent) -> Option<Happening> {
    if event.kind == EventPaymentWithdrawn::full_name() {
        return payment(event);
    }
    type Make = fn(EventId, u64) -> Happening;
    let kinds: [(String, Make); 5] = [
        (EventOrderCreated::full_name(), |id, dseq| Happening::OrderCreated(order(id, dseq))),
        (EventOrderClosed::full_name(), |id, dseq| Happening::OrderClosed(order(id, dseq))),
        (EventBidClosed::full_name(), |id, dseq| Happening::BidClosed(lease(id, dseq))),
        (EventLeaseCreated::full_name(), |id, dseq| Happening::LeaseCreated(lease(id, dseq))),
        (EventLeaseClosed::full_name(), |id, dseq| Happening::LeaseClosed(lease(id, dseq))),
    ];
    let (_, make) = kinds.into_iter().find(|(kind, _)| *kind == event.kind)?;
    let id: EventId = serde_json::from_str(event.attribute("id")?).ok()?;
    let dseq = match &id.dseq {
        Value::String(text) => text.parse().ok()?,
        number => number.as_u64()?,
    };
    Some(make(id, dseq))
}

fn order(id: EventId, dseq: u64) -> OrderName {
    ids::OrderId { owner: id.owner, dseq, gseq: id.gseq, oseq: id.oseq }.into()
}

fn lease(id: EventId, dseq: u64) -> LeaseName {
    let EventId { owner, gseq, oseq, provider, .. } = id;
    LeaseName { owner, dseq, gseq, oseq, provider }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_transactions_that_succeeded_and_of_the_block() {
        let event = |kind: &str, id: &str| json!({ "type": kind, "attributes": [{ "key": "id", "value": id }] });
        let order = r#"{"owner":"a","dseq":"7","gseq":1,"oseq":2}"#;
        let lease = r#"{"owner":"a","dseq":7,"gseq":1,"oseq":2,"provider":"p","bseq":0}"#;
        let results = json!({
            "height": "9",
            "txs_results": [
                { "code": 0, "events": [event("tx", "?"), event("akash.market.v1.EventOrderCreated", order)] },
                { "code": 5, "events": [event("akash.market.v1.EventOrderClosed", order)] },
                { "code": 0, "events": [event("akash.market.v1.EventLeaseCreated", lease)] },
            ],
            "finalize_block_events": [event("akash.market.v1.EventLeaseClosed", lease)],
        });
        let order = OrderName { owner: "a".into(), dseq: 7, gseq: 1, oseq: 2 };
        let lease = order.bid("p");
        let expected =
            [Happening::OrderCreated(order), Happening::LeaseCreated(lease.clone()), Happening::LeaseClosed(lease)];
        assert_eq!(happenings(&results), expected);
        assert_eq!(happenings(&json!({ "txs_results": null })), []);
    }

    #[test]
    fn what_was_paid_names_its_lease() {
        let attributes = json!([
            { "key": "id", "value": r#"{"aid":{"scope":"deployment","xid":"a/7"},"xid":"1/2/p"}"# },
            { "key": "paid", "value": r#"{"denom":"uusd","amount":"80"}"# },
            { "key": "take", "value": r#"{"denom":"uusd","amount":"20"}"# },
        ]);
        let event = json!({ "type": "tetra.escrow.v1.EventPaymentWithdrawn", "attributes": attributes });
        let lease = OrderName { owner: "a".into(), dseq: 7, gseq: 1, oseq: 2 }.bid("p");
        let paid = Happening::Paid { lease, denom: "uusd".into(), amount: 80 };
        assert_eq!(happenings(&json!({ "finalize_block_events": [event] })), [paid]);
    }
}
