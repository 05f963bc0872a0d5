//! Blocks in pieces: cutting them for the way, and putting together what arrives.
//!
//! A stream belongs to its publisher: pieces of one stream may come through different
//! neighbours. Whatever peers send, what is kept is bounded, per publisher and in all; whoever
//! sends too much loses its own oldest stream, not somebody else's.

use std::collections::BTreeMap;

use arc_malachitebft_app_channel::app::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::PeerId;
use arc_malachitebft_app_channel::app::types::streaming::{StreamId, StreamMessage};
use bytes::{Bytes, BytesMut};

use crate::comet::PART_SIZE;
use crate::config::MAX_BLOCK_BYTES;
use crate::context::{Part, PartInit};

/// Streams are kept for the current height and this many after it.
pub(crate) const HEIGHTS_AHEAD: u64 = 2;

/// Unfinished streams of one publisher.
const STREAMS_PER_PUBLISHER: usize = 4;
/// Unfinished bytes of one publisher.
const BYTES_PER_PUBLISHER: usize = 3 * MAX_BLOCK_BYTES;
/// Unfinished bytes of all.
const BYTES_IN_ALL: usize = 32 * MAX_BLOCK_BYTES;
/// Publishers with unfinished streams.
const PUBLISHERS: usize = 256;
/// Messages of one stream: twice what the largest block needs, for senders with smaller pieces.
const MESSAGES_PER_STREAM: u64 = 2 * (MAX_BLOCK_BYTES / PART_SIZE) as u64 + 3;

/// The name of a stream: where it belongs, and what tells two of them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct StreamName {
    height: u64,
    round: u32,
    nonce: u64,
}

impl StreamName {
    fn to_id(self) -> StreamId {
        let mut id = [0; 20];
        id[..8].copy_from_slice(&self.height.to_be_bytes());
        id[8..12].copy_from_slice(&self.round.to_be_bytes());
        id[12..].copy_from_slice(&self.nonce.to_be_bytes());
        StreamId::new(Bytes::copy_from_slice(&id))
    }

    fn from_id(id: &StreamId) -> Option<Self> {
        let id: [u8; 20] = id.to_bytes().as_ref().try_into().ok()?;
        let (height, rest) = id.split_first_chunk()?;
        let (round, rest) = rest.split_first_chunk()?;
        Some(Self {
            height: u64::from_be_bytes(*height),
            round: u32::from_be_bytes(*round),
            nonce: u64::from_be_bytes(*rest.first_chunk()?),
        })
    }
}

/// A stream that has arrived whole. Its signature has not been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) init: PartInit,
    pub(crate) bytes: Bytes,
    pub(crate) signature: [u8; 64],
}

/// Cuts a block into a stream of its own.
pub(crate) fn cut(init: PartInit, bytes: &Bytes, signature: [u8; 64], nonce: u64) -> Vec<StreamMessage<Part>> {
    let id = StreamName { height: init.height, round: init.round, nonce }.to_id();
    let pieces = (0..bytes.len()).step_by(PART_SIZE).map(|from| {
        let to = bytes.len().min(from + PART_SIZE);
        Part::Data(bytes.slice(from..to))
    });
    std::iter::once(Part::Init(init))
        .chain(pieces)
        .chain([Part::Fin(signature)])
        .map(StreamContent::Data)
        .chain([StreamContent::Fin])
        .zip(0..)
        .map(|(content, sequence)| StreamMessage::new(id.clone(), sequence, content))
        .collect()
}

#[derive(Debug, Default)]
struct Stream {
    /// Order of arrival of its first message, to find the oldest.
    started: u64,
    parts: BTreeMap<u64, Part>,
    /// Its length, once its end has arrived.
    length: Option<u64>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Publisher {
    streams: BTreeMap<StreamName, Stream>,
    bytes: usize,
}

impl Publisher {
    fn remove(&mut self, name: &StreamName) -> Option<Stream> {
        let stream = self.streams.remove(name)?;
        self.bytes -= stream.bytes;
        Some(stream)
    }

