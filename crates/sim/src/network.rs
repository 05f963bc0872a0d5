//! A scenario, step by step.

use std::collections::BTreeMap;
use std::time::Duration;

use app::Genesis;
use app::genesis::ModuleStates;
use engine::driver::seeded::{Peer, Traitor};
use ledger::validators::genesis::Member;

use crate::clients::{Clients, prefix};
use crate::disk::Fate;
use crate::links::Links;
use crate::machine::Machine;
use crate::mischief::Mischief;
use crate::watch::Broken;
use crate::world::{Happening, World};

const CHAIN_ID: &str = "sim-1";
const GENESIS_TIME: i64 = 1_700_000_000;
const BLOCK_INTERVAL_MS: u64 = 1_000;
const ACCOUNTS: u8 = 6;
/// How long a machine that was killed by hand stays down, unless it is started by hand before.
const DOWN: Duration = Duration::from_secs(10);
/// Voting power of a validator.
const POWER: u64 = 10;

/// A network that is being described; [`Plan::start`] makes it run.
#[derive(Clone, Debug)]
pub struct Plan {
    validators: u16,
    seed: u64,
    links: Links,
    skews: Vec<(Peer, i64)>,
    traitors: Vec<Peer>,
    deaths: Vec<(Peer, u64, Fate)>,
    powers: BTreeMap<Peer, u64>,
    trace: bool,
}

impl Plan {
    /// From this come all dice.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What packets suffer from the beginning on.
    pub fn links(mut self, links: Links) -> Self {
        self.links = links;
        self
    }

    /// A node's clock is ahead of the true time, or behind it; by 30 s at most.
    pub fn skewed(mut self, node: Peer, milliseconds: i64) -> Self {
        self.skews.push((node, milliseconds.clamp(-30_000, 30_000)));
        self
    }

    /// A validator that breaks the rules.
    pub fn byzantine(mut self, node: Peer) -> Self {
        self.traitors.push(node);
        self
    }

    /// The voting power of a validator; 10 for those of whom nothing is said.
    pub fn power(mut self, node: Peer, power: u64) -> Self {
        self.powers.insert(node, power);
        self
    }

    /// A node dies at a durable write, counted from the first one of its life.
    pub fn dies_at_write(mut self, node: Peer, write: u64, fate: Fate) -> Self {
        self.deaths.push((node, write, fate));
        self
    }

    /// Whether everything that happens is printed.
    pub fn trace(mut self, shown: bool) -> Self {
        self.trace = shown;
        self
    }

    /// Starts all nodes at time 0.
    ///
    /// # Errors
    /// When a node does not start.
    pub fn start(self) -> Result<Network, Broken> {
        let prefix = prefix().ok_or_else(|| Broken::Scenario("the prefix of addresses is none".to_owned()))?;
        let mut machines: Vec<Machine> = (0..self.validators).map(Machine::new).collect();
        let clients = Clients::new(ACCOUNTS, CHAIN_ID, prefix);
        let power = |machine: &Machine| self.powers.get(&machine.me).copied().unwrap_or(POWER);
        let member =
            |machine: &Machine| Member { public_key: hex::encode(machine.key.public_key()), power: power(machine) };
        let mut state = ModuleStates::default();
        state.validators.validators = machines.iter().map(member).collect();
        clients.fund(&mut state);
        let genesis = Genesis {
            chain_id: CHAIN_ID.to_owned(),
            genesis_time: GENESIS_TIME,
            dev: true,
            classic: false,
            prefix: "tetra".to_owned(),
            block_interval_ms: BLOCK_INTERVAL_MS,
            authority: clients.authority(),
            limits: Default::default(),
            state,
        };
        for (node, skew) in &self.skews {
            if let Some(machine) = machines.get_mut(usize::from(*node)) {
                machine.skew_ms = *skew;
            }
        }
        for (node, write, fate) in &self.deaths {
            if let Some(machine) = machines.get_mut(usize::from(*node)) {
                machine.disk.die_at(*write, *fate);
            }
        }
        let mut world = World::new(genesis, machines, clients, self.seed, self.trace);
        world.links = self.links;
        for node in self.traitors {
            let key = world.machine(node)?.key.clone();
            let chain_id = CHAIN_ID.parse().map_err(|_| Broken::Scenario("the chain id is none".to_owned()))?;
            world.corrupt(node, Mischief::new(Traitor::new(chain_id, &key)));
        }
        world.begin()?;
        Ok(Network { world })
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The highest block.
    pub height: u64,
    /// Transfers in blocks.
    pub transfers: u64,
    /// Times that a machine died.
    pub deaths: u64,
    /// Simulated time.
    pub time: Duration,
    /// How many things happened.
    pub happenings: u64,
    /// SHA-256 over all of them, the first 16 bytes.
    pub trace: String,
}

/// A network that runs.
pub struct Network {
    world: World,
}

impl Network {
    /// A network of so many validators.
    pub fn of(validators: u16) -> Plan {
        let links = Links::quiet();
        let (skews, traitors, deaths) = (Vec::new(), Vec::new(), Vec::new());
        Plan { validators, seed: 0, links, skews, traitors, deaths, powers: BTreeMap::new(), trace: false }
    }

    /// Simulated time, how many things happened so far, and the hash of all of them as in [`Report::trace`].
    pub fn so_far(&self) -> (Duration, u64, String) {
        let (happenings, trace) = self.world.trace.sum();
        (self.world.now, happenings, trace)
    }

    /// The highest block that any node has.
    pub fn highest(&self) -> u64 {
        self.world.watch.highest()
    }

    /// The last block of a node; what it had, while it is down.
    pub fn height(&self, node: Peer) -> u64 {
        self.world.machines.get(usize::from(node)).map_or(0, |machine| machine.highest)
    }

