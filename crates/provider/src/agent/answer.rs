//! Whether replicas answer: their process runs, and each TCP port that they offer to the world takes connections.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;
use workload::{ExposeTo, PodStatus, Protocol, ReplicaStatus, State};

/// A port on this machine answers at once or is busy.
const LIMIT: Duration = Duration::from_millis(500);

/// Service and number of each replica that answers.
pub(super) async fn answering(pod: Option<&PodStatus>) -> BTreeSet<(String, u32)> {
    let replicas = pod.into_iter().flat_map(|pod| &pod.replicas);
    let running = replicas.filter(|replica| matches!(replica.state, State::Running { .. }));
    let asked =
        running.map(|replica| async move { answers(replica).await.then(|| (replica.service.clone(), replica.index)) });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn answers(replica: &ReplicaStatus) -> bool {
    let offered = replica.exposures.iter().filter(|port| port.protocol == Protocol::Tcp && port.to == ExposeTo::Global);
    let tries = offered.map(|port| timeout(LIMIT, TcpStream::connect(SocketAddr::from((replica.address, port.port)))));
    join_all(tries).await.iter().all(|connected| matches!(connected, Ok(Ok(_))))
}
