//! Jobs, frames, tiers and credits, as people write and read them.

use std::str::FromStr;

use farm::frames::FrameList;
use proto::Timestamp;
use proto::tetra::render::v1::{Frame, IndexRange, JobId, NodeId, Tier};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::oracle::parse_micros;
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::money::shifted;

/// A job of the command line: `7` is one's own, `tetra1.../7` anybody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobName {
    creator: Option<String>,
    jseq: u64,
}

impl FromStr for JobName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (creator, number) = match text.rsplit_once('/') {
            Some((creator, number)) => (Some(creator.to_owned()), number),
            None => (None, text),
        };
        let jseq = number.parse().map_err(|_| "a job is a number, or CREATOR/NUMBER".to_owned())?;
        Ok(Self { creator, jseq })
    }
}

impl JobName {
    /// What the chain calls it.
    ///
    /// # Errors
    /// When the creator is unknown.
    pub fn id(&self, context: &Context, chain: &Chain) -> Result<JobId> {
        let creator = match &self.creator {
            Some(creator) => context.resolve(creator, chain.prefix())?,
            None => context.own_address()?,
        };
        Ok(JobId { creator: chain.prefix().text(&creator), jseq: self.jseq })
    }
}

/// Units of the command line: frames by their numbers, `1,4,10-20`, or places in the job's order of work, `#0,3-5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units {
    by_index: bool,
    list: FrameList,
}

impl FromStr for Units {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (by_index, rest) = match text.strip_prefix('#') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Ok(Self { by_index, list: rest.parse().map_err(|error: farm::frames::FrameListError| error.to_string())? })
    }
}

impl Units {
    /// Those of a job's frames that are meant, in order of work.
    ///
    /// # Errors
    /// When one is not among them.
    pub fn pick<'a>(&self, frames: &'a [Frame]) -> Result<Vec<&'a Frame>> {
        let name = |frame: &Frame| {
            if self.by_index { index_of(frame) } else { u32::try_from(frame.number).unwrap_or(u32::MAX) }
        };
        let mut known: Vec<u32> = frames.iter().map(name).collect();
        known.sort_unstable();
        if let Some(missing) = self.list.frames().iter().find(|wanted| known.binary_search(wanted).is_err()) {
            let mark = if self.by_index { "#" } else { "" };
            return Err(CliError::new(Class::NotFound, format!("the job has no frame {mark}{missing}"))
                .hint("`tetra render frames JOB` lists its frames"));
        }
        Ok(frames.iter().filter(|frame| self.list.frames().binary_search(&name(frame)).is_ok()).collect())
    }
}

/// The place of a unit in its job's order of work.
pub fn index_of(frame: &Frame) -> u32 {
    frame.id.as_ref().map_or(0, |id| id.index)
}

/// Units as ranges of their places.
pub fn ranges(frames: &[&Frame]) -> Vec<IndexRange> {
    let mut ranges: Vec<IndexRange> = Vec::new();
    for index in frames.iter().map(|frame| index_of(frame)) {
        match ranges.last_mut() {
            Some(last) if last.last.checked_add(1) == Some(index) => last.last = index,
            _ => ranges.push(IndexRange { first: index, last: index }),
        }
    }
    ranges
}

/// A frame's number; with its tile where it is split.
pub fn frame_text(frame: &Frame) -> String {
    match frame.tile {
        0.. => format!("{} tile {}", frame.number, frame.tile),
        _ => frame.number.to_string(),
    }
}

/// Millionths of a credit, of `1.5`.
///
/// # Errors
/// When it is no such number.
pub fn parse_credits(text: &str) -> std::result::Result<u64, String> {
    parse_micros(text)
}

/// Such as `1.5 credits`.
pub fn credits(ucredits: u64) -> String {
    format!("{} credits", shifted(ucredits.into(), 6))
}

/// Such as `8.25 units`.
pub fn work(milli: u64) -> String {
    format!("{} units", shifted(milli.into(), 3))
}