    /// Durable writes of a node so far.
    pub fn writes(&self, node: Peer) -> u64 {
        self.world.machines.get(usize::from(node)).map_or(0, |machine| machine.disk.writes())
    }

    /// Times that a machine died.
    pub fn deaths(&self) -> u64 {
        self.world.deaths
    }

    /// Simulated time so far.
    pub fn now(&self) -> Duration {
        self.world.now
    }

    /// Lets the network run for a while.
    ///
    /// # Errors
    /// A broken promise.
    pub fn run_for(&mut self, time: Duration) -> Result<(), Broken> {
        self.world.run_to(self.world.now + time)
    }

    /// Lets the network run until some node has a block.
    ///
    /// # Errors
    /// A broken promise; [`Broken::Stuck`] when it takes longer than the limit.
    pub fn run_until_height(&mut self, height: u64, limit: Duration) -> Result<(), Broken> {
        self.run_until(height, limit, |world| world.watch.highest())
    }

    /// Lets the network run until every honest node is up and has a block.
    ///
    /// # Errors
    /// As [`Network::run_until_height`].
    pub fn run_until_all_reach(&mut self, height: u64, limit: Duration) -> Result<(), Broken> {
        self.run_until(height, limit, |world| {
            let honest = world.machines.iter().filter(|machine| world.watch.is_honest(machine.me));
            honest.map(|machine| if machine.is_up() { machine.highest } else { 0 }).min().unwrap_or(0)
        })
    }

    fn run_until(&mut self, wanted: u64, limit: Duration, height: impl Fn(&World) -> u64) -> Result<(), Broken> {
        let end = self.world.now + limit;
        while height(&self.world) < wanted {
            if !self.world.step(end)? {
                let heights = self.world.machines.iter().map(|machine| machine.highest).collect();
                return Err(Broken::Stuck { seconds: limit.as_secs(), heights, wanted });
            }
        }
        Ok(())
    }

    /// Lets the network run for a while in which there must be no new block.
    ///
    /// # Errors
    /// [`Broken::Moved`] when there is one; another broken promise.
    pub fn stands_still_for(&mut self, time: Duration) -> Result<(), Broken> {
        let before = self.highest();
        self.run_for(time)?;
        match self.highest() {
            height if height == before => Ok(()),
            height => Err(Broken::Moved { height }),
        }
    }

    /// From now on, links are like this.
    pub fn links(&mut self, links: Links) {
        self.world.links = links;
    }

    /// Cuts the links between groups of nodes; within a group they stay.
    pub fn split(&mut self, groups: &[&[Peer]]) {
        self.world.cuts.heal();
        let group_of = |peer: &Peer| groups.iter().position(|group| group.contains(peer));
        for from in self.world.peers() {
            for to in self.world.peers() {
                if group_of(&from) != group_of(&to) {
                    self.world.cuts.cut(from, to);
                }
            }
        }
    }

    /// Cuts a link in one direction.
    pub fn cut(&mut self, from: Peer, to: Peer) {
        self.world.cuts.cut(from, to);
    }

    /// All links work again.
    pub fn heal(&mut self) {
        self.world.cuts.heal();
    }

    /// No faults any more but those of byzantine validators: links are quiet and whole, and nobody dies.
    pub fn quiet(&mut self) {
        self.heal();
        self.links(Links::quiet());
        self.world.machines.iter().for_each(|machine| machine.disk.live());
    }

    /// A node dies at one of its next durable writes, and comes back after a while.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn crash_at_write(&mut self, node: Peer, write: u64, fate: Fate) -> Result<(), Broken> {
        self.world.machine(node)?.disk.die_at(write, fate);
        Ok(())
    }

    /// A node dies now, and comes back after ten seconds unless it is started before.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn crash(&mut self, node: Peer, fate: Fate) -> Result<(), Broken> {
        let machine = self.world.machine(node)?;
        if !machine.is_up() {
            return Ok(());
        }
        machine.disk.cut_power(fate);
        self.world.bury(node)?;
        self.world.after(DOWN, Happening::Start(node));
        Ok(())
    }

    /// A node's disk does not keep what it says that it keeps of the engine's log.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn disk_lies(&mut self, node: Peer) -> Result<(), Broken> {
        self.world.machine(node)?.disk.lie();
        Ok(())
    }

    /// Starts a node that is down.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self, node: Peer) -> Result<(), Broken> {
        self.world.start(node)
    }

    /// A node's clock jumps; it is at most 30 s wrong.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn skew(&mut self, node: Peer, milliseconds: i64) -> Result<(), Broken> {
        self.world.machine(node)?.skew_ms = milliseconds.clamp(-30_000, 30_000);
        Ok(())
    }

    /// The dice of this run, for scenarios that are random themselves.
    pub fn dice(&mut self) -> &mut impl rand::Rng {
        &mut self.world.dice
    }

    /// Looks at every honest node that is up: its chain, its commits, and on the highest one where the money is.
    ///
    /// # Errors
    /// A broken promise.
    pub fn finish(self) -> Result<Report, Broken> {
        let Self { world } = self;
        let highest = world.watch.highest();
        for machine in world.machines.iter().filter(|machine| world.watch.is_honest(machine.me)) {
            let Some(chain) = machine.chain() else { continue };
            world.watch.check_chain(machine.me, chain)?;
            if chain.tip().height == highest {
                world.clients.check(chain).map_err(|why| Broken::Money { node: machine.me, why })?;
            }
        }
        let (happenings, trace) = world.trace.sum();
        Ok(Report {
            height: highest,
            transfers: world.clients.committed,
            deaths: world.deaths,
            time: world.now,
            happenings,
            trace,
        })
    }
}
