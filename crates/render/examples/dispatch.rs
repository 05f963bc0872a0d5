//! How many units a block's dispatch hands out per second, with 10^4 nodes and 10^6 queued frames.
//!
//! `cargo run --release -p render --example dispatch [NODES] [JOBS] [FRAMES_PER_JOB] [BLOCKS]` prints one line of JSON: decisions
//! are units that were handed out, reads are keys that the plan alone looked at.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark"
)]

use std::sync::Arc;
use std::time::Instant;

use ledger::{Context, testing};
use primitives::Address;
use proto::tetra::capacity::v1::Resources;
use proto::tetra::render::v1::*;
use render::{JobId, NodeId};
use store::{Config, Memory, State, StateStore};

const ENGINES: [&str; 3] = ["cpu/x86_64/avx2", "cpu/x86_64/sse4", "gpu/nvidia/a100"];

fn engine(number: usize) -> Engine {
    let device_class = ENGINES[number % ENGINES.len()].to_owned();
    Engine { name: "cycles".to_owned(), build: "5.0.1".to_owned(), device_class }
}

fn fill(ctx: &mut Context, nodes: u64, jobs: u64, frames: u32) {
    for number in 0..nodes {
        let mut host = [0; 32];
        host[..8].copy_from_slice(&number.to_be_bytes());
        let mut owner = [7; 20];
        owner[..8].copy_from_slice(&number.to_be_bytes());
        let id = NodeId { owner: Address::new(owner), host };
        let node = Node {
            id: Some(id.to_wire(&ctx.chain.prefix)),
            state: NodeState::Ready.into(),
            engine: Some(engine(number as usize)),
            window: Some(Resources { cpu_milli: 4_000, memory: (8 + number % 8 * 8) << 30, ..Resources::default() }),
            tier: if number % 4 == 0 { Tier::Priority.into() } else { Tier::Economy.into() },
            power_milli: 100 + number % 400,
            hands: 2,
            silent_at_ms: u64::MAX,
            ..Node::default()
        };
        render::node::put(ctx, &id, node).unwrap();
    }
    for jseq in 1..=jobs {
        let id = JobId { creator: testing::ALICE, jseq };
        let wish = match jseq % 4 {
            0 => Engine { build: String::new(), device_class: String::new(), ..engine(0) },
            _ => engine(jseq as usize),
        };
        let options = JobOptions {
            frames: vec![FrameRange { first: 1, last: frames.cast_signed(), step: 1 }],
            order: FrameOrder::Bisect.into(),
            tier: if jseq % 5 == 0 { Tier::Priority.into() } else { Tier::Economy.into() },
            min_memory: (4 + jseq % 6 * 8) << 30,
            engine: Some(wish),
            grid: Some(TileGrid { columns: 8, rows: 8 }),
            expected_work_milli: 10_000,
            ..JobOptions::default()
        };
        let job = Job {
            id: Some(id.to_wire(&ctx.chain.prefix)),
            state: JobState::Queued.into(),
            scene: Some(Scene { manifest: vec![jseq as u8; 32], bytes: 1, chunks: 1, origins: Vec::new() }),
            options: Some(options),
            units: frames,
            pending: frames,
            locked_ucredits: u64::MAX / 4,
            ..Job::default()
        };
        render::job::state::PENDING.set(&mut ctx.state, &id.unit(0), &(frames - 1));
        render::job::state::put_job(ctx, &id, &job).unwrap();
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let mut next = |default: u64| arguments.next().unwrap_or(default);
    let (nodes, jobs, frames, blocks) = (next(10_000), next(1_000), next(1_000), next(40));
    let store = StateStore::open(Arc::new(Memory::new()), &render::MODULES, Config::default()).unwrap();
    let mut ctx =
        Context::new(State::new(store.latest().unwrap()), testing::context().block, Arc::new(testing::chain()));
    fill(&mut ctx, nodes, jobs, u32::try_from(frames).unwrap());
    let (mut given, mut reads, mut planning, mut applying) = (0u64, 0u64, 0.0, 0.0);
    for height in 0..=blocks {
        let state = std::mem::replace(&mut ctx.state, State::new(store.latest().unwrap()));
        store.commit(height, &state.into_writes()).unwrap();
        ctx.state = State::new(store.latest().unwrap());
        testing::advance(&mut ctx, 1);
        let begin = Instant::now();
        let plan = render::job::dispatch::plan(&ctx).unwrap();
        planning += begin.elapsed().as_secs_f64();
        reads += ctx.state.work().reads;
        given += plan.choices.iter().filter(|choice| choice.taken.is_some()).count() as u64;
        let begin = Instant::now();
        render::job::dispatch::begin_block(&mut ctx).unwrap();
        applying += begin.elapsed().as_secs_f64();
    }
    let report = serde_json::json!({
        "nodes": nodes,
        "queued_frames": jobs * frames,
        "blocks": blocks + 1,
        "decisions": given,
        "reads_per_decision": reads / given.max(1),
        "plan_decisions_per_second": (given as f64 / planning).round(),
        "dispatch_decisions_per_second": (given as f64 / applying).round(),
    });
    println!("{report}");
}
