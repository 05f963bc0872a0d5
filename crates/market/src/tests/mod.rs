//! Tests of the market as its messages meet it: each runs as `app` runs it, with its outcomes routed, on a layer that is
//! discarded when it fails.

mod bids;
mod books;
mod deployments;
mod hardware;
mod leases;
mod lists;
mod model;
mod placement;
mod support;
