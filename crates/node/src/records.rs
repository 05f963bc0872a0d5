//! What the block store keeps beside blocks: certificates, validator sets and results. Persistent formats, protobuf.

use app::TxResult;
use engine::comet::{BlockRef, Certificate, Hash, Time};
use ledger::Event;
use ledger::validators::state::StoredSet;
use primitives::validators::{ConsensusAddress, ValidatorSet};
use prost::Message;
use thiserror::Error;

/// A record that does not decode: the store is damaged, or was written by another version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a stored {what} does not decode: {why}; the store is damaged or belongs to another version")]
pub struct RecordError {
    what: &'static str,
    why: String,
}

fn bad(what: &'static str) -> impl Fn(String) -> RecordError {
    move |why| RecordError { what, why }
}

#[derive(Clone, PartialEq, Message)]
struct CertificateRecord {
    #[prost(uint64, tag = "1")]
    height: u64,
    #[prost(uint32, tag = "2")]
    round: u32,
    #[prost(bytes = "vec", tag = "3")]
    hash: Vec<u8>,
    #[prost(uint32, tag = "4")]
    parts_total: u32,
    #[prost(bytes = "vec", tag = "5")]
    parts_root: Vec<u8>,
    #[prost(message, optional, tag = "6")]
    time: Option<proto::Timestamp>,
    #[prost(message, repeated, tag = "7")]
    signatures: Vec<SignatureRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct SignatureRecord {
    #[prost(bytes = "vec", tag = "1")]
    address: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    signature: Vec<u8>,
}

/// CometBFT time to protobuf. Times before year 1 or after 9999 do not exist in either.
pub fn timestamp(time: Time) -> proto::Timestamp {
    let nanos = time.unix_timestamp_nanos();
    let (seconds, nanos) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    proto::Timestamp { seconds: seconds as i64, nanos: nanos as i32 }
}

/// Encodes a certificate.
pub fn encode_certificate(certificate: &Certificate) -> Vec<u8> {
    let signature = |(address, signature): &(ConsensusAddress, [u8; 64])| SignatureRecord {
        address: address.0.to_vec(),
        signature: signature.to_vec(),
    };
    let record = CertificateRecord {
        height: certificate.height,
        round: certificate.round,
        hash: certificate.block.hash().to_vec(),
        parts_total: certificate.block.parts_total(),
        parts_root: certificate.block.parts_root().to_vec(),
        time: Some(timestamp(certificate.block.time())),
        signatures: certificate.signatures.iter().map(signature).collect(),
    };
    record.encode_to_vec()
}

/// Decodes a certificate.
///
/// # Errors
/// When the bytes are none.
pub fn decode_certificate(bytes: &[u8]) -> Result<Certificate, RecordError> {
    let bad = bad("certificate");
    let record = CertificateRecord::decode(bytes).map_err(|error| bad(error.to_string()))?;
    let hash = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| bad("a hash has 32 bytes".to_owned()));
    let time = record.time.unwrap_or_default();
    let nanos = u32::try_from(time.nanos).map_err(|error| bad(error.to_string()))?;
    let time = Time::from_unix_timestamp(time.seconds, nanos).map_err(|error| bad(error.to_string()))?;
    let block = BlockRef::new(hash(&record.hash)?, record.parts_total, hash(&record.parts_root)?, time);
    let block = block.map_err(|error| bad(error.to_string()))?;
    let mut signatures = Vec::with_capacity(record.signatures.len());
    for SignatureRecord { address, signature } in record.signatures {
        let address = address.try_into().map_err(|_| bad("an address has 20 bytes".to_owned()))?;
        let signature = signature.try_into().map_err(|_| bad("a signature has 64 bytes".to_owned()))?;
        signatures.push((ConsensusAddress(address), signature));
    }
    Ok(Certificate { height: record.height, round: record.round, block, signatures })
}

/// The hash in CometBFT's type.
pub fn comet_hash(hash: [u8; 32]) -> Hash {
    Hash::Sha256(hash)
}

/// Encodes a validator set, as the machine stores it.
pub fn encode_validators(set: &ValidatorSet) -> Vec<u8> {
    StoredSet::from(set).encode_to_vec()
}

/// Decodes a validator set.
///
/// # Errors
/// When the bytes are none.
pub fn decode_validators(bytes: &[u8]) -> Result<ValidatorSet, RecordError> {
    let bad = bad("validator set");
    let stored = StoredSet::decode(bytes).map_err(|error| bad(error.to_string()))?;
    ValidatorSet::try_from(stored).map_err(bad)
}

