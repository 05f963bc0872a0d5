//! What the authority sets.
//!
//! | parameter | meaning | default | bounds | source |
//! |---|---|---|---|---|
//! | `denom` | what devices are hired for | `uusd` | a denom of the chain | ours: one stable unit for all quotes |
//! | `reservation_bp` | fee of a reservation, hundredths of a percent | 25 | at most 1000 | B2.5: 0.25 % |
//! | `quote_blocks` | blocks for which a quote holds | 1 min | 1 to 1000 | ours |
//! | `beat_ms`, `silence_ms` | between signs of life; how long there may be none | 10 s, 45 s | 1 s to 1 h | ours |
//! | `round_ms` | between two rounds of proofs | 1 h | 10 s to 1 day | B1.3: hourly |
//! | `verdict_ms` | for verdicts | 5 min | 5 s to 1 h | ours |
//! | `verifiers` | how many others look at each proof | 3 | 1 to 8 | ours |
//! | `formation_ms` | until all nodes reach each other | 3 min | 10 s to 1 h | B2.2: "deploy < 90 s" |
//! | `slash_bp` | part of the collateral that a wrong proof costs | 5000 | at most 10000 | B1.6: part of stake |
//! | `return_hours` | hours of its price that a device taken back mid-hire costs its owner | 1 | at most 100 | ours |
//! | `price_ms`, `price_target`, `price_step` | how prices move | 1 h, 7000, 500 | | ours |
//! | `max_nodes` | nodes of a cluster | 64 | 1 to 256 | ours |
//! | `notice_ms` | before funds end | 5 min | at most 1 day | ours |
//! | `max_replacements` | lost nodes that are replaced in a hire | 16 | at most 256 | ours |
//! | `idle_discount_bp` | by how much an interruptible slice is cheaper | 2500 | at most 9000 | ours |
//! | `appeal_ms`, `appeal_deposit` | for appeals against wrong proofs | 1 day, 1 unit | 1 min to 31 days | B1.6: a month, on the owner's evidence |
//! | `rewards` | what is minted for devices that are proved and free | none | a schedule of `emission::disinflation` | B2.6 |
//! | `hired_bonus_bp` | part of a reservation's fee that goes to its suppliers | 0 | at most 10000 | B1.5 pays for existing; this never exceeds the fee |
//! | `classes` | price, collateral and puzzle of each class | `cpu` | 1 to 64 | multipliers: B1.5 |
//!
//! Sources are sections of spec/render_ionet.md.

use ledger::{Context, Failure};
use primitives::Denom;
use proto::tetra::cluster::v1::{Class, Params};

use crate::refusal::supply as refusal;
use crate::supply::state::PARAMS;

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// The longest name of a class, a region or a flag, in bytes.
pub const LONGEST_NAME: usize = 64;
/// What a puzzle may fill at most, in bytes.
const MOST_PUZZLE: u64 = 64 << 30;

/// The parameters that a network starts with.
pub fn default(block_interval_ms: u64) -> Params {
    Params {
        denom: "uusd".to_owned(),
        reservation_bp: 25,
        quote_blocks: MINUTE_MS.div_ceil(block_interval_ms.max(1)).clamp(1, 1_000),
        beat_ms: 10 * SECOND_MS,
        silence_ms: 45 * SECOND_MS,
        round_ms: HOUR_MS,
        verdict_ms: 5 * MINUTE_MS,
        verifiers: 3,
        formation_ms: 3 * MINUTE_MS,
        slash_bp: 5_000,
        return_hours: 1,
        price_ms: HOUR_MS,
        price_target: 7_000,
        price_step: 500,
        max_nodes: 64,
        notice_ms: 5 * MINUTE_MS,
        max_replacements: 16,
        idle_discount_bp: 2_500,
        appeal_ms: 24 * HOUR_MS,
        appeal_deposit: 1_000_000,
        rewards: None,
        hired_bonus_bp: 0,
        classes: vec![cpu()],
    }
}

/// A core of a processor: 64 MiB of puzzle, 2^32 multiplications.
fn cpu() -> Class {
    Class {
        name: "cpu".to_owned(),
        start_price: 20_000,
        min_price: 1_000,
        max_price: 2_000_000,
        collateral: 1_000_000,
        rows: 512,
        depth: 16_384,
        deadline_ms: 30 * SECOND_MS,
        multiplier: 100,
    }
}