    fn remove_oldest(&mut self) {
        let oldest = self.streams.iter().min_by_key(|(_, s)| s.started).map(|(name, _)| *name);
        if let Some(name) = oldest {
            self.remove(&name);
        }
    }
}

/// All streams that have not arrived whole.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    publishers: BTreeMap<PeerId, Publisher>,
    arrivals: u64,
}

impl Streams {
    /// Takes one message in; gives the stream if it is now whole. Messages for heights other than
    /// `current` and the next few, or that break the form of a stream, are dropped.
    pub(crate) fn insert(&mut self, publisher: PeerId, current: u64, message: StreamMessage<Part>) -> Option<Arrived> {
        let name = StreamName::from_id(&message.stream_id)?;
        if name.height < current || name.height > current.saturating_add(HEIGHTS_AHEAD) {
            return None;
        }
        if message.sequence >= MESSAGES_PER_STREAM {
            return None;
        }
        if !self.publishers.contains_key(&publisher) && self.publishers.len() >= PUBLISHERS {
            self.remove_heaviest_publisher();
        }
        self.arrivals += 1;
        let owner = self.publishers.entry(publisher).or_default();
        if !owner.streams.contains_key(&name) && owner.streams.len() >= STREAMS_PER_PUBLISHER {
            owner.remove_oldest();
        }
        let started = self.arrivals;
        let stream = owner.streams.entry(name).or_insert_with(|| Stream { started, ..Stream::default() });
        match message.content {
            StreamContent::Fin => stream.length = Some(message.sequence),
            StreamContent::Data(part) if !stream.parts.contains_key(&message.sequence) => {
                let size = match &part {
                    Part::Data(bytes) => bytes.len(),
                    Part::Init(_) | Part::Fin(_) => 0,
                };
                stream.bytes += size;
                owner.bytes += size;
                stream.parts.insert(message.sequence, part);
            }
            StreamContent::Data(_) => {}
        }
        if stream.bytes > MAX_BLOCK_BYTES {
            owner.remove(&name);
            return None;
        }
        let whole = stream.length.is_some_and(|length| stream.parts.len() as u64 == length);
        let arrived = if whole { owner.remove(&name) } else { None };
        self.enforce_limits(&publisher);
        arrived.and_then(|stream| join(name, stream.parts))
    }

    /// Forgets all streams below `height`.
    pub(crate) fn prune(&mut self, height: u64) {
        for publisher in self.publishers.values_mut() {
            while let Some(name) = publisher.streams.keys().next().copied() {
                if name.height >= height {
                    break;
                }
                publisher.remove(&name);
            }
        }
        self.publishers.retain(|_, publisher| !publisher.streams.is_empty());
    }

    fn enforce_limits(&mut self, publisher: &PeerId) {
        if let Some(owner) = self.publishers.get_mut(publisher) {
            while owner.bytes > BYTES_PER_PUBLISHER {
                owner.remove_oldest();
            }
            if owner.streams.is_empty() {
                self.publishers.remove(publisher);
            }
        }
        while self.bytes() > BYTES_IN_ALL {
            self.remove_heaviest_publisher();
        }
    }

    fn bytes(&self) -> usize {
        self.publishers.values().map(|p| p.bytes).sum()
    }

    fn remove_heaviest_publisher(&mut self) {
        let heaviest = self.publishers.iter().max_by_key(|(_, p)| p.bytes).map(|(id, _)| *id);
        if let Some(id) = heaviest {
            self.publishers.remove(&id);
        }
    }
}

/// Init, then data, then Fin, and nothing else.
fn join(name: StreamName, parts: BTreeMap<u64, Part>) -> Option<Arrived> {
    let mut parts = parts.into_values();
    let Some(Part::Init(init)) = parts.next() else {
        return None;
    };
    if (init.height, init.round) != (name.height, name.round) {
        return None;
    }
    let mut bytes = BytesMut::new();
    loop {
        match parts.next()? {
            Part::Data(piece) => bytes.extend_from_slice(&piece),
            Part::Fin(signature) if parts.next().is_none() => {
                return Some(Arrived { init, bytes: bytes.freeze(), signature });
            }
            Part::Init(_) | Part::Fin(_) => return None,
        }
    }
}

#[cfg(test)]
#[path = "streams_tests.rs"]
mod tests;