#[derive(Clone, PartialEq, Message)]
struct ResultsRecord {
    #[prost(message, repeated, tag = "1")]
    results: Vec<ResultRecord>,
    #[prost(message, repeated, tag = "2")]
    events: Vec<EventRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct ResultRecord {
    #[prost(uint32, tag = "1")]
    code: u32,
    #[prost(string, tag = "2")]
    codespace: String,
    #[prost(string, tag = "3")]
    log: String,
    #[prost(bytes = "vec", tag = "4")]
    data: Vec<u8>,
    #[prost(uint64, tag = "5")]
    gas_wanted: u64,
    #[prost(uint64, tag = "6")]
    gas_used: u64,
    #[prost(message, repeated, tag = "7")]
    events: Vec<EventRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct EventRecord {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, repeated, tag = "2")]
    keys: Vec<String>,
    #[prost(string, repeated, tag = "3")]
    values: Vec<String>,
}

fn event_record(event: &Event) -> EventRecord {
    let (keys, values) = event.attributes.iter().cloned().unzip();
    EventRecord { kind: event.kind.clone(), keys, values }
}

fn event(record: EventRecord) -> Event {
    Event { kind: record.kind, attributes: record.keys.into_iter().zip(record.values).collect() }
}

fn result_record(result: &TxResult) -> ResultRecord {
    ResultRecord {
        code: result.code,
        codespace: result.codespace.clone(),
        log: result.log.clone(),
        data: result.data.clone(),
        gas_wanted: result.gas_wanted,
        gas_used: result.gas_used,
        events: result.events.iter().map(event_record).collect(),
    }
}

fn result(record: ResultRecord) -> TxResult {
    TxResult {
        code: record.code,
        codespace: record.codespace,
        log: record.log,
        data: record.data,
        gas_wanted: record.gas_wanted,
        gas_used: record.gas_used,
        events: record.events.into_iter().map(event).collect(),
    }
}

/// Encodes the results of a block and what its end announced.
pub fn encode_results(results: &[TxResult], events: &[Event]) -> Vec<u8> {
    let results = results.iter().map(result_record).collect();
    ResultsRecord { results, events: events.iter().map(event_record).collect() }.encode_to_vec()
}

/// Decodes results.
///
/// # Errors
/// When the bytes are none.
pub fn decode_results(bytes: &[u8]) -> Result<(Vec<TxResult>, Vec<Event>), RecordError> {
    let record = ResultsRecord::decode(bytes).map_err(|error| bad("result")(error.to_string()))?;
    let results = record.results.into_iter().map(result).collect();
    Ok((results, record.events.into_iter().map(event).collect()))
}

/// Encodes one result, for the transaction index.
pub fn encode_result(value: &TxResult) -> Vec<u8> {
    result_record(value).encode_to_vec()
}

/// Decodes one result.
///
/// # Errors
/// When the bytes are none.
pub fn decode_result(bytes: &[u8]) -> Result<TxResult, RecordError> {
    let record = ResultRecord::decode(bytes).map_err(|error| bad("result")(error.to_string()))?;
    Ok(result(record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn results_round_trip(code: u32, log: String, data: Vec<u8>, gas: u64, key: String, value: String) {
            let events = vec![Event { kind: "k".into(), attributes: vec![(key, value)] }];
            let result = TxResult { code, codespace: "sdk".into(), log, data, gas_wanted: gas, gas_used: 1, events: events.clone() };
            let encoded = encode_results(std::slice::from_ref(&result), &events);
            prop_assert_eq!(decode_results(&encoded), Ok((vec![result.clone()], events)));
            prop_assert_eq!(decode_result(&encode_result(&result)), Ok(result));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode_results(&bytes);
            let _ = decode_certificate(&bytes);
            let _ = decode_validators(&bytes);
        }

        #[test]
        fn certificates_round_trip(hash: [u8; 32], root: [u8; 32], seconds in 0i64..4_000_000_000, address: [u8; 20]) {
            let time = Time::from_unix_timestamp(seconds, 7).unwrap();
            let block = BlockRef::new(hash, 3, root, time).unwrap();
            let certificate = Certificate { height: 5, round: 1, block, signatures: vec![(ConsensusAddress(address), [9; 64])] };
            prop_assert_eq!(decode_certificate(&encode_certificate(&certificate)), Ok(certificate));
        }
    }
}
