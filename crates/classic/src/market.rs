//! `akash.market.v1beta4` over `akash.market.v1beta5`.

use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::market::v1::LeaseClosedReason;
use proto::akash::market::v1::lease::State as LeaseState;
use proto::akash::market::v1beta4 as old;
use proto::akash::market::v1beta4::lease::State as OldLeaseState;
use proto::akash::market::{v1, v1beta5 as new};

use crate::escrow;
use crate::message::OldMessage;
use crate::query::{OldQuery, QueryError};

pub(crate) fn messages() -> Vec<OldMessage> {
    vec![
        OldMessage::new::<_, _, old::MsgCreateBidResponse>(create_bid),
        OldMessage::new::<_, _, old::MsgCloseBidResponse>(|msg: old::MsgCloseBid| new::MsgCloseBid {
            id: msg.bid_id.map(bid_id),
            // The older message gives none.
            reason: LeaseClosedReason::Unspecified.into(),
        }),
        OldMessage::new::<_, _, old::MsgCreateLeaseResponse>(|msg: old::MsgCreateLease| new::MsgCreateLease {
            bid_id: msg.bid_id.map(bid_id),
        }),
        OldMessage::new::<_, _, old::MsgWithdrawLeaseResponse>(|msg: old::MsgWithdrawLease| new::MsgWithdrawLease {
            id: msg.bid_id.map(lease_id),
        }),
        OldMessage::new::<_, _, old::MsgCloseLeaseResponse>(|msg: old::MsgCloseLease| new::MsgCloseLease {
            id: msg.lease_id.map(lease_id),
            reason: LeaseClosedReason::LeaseClosedOwner.into(),
        }),
    ]
}

pub(crate) fn queries() -> Vec<OldQuery> {
    vec![
        OldQuery::new(
            "/akash.market.v1beta4.Query/Orders",
            "/akash.market.v1beta5.Query/Orders",
            |asked: old::QueryOrdersRequest| {
                Ok(new::QueryOrdersRequest { filters: asked.filters, pagination: asked.pagination })
            },
            |_, found: new::QueryOrdersResponse| {
                let orders = found.orders.into_iter().map(order).collect();
                Ok(old::QueryOrdersResponse { orders, pagination: found.pagination })
            },
        ),
        OldQuery::new(
            "/akash.market.v1beta4.Query/Order",
            "/akash.market.v1beta5.Query/Order",
            |asked: old::QueryOrderRequest| Ok(new::QueryOrderRequest { id: asked.id }),
            |_, found: new::QueryOrderResponse| Ok(old::QueryOrderResponse { order: found.order.map(order) }),
        ),
        OldQuery::new(
            "/akash.market.v1beta4.Query/Bids",
            "/akash.market.v1beta5.Query/Bids",
            |asked: old::QueryBidsRequest| {
                Ok(new::QueryBidsRequest { filters: asked.filters.map(bid_filters), pagination: asked.pagination })
            },
            |_, found: new::QueryBidsResponse| {
                let bids = found.bids.into_iter().map(bid).collect::<Result<_, _>>()?;
                Ok(old::QueryBidsResponse { bids, pagination: found.pagination })
            },
        ),
        OldQuery::new(
            "/akash.market.v1beta4.Query/Bid",
            "/akash.market.v1beta5.Query/Bid",
            |asked: old::QueryBidRequest| Ok(new::QueryBidRequest { id: asked.id.map(bid_id) }),
            |_, found| bid(found),
        ),
        OldQuery::new(
            "/akash.market.v1beta4.Query/Leases",
            "/akash.market.v1beta5.Query/Leases",
            |asked: old::QueryLeasesRequest| {
                Ok(new::QueryLeasesRequest { filters: asked.filters.map(lease_filters), pagination: asked.pagination })
            },
            |_, found: new::QueryLeasesResponse| {
                let leases = found.leases.into_iter().map(lease).collect();
                Ok(old::QueryLeasesResponse { leases, pagination: found.pagination })
            },
        ),
        OldQuery::new(
            "/akash.market.v1beta4.Query/Lease",
            "/akash.market.v1beta5.Query/Lease",
            |asked: old::QueryLeaseRequest| Ok(new::QueryLeaseRequest { id: asked.id.map(lease_id) }),
            |_, found| Ok(lease(found)),
        ),
    ]
}

