//! Hardware behind bids and leases.

use ledger::{Context, Failure};
use sdl::GroupSpec;

use crate::ids::BidId;

/// The market's name in the capacity ledger.
pub const MARKET: &str = "deployment";

pub(crate) fn soft(_ctx: &mut Context, _id: &BidId, _spec: &GroupSpec) -> Result<(), Failure> {
    Ok(())
}

pub(crate) fn firm(_ctx: &mut Context, _id: &BidId) -> Result<(), Failure> {
    Ok(())
}

pub(crate) fn release(_ctx: &mut Context, _id: &BidId) -> Result<(), Failure> {
    Ok(())
}
