//! What happens next, and to whom. One queue of happenings in the order of time; what one of them brings about is
//! put into it again.

use std::collections::BTreeMap;
use std::time::Duration;

use app::Genesis;
use bytes::Bytes;
use engine::driver::seeded::{Action, Channel, Event, Packet, Peer, To};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::clients::{Clients, outcomes};
use crate::links::{Cuts, Links};
use crate::machine::{Health, Machine};
use crate::mischief::Mischief;
use crate::trace::{Shown, Trace};
use crate::watch::{Broken, Watch};

/// How often clients look whether there is something to send.
const CLIENTS: Duration = Duration::from_millis(250);
/// How far ahead of the proposer's clock a block's time may be (docs/protocol.md, "Block time"), and the longest skew
/// of a clock that a scenario may set.
const TIME_BOUND: Duration = Duration::from_secs(5 + 30);

pub(crate) enum Happening {
    /// A packet comes to a node from a neighbour, if it is still the one that it was sent to.
    Packet { from: Peer, to: Peer, life: u64, parcel: Parcel },
    /// A transaction comes to a node.
    Tx { to: Peer, raw: Bytes, is_new: bool },
    /// A node's timer has run.
    Wake { node: Peer, life: u64, timer: u64 },
    /// A machine's power is back.
    Start(Peer),
    /// Clients look at the clock.
    Clients,
}

/// A packet with the name of who published it, which passes on what others published only unchanged.
#[derive(Clone)]
pub(crate) struct Parcel {
    by: Peer,
    packet: Packet,
}

impl Parcel {
    /// Whether nodes pass it on to each other, as libp2p's gossip does.
    fn is_gossip(&self) -> bool {
        matches!(self.packet.channel, Channel::Consensus | Channel::ProposalParts | Channel::Liveness)
    }
}

pub(crate) struct World {
    pub(crate) genesis: Genesis,
    pub(crate) now: Duration,
    pub(crate) machines: Vec<Machine>,
    pub(crate) links: Links,
    pub(crate) cuts: Cuts,
    pub(crate) clients: Clients,
    pub(crate) watch: Watch,
    pub(crate) trace: Trace,
    pub(crate) dice: StdRng,
    /// How long a machine that died stays down.
    pub(crate) down: std::ops::RangeInclusive<u64>,
    /// Deaths so far.
    pub(crate) deaths: u64,
    mischief: BTreeMap<Peer, Mischief>,
    queue: BTreeMap<(Duration, u64), Happening>,
    happenings: u64,
}

impl World {
    pub(crate) fn new(genesis: Genesis, machines: Vec<Machine>, clients: Clients, seed: u64, shown: bool) -> Self {
        Self {
            genesis,
            now: Duration::ZERO,
            machines,
            links: Links::quiet(),
            cuts: Cuts::default(),
            clients,
            watch: Watch::default(),
            trace: Trace::new(shown),
            dice: StdRng::seed_from_u64(seed),
            down: 100..=3_000,
            deaths: 0,
            mischief: BTreeMap::new(),
            queue: BTreeMap::new(),
            happenings: 0,
        }
    }

    pub(crate) fn peers(&self) -> Vec<Peer> {
        self.machines.iter().map(|machine| machine.me).collect()
    }

    pub(crate) fn machine(&mut self, node: Peer) -> Result<&mut Machine, Broken> {
        let unknown = || Broken::Scenario(format!("there is no node {node}"));
        self.machines.get_mut(usize::from(node)).ok_or_else(unknown)
    }

    pub(crate) fn corrupt(&mut self, node: Peer, mischief: Mischief) {
        self.watch.distrust(node);
        self.mischief.insert(node, mischief);
    }

    pub(crate) fn after(&mut self, wait: Duration, happening: Happening) {
        self.happenings += 1;
        self.queue.insert((self.now + wait, self.happenings), happening);
    }

    /// Starts all nodes and the clients.
    pub(crate) fn begin(&mut self) -> Result<(), Broken> {
        for node in self.peers() {
            self.start(node)?;
        }
        let chain = self.machines.iter().find_map(Machine::chain).cloned();
        let chain = chain.ok_or_else(|| Broken::Scenario("no node is up".to_owned()))?;
        self.clients.meet(&chain).map_err(Broken::Scenario)?;
        self.after(CLIENTS, Happening::Clients);
        Ok(())
    }

