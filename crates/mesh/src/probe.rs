//! Whether nodes reach each other, and themselves, through the whole of the overlay: device, tunnel, tunnel, device. A
//! connection is made from inside of the container to the other's address, as the container's own processes would.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::place::Inside;
use crate::switch::Seen;
use crate::{Number, PeerStatus, Status, address};

/// Where nodes answer, in the overlay alone: above the ports that connections are given.
pub(crate) const PORT: u16 = 62_127;
/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(1);
/// A connection that takes longer counts as none.
const LIMIT: Duration = Duration::from_secs(3);
/// Failures in a row until a node counts as not reached: one lost packet is none.
const PATIENCE: u32 = 3;

/// Takes connections and lets them go.
pub(crate) async fn echo(listener: TcpListener) {
    loop {
        if listener.accept().await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn try_one(inside: &Inside, number: Number) -> (Number, Option<Duration>) {
    let began = Instant::now();
    let made = inside.connect((address::of(number), PORT).into(), LIMIT).await;
    (number, made.is_ok().then(|| began.elapsed()))
}

/// Tries all peers and itself, again and again.
pub(crate) async fn run(
    inside: Inside,
    own: Number,
    mut wanted: watch::Receiver<Vec<Number>>,
    paths: watch::Receiver<BTreeMap<Number, Seen>>,
    status: watch::Sender<Status>,
) {
    let mut failures: BTreeMap<Number, u32> = BTreeMap::new();
    loop {
        let numbers: Vec<Number> = std::iter::once(own).chain(wanted.borrow_and_update().iter().copied()).collect();
        let numbers: std::collections::BTreeSet<Number> = numbers.into_iter().collect();
        let tried: BTreeMap<Number, Option<Duration>> =
            join_all(numbers.iter().map(|number| try_one(&inside, *number))).await.into_iter().collect();
        let known: Vec<Number> = failures.keys().copied().filter(|number| !numbers.contains(number)).collect();
        for gone in known {
            failures.remove(&gone);
        }
        for (number, connect) in &tried {
            let count = failures.entry(*number).or_insert(PATIENCE);
            *count = if connect.is_some() { 0 } else { count.saturating_add(1) };
        }
        let reached =
            numbers.iter().copied().filter(|number| failures.get(number).is_some_and(|count| *count < PATIENCE));
        let seen = paths.borrow().clone();
        let peer = |(number, seen): (Number, Seen)| {
            let Seen { path, handshake, sent, received } = seen;
            let connect = tried.get(&number).copied().flatten();
            (number, PeerStatus { path, handshake, sent, received, connect })
        };
        status.send_replace(Status { reached: reached.collect(), peers: seen.into_iter().map(peer).collect() });
        let changed = tokio::time::timeout(PAUSE, wanted.changed()).await;
        if matches!(changed, Ok(Err(_))) {
            return;
        }
    }
}
