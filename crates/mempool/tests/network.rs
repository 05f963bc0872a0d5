//! Nodes in one process, talking over loopback.

mod common;

use bytes::Bytes;
use common::{PATIENCE, gossip_config, node};
use mempool::gossip::{GossipEvent, Verdict};
use mempool::{Gossip, GossipError};
use tokio::time::timeout;

#[tokio::test]
async fn two_nodes_deliver_to_each_other() {
    let a = node(1, false, vec![]).await;
    let b = node(2, false, vec![a.address()]).await;
    a.has_peers(1).await;
    b.has_peers(1).await;
    a.mempool.submit("alice/0/5").await.unwrap();
    b.holds(1).await;
    b.mempool.submit("bob/0/9").await.unwrap();
    a.holds(2).await;
    assert_eq!(a.mempool.reap(1_000, 1_000, |_| 0), b.mempool.reap(1_000, 1_000, |_| 0));
}

#[tokio::test]
async fn what_a_node_refuses_it_does_not_forward() {
    let careless = node(1, true, vec![]).await;
    let middle = node(2, false, vec![careless.address()]).await;
    let far = node(3, true, vec![middle.address()]).await;
    middle.has_peers(2).await;
    far.has_peers(1).await;
    careless.has_peers(1).await;

    careless.mempool.submit("garbage").await.unwrap();
    middle.checks.commit("alice", 1);
    careless.mempool.submit("alice/0/1").await.unwrap();
    // On the single path to the far end this one comes last: when it is there, nothing else is under way.
    careless.mempool.submit("bob/0/1").await.unwrap();
    far.holds(1).await;
    assert!(middle.checks.saw("garbage") && middle.checks.saw("alice/0/1"));
    assert!(!far.checks.saw("garbage") && !far.checks.saw("alice/0/1"));
    assert_eq!(far.mempool.unconfirmed(9), [Bytes::from_static(b"bob/0/1")]);
}

#[tokio::test]
async fn a_peer_that_keeps_sending_garbage_is_disconnected() {
    let careless = node(1, true, vec![]).await;
    let strict = node(2, false, vec![careless.address()]).await;
    strict.has_peers(1).await;
    careless.has_peers(1).await;
    for count in 0..8 {
        careless.mempool.submit(format!("garbage {count}")).await.unwrap();
    }
    // Eight are borne: a good one still gets through.
    careless.mempool.submit("alice/0/1").await.unwrap();
    strict.holds(1).await;
    careless.mempool.submit("the ninth").await.unwrap();
    strict.has_peers(0).await;
}

#[tokio::test]
async fn a_newcomer_is_offered_what_waits_even_when_it_comes_again() {
    let a = node(1, false, vec![]).await;
    for sequence in 0..20 {
        a.mempool.submit(format!("alice/{sequence}/1")).await.unwrap();
    }
    for _start in 0..2 {
        let b = node(2, false, vec![a.address()]).await;
        b.holds(20).await;
        b.mempool.close().await.unwrap();
        a.has_peers(0).await;
    }
}

#[tokio::test]
async fn halves_of_a_network_that_meet_end_with_the_union() {
    let a = node(1, false, vec![]).await;
    let b = node(2, false, vec![a.address()]).await;
    b.has_peers(1).await;
    a.has_peers(1).await;
    let c = node(3, false, vec![]).await;
    c.mempool.submit("carol/0/1").await.unwrap();
    a.mempool.submit("alice/0/1").await.unwrap();
    let bridge = node(4, false, vec![b.address(), c.address()]).await;
    for node in [&a, &b, &c, &bridge] {
        node.holds(2).await;
    }
}

#[tokio::test]
async fn a_lost_peer_is_dialled_again() {
    let b = node(2, false, vec![]).await;
    let address = b.address();
    let a = node(1, false, vec![address.clone()]).await;
    a.has_peers(1).await;
    b.mempool.close().await.unwrap();
    a.has_peers(0).await;
    a.mempool.submit("alice/0/1").await.unwrap();

    let mut again = gossip_config(2, "test-1", vec![]);
    again.listen = address.into_iter().take(2).collect();
    let (_handle, mut events) = Gossip::start(again).await.unwrap();
    let offered = async {
        loop {
            match events.recv().await.unwrap() {
                GossipEvent::Received(received) => return received.bytes,
                GossipEvent::Joined(_) => {}
            }
        }
    };
    assert_eq!(timeout(PATIENCE, offered).await.unwrap(), Bytes::from_static(b"alice/0/1"));
}

#[tokio::test]
async fn an_oversized_transaction_does_not_reach_the_node() {
    let (receiver, mut events) = Gossip::start(gossip_config(1, "test-1", vec![])).await.unwrap();
    let mut generous = gossip_config(2, "test-1", vec![receiver.address().clone()]);
    generous.max_tx_bytes = 100_000;
    let (sender, _sender_events) = Gossip::start(generous).await.unwrap();
    let mut peers = sender.peers();
    timeout(PATIENCE, peers.wait_for(|peers| peers.len() == 1)).await.unwrap().unwrap();
    sender.publish(Bytes::from(vec![0; 1_001])).await;
    sender.publish(Bytes::from(vec![0; 1_000])).await;
    let sizes = async {
        loop {
            if let GossipEvent::Received(received) = events.recv().await.unwrap() {
                let size = received.bytes.len();
                receiver.report(received, Verdict::Accept).await;
                return size;
            }
        }
    };
    assert_eq!(timeout(PATIENCE, sizes).await.unwrap(), 1_000);
}

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let (first, _events) = Gossip::start(gossip_config(1, "test-1", vec![])).await.unwrap();
    let mut second = gossip_config(2, "test-1", vec![]);
    second.listen = first.address().iter().take(2).collect();
    let error = Gossip::start(second).await.err().unwrap();
    assert!(matches!(error, GossipError::Listen { .. }), "{error}");
}
