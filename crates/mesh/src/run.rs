//! The task that moves packets between the device and the socket.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::place::Device;
use crate::switch::{Out, Seen, Switch};
use crate::wire::{ROOM, Wire};
use crate::{Number, PeerSpec};

const TICK: Duration = Duration::from_millis(100);
/// Datagrams that are taken at a time.
const BATCH: usize = 64;

/// Moves packets until nobody tells who the peers are any more.
pub(crate) async fn run(
    mut switch: Switch,
    mut wire: Wire,
    mut device: Device,
    mut told: mpsc::UnboundedReceiver<Vec<PeerSpec>>,
    seen: watch::Sender<BTreeMap<Number, Seen>>,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut inner, mut outer) = ([0u8; ROOM], [0u8; ROOM]);
    loop {
        tokio::select! {
            read = device.receive(&mut inner) => match read {
                Ok(length) => switch.take_packet(&inner[..length], Instant::now()),
                // The namespace is gone, and the device with it.
                Err(error) => return tracing::debug!(%error, "the overlay's device ended"),
            },
            read = wire.receive(&mut outer) => match read {
                Ok((length, from)) => {
                    switch.take_datagram(&outer[..length], from, Instant::now());
                    for _ in 0..BATCH {
                        let Ok((length, from)) = wire.try_receive(&mut outer) else { break };
                        switch.take_datagram(&outer[..length], from, Instant::now());
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return tracing::debug!("the overlay's carrier is gone");
                }
                // An answer of ICMP to an earlier datagram: the next one is read.
                Err(_) => {}
            },
            peers = told.recv() => match peers {
                Some(peers) => switch.set_peers(&peers),
                None => return,
            },
            _ = ticks.tick() => {
                let now = Instant::now();
                switch.tick(now);
                seen.send_replace(switch.seen(now));
            }
        }
        while let Some(out) = switch.next() {
            // A packet that cannot be sent is lost, as packets are.
            match out {
                Out::Device(packet) => device.send(packet).await,
                Out::Network(to, datagram) => wire.send(to, datagram).await,
            }
        }
    }
}