    /// Lets happen what is due until a time; that is the time then.
    pub(crate) fn run_to(&mut self, end: Duration) -> Result<(), Broken> {
        while self.step(end)? {}
        self.now = end;
        Ok(())
    }

    /// Lets the next thing happen, if it does before the end; whether it did.
    pub(crate) fn step(&mut self, end: Duration) -> Result<bool, Broken> {
        let Some(entry) = self.queue.first_entry().filter(|next| next.key().0 <= end) else {
            return Ok(false);
        };
        let ((at, _), happening) = entry.remove_entry();
        self.now = at;
        self.happen(happening)?;
        Ok(true)
    }

    fn happen(&mut self, happening: Happening) -> Result<(), Broken> {
        match happening {
            Happening::Packet { from, to, life, parcel } => {
                if self.lives(to, life) {
                    self.arrive(from, to, parcel)
                } else {
                    Ok(())
                }
            }
            Happening::Wake { node, life, timer } => {
                if !self.lives(node, life) {
                    return Ok(());
                }
                self.trace.note(self.now, format_args!("{node} timer {timer}"), &[]);
                self.give(node, Event::Due(timer))
            }
            Happening::Tx { to, raw, is_new } => {
                self.take_tx(to, raw, is_new);
                Ok(())
            }
            Happening::Start(node) => self.start(node),
            Happening::Clients => {
                let sent = self.clients.send(self.now, &mut self.dice);
                let up: Vec<Peer> = self.machines.iter().filter(|m| m.is_up()).map(|m| m.me).collect();
                for raw in sent {
                    if let Some(to) = up.choose(&mut self.dice).copied() {
                        self.after(Duration::from_millis(1), Happening::Tx { to, raw, is_new: true });
                    }
                }
                self.after(CLIENTS, Happening::Clients);
                Ok(())
            }
        }
    }

    /// A packet comes to a node. What is new to it, it passes on; what it got from others already, it does not look at
    /// again unless its publisher says it again.
    fn arrive(&mut self, from: Peer, to: Peer, parcel: Parcel) -> Result<(), Broken> {
        let Parcel { by, ref packet } = parcel;
        self.trace.note(self.now, format_args!("{from} -> {to} by {by} {}", Shown(packet)), &packet.bytes);
        let is_new = !parcel.is_gossip() || self.machine(to)?.sees(packet);
        if is_new && parcel.is_gossip() && self.watch.is_honest(to) {
            for other in self.peers().into_iter().filter(|other| ![to, from, by].contains(other)) {
                self.carry(to, other, parcel.clone())?;
            }
        }
        if is_new || from == by { self.give(to, Event::Arrived { from: by, packet: parcel.packet }) } else { Ok(()) }
    }

    /// Puts a packet on a link.
    fn carry(&mut self, from: Peer, to: Peer, parcel: Parcel) -> Result<(), Broken> {
        if !self.cuts.passes(from, to) {
            return Ok(());
        }
        let life = self.machine(to)?.life;
        for wait in self.links.arrivals(&mut self.dice) {
            self.after(wait, Happening::Packet { from, to, life, parcel: parcel.clone() });
        }
        Ok(())
    }

    fn lives(&self, node: Peer, life: u64) -> bool {
        self.machines.get(usize::from(node)).is_some_and(|machine| machine.is_up() && machine.life == life)
    }

    /// A transaction comes to a node, which tells the others if it is new to it.
    fn take_tx(&mut self, to: Peer, raw: Bytes, is_new: bool) {
        let machine = self.machines.get(usize::from(to));
        let taken = machine.and_then(Machine::pool).is_some_and(|pool| pool.submit(raw.clone()));
        self.trace.note(self.now, format_args!("{to} transaction, taken: {taken}"), &raw);
        if !(taken && is_new) {
            return;
        }
        for other in self.peers().into_iter().filter(|other| *other != to) {
            if self.cuts.passes(to, other) {
                for wait in self.links.arrivals(&mut self.dice) {
                    self.after(wait, Happening::Tx { to: other, raw: raw.clone(), is_new: false });
                }
            }
        }
    }

    fn give(&mut self, node: Peer, event: Event) -> Result<(), Broken> {
        let (now, genesis_time) = (self.now, self.genesis.genesis_time);
        let health = self.machine(node)?.give(genesis_time, now, event);
        self.follow(node, health)
    }

