//! What a byzantine validator does to what its engine sends: withholds, contradicts itself, garbles, says old things
//! again; or, from one of its proposals to the next, tells half of the nodes one thing and the other half another.

use engine::driver::seeded::{Channel, Packet, Peer, To, Traitor};
use futures::FutureExt;
use rand::Rng;
use rand::seq::IndexedRandom;

/// Packets that it remembers, to send them again.
const MEMORY: usize = 64;

/// A byzantine validator's way of sending.
pub(crate) struct Mischief {
    traitor: Traitor,
    memory: Vec<Packet>,
    /// Whether it has two faces now.
    two_faced: bool,
    /// Whether pieces of a proposal of its own are going out.
    proposing: bool,
}

impl Mischief {
    pub(crate) fn new(traitor: Traitor) -> Self {
        Self { traitor, memory: Vec::new(), two_faced: false, proposing: false }
    }

    /// What really goes out, and to whom.
    pub(crate) fn distort(
        &mut self,
        to: To,
        packet: Packet,
        others: &[Peer],
        dice: &mut impl Rng,
    ) -> Result<Vec<(Peer, Packet)>, String> {
        self.remember(&packet, dice);
        let whom: Vec<Peer> = match to {
            To::Everybody => others.to_vec(),
            To::Peer(peer) => vec![peer],
        };
        let mut sent = Vec::new();
        // The traitor always hears what goes out, so that it knows which blocks have twins.
        let contradiction = self.traitor.contradict(&packet).now_or_never();
        let contradiction = contradiction.unwrap_or(Ok(Vec::new())).map_err(|error| error.to_string())?;
        let proposing = packet.channel == Channel::ProposalParts;
        if proposing && !std::mem::replace(&mut self.proposing, proposing) {
            self.two_faced = dice.random_bool(0.5);
        }
        self.proposing = proposing;
        if self.two_faced && to == To::Everybody {
            let faces = whom.iter().flat_map(|peer| {
                let face = if peer % 2 == 0 { &contradiction[..] } else { std::slice::from_ref(&packet) };
                face.iter().map(|packet| (*peer, packet.clone()))
            });
            return Ok(faces.collect());
        }
        match dice.random_range(0..10) {
            0 => {}
            1 => sent.extend(whom.iter().map(|peer| (*peer, garbled(&packet, dice)))),
            2..=5 if !contradiction.is_empty() => {
                for peer in &whom {
                    let (one, other) = (dice.random_bool(0.6), dice.random_bool(0.6));
                    sent.extend(one.then(|| (*peer, packet.clone())));
                    sent.extend(contradiction.iter().filter(|_| other).map(|packet| (*peer, packet.clone())));
                }
            }
            _ => sent.extend(whom.iter().map(|peer| (*peer, packet.clone()))),
        }
        if dice.random_range(0..5) == 0
            && let (Some(old), Some(peer)) = (self.memory.choose(dice), others.choose(dice))
        {
            sent.push((*peer, old.clone()));
        }
        Ok(sent)
    }

    fn remember(&mut self, packet: &Packet, dice: &mut impl Rng) {
        if self.memory.len() < MEMORY {
            self.memory.push(packet.clone());
        } else {
            let at = dice.random_range(0..MEMORY);
            self.memory[at] = packet.clone();
        }
    }
}

/// The packet with some bytes changed, cut off, added, or on another channel.
fn garbled(packet: &Packet, dice: &mut impl Rng) -> Packet {
    let mut bytes = packet.bytes.to_vec();
    let mut channel = packet.channel;
    match dice.random_range(0..4) {
        0 => bytes.truncate(dice.random_range(0..=bytes.len())),
        1 => bytes.extend((0..dice.random_range(1..64)).map(|_| dice.random::<u8>())),
        2 => {
            let channels = [Channel::Consensus, Channel::ProposalParts, Channel::Liveness, Channel::Status];
            channel = channels.choose(dice).copied().unwrap_or(channel);
        }
        _ => {
            for _ in 0..dice.random_range(1..=4) {
                let at = dice.random_range(0..bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.random_range(0..8);
                }
            }
        }
    }
    Packet { channel, bytes: bytes.into() }
}
