//! Hardware behind bids and leases: soft holds while a bid is open, firm ones once it is a lease.
//!
//! Holds stand in the capacity ledger under [`MARKET`] and the bid's text id. Akash's bid names no machine, so the
//! ledger chooses among the provider's registered hosts; a provider that registered none is served as on Akash, without
//! holds.
//!
//! A bid's soft hold never expires: an open bid stands until its provider closes it, which providers do after a
//! time-out of their own, and as long as it stands the tenant may take it. Soft holds keep nobody out, so one that
//! lives long costs others nothing.

use ledger::capacity::state::HOSTS_BY_OWNER;
use ledger::capacity::{self, Claim, GpuRequest, Request};
use ledger::{Context, Failure};
use primitives::Height;
use sdl::GroupSpec;
use sdl::resources::Resources;

use crate::ids::BidId;

/// The market's name in the capacity ledger.
pub const MARKET: &str = "deployment";

/// The height after which a soft hold of a bid is gone: never.
const NEVER: Height = 0;

/// Storage of this class is a file system in memory.
const RAM: &str = "ram";

/// Holds softly what a new bid offers.
///
/// # Errors
/// `capacity` 2 when the provider's hosts have no room beside what is held firmly.
pub(crate) fn soft(ctx: &mut Context, id: &BidId, spec: &GroupSpec) -> Result<(), Failure> {
    let claim = claim(ctx, id, spec);
    capacity::hold_soft(ctx, &id.provider, &claim, NEVER)?;
    Ok(())
}

/// Turns the holds of a bid firm. A bid from before its provider registered hosts has none, and takes its place now.
///
/// # Errors
/// `capacity` 2 when another took the place, or the host shrank.
pub(crate) fn firm(ctx: &mut Context, id: &BidId, spec: &GroupSpec) -> Result<(), Failure> {
    let turned = capacity::turn_firm(ctx, MARKET, &id.text(&ctx.chain.prefix))?;
    if turned.is_empty() && !HOSTS_BY_OWNER.first(&ctx.state, &id.provider, 1)?.is_empty() {
        let claim = claim(ctx, id, spec);
        capacity::hold_firm(ctx, &id.provider, &claim)?;
    }
    Ok(())
}

/// Ends the holds of a bid or lease; there may be none.
///
/// # Errors
/// When the state fails.
pub(crate) fn release(ctx: &mut Context, id: &BidId) -> Result<(), Failure> {
    capacity::release(ctx, MARKET, &id.text(&ctx.chain.prefix))
}

fn claim(ctx: &Context, id: &BidId, spec: &GroupSpec) -> Claim<'static> {
    let units = spec.units.iter().map(|unit| (request(&unit.resources), unit.count)).collect();
    Claim { market: MARKET, reference: id.text(&ctx.chain.prefix), units }
}

/// What one replica takes of a host. Sums that saturate fit on no host.
fn request(unit: &Resources) -> Request {
    let (mut memory, mut storage) = (unit.memory.size.0, 0_u64);
    for volume in &unit.storage {
        let sum = if volume.attribute("class") == Some(RAM) { &mut memory } else { &mut storage };
        *sum = sum.saturating_add(volume.size.0);
    }
    Request { cpu_milli: unit.cpu.units.0, memory, storage, gpus: gpus(unit) }
}

fn gpus(unit: &Resources) -> Vec<GpuRequest> {
    let count = u32::try_from(unit.gpu.units.0).unwrap_or(u32::MAX);
    let accepts = unit.gpu.attributes.iter().map(|attribute| attribute.key.clone()).collect();
    if count == 0 { Vec::new() } else { vec![GpuRequest { count, accepts }] }
}