/// Refuses parameters out of their bounds.
///
/// # Errors
/// `cluster_supply` 9.
pub fn check(params: &Params) -> Result<(), Failure> {
    Denom::new(&params.denom).map_err(|error| refusal::invalid_param(format!("denom: {error}")))?;
    let table: [(&str, u64, u64, u64); 20] = [
        ("reservation_bp", params.reservation_bp.into(), 0, 1_000),
        ("quote_blocks", params.quote_blocks, 1, 1_000),
        ("beat_ms", params.beat_ms, SECOND_MS, HOUR_MS),
        ("silence_ms", params.silence_ms, 2 * SECOND_MS, HOUR_MS),
        ("round_ms", params.round_ms, 10 * SECOND_MS, 24 * HOUR_MS),
        ("verdict_ms", params.verdict_ms, 5 * SECOND_MS, HOUR_MS),
        ("verifiers", params.verifiers.into(), 1, 8),
        ("formation_ms", params.formation_ms, 10 * SECOND_MS, HOUR_MS),
        ("slash_bp", params.slash_bp.into(), 0, 10_000),
        ("return_hours", params.return_hours.into(), 0, 100),
        ("price_ms", params.price_ms, 10 * SECOND_MS, 24 * HOUR_MS),
        ("price_target", params.price_target.into(), 1, 9_999),
        ("price_step", params.price_step.into(), 0, 5_000),
        ("max_nodes", params.max_nodes.into(), 1, 256),
        ("notice_ms", params.notice_ms, 0, 24 * HOUR_MS),
        ("max_replacements", params.max_replacements.into(), 0, 256),
        ("idle_discount_bp", params.idle_discount_bp.into(), 0, 9_000),
        ("hired_bonus_bp", params.hired_bonus_bp.into(), 0, 10_000),
        ("appeal_ms", params.appeal_ms, MINUTE_MS, 31 * 24 * HOUR_MS),
        ("appeal_deposit", params.appeal_deposit, 0, 1_000_000_000_000),
    ];
    for (name, value, least, most) in table {
        within(name, value, least, most)?;
    }
    if let Some(rewards) = &params.rewards {
        crate::supply::rewards::schedule(rewards)?;
    }
    within("silence_ms", params.silence_ms, params.beat_ms.saturating_mul(2), HOUR_MS)?;
    within("the number of classes", params.classes.len() as u64, 1, 64)?;
    for (place, class) in params.classes.iter().enumerate() {
        check_class(class, params)?;
        if params.classes.iter().take(place).any(|other| other.name == class.name) {
            return Err(refusal::invalid_param(format!("class {:?} is there twice", class.name)).into());
        }
    }
    Ok(())
}

fn check_class(class: &Class, params: &Params) -> Result<(), Failure> {
    let name = &class.name;
    let readable = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/-.".contains(&byte);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(readable) {
        let why = format!("a class is named by 1 to {LONGEST_NAME} of a-z, 0-9, '/', '-' and '.', not {name:?}");
        return Err(refusal::invalid_param(why).into());
    }
    let most = 1_000_000_000_000;
    within(&format!("{name}: min_price"), class.min_price, 1, most)?;
    within(&format!("{name}: max_price"), class.max_price, class.min_price, most)?;
    within(&format!("{name}: start_price"), class.start_price, class.min_price, class.max_price)?;
    within(&format!("{name}: collateral"), class.collateral, 0, most)?;
    within(&format!("{name}: multiplier"), class.multiplier.into(), 0, 1_000_000)?;
    within(&format!("{name}: rows"), class.rows.into(), 8, 65_536)?;
    within(&format!("{name}: depth"), class.depth.into(), 8, 16_777_216)?;
    let filled = 8 * u64::from(class.rows) * u64::from(class.depth);
    within(&format!("{name}: bytes of its puzzle"), filled, 512, MOST_PUZZLE)?;
    let longest = params.round_ms.saturating_sub(params.verdict_ms) / 2;
    within(&format!("{name}: deadline_ms"), class.deadline_ms, SECOND_MS, longest.max(SECOND_MS))
}

fn within(name: &str, value: u64, least: u64, most: u64) -> Result<(), Failure> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(refusal::invalid_param(format!("{name} must lie between {least} and {most}, not {value}")).into())
}

/// The parameters in force.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context) -> Result<Params, Failure> {
    Ok(PARAMS.get(&ctx.state)?.unwrap_or_else(|| default(ctx.chain.block_interval_ms)))
}

/// What holds for a class.
///
/// # Errors
/// `cluster_supply` 5 when there is none of that name.
pub fn class(params: &Params, name: &str) -> Result<Class, Failure> {
    let found = params.classes.iter().find(|class| class.name == name).cloned();
    let known = || params.classes.iter().map(|class| class.name.as_str()).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| refusal::no_class(name, &known()).into())
}

/// The longest time between beacon and commitment of any class.
pub fn longest_deadline(params: &Params) -> u64 {
    params.classes.iter().map(|class| class.deadline_ms).max().unwrap_or(0)
}
