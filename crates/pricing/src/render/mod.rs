//! The rules of the market of renders: who pays what for approved frames, who earns it, and how work is known.
//!
//! | module | what it answers |
//! |---|---|
//! | [`tiers`] | what work costs in each tier, and how that moves by the epoch |
//! | [`burn`] | what LUX is worth when it is paid in, and what of it is burned per approved frame |
//! | [`auction`] | at what price a vault of USD buys LUX from holders, and from whom |
//! | [`pool`] | what nodes earn of an epoch's pool for approved work |
//! | [`availability`] | what idle nodes earn |
//! | [`oracle`] | which price the observations give, or why none |
//! | [`work`] | how much work a frame is, from auditors' own clocks |
//! | [`audit`] | what an audit proves, how likely it finds a cheat, and what stake that asks for |
//! | [`reputation`] | how much evidence speaks for someone |
//! | [`laws`] | whether the books of an epoch agree with its rules |
//! | [`published`] | rules that Render published for other products, for replays |
//! | [`shares`] | whole units shared out without loss |
//! | [`fixed`] | logarithms and exponentials without floats |
//!
//! Units: work is thousandths of a work unit, a credit (EUR 0.25) is 10^6 of its base units, prices are [`primitives::Dec`]
//! of USD. Sources are sections of spec/render_ionet.md.

pub mod auction;
pub mod audit;
pub mod availability;
pub mod burn;
pub mod fixed;
pub mod laws;
pub mod oracle;
pub mod pool;
pub mod published;
pub mod reputation;
pub mod shares;
pub mod tiers;
pub mod work;

/// Millionths: the unit of ratios.
pub const PPM: u128 = 1_000_000;
/// Base units of a credit, and of a LUX or a USD.
pub const MICRO: u128 = 1_000_000;
/// Credits of a euro: one credit is EUR 0.25.
pub const CREDITS_PER_EURO: u128 = 4;
