//! Stored forms. Addresses are their 20 bytes; decimals are the integer text that the wire carries.

use pricing::settlement::Unit;
use primitives::{Address, Dec, Denom};
use prost::Message;
use proto::akash::base::deposit::v1::Source;
use proto::akash::escrow::types::v1::State;
use store::Value;

use super::state::{Account, Depositor, Payment};

/// Billable time.
#[derive(Clone, PartialEq, Message)]
pub struct Clock {
    /// Milliseconds billed since the clock was set going.
    #[prost(uint64, tag = "1")]
    pub billable_ms: u64,
    /// Header time of the last block, in milliseconds since 1970.
    #[prost(uint64, tag = "2")]
    pub last_ms: u64,
}

#[derive(Clone, PartialEq, Message)]
struct AccountRecord {
    #[prost(bytes = "vec", tag = "1")]
    owner: Vec<u8>,
    #[prost(enumeration = "State", tag = "2")]
    state: i32,
    #[prost(string, tag = "3")]
    denom: String,
    /// 0 per block, 1 per millisecond.
    #[prost(uint32, tag = "4")]
    unit: u32,
    #[prost(uint64, tag = "5")]
    settled_at: u64,
    #[prost(uint64, tag = "6")]
    clock: u64,
    #[prost(string, tag = "7")]
    transferred: String,
    #[prost(message, repeated, tag = "8")]
    deposits: Vec<DepositorRecord>,
    #[prost(string, tag = "9")]
    dust: String,
    #[prost(string, tag = "10")]
    owed: String,
}

#[derive(Clone, PartialEq, Message)]
struct DepositorRecord {
    #[prost(bytes = "vec", tag = "1")]
    owner: Vec<u8>,
    #[prost(uint64, tag = "2")]
    height: u64,
    #[prost(enumeration = "Source", tag = "3")]
    source: i32,
    #[prost(string, tag = "4")]
    balance: String,
}

#[derive(Clone, PartialEq, Message)]
struct PaymentRecord {
    #[prost(bytes = "vec", tag = "1")]
    payee: Vec<u8>,
    #[prost(enumeration = "State", tag = "2")]
    state: i32,
    #[prost(string, tag = "3")]
    rate: String,
    #[prost(string, tag = "4")]
    balance: String,
    #[prost(string, tag = "5")]
    owed: String,
    #[prost(string, tag = "6")]
    withdrawn: String,
    #[prost(uint32, tag = "7")]
    take_percent: u32,
}

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

fn address(bytes: &[u8]) -> Result<Address, String> {
    Address::try_from(bytes).map_err(text)
}

fn state(number: i32) -> Result<State, String> {
    State::try_from(number).map_err(text)
}

fn whole(digits: &str) -> Result<u128, String> {
    digits.parse().map_err(|error| format!("amount {digits:?}: {error}"))
}

pub(super) fn unit_number(unit: Unit) -> u32 {
    match unit {
        Unit::Block => 0,
        Unit::Millisecond => 1,
    }
}

fn unit(number: u32) -> Result<Unit, String> {
    match number {
        0 => Ok(Unit::Block),
        1 => Ok(Unit::Millisecond),
        other => Err(format!("unit {other} of payments is unknown")),
    }
}

impl Value for Account {
    fn to_stored(&self) -> Vec<u8> {
        let deposit = |deposit: &Depositor| DepositorRecord {
            owner: deposit.owner.as_bytes().to_vec(),
            height: deposit.height,
            source: deposit.source as i32,
            balance: deposit.balance.to_wire(),
        };
        let record = AccountRecord {
            owner: self.owner.as_bytes().to_vec(),
            state: self.state as i32,
            denom: self.denom.to_string(),
            unit: unit_number(self.unit),
            settled_at: self.settled_at,
            clock: self.clock,
            transferred: self.transferred.to_wire(),
            deposits: self.deposits.iter().map(deposit).collect(),
            dust: self.dust.to_wire(),
            owed: self.owed.to_string(),
        };
        record.encode_to_vec()
    }

    fn from_stored(bytes: &[u8]) -> Result<Self, String> {
        let record = AccountRecord::decode(bytes).map_err(text)?;
        let deposit = |record: &DepositorRecord| -> Result<Depositor, String> {
            Ok(Depositor {
                owner: address(&record.owner)?,
                height: record.height,
                source: Source::try_from(record.source).map_err(text)?,
                balance: Dec::from_wire(&record.balance).map_err(text)?,
            })
        };
        Ok(Self {
            owner: address(&record.owner)?,
            state: state(record.state)?,
            denom: Denom::new(&record.denom).map_err(text)?,
            unit: unit(record.unit)?,
            settled_at: record.settled_at,
            clock: record.clock,
            transferred: Dec::from_wire(&record.transferred).map_err(text)?,
            deposits: record.deposits.iter().map(deposit).collect::<Result<_, _>>()?,
            dust: Dec::from_wire(&record.dust).map_err(text)?,
            owed: whole(&record.owed)?,
        })
    }
}

impl Value for Payment {
    fn to_stored(&self) -> Vec<u8> {
        let record = PaymentRecord {
            payee: self.payee.as_bytes().to_vec(),
            state: self.state as i32,
            rate: self.rate.to_wire(),
            balance: self.balance.to_wire(),
            owed: self.owed.to_string(),
            withdrawn: self.withdrawn.to_string(),
            take_percent: self.take_percent,
        };
        record.encode_to_vec()
    }

    fn from_stored(bytes: &[u8]) -> Result<Self, String> {
        let record = PaymentRecord::decode(bytes).map_err(text)?;
        Ok(Self {
            payee: address(&record.payee)?,
            state: state(record.state)?,
            rate: Dec::from_wire(&record.rate).map_err(text)?,
            balance: Dec::from_wire(&record.balance).map_err(text)?,
            owed: whole(&record.owed)?,
            withdrawn: whole(&record.withdrawn)?,
            take_percent: record.take_percent,
        })
    }
}
