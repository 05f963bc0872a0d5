//! Where packets of overlays of this machine arrive, and whom it tells that.

use std::net::SocketAddr;
use std::time::Duration;

use mesh::Wire;
use tokio::net::TcpStream;

use super::ground::Carriage;
use super::trouble::Trouble;

/// For a carrier that does not answer.
const LIMIT: Duration = Duration::from_secs(10);

/// A connection to a carrier.
///
/// # Errors
/// [`Trouble::Waits`] when it does not answer.
pub(super) async fn carrier(carrier: SocketAddr) -> Result<TcpStream, Trouble> {
    let stream = tokio::time::timeout(LIMIT, TcpStream::connect(carrier)).await;
    let stream = stream.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
    stream.map_err(|error| broken(carrier, &error))
}

fn broken(carrier: SocketAddr, error: &std::io::Error) -> Trouble {
    Trouble::Waits(format!("the carrier of overlays at {carrier} does not work: {error}; is its tether up?"))
}

/// A wire for a node of this machine, and the endpoint that others are told.
///
/// # Errors
/// When there is no socket, or no carrier.
pub(super) async fn wire(carriage: &Carriage) -> Result<(Wire, SocketAddr), Trouble> {
    let wire = match carriage.via {
        Some(via) => {
            let wire = tokio::time::timeout(LIMIT, Wire::through(carrier(via).await?)).await;
            let wire = wire.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
            wire.map_err(|error| broken(via, &error))?
        }
        None => Wire::udp(&carriage.listen).await.map_err(|error| {
            let ports = [carriage.listen.first(), carriage.listen.last()].map(|at| at.map_or(0, SocketAddr::port));
            let at = match ports {
                [0, _] => "any port".to_owned(),
                [first, last] => format!("ports {first} to {last}"),
            };
            Trouble::Odd(format!("no overlay can listen at {at}: {error}"))
        })?,
    };
    let endpoint = (carriage.told, wire.local_address().port()).into();
    Ok((wire, endpoint))
}
