//! A chain in memory: real CometBFT blocks, real rules, no machine behind them.

#![allow(unreachable_pub, dead_code)] // shared by several test programs

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use engine::comet::{self, BlockRef, ChainId, Commit, EvidenceList, Header, HeaderFields, Time, TxOutcome, hashes};
use engine::host::{
    Candidate, DecidedBlock, HeightParams, Host, HostError, Misbehaviour, Source, StoredBlock, Timeouts,
    UndecidedBlock, Verdict,
};
use engine::{Certificate, ValidatorKey};
use primitives::validators::{ConsensusAddress, ValidatorSet};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

pub fn chain_id() -> ChainId {
    "memory-1".parse().unwrap()
}

pub fn key(index: u8) -> ValidatorKey {
    ValidatorKey::from_seed([index + 1; 32])
}

/// The set of a height: powers move every third height, and the rotation advances every height.
pub fn validators(count: u8, height: u64) -> ValidatorSet {
    let members: Vec<_> = (0..count).map(|i| (key(i).public_key(), 100)).collect();
    let mut set = ValidatorSet::new(&members).unwrap();
    for h in 2..=height {
        if h % 3 == 0 {
            let index = (h / 3 % u64::from(count)) as u8;
            set.update_with_changes(&[(key(index).public_key(), 90 + h % 20)]).unwrap();
        }
        set.increment_proposer_priority(1);
    }
    set
}

/// What survives when the engine stops.
#[derive(Default)]
pub struct Disk {
    pub blocks: BTreeMap<u64, StoredBlock>,
    undecided: BTreeMap<u64, Vec<Vec<u8>>>,
    pub misbehaviour: Vec<Misbehaviour>,
}

pub struct MemoryHost {
    count: u8,
    disk: Arc<Mutex<Disk>>,
    tip: watch::Sender<u64>,
    target_time: Duration,
    /// Fails the commit of this height, as a full disk would.
    pub fails_at: Option<u64>,
}

impl MemoryHost {
    pub fn new(count: u8, disk: Arc<Mutex<Disk>>, target_time: Duration) -> Self {
        let tip = disk.lock().unwrap().blocks.keys().last().copied().unwrap_or(0);
        Self { count, disk, tip: watch::Sender::new(tip), target_time, fails_at: None }
    }

    pub fn watch(&self) -> watch::Receiver<u64> {
        self.tip.subscribe()
    }

    fn parent(&self) -> Option<(Header, BlockRef)> {
        let disk = self.disk.lock().unwrap();
        let (_, stored) = disk.blocks.last_key_value()?;
        let header = comet::decode_block(&stored.bytes).unwrap().header;
        Some((header, stored.certificate.block))
    }

    fn header(&self, time: Time, proposer: ConsensusAddress, txs: &[Vec<u8>], last_commit: Option<&Commit>) -> Header {
        self.fields(time, proposer, txs, last_commit, |fields| fields.header().unwrap())
    }

    fn fields<T>(
        &self,
        time: Time,
        proposer: ConsensusAddress,
        txs: &[Vec<u8>],
        last_commit: Option<&Commit>,
        then: impl FnOnce(HeaderFields<'_>) -> T,
    ) -> T {
        let height = self.tip() + 1;
        let parent = self.parent();
        let app_hash = parent.as_ref().map_or(vec![0; 32], |(header, block)| {
            Sha256::digest([header.app_hash.as_bytes(), &block.hash()].concat()).to_vec()
        });
        then(HeaderFields {
            app_version: 1,
            chain_id: &chain_id(),
            height,
            time,
            last_block_id: parent.map(|(_, block)| block.id()),
            last_commit,
            txs,
            evidence: &EvidenceList::default(),
            validators: &validators(self.count, height),
            next_validators: &validators(self.count, height + 1),
            consensus_hash: hashes::consensus_hash(1 << 20, -1),
            app_hash,
            last_results_hash: hashes::last_results_hash(&[TxOutcome::default()]),
            proposer,
        })
    }

    fn check(&self, candidate: &Candidate) -> Result<BlockRef, String> {
        let block = comet::decode_block(&candidate.bytes).map_err(|e| e.to_string())?;
        let author = ConsensusAddress(block.header.proposer_address.as_bytes().try_into().unwrap());
        let time = block.header.time;
        let expected = self.header(time, author, &block.data, block.last_commit.as_ref());
        if let Some(field) = comet::first_mismatch(&expected, &block.header) {
            return Err(format!("header field {field} differs"));
        }
        if let Some((parent, parent_ref)) = self.parent() {
            let height = parent.height.value();
            let commit = block.last_commit.ok_or("no last commit")?;
            let set = validators(self.count, height);
            comet::verify_commit(&chain_id(), &set, height, &parent_ref, &commit).map_err(|e| e.to_string())?;
            if time <= parent.time {
                return Err("time does not advance".into());
            }
        }
        let latest = Time::now().checked_add(Duration::from_secs(5)).unwrap();
        if candidate.source == Source::Live && time > latest {
            return Err("time is ahead of the clock".into());
        }
        BlockRef::of(&block.header, &candidate.bytes).map_err(|e| e.to_string())
    }
}

#[async_trait]
impl Host for MemoryHost {
    fn tip(&self) -> u64 {
        *self.tip.borrow()
    }

