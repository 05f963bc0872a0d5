//! Free ports of this machine.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};

use crate::error::{Class, CliError, Result};

/// Below the range from which the kernel gives ports to outgoing connections, so that a port that was chosen once is
/// still free when the network starts again.
const RANGE: std::ops::Range<u16> = 20_000..29_000;

/// Hands out ports, none twice.
pub struct Ports {
    next: u16,
    taken: BTreeSet<u16>,
}

/// Whether somebody could listen on this port now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

impl Ports {
    /// Begins at another port for each process, so that networks that are set up at the same time stay apart.
    pub fn new() -> Self {
        let spread = (std::process::id() % 375) as u16;
        Self { next: RANGE.start + spread * 24, taken: BTreeSet::new() }
    }

    /// The port that was remembered or is wanted, if it is free; else another.
    ///
    /// # Errors
    /// When none is free.
    pub fn settle(&mut self, wanted: Option<u16>) -> Result<u16> {
        if let Some(port) = wanted.filter(|port| is_free(*port))
            && self.taken.insert(port)
        {
            return Ok(port);
        }
        for _ in RANGE {
            let port = self.next;
            self.next = if port + 1 == RANGE.end { RANGE.start } else { port + 1 };
            if is_free(port) && self.taken.insert(port) {
                return Ok(port);
            }
        }
        let what = format!("no port from {} to {} is free", RANGE.start, RANGE.end - 1);
        Err(CliError::new(Class::Machine, what).hint("`ss -ltnp` shows who listens: stop what is not needed"))
    }

    /// This port and no other.
    ///
    /// # Errors
    /// When somebody listens there.
    pub fn insist(&mut self, port: u16) -> Result<u16> {
        if is_free(port) && self.taken.insert(port) {
            return Ok(port);
        }
        let what = format!("port {port} is taken, so that the RPC cannot listen there");
        Err(CliError::new(Class::Machine, what)
            .hint(format!("`ss -ltnp 'sport = :{port}'` shows who listens: stop it, or name another --rpc-port")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_and_none_that_is_taken() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = (taken.local_addr().unwrap().port(), taken);
        let mut ports = Ports::new();
        let first = ports.settle(Some(taken.0)).unwrap();
        assert_ne!(first, taken.0);
        assert_ne!(ports.settle(Some(first)).unwrap(), first);
        let refused = ports.insist(taken.0).unwrap_err().to_string();
        assert!(refused.contains(&taken.0.to_string()), "{refused}");
    }
}
