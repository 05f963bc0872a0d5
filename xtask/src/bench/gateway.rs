//! Questions to a real model through gateway, signed protocol and miner, beside the same server asked directly, in turns.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::demo::network::{Home, Network};
use crate::demo::subnet::crew::Crew;
use crate::failure::{Failure, Result};
use crate::{http, setup, shell};

/// Throughput through the gateway, of that of the model alone.
const GOAL: f64 = 0.8;

/// Options of `bench gateway`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Questions of each kind, one after the other
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    questions: u32,
    /// Tokens of each answer
    #[arg(long, default_value_t = 32)]
    tokens: u32,
    /// How many are asked at the same time where throughput is measured
    #[arg(long, default_value_t = 2)]
    together: usize,
    /// With the release build of `tetra`
    #[arg(long)]
    release: bool,
}

/// Where to ask, and with which key.
struct Door {
    url: String,
    key: String,
}

/// An answer.
struct Asked {
    took: Duration,
    tokens: u32,
}

/// No question is asked twice: the model's server keeps what it has read, so that whoever asks it second would seem quicker.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// Runs it.
///
/// # Errors
/// When a step fails, or the gateway answers anything but 200.
pub(crate) fn run(args: &Args) -> Result {
    setup::run(setup::RUN)?;
    let home = if args.release {
        shell::show(shell::cargo().args(["build", "--release", "--locked", "-p", "tetra"]))?;
        Home::release()
    } else {
        crate::demo::build()?;
        Home::new()
    };
    home.json(&["miner", "install"])?;
    let mut network = Network::start(home.clone(), 1, 0, "500ms")?;
    let mut crew = Crew::default();
    let (direct, through) = doors(&home, &mut crew)?;
    let (mut alone, mut with) = (Vec::new(), Vec::new());
    // The first question of each loads what is loaded once.
    for door in [&direct, &through] {
        ask(door, args.tokens)?;
    }
    for _ in 0..args.questions {
        alone.push(ask(&direct, args.tokens)?.took);
        with.push(ask(&through, args.tokens)?.took);
    }
    let (mut alone_rate, mut with_rate) = (0.0, 0.0);
    let rounds = 3;
    for _ in 0..rounds {
        alone_rate += rate(&direct, args)? / f64::from(rounds);
        with_rate += rate(&through, args)? / f64::from(rounds);
    }
    drop(crew);
    network.stop()?;
    let (alone, with) = (median(alone), median(with));
    let added = with.as_secs_f64() * 1e3 - alone.as_secs_f64() * 1e3;
    println!("one after the other, median of {} answers of {} tokens:", args.questions, args.tokens);
    println!("  the model alone      {:>8.1} ms", alone.as_secs_f64() * 1e3);
    println!("  through the gateway  {:>8.1} ms, {added:.1} ms more", with.as_secs_f64() * 1e3);
    println!("{} at the same time, mean of {rounds} rounds of {} answers:", args.together, args.questions);
    println!("  the model alone      {alone_rate:>8.2} tokens a second");
    let ratio = with_rate / alone_rate;
    println!("  through the gateway  {with_rate:>8.2} tokens a second: {ratio:.3} (goal: {GOAL})");
    let data = json!({
        "alone_ms": alone.as_secs_f64() * 1e3, "gateway_ms": with.as_secs_f64() * 1e3, "added_ms": added,
        "alone_tokens_per_s": alone_rate, "gateway_tokens_per_s": with_rate, "ratio": ratio, "goal": GOAL,
    });
    println!("{data}");
    Ok(())
}

/// A subnet with one miner in front of the model, and a gateway.
fn doors(home: &Home, crew: &mut Crew) -> Result<(Door, Door)> {
    for name in ["hotkeys", "subnets"] {
        // Of an earlier chain; there may be none.
        let _ = std::fs::remove_dir_all(home.file(name));
    }
    for name in ["owner", "asks", "answers"] {
        home.json(&["hotkey", "new", name])?;
        home.json(&["hotkey", "bind", name, "--from", "alice", "-y"])?;
    }
    home.json(&["subnet", "create", "bench", "--hotkey", "owner", "--from", "alice", "-y"])?;
    home.json(&["subnet", "register", "1", "--hotkey", "asks", "--from", "alice", "-y"])?;
    let model = crew.start(home, "model", &["miner", "model", "--listen", "127.0.0.1:0"])?;
    let url = model["url"].as_str().ok_or_else(|| Failure::new("the model tells no address"))?.to_owned();
    let of = ["--netuid", "1", "--listen", "127.0.0.1:0", "--from", "alice"];
    let miner = ["miner", "run", "--hotkey", "answers", "--upstream", &url, "--max-burn", "20wit"];
    crew.start(home, "answers", &[&miner[..], &of].concat())?;
    let gateway =
        crew.start(home, "gateway", &[&["gateway", "run", "--hotkey", "asks", "--hedge", "60000"][..], &of].concat())?;
    let who = ["--netuid", "1", "--hotkey", "asks"];
    home.json(&[&["gateway", "credit", "ann", "100wit"][..], &who].concat())?;
    let key = home.json(&[&["gateway", "key", "ann"][..], &who].concat())?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let direct = Door { url: format!("{url}/v1/chat/completions"), key: "none".to_owned() };
    Ok((direct, Door { url: format!("{}/chat/completions", text(&gateway["url"])), key: text(&key["key"]) }))
}

fn ask(door: &Door, tokens: u32) -> Result<Asked> {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // The form that miners see, so that the model's server has the same work whoever asks.
    let body = json!({
        "model": "smollm2-135m-instruct", "max_tokens": tokens, "temperature": 0.0, "top_p": 1.0, "seed": 1, "stop": [],
        "stream": true, "stream_options": { "include_usage": true },
        "messages": [{ "role": "user", "content": format!("{number} is a number. Tell a long story in which it is important.") }],
    });
    let began = Instant::now();
    let answer = http::post_with_key(&door.url, &door.key, &body.to_string())?;
    if answer.status != 200 {
        return Err(Failure::new(format!("HTTP {} from {}: {}", answer.status, door.url, answer.body)));
    }
    let took = began.elapsed();
    let used = answer.body.rsplit_once("\"completion_tokens\":").map(|(_, rest)| rest);
    let used =
        used.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()).and_then(|number| number.parse().ok());
    let tokens = used.ok_or_else(|| Failure::new(format!("no usage from {}: {}", door.url, answer.body)))?;
    Ok(Asked { took, tokens })
}

/// Tokens of answers a second where several are asked for at the same time: answers may be of several lengths.
fn rate(door: &Door, args: &Args) -> Result<f64> {
    let (begun, told, began) = (AtomicU32::new(0), AtomicU32::new(0), Instant::now());
    std::thread::scope(|scope| {
        let work = || -> Result {
            loop {
                if begun.fetch_add(1, Ordering::Relaxed) >= args.questions {
                    return Ok(());
                }
                told.fetch_add(ask(door, args.tokens)?.tokens, Ordering::Relaxed);
            }
        };
        let workers: Vec<_> = (0..args.together).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(Failure::new("a worker died"))))
    })?;
    Ok(f64::from(told.into_inner()) / began.elapsed().as_secs_f64())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
