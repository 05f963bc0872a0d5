//! Messages of nodes.

use ledger::capacity::state::HOSTS;
use ledger::{Context, Failure, MessageRoute, provider};
use proto::tetra::capacity::v1::Resources;
use proto::tetra::render::v1::{
    MsgBeat, MsgBeatResponse, MsgDisableNode, MsgDisableNodeResponse, MsgEnableNode, MsgEnableNodeResponse,
    MsgTrustNode, MsgTrustNodeResponse, Node, NodeId as WireId, NodeState, SleepHours, Tier,
};

use super::state::{TRUSTED, get, put, require};
use super::{availability, events, kept, power, sleep, window};
use crate::ids::NodeId;
use crate::refusal::node as refusal;
use crate::time::{now_ms, some_ms, stamp};
use crate::{engine, epoch};

/// The longest that the benchmark scene may take: a day.
const LONGEST_BENCHMARK_MS: u64 = 86_400_000;
/// The longest endpoint.
const LONGEST_ENDPOINT: usize = 256;
/// The most scenes that a node may say it holds.
pub const MOST_SCENES: usize = 64;

fn owner(id: Option<&WireId>) -> String {
    id.map(|id| id.owner.clone()).unwrap_or_default()
}

pub(crate) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new::<MsgEnableNode, _>(|m| owner(m.node.as_ref()), enable_node),
        MessageRoute::new::<MsgDisableNode, _>(|m| owner(m.node.as_ref()), disable_node),
        MessageRoute::new::<MsgBeat, _>(|m| owner(m.node.as_ref()), beat),
        MessageRoute::new::<MsgTrustNode, _>(|m| m.authority.clone(), trust_node),
    ]
}

/// An enabling whose every field is well formed.
struct Checked {
    id: NodeId,
    node: Node,
}

impl Checked {
    fn parse(ctx: &Context, msg: MsgEnableNode) -> Result<Self, Failure> {
        let id = NodeId::from_wire(ctx, msg.node.as_ref())?;
        let engine = engine::check(msg.engine.as_ref(), false).map_err(refusal::invalid)?;
        let window = msg.window.clone().unwrap_or_default();
        if window.cpu_milli == 0 || window.memory == 0 {
            return Err(refusal::invalid("its window needs CPU and memory").into());
        }
        check_devices(&window).map_err(refusal::invalid)?;
        if msg.tier() == Tier::Unspecified {
            return Err(refusal::invalid("its tier is missing").into());
        }
        sleep::check(&msg.sleep).map_err(refusal::invalid)?;
        if !(1..=LONGEST_BENCHMARK_MS).contains(&msg.benchmark_ms) {
            return Err(refusal::invalid(format!("benchmark_ms must lie between 1 and {LONGEST_BENCHMARK_MS}")).into());
        }
        if !is_endpoint(&msg.endpoint) {
            let why =
                format!("the endpoint {:?} is no http(s) address of at most {LONGEST_ENDPOINT} bytes", msg.endpoint);
            return Err(refusal::invalid(why).into());
        }
        let node = Node {
            id: msg.node.clone(),
            engine: Some(engine),
            window: Some(window),
            tier: msg.tier,
            sleep: msg.sleep,
            benchmark_ms: msg.benchmark_ms,
            power_milli: power::declared(msg.benchmark_ms),
            endpoint: msg.endpoint,
            simulated: msg.simulated,
            ..Node::default()
        };
        Ok(Self { id, node })
    }
}

fn check_devices(window: &Resources) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    match window.devices.iter().find(|device| !seen.insert(*device)) {
        Some(device) => Err(format!("its window names device {device} twice")),
        None => Ok(()),
    }
}

/// Whether an address is plain HTTP or HTTPS and short.
pub(crate) fn is_endpoint(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty())
        && text.len() <= LONGEST_ENDPOINT
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn state_for(sleep: &[SleepHours], now: u64) -> NodeState {
    if sleep::is_asleep(sleep, now) { NodeState::Asleep } else { NodeState::Ready }
}

