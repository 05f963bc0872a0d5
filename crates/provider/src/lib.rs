//! The provider agent: it sells what one machine has. It watches orders, bids, and runs what a lease pays for.
//!
//! | module | what it holds |
//! |---|---|
//! | [`lease`] | names of leases as gateways and files write them |
//! | [`desk`] | what tenants may ask of the agent, behind a trait; the gateway speaks to nothing else |

pub mod desk;
pub mod lease;
