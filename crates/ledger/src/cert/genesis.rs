//! Certificates in genesis.

use proto::akash::cert::v1::{Certificate, State};
use serde::{Deserialize, Serialize};

use super::state::CERTIFICATES;
use super::{get, messages, refusals};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The part's genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// The certificates in order of address bytes and serial number.
    pub certificates: Vec<Entry>,
}

/// A certificate in genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Bech32.
    pub owner: String,
    /// `valid` or `revoked`.
    pub state: String,
    /// The PEM text of the certificate.
    pub cert: String,
    /// The PEM text of its public key.
    pub pubkey: String,
}

/// Reads genesis into the state. Certificates that have expired are taken: they were stored before.
///
/// # Errors
/// As [`super::messages::create_certificate`]; `cert` 8 for a state that no certificate has.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    for entry in &genesis.certificates {
        let owner = ctx.address(&entry.owner)?;
        let state = match State::from_str_name(&entry.state) {
            Some(state @ (State::Valid | State::Revoked)) => state,
            _ => return Err(refusals::invalid_state(&format!("{:?} is not valid or revoked", entry.state)).into()),
        };
        let (cert, pubkey) = (entry.cert.clone().into_bytes(), entry.pubkey.clone().into_bytes());
        let checked = messages::check(ctx, &owner, &cert, &pubkey)?;
        if get(ctx, &owner, &checked.serial)?.is_some() {
            let why = format!("genesis names certificate {} of {} twice; remove one", checked.serial, entry.owner);
            return Err(Rejection::invalid_request(why).into());
        }
        let certificate = Certificate { state: state.into(), cert, pubkey };
        CERTIFICATES.set(&mut ctx.state, &(owner, checked.serial.to_bytes()), &certificate);
    }
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let mut certificates = Vec::new();
    for (key, certificate) in CERTIFICATES.all(&ctx.state)? {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).map_err(|error| store::Error::Corrupt {
                module: super::MODULE.0,
                key: hex::encode(CERTIFICATES.key(&key)),
                why: error.to_string(),
            })
        };
        certificates.push(Entry {
            owner: ctx.text(&key.0),
            state: certificate.state().as_str_name().to_owned(),
            cert: text(certificate.cert)?,
            pubkey: text(certificate.pubkey)?,
        });
    }
    Ok(Genesis { certificates })
}
