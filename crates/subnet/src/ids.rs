//! Names of things.

use ledger::Failure;
use store::Key;

use crate::refusal;

/// An sr25519 public key.
pub type HotkeyId = [u8; 32];
/// The number of a subnet, from 1.
pub type Netuid = u32;
/// The number of a neuron in its subnet, from 0, without gaps.
pub type Uid = u32;

/// What stands for root where a subnet is named.
pub const ROOT: Netuid = 0;

/// The hotkey of a message.
///
/// # Errors
/// `subnet_key` 2 when it has not 32 bytes.
pub fn hotkey(bytes: &[u8]) -> Result<HotkeyId, Failure> {
    let read: Result<HotkeyId, _> = bytes.try_into();
    read.map_err(|_| refusal::key::invalid(format!("a hotkey has 32 bytes, not {}", bytes.len())).into())
}

/// A hotkey as messages to people show it.
pub fn text(hotkey: &HotkeyId) -> String {
    hex::encode(hotkey)
}

/// The name under which a neuron's machine is held in the capacity ledger.
pub fn reference(netuid: Netuid, hotkey: &HotkeyId) -> String {
    format!("{netuid}/{}", text(hotkey))
}

/// Reads [`reference()`] back.
pub fn parse_reference(reference: &str) -> Option<(Netuid, HotkeyId)> {
    let (netuid, hotkey) = reference.split_once('/')?;
    let bytes = hex::decode(hotkey).ok()?;
    let mut rest = bytes.as_slice();
    let hotkey = HotkeyId::read(&mut rest).filter(|_| rest.is_empty())?;
    Some((netuid.parse().ok()?, hotkey))
}
