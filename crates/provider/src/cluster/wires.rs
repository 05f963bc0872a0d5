//! Where packets of overlays of this machine arrive, and whom it tells that.

use std::net::SocketAddr;
use std::time::Duration;

use mesh::Wire;
use tokio::net::TcpStream;

use super::supplier::Supplier;
use super::trouble::Trouble;

/// For the way to a carrier.
const LIMIT: Duration = Duration::from_secs(10);

impl Supplier {
    /// A way for the packets of an overlay, and the address that other nodes are told: a UDP socket of this machine, or one of the
    /// carrier that it is configured to go through.
    pub(super) async fn wire(&self) -> Result<(Wire, SocketAddr), Trouble> {
        let config = self.config()?;
        let (addresses, told) = config.listen(self.gateway_address());
        if let Some(carrier) = config.via {
            let broken = |error: std::io::Error| {
                Trouble::Waits(format!(
                    "the carrier of overlays at {carrier} does not work: {error}; is its tether up?"
                ))
            };
            let stream = tokio::time::timeout(LIMIT, TcpStream::connect(carrier)).await;
            let stream = stream.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(broken)?;
            stream.set_nodelay(true).map_err(broken)?;
            let wire = tokio::time::timeout(LIMIT, Wire::through(stream)).await;
            let wire = wire.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(broken)?;
            let endpoint = (told, wire.local_address().port()).into();
            return Ok((wire, endpoint));
        }
        let wire = Wire::udp(&addresses).await.map_err(|error| {
            let ports =
                config.ports.map_or_else(|| "any port".to_owned(), |[first, last]| format!("ports {first} to {last}"));
            Trouble::Odd(format!("no overlay can listen at {ports}: {error}"))
        })?;
        let endpoint = (told, wire.local_address().port()).into();
        Ok((wire, endpoint))
    }
}