/// Opens a window on a host of a registered provider and offers it. What was shown before stays.
///
/// # Errors
/// `render_node` 2, 4, 5, 7, 8; `capacity` 2, 3, 8; `sdk` 4 when the host is another's.
pub fn enable_node(ctx: &mut Context, msg: MsgEnableNode) -> Result<MsgEnableNodeResponse, Failure> {
    let Checked { id, node: wanted } = Checked::parse(ctx, msg)?;
    let name = id.text(&ctx.chain.prefix);
    if provider::get(ctx, &id.owner)?.is_none() {
        return Err(refusal::no_provider(&ctx.text(&id.owner)).into());
    }
    if !HOSTS.has(&ctx.state, &id.host)? {
        return Err(refusal::invalid(format!("host {} is not registered", hex::encode(id.host))).into());
    }
    if wanted.tier() == Tier::Trusted && !TRUSTED.has(&ctx.state, &id)? {
        return Err(refusal::not_trusted(&name).into());
    }
    let old = get(ctx, &id)?.unwrap_or_default();
    match old.state() {
        NodeState::Ready | NodeState::Asleep | NodeState::Offline => {
            return Err(refusal::enabled(&name, old.state().as_str_name()).into());
        }
        NodeState::Banned => return Err(refusal::banned(&name).into()),
        NodeState::Unspecified | NodeState::Yielded | NodeState::Disabled => {}
    }
    let params = epoch::params(ctx)?;
    let (hold, now) = (window::open(ctx, &id, &wanted)?, now_ms(ctx));
    let state = state_for(&wanted.sleep, now);
    let node = Node {
        state: state.into(),
        scenes: old.scenes,
        reputation_bp: old.reputation_bp,
        held_back_ucredits: old.held_back_ucredits,
        held_back_goal_ucredits: params.hold_back_ucredits,
        taken_ucredits: old.taken_ucredits,
        held_back_lux: old.held_back_lux,
        held_back_usd: old.held_back_usd,
        taken_lux: old.taken_lux,
        taken_usd: old.taken_usd,
        strikes: old.strikes,
        good_micros: old.good_micros,
        bad_micros: old.bad_micros,
        shown_milli: old.shown_milli,
        evidence_ms: old.evidence_ms,
        since_ms: if old.since_ms > 0 { old.since_ms } else { now },
        seen: Some(stamp(now)),
        silent_at_ms: now.saturating_add(params.offline_ms),
        checked_ms: now,
        idle_since_height: ctx.block.height,
        hands: params.units_in_hand,
        ..wanted
    };
    put(ctx, &id, node)?;
    events::state(ctx, &id, state, "enabled");
    Ok(MsgEnableNodeResponse { hold })
}

/// Closes the window of a node; its units go back, at nobody's fault. One that leaves for good is paid what is kept back when
/// this is sent again in time. Enabling it ends its leaving.
///
/// # Errors
/// `render_node` 2, 3, 6, 9.
pub fn disable_node(ctx: &mut Context, msg: MsgDisableNode) -> Result<MsgDisableNodeResponse, Failure> {
    let id = NodeId::from_wire(ctx, msg.node.as_ref())?;
    let node = require(ctx, &id)?;
    if msg.leave && node.state() == NodeState::Disabled {
        if node.leaves_ms > 0 {
            return Ok(MsgDisableNodeResponse { released_ucredits: kept::release(ctx, &id, node)? });
        }
        kept::begin(ctx, &id)?;
        return Ok(MsgDisableNodeResponse::default());
    }
    if matches!(node.state(), NodeState::Disabled | NodeState::Banned) {
        return Err(refusal::not_enabled(&id.text(&ctx.chain.prefix), node.state().as_str_name()).into());
    }
    window::close(ctx, &id, NodeState::Disabled, "its owner disabled it")?;
    if msg.leave {
        kept::begin(ctx, &id)?;
    }
    Ok(MsgDisableNodeResponse::default())
}

/// A sign of life. An offline node is back by it. The time since the last sign, while it was ready, counts as available.
///
/// # Errors
/// `render_node` 2, 3, 6.
pub fn beat(ctx: &mut Context, msg: MsgBeat) -> Result<MsgBeatResponse, Failure> {
    let id = NodeId::from_wire(ctx, msg.node.as_ref())?;
    let mut node = require(ctx, &id)?;
    let before = node.state();
    if !matches!(before, NodeState::Ready | NodeState::Asleep | NodeState::Offline) {
        return Err(refusal::not_enabled(&id.text(&ctx.chain.prefix), before.as_str_name()).into());
    }
    if msg.scenes.len() > MOST_SCENES {
        return Err(refusal::invalid(format!("{} scenes; at most {MOST_SCENES}", msg.scenes.len())).into());
    }
    if msg.scenes.iter().any(|scene| scene.len() != 32) {
        return Err(refusal::invalid("a scene is named by the 32 bytes of its manifest").into());
    }
    let (params, now) = (epoch::params(ctx)?, now_ms(ctx));
    let since = now.saturating_sub(some_ms(node.seen.as_ref()).unwrap_or(now)).min(params.offline_ms);
    if before == NodeState::Ready && since > 0 {
        epoch::proved(ctx, power::able(power::clock(&node), since))?;
        if node.working.is_empty() {
            let beat = availability::beat(ctx, &id, &node, since, params.epoch_ms)?;
            epoch::available(ctx, &beat)?;
        }
    }
    node.scenes = msg.scenes;
    node.seen = Some(stamp(now));
    node.silent_at_ms = now.saturating_add(params.offline_ms);
    node.checked_ms = now;
    node.hands = params.units_in_hand;
    let after = state_for(&node.sleep, now);
    node.set_state(after);
    put(ctx, &id, node)?;
    if before != after {
        events::state(ctx, &id, after, "it gave a sign");
    }
    Ok(MsgBeatResponse {})
}

/// Names a node trusted, or no longer so; it counts from the next enabling.
///
/// # Errors
/// `sdk` 4 unless the authority signed; `render_node` 2.
pub fn trust_node(ctx: &mut Context, msg: MsgTrustNode) -> Result<MsgTrustNodeResponse, Failure> {
    ctx.require_authority(&msg.authority)?;
    let id = NodeId::from_wire(ctx, msg.node.as_ref())?;
    match msg.trusted {
        true => TRUSTED.set(&mut ctx.state, &id, &()),
        false => TRUSTED.remove(&mut ctx.state, &id),
    }
    Ok(MsgTrustNodeResponse {})
}
