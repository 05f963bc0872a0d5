//! One name for all that happens because of a deployment, in every process.
//!
//! It is a function of the deployment alone, so that nothing carries it: command, nodes, agents and shims each derive
//! it. In a shell: `printf 'tetra/trace/v1/OWNER/DSEQ' | sha256sum | cut -c-32`.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// What the hash of a name begins with; another rule gets another number.
const DOMAIN: &str = "tetra/trace/v1";

/// A trace id in the form of W3C Trace Context: 16 bytes, 32 lower-case hex digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// The trace of a deployment: the first 16 bytes of SHA-256 of `tetra/trace/v1/OWNER/DSEQ`; the owner is bech32.
    pub fn of_deployment(owner: &str, dseq: u64) -> Self {
        let hash: [u8; 32] = Sha256::digest(format!("{DOMAIN}/{owner}/{dseq}")).into();
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(hash) {
            *to = from;
        }
        Self(id)
    }

    /// The trace of whatever has a name that begins with a deployment's, `owner/dseq` or `owner/dseq/…`: groups,
    /// orders, bids, leases, pods. None for other texts.
    pub fn of_name(name: &str) -> Option<Self> {
        let mut parts = name.split('/');
        let (owner, dseq) = (parts.next()?, parts.next()?);
        let number = dseq.parse::<u64>().ok().filter(|number| number.to_string() == dseq)?;
        (!owner.is_empty()).then(|| Self::of_deployment(owner, number))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a text is no `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a W3C traceparent: it wants 00-32 hex digits-16 hex digits-2 hex digits, in lower case and not all zero")]
pub struct TraceParentError;

/// A caller's own place in a trace of theirs: the header `traceparent` of W3C Trace Context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl FromStr for TraceParent {
    type Err = TraceParentError;

    fn from_str(text: &str) -> Result<Self, TraceParentError> {
        let mut parts = text.split('-');
        let mut digits = |length: usize, zero_is_none: bool| {
            let part = parts.next()?;
            let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let good = part.len() == length && part.bytes().all(lower_hex);
            (good && !(zero_is_none && part.bytes().all(|byte| byte == b'0'))).then_some(part)
        };
        let version = digits(2, false).filter(|version| *version != "ff").ok_or(TraceParentError)?;
        digits(32, true).ok_or(TraceParentError)?;
        digits(16, true).ok_or(TraceParentError)?;
        digits(2, false).ok_or(TraceParentError)?;
        // Later versions may say more; version 0 may not.
        if version == "00" && parts.next().is_some() {
            return Err(TraceParentError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_what_a_shell_computes() {
        // printf 'tetra/trace/v1/tetra1abc/12' | sha256sum | cut -c-32
        let id = TraceId::of_deployment("tetra1abc", 12);
        assert_eq!(id.to_string(), "aa89bc22c90bbb8069e819964023d327");
        for name in ["tetra1abc/12", "tetra1abc/12/1/1", "tetra1abc/12/1/1/tetra1provider"] {
            assert_eq!(TraceId::of_name(name), Some(id), "{name}");
        }
        assert_ne!(TraceId::of_deployment("tetra1abc", 13), id);
        for none in ["", "tetra1abc", "/12", "tetra1abc/", "tetra1abc/x", "tetra1abc/012", "tetra1abc/-1"] {
            assert_eq!(TraceId::of_name(none), None, "{none:?}");
        }
    }

    #[test]
    fn the_examples_of_the_recommendation_parse_and_others_do_not() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(good.parse::<TraceParent>().unwrap().to_string(), good);
        assert!(format!("01{}-more", good.strip_prefix("00").unwrap()).parse::<TraceParent>().is_ok());
        let zero = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let late = format!("{good}-more");
        for bad in [
            "",
            "00",
            &good.to_uppercase(),
            &format!("ff{}", good.strip_prefix("00").unwrap()),
            &zero,
            &late,
            good.get(..50).unwrap(),
            "00-é",
        ] {
            assert_eq!(bad.parse::<TraceParent>(), Err(TraceParentError), "{bad}");
        }
    }
}