/// Such as `10.5 %`.
pub fn percent(bp: u32) -> String {
    format!("{} %", shifted(bp.into(), 2))
}

/// The last part of a wire name: `paused funds` of `JOB_STATE_PAUSED_FUNDS`.
pub fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', " ")
}

/// Tiers of the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TierName {
    /// Tier 1: nodes that the network's authority named; the dearest
    Trusted,
    /// Tier 2: before tier 3
    Priority,
    /// Tier 3: the cheapest
    #[default]
    Economy,
}

impl TierName {
    /// On the wire.
    pub fn wire(self) -> Tier {
        match self {
            Self::Trusted => Tier::Trusted,
            Self::Priority => Tier::Priority,
            Self::Economy => Tier::Economy,
        }
    }
}

/// Such as `economy`.
pub fn tier(tier: Tier) -> String {
    short(tier.as_str_name(), "TIER_")
}

/// A node: its owner and the first bytes of its host's key.
pub fn node_text(node: Option<&NodeId>) -> String {
    match node {
        None => "-".to_owned(),
        Some(node) => format!("{}/{}", node.owner, hex::encode(node.host_key.get(..4).unwrap_or(&node.host_key))),
    }
}

/// A node as programs read it.
pub fn node_data(node: Option<&NodeId>) -> serde_json::Value {
    node.map_or(
        serde_json::Value::Null,
        |node| serde_json::json!({ "owner": node.owner, "host_key": hex::encode(&node.host_key) }),
    )
}

/// A time as RFC 3339, to the second; empty when there is none.
pub fn time_text(time: Option<&Timestamp>) -> String {
    let time = time.and_then(|time| OffsetDateTime::from_unix_timestamp(time.seconds).ok());
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proto::tetra::render::v1::UnitId;

    use super::*;

    fn frames() -> Vec<Frame> {
        // Every second first.
        let unit = |index: u32, number: i32| Frame {
            id: Some(UnitId { index, ..UnitId::default() }),
            number,
            tile: -1,
            ..Frame::default()
        };
        [1, 3, 5, 2, 4].into_iter().zip(0..).map(|(number, index)| unit(index, number)).collect()
    }

    #[test]
    fn frames_are_meant_by_number_or_by_place() {
        let all = frames();
        let picked = |text: &str| text.parse::<Units>().unwrap().pick(&all).map(|picked| ranges(&picked));
        let spans =
            |text: &str| picked(text).unwrap().iter().map(|range| (range.first, range.last)).collect::<Vec<_>>();
        assert_eq!(spans("1-3"), [(0, 1), (3, 3)]);
        assert_eq!(spans("#0,1,4"), [(0, 1), (4, 4)]);
        assert!(picked("6").unwrap_err().to_string().contains("no frame 6"));
        assert!(picked("#5").unwrap_err().to_string().contains("no frame #5"));
        assert!("#".parse::<Units>().is_err() && "a".parse::<Units>().is_err());
    }

    #[test]
    fn jobs_are_ones_own_or_named_with_their_creator() {
        assert_eq!("7".parse(), Ok(JobName { creator: None, jseq: 7 }));
        assert_eq!("bob/7".parse(), Ok(JobName { creator: Some("bob".to_owned()), jseq: 7 }));
        assert!("bob".parse::<JobName>().is_err());
    }

    #[test]
    fn numbers_have_their_units() {
        assert_eq!(credits(1_250_000), "1.25 credits");
        assert_eq!(work(8_000), "8 units");
        assert_eq!(percent(1_050), "10.5 %");
        assert_eq!(tier(Tier::Economy), "economy");
        assert_eq!(parse_credits("0.5"), Ok(500_000));
        assert_eq!(time_text(Some(&Timestamp { seconds: 1_700_000_000, nanos: 5 })), "2023-11-14T22:13:20Z");
    }
}