/// `bseq`, which the older ids lack, is 0 for every bid and lease.
fn bid_id(id: old::BidId) -> v1::BidId {
    let old::BidId { owner, dseq, gseq, oseq, provider } = id;
    v1::BidId { owner, dseq, gseq, oseq, provider, bseq: 0 }
}

fn old_bid_id(id: v1::BidId) -> old::BidId {
    let v1::BidId { owner, dseq, gseq, oseq, provider, bseq: _ } = id;
    old::BidId { owner, dseq, gseq, oseq, provider }
}

fn lease_id(id: old::LeaseId) -> v1::LeaseId {
    let old::LeaseId { owner, dseq, gseq, oseq, provider } = id;
    v1::LeaseId { owner, dseq, gseq, oseq, provider, bseq: 0 }
}

fn old_lease_id(id: v1::LeaseId) -> old::LeaseId {
    let v1::LeaseId { owner, dseq, gseq, oseq, provider, bseq: _ } = id;
    old::LeaseId { owner, dseq, gseq, oseq, provider }
}

fn bid_filters(filters: old::BidFilters) -> new::BidFilters {
    let old::BidFilters { owner, dseq, gseq, oseq, provider, state } = filters;
    new::BidFilters { owner, dseq, gseq, oseq, provider, state, bseq: 0 }
}

fn lease_filters(filters: old::LeaseFilters) -> v1::LeaseFilters {
    let old::LeaseFilters { owner, dseq, gseq, oseq, provider, state } = filters;
    v1::LeaseFilters { owner, dseq, gseq, oseq, provider, state, bseq: 0 }
}

/// The deposit is the provider's own coins.
fn create_bid(msg: old::MsgCreateBid) -> new::MsgCreateBid {
    let provider = msg.provider;
    let id = msg.order.map(|order| {
        let v1::OrderId { owner, dseq, gseq, oseq } = order;
        v1::BidId { owner, dseq, gseq, oseq, provider, bseq: 0 }
    });
    let offer =
        |one: old::ResourceOffer| new::ResourceOffer { resources: one.resources, count: one.count, prices: None };
    new::MsgCreateBid {
        id,
        price: msg.price,
        deposit: Some(Deposit { amount: msg.deposit, sources: vec![Source::Balance.into()] }),
        resources_offer: msg.resources_offer.into_iter().map(offer).collect(),
        reclamation_window: None,
    }
}

fn order(found: new::Order) -> old::Order {
    old::Order { order_id: found.id, state: found.state, spec: found.spec, created_at: found.created_at }
}

fn bid(found: new::QueryBidResponse) -> Result<old::QueryBidResponse, QueryError> {
    let offer = |one: new::ResourceOffer| old::ResourceOffer { resources: one.resources, count: one.count };
    Ok(old::QueryBidResponse {
        bid: found.bid.map(|bid| old::Bid {
            bid_id: bid.id.map(old_bid_id),
            state: bid.state,
            price: bid.price,
            created_at: bid.created_at,
            resources_offer: bid.resources_offer.into_iter().map(offer).collect(),
        }),
        escrow_account: found.escrow_account.map(escrow::account).transpose()?,
    })
}

/// A lease that its provider asked back runs and is paid until it ends, so it is active; the older generation has no
/// other word for it.
fn lease_state(state: LeaseState) -> OldLeaseState {
    match state {
        LeaseState::Invalid => OldLeaseState::Invalid,
        LeaseState::Active | LeaseState::Reclaiming => OldLeaseState::Active,
        LeaseState::InsufficientFunds => OldLeaseState::InsufficientFunds,
        LeaseState::Closed => OldLeaseState::Closed,
    }
}

fn lease(found: new::QueryLeaseResponse) -> old::QueryLeaseResponse {
    old::QueryLeaseResponse {
        lease: found.lease.map(|lease| old::Lease {
            state: lease_state(lease.state()).into(),
            lease_id: lease.id.map(old_lease_id),
            price: lease.price,
            created_at: lease.created_at,
            closed_on: lease.closed_on,
        }),
        escrow_payment: found.escrow_payment.map(escrow::payment),
    }
}