    /// Starts a node on its machine.
    pub(crate) fn start(&mut self, node: Peer) -> Result<(), Broken> {
        let seed = self.dice.random::<u64>() >> 1;
        let World { genesis, now, machines, dice, .. } = self;
        let Some(machine) = machines.get_mut(usize::from(node)).filter(|machine| !machine.is_up()) else {
            return Ok(());
        };
        machine.disk.recover(dice);
        let health = machine.start(genesis, *now, seed);
        let life = machine.life;
        self.trace.note(self.now, format_args!("{node} starts, life {life}: {health:?}"), &[]);
        let machine = self.machine(node)?;
        if let Some(has) = machine.chain().map(|chain| chain.tip().height)
            && has < machine.promised
        {
            return Err(Broken::Lost { node, had: machine.promised, has });
        }
        self.follow(node, health)
    }

    /// Carries out what a node wanted, looks at its new blocks, and buries it if it died.
    fn follow(&mut self, node: Peer, health: Health) -> Result<(), Broken> {
        let actions = self.machine(node)?.line().map(|line| line.take()).unwrap_or_default();
        for action in actions {
            self.carry_out(node, action)?;
        }
        self.see_blocks(node)?;
        match health {
            Health::Runs => Ok(()),
            Health::Died => {
                self.bury(node)?;
                let wait = Duration::from_millis(self.dice.random_range(self.down.clone()));
                self.after(wait, Happening::Start(node));
                Ok(())
            }
            Health::Failed(why) => Err(Broken::Stopped { node, why }),
        }
    }

    /// A node is gone, with all that is on its way to it.
    pub(crate) fn bury(&mut self, node: Peer) -> Result<(), Broken> {
        self.deaths += 1;
        let machine = self.machine(node)?;
        machine.kill();
        let writes = machine.disk.writes();
        self.trace.note(self.now, format_args!("{node} dies at write {writes}"), &[]);
        Ok(())
    }

    fn carry_out(&mut self, node: Peer, action: Action) -> Result<(), Broken> {
        match action {
            Action::Wake { timer, after } => {
                let life = self.machine(node)?.life;
                self.after(after, Happening::Wake { node, life, timer });
                Ok(())
            }
            Action::Send { to, packet } => self.send(node, to, packet),
        }
    }

    fn send(&mut self, from: Peer, to: To, packet: Packet) -> Result<(), Broken> {
        let own = self.machine(from)?.key.address();
        self.watch.said(from, &own, &packet)?;
        let others: Vec<Peer> = self.peers().into_iter().filter(|peer| *peer != from).collect();
        let sent = match (self.mischief.get_mut(&from), to) {
            (Some(mischief), to) => mischief.distort(to, packet, &others, &mut self.dice).map_err(Broken::Scenario)?,
            (None, To::Everybody) => others.into_iter().map(|peer| (peer, packet.clone())).collect(),
            (None, To::Peer(peer)) => vec![(peer, packet)],
        };
        sent.into_iter().try_for_each(|(to, packet)| self.carry(from, to, Parcel { by: from, packet }))
    }

    fn see_blocks(&mut self, node: Peer) -> Result<(), Broken> {
        let genesis_time = Duration::from_secs(u64::try_from(self.genesis.genesis_time).unwrap_or(0));
        let latest = genesis_time + self.now + TIME_BOUND;
        let machine = self.machine(node)?;
        let Some(chain) = machine.chain().cloned() else {
            return Ok(());
        };
        let tip = chain.tip().height;
        machine.promised = machine.promised.max(tip);
        if machine.disk.is_dead() {
            // What it holds is looked at when it is read again.
            return Ok(());
        }
        let seen = std::mem::replace(&mut machine.highest, tip);
        for height in seen + 1..=tip {
            let is_first = self.watch.committed(node, &chain, height, latest)?;
            self.trace.note(self.now, format_args!("{node} has block {height}"), &[]);
            if is_first {
                let outcomes = outcomes(&chain, height).map_err(|why| Broken::Money { node, why })?;
                for (hash, code) in outcomes {
                    self.clients.included(&hash, code).map_err(|why| Broken::Money { node, why })?;
                }
            }
        }
        Ok(())
    }
}
