//! What happened, as a hash and as text.

use std::fmt;
use std::time::Duration;

use engine::driver::seeded::{Packet, statement::statement};
use sha2::{Digest, Sha256};

/// Takes in everything that happens.
pub(crate) struct Trace {
    hash: Sha256,
    entries: u64,
    shown: bool,
}

impl Trace {
    pub(crate) fn new(shown: bool) -> Self {
        Self { hash: Sha256::new(), entries: 0, shown }
    }

    /// Notes something: when, what, and the bytes that came with it.
    pub(crate) fn note(&mut self, at: Duration, what: fmt::Arguments<'_>, bytes: &[u8]) {
        self.entries += 1;
        let what = what.to_string();
        self.hash.update(at.as_nanos().to_be_bytes());
        for part in [what.as_bytes(), bytes] {
            self.hash.update((part.len() as u64).to_be_bytes());
            self.hash.update(part);
        }
        if self.shown {
            println!("{:>12.6} {what}", at.as_secs_f64());
        }
    }

    /// How much was noted, and the hash of it.
    pub(crate) fn sum(&self) -> (u64, String) {
        (self.entries, hex::encode(&self.hash.clone().finalize()[..16]))
    }
}

/// A packet in a word or two.
pub(crate) struct Shown<'a>(pub(crate) &'a Packet);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} bytes", self.0.channel, self.0.bytes.len())?;
        let Some(said) = statement(self.0) else {
            return Ok(());
        };
        write!(f, ": {:?} {}/{} of {}", said.step, said.height, said.round, said.validator)?;
        match said.block {
            Some(block) => write!(f, " for {block}"),
            None => write!(f, " for nothing"),
        }
    }
}
