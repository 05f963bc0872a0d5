use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::{MTU, address};

/// Two stacks whose packets reach each other.
fn pair() -> (Stack, Stack, JoinSet<()>) {
    let (near, far) =
        (Stack::new(address::of(1), MTU, BTreeMap::new()), Stack::new(address::of(2), MTU, BTreeMap::new()));
    let ((to_near, in_near), (to_far, in_far)) = (mpsc::channel(1_024), mpsc::channel(1_024));
    let mut tasks = JoinSet::new();
    tasks.spawn(near.clone().run(in_near, to_far));
    tasks.spawn(far.clone().run(in_far, to_near));
    (near, far, tasks)
}

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_connection_reaches_the_loopback_of_the_other_node_and_carries_more_than_fits_a_buffer() {
    let (near, _far, _tasks) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        stream.write_all(&all.len().to_be_bytes()).await.unwrap();
        all
    });
    let sent: Vec<u8> = (0..3 * BUFFER).map(|at| at as u8).collect();
    let mut stream = near.connect(SocketAddrV4::new(address::of(2), port), LIMIT).await.unwrap();
    stream.write_all(&sent).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, sent.len().to_be_bytes());
    assert!(served.await.unwrap() == sent);
}

#[tokio::test]
async fn where_nobody_listens_a_connection_is_refused_at_once_and_nothing_is_left() {
    let (near, far, _tasks) = pair();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let error = near.connect(SocketAddrV4::new(address::of(2), port), LIMIT).await.err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(far.inner().sockets.iter().count(), 0);
    assert!(far.inner().opening.is_empty());
}

#[tokio::test]
async fn a_node_reaches_itself_by_its_own_address() {
    let (near, _far, _tasks) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = SocketAddr::from((address::of(1), listener.local_addr().unwrap().port()));
    near.reach(to, LIMIT).await.unwrap();
    listener.accept().await.unwrap();
}

proptest! {
    #[test]
    fn no_packet_makes_it_fail(packet in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = begins(&packet);
        let stack = Stack::new(address::of(1), MTU, BTreeMap::new());
        stack.inner().queues.bring(packet);
        let _ = stack.turn();
    }
}