    fn params(&self, height: u64) -> Result<HeightParams, HostError> {
        Ok(HeightParams {
            validators: validators(self.count, height),
            target_time: Some(self.target_time),
            timeouts: Timeouts::default(),
        })
    }

    async fn propose(
        &mut self,
        height: u64,
        round: u32,
        proposer: ConsensusAddress,
        last_commit: Option<Commit>,
    ) -> Result<Bytes, HostError> {
        // Larger than one part, so that parts are put together.
        let tx = format!("{height} {round} {proposer} ").repeat(2000).into_bytes();
        let parent_time = self.parent().map_or(Time::unix_epoch(), |(header, _)| header.time);
        let earliest = parent_time.checked_add(Duration::from_nanos(1)).unwrap();
        let time = Time::now().max(earliest);
        let built = self.fields(time, proposer, &[tx], last_commit.as_ref(), |fields| comet::assemble(&fields));
        let (_, bytes, _) = built.map_err(|e| HostError::new("building a block", e))?;
        Ok(bytes.into())
    }

    async fn validate(&mut self, candidate: Candidate) -> Result<Verdict, HostError> {
        Ok(match self.check(&candidate) {
            Ok(block) => Verdict::Valid(block),
            Err(reason) => Verdict::Invalid(reason),
        })
    }

    async fn save_undecided(&mut self, block: UndecidedBlock) -> Result<(), HostError> {
        let mut disk = self.disk.lock().unwrap();
        disk.undecided.entry(block.height).or_default().push(block.encode());
        Ok(())
    }

    async fn undecided(&mut self, height: u64) -> Result<Vec<UndecidedBlock>, HostError> {
        let disk = self.disk.lock().unwrap();
        let stored = disk.undecided.get(&height).into_iter().flatten();
        Ok(stored.map(|bytes| UndecidedBlock::decode(bytes).unwrap()).collect())
    }

    async fn prune_undecided(&mut self, height: u64) -> Result<(), HostError> {
        self.disk.lock().unwrap().undecided.retain(|h, _| *h > height);
        Ok(())
    }

    async fn commit(&mut self, decided: DecidedBlock) -> Result<(), HostError> {
        if self.fails_at == Some(decided.height) {
            return Err(HostError::new("storing a block", "no space left on device"));
        }
        let stored = StoredBlock { bytes: decided.bytes, certificate: decided.certificate };
        self.disk.lock().unwrap().blocks.insert(decided.height, stored);
        self.tip.send_replace(decided.height);
        Ok(())
    }

    async fn finalize(&mut self, certificate: Certificate, misbehaviour: Vec<Misbehaviour>) -> Result<(), HostError> {
        let mut disk = self.disk.lock().unwrap();
        disk.misbehaviour.extend(misbehaviour);
        let stored = disk.blocks.get_mut(&certificate.height).unwrap();
        assert!(certificate.signatures.len() >= stored.certificate.signatures.len());
        stored.certificate = Certificate::decode(&certificate.encode()).unwrap();
        Ok(())
    }

    async fn decided(&mut self, heights: RangeInclusive<u64>) -> Result<Vec<StoredBlock>, HostError> {
        let disk = self.disk.lock().unwrap();
        Ok(disk.blocks.range(heights).map(|(_, stored)| stored.clone()).collect())
    }

    async fn history_min(&mut self) -> Result<u64, HostError> {
        Ok(self.disk.lock().unwrap().blocks.keys().next().copied().unwrap_or(0))
    }
}
