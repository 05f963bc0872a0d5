//! What lies on the disk, after a crash or a flipped bit.

use engine::foreign;
use engine::host::UndecidedBlock;
use node::records;

/// The engine's log as it is read after a restart. What was recovered is recovered again without a further loss.
pub(crate) fn wal(bytes: &[u8]) {
    let Ok(log) = foreign::recover_log(bytes) else { return };
    assert!(log.read.len() <= log.entries, "{} entries read from a log of {}", log.read.len(), log.entries);
    let again = foreign::recover_log(&log.bytes).unwrap_or_else(|error| panic!("a recovered log is refused: {error}"));
    assert_eq!((again.entries, &again.bytes), (log.entries, &log.bytes), "recovery is not stable");
}

pub(crate) fn journal(bytes: &[u8]) {
    let Ok(recovered) = mempool::file::recover(bytes) else { return };
    assert!(recovered.sound <= bytes.len());
    let again = mempool::file::recover(&bytes[..recovered.sound]);
    assert_eq!(again.as_ref(), Ok(&recovered), "what was kept does not give the same again");
}

/// The first byte chooses the kind of record.
pub(crate) fn record(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    match first % 5 {
        0 => same(bytes, records::decode_certificate, records::encode_certificate),
        1 => same(bytes, records::decode_validators, records::encode_validators),
        2 => same(bytes, records::decode_results, |(results, events)| records::encode_results(results, events)),
        3 => same(bytes, records::decode_result, records::encode_result),
        _ => same(bytes, UndecidedBlock::decode, UndecidedBlock::encode),
    }
}

fn same<T, E: std::fmt::Display>(bytes: &[u8], decode: impl Fn(&[u8]) -> Result<T, E>, encode: impl Fn(&T) -> Vec<u8>) {
    let Ok(value) = decode(bytes) else { return };
    let once = encode(&value);
    let again = decode(&once).unwrap_or_else(|error| panic!("a record does not decode from its own bytes: {error}"));
    assert_eq!(encode(&again), once, "a record has two encodings");
}
