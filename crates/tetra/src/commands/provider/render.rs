//! `tetra provider render`: renders frames beside leases, or no longer.

use std::path::{Path, PathBuf};

use client::render::{RenderStatus, UnitPath};
use client::{Auth, Trust, token};
use farm::DeviceClass;
use farm::engine::blender::{Program, setup};
use farm::engine::{Blender, Device, RenderEngine};
use farm::scenes;
use provider::Home;
use provider::gateway::IdentityFile;
use provider::render::{self, RenderConfig, RenderTier};
use serde_json::json;

use super::{explain, open_key};
use crate::commands::render::names::TierName;
use crate::commands::render::scene;
use crate::context::{Context, Global};
use crate::error::{Class, Classify, CliError, Result};
use crate::output::{self, Talk, row};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Offer this machine's idle part as a render node; an agent that runs follows within seconds
    Enable(Box<Enable>),
    /// Render no more; what is under way goes to others at nobody's fault
    Disable {
        /// The agent's folder
        dir: PathBuf,
        /// For good: the agent asks for what is kept back of its pay, a day later at the soonest
        #[arg(long)]
        leave: bool,
    },
    /// What the node does: state, units in hand, audits, scenes, errors
    Status {
        /// The agent's folder
        dir: PathBuf,
    },
    /// Measure this machine with the benchmark scene; nothing is offered
    Bench {
        /// How often; the fastest counts
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
        rounds: u8,
        /// This machine's GPUs instead of its processor
        #[arg(long)]
        gpu: bool,
    },
    /// Install Blender as bpy from PyPI, for this user: 370 MB to load, 970 MB on disk
    Install,
}

/// Arguments of `enable`. What is not named stays as it was.
#[derive(Debug, clap::Args)]
pub struct Enable {
    /// The agent's folder
    dir: PathBuf,
    /// Cores that renders may use, such as 1.5
    #[arg(long, value_name = "CORES", value_parser = parse_cores)]
    cpu: Option<u64>,
    /// Memory that renders may use, in GiB
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=4096))]
    memory: Option<u64>,
    /// Disk that renders may use, in GiB
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=65536))]
    storage: Option<u64>,
    /// Threads of a render [default: the cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// Whether this machine's GPUs render, all of one class, instead of its processor
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    gpu: Option<bool>,
    /// Price class
    #[arg(long, value_enum)]
    tier: Option<TierName>,
    /// Hours of each day, UTC, without renders, such as 22-6; once for each
    #[arg(long, value_name = "FROM-TO", value_parser = parse_hours)]
    sleep: Vec<[u32; 2]>,
    /// Most disk that scenes may take, in GiB
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=65536))]
    cache: Option<u64>,
    /// Where creators and other nodes reach the gateway [default: the provider's address]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Virtual environment with bpy
    #[arg(long, value_name = "DIR", conflicts_with = "blender")]
    venv: Option<PathBuf>,
    /// The program blender, instead of a virtual environment
    #[arg(long, value_name = "FILE")]
    blender: Option<PathBuf>,
}

pub(super) fn parse_cores(text: &str) -> std::result::Result<u64, String> {
    let milli = crate::commands::oracle::parse_micros(text)? / 1_000;
    Some(milli)
        .filter(|milli| (100..=1_024_000).contains(milli))
        .ok_or_else(|| "0.1 to 1024 cores are wanted".to_owned())
}

fn parse_hours(text: &str) -> std::result::Result<[u32; 2], String> {
    let hours = text.split_once('-').and_then(|(from, to)| Some([from.parse().ok()?, to.parse().ok()?]));
    let hours = hours.filter(|[from, to]: &[u32; 2]| *from < 24 && *to < 24 && from != to);
    hours.ok_or_else(|| "two hours of the day are wanted, such as 22-6".to_owned())
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Enable(args) => enable(context, *args),
        Verb::Disable { dir, leave } => disable(context, dir, leave),
        Verb::Status { dir } => status(context, dir).await,
        Verb::Bench { rounds, gpu } => bench(context, rounds.into(), gpu).await,
        Verb::Install => install(context).await,
    }
}

/// What was configured, with what is named anew.
fn changed(old: RenderConfig, args: &Enable) -> RenderConfig {
    let gib = |gib: u64| gib << 30;
    let tier = args.tier.map(|tier| match tier {
        TierName::Trusted => RenderTier::Trusted,
        TierName::Priority => RenderTier::Priority,
        TierName::Economy => RenderTier::Economy,
    });
    let engine = args.venv.is_some() || args.blender.is_some();
    RenderConfig {
        enabled: true,
        leave: false,
        venv: if engine { args.venv.clone() } else { old.venv },
        blender: if engine { args.blender.clone() } else { old.blender },
        gpu: args.gpu.unwrap_or(old.gpu),
        threads: args.threads.or(old.threads),
        cpu_milli: args.cpu.unwrap_or(old.cpu_milli),
        memory: args.memory.map_or(old.memory, gib),
        storage: args.storage.map_or(old.storage, gib),
        tier: tier.unwrap_or(old.tier),
        sleep: if args.sleep.is_empty() { old.sleep } else { args.sleep.clone() },
        cache_bytes: args.cache.map_or(old.cache_bytes, gib),
        endpoint: args.endpoint.clone().or(old.endpoint),
        keep_days: old.keep_days,
    }
}

fn enable(context: &Context, args: Enable) -> Result {
    if args.venv.is_none() && args.blender.is_none() && Program::find().is_err() {
        return Err(CliError::new(Class::Machine, "this machine has no Blender to render with")
            .hint("`tetra provider render install` installs bpy; Debian has `blender`"));
    }
    let home = Home::new(&args.dir);
    let old = home.config().map_err(|error| explain(error.into()))?.render.unwrap_or_default();
    let wanted = changed(old, &args);
    let device = match wanted.gpu {
        true => gpu_class()?,
        false => DeviceClass::of_cpu(),
    };
    let config = render::enable(&home, wanted).map_err(|error| explain(error.into()))?;
    output::show(context.format(), &config, |config| {
        let hours: Vec<String> = config.sleep.iter().map(|[from, to]| format!("{from}-{to}")).collect();
        let gib = |bytes: u64| format!("{} GiB", bytes >> 30);
        let mut rows = vec![
            row(["device", &device.to_string()]),
            row(["cores", &crate::money::shifted(config.cpu_milli.into(), 3)]),
            row(["memory, disk", &format!("{}, {}", gib(config.memory), gib(config.storage))]),
            row(["scenes", &gib(config.cache_bytes)]),
            row(["next", &format!("tetra provider render status {}", args.dir.display())]),
        ];
        if !hours.is_empty() {
            rows.insert(4, row(["asleep, UTC", &hours.join(", ")]));
        }
        output::table(&rows)
    })
}

/// The class of this machine's GPUs.
fn gpu_class() -> Result<DeviceClass> {
    DeviceClass::of_gpus(Path::new("/")).map_err(|none| {
        CliError::new(Class::Machine, none).hint("its processor renders without --gpu; drivers show GPUs below /sys")
    })
}

fn disable(context: &Context, dir: PathBuf, leave: bool) -> Result {
    render::disable(&Home::new(&dir), leave).map_err(|error| explain(error.into()))?;
    output::show(context.format(), &json!({ "dir": dir, "enabled": false, "leave": leave }), |_| {
        let rest = if leave { "; what is kept back is asked for while the agent runs" } else { "" };
        format!("it renders no more; what is under way goes to other nodes{rest}")
    })
}

async fn status(context: &Context, dir: PathBuf) -> Result {
    let home = Home::new(&dir);
    let config = home.config().map_err(|error| explain(error.into()))?;
    let start = format!("does the agent run? `tetra provider start {}`", dir.display());
    let own = IdentityFile::new(&home.state()).load().class(Class::Machine)?;
    let own = own.ok_or_else(|| {
        CliError::new(Class::Unreachable, format!("the agent of {} never ran", dir.display())).hint(&start)
    })?;
    let key = open_key(context, &config).await?;
    let global = Global { node: Some(config.node.clone()), ..context.global.clone() };
    let prefix = Context { global, home: context.home.clone() }.network().await?.prefix;
    let owner = prefix.text(&key.address());
    let auth = Auth::Token(token::full_access(&key, &owner));
    let status = render::status(&config.host_uri, Trust::only(own.certificate().clone()), auth).await;
    let status = status.map_err(|error| {
        let error = CliError::from(error);
        match error.class() {
            Class::NotFound => error.hint(format!("`tetra provider render enable {}` offers it", dir.display())),
            _ => error.hint(&start),
        }
    })?;
    output::show(context.format(), &status, text)
}

fn unit_text(unit: &UnitPath) -> String {
    format!("{}/{}/{}", unit.creator, unit.jseq, unit.index)
}

fn text(status: &RenderStatus) -> String {
    let mut rows = vec![row(["state", &status.state])];
    rows.extend(status.reason.iter().map(|reason| row(["because", reason])));
    let rounds: Vec<String> = status.benchmark_ms.iter().map(|ms| format!("{ms} ms")).collect();
    rows.extend([
        row(["engine", &format!("{} on {}", status.engine, status.device_class)]),
        row(["benchmark", &rounds.join(", ")]),
    ]);
    for working in &status.working {
        let how = format!(
            "{} try {}, frame {}: {} {} %",
            unit_text(&working.unit),
            working.attempt,
            working.frame,
            working.stage,
            working.permille / 10
        );
        rows.push(row(["unit", &how]));
    }
    rows.extend(status.audits.iter().map(|unit| row(["audit", &unit_text(unit)])));
    let cache = &status.cache;
    rows.push(row([
        "scenes",
        &format!("{} whole, {} of {} MiB", cache.scenes.len(), cache.bytes >> 20, cache.quota >> 20),
    ]));
    for problem in &status.errors {
        let unit = problem.unit.as_ref().map(|unit| format!(" of {}", unit_text(unit))).unwrap_or_default();
        rows.push(row(["error", &format!("{} {}{unit}: {}", problem.at, problem.code, problem.text)]));
    }
    output::table(&rows)
}

async fn bench(context: &Context, rounds: usize, gpu: bool) -> Result {
    let (device, class) = match gpu {
        true => (Device::Gpu, gpu_class()?),
        false => (Device::Cpu, DeviceClass::of_cpu()),
    };
    let program = Program::find().map_err(|fault| scene::explain(&fault))?;
    let engine: Blender = Blender::find().await.map_err(|fault| scene::explain(&fault))?;
    let talk = Talk::start();
    talk.step(&format!("rendering the benchmark scene {rounds} times"));
    let measured = scenes::benchmark(&engine, &program, device, rounds, &|_| {}).await;
    let measured = measured.map_err(|fault| scene::explain(&fault))?;
    drop(talk);
    let units_an_hour = measured.units_an_hour;
    let data = json!({
        "engine": engine.build().to_string(), "device": measured.device, "device_class": class.to_string(),
        "seconds": measured.seconds, "units_an_hour": units_an_hour,
    });
    output::show(context.format(), &data, |_| {
        let seconds: Vec<String> = measured.seconds.iter().map(|seconds| format!("{seconds:.3} s")).collect();
        output::table(&[
            row(["engine", &engine.build().to_string()]),
            row(["device", &format!("{} ({class})", measured.device)]),
            row(["rounds", &seconds.join(", ")]),
            row(["power", &format!("{units_an_hour:.1} units an hour, by the fastest")]),
        ])
    })
}

async fn install(context: &Context) -> Result {
    let folder = setup::environment_folder().ok_or_else(|| {
        CliError::new(Class::Usage, format!("HOME is not set: name a folder with {}", setup::VARIABLE))
    })?;
    let talk = Talk::start();
    let tell = |step: setup::Step| match step {
        setup::Step::Complete => {}
        setup::Step::Waiting => talk.step("another set-up is at work in this folder"),
        setup::Step::Environment(python) => talk.step(&format!("a virtual environment by {}", python.display())),
        setup::Step::Install => talk.step("loading bpy, about 370 MB, from PyPI"),
        setup::Step::Pip(line) => talk.step(&line),
    };
    setup::install(&folder, &tell).await.map_err(|fault| scene::explain(&fault))?;
    drop(talk);
    let data = json!({ "environment": folder, "bpy": setup::BPY_VERSION });
    output::show(context.format(), &data, |_| format!("bpy {} is in {}", setup::BPY_VERSION, folder.display()))
}

#[cfg(test)]
mod tests {
    use client::render::{Cache, Problem, Working};

    use super::*;

    #[test]
    fn what_is_not_named_stays() {
        let args = Enable {
            dir: PathBuf::from("agent"),
            cpu: Some(1_500),
            memory: None,
            storage: None,
            gpu: None,
            threads: None,
            tier: Some(TierName::Priority),
            sleep: vec![[22, 6]],
            cache: None,
            endpoint: None,
            venv: None,
            blender: None,
        };
        let old = RenderConfig { memory: 7 << 30, venv: Some(PathBuf::from("venv")), ..RenderConfig::default() };
        let new = changed(old.clone(), &args);
        assert_eq!((new.cpu_milli, new.memory, new.tier, new.enabled), (1_500, 7 << 30, RenderTier::Priority, true));
        assert_eq!((new.sleep, new.venv.clone()), (vec![[22, 6]], old.venv.clone()));
        let other = Enable { blender: Some(PathBuf::from("/usr/bin/blender")), ..args };
        assert_eq!(changed(old, &other).venv, None, "one engine, not two");
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!((parse_cores("1.5"), parse_hours("22-6")), (Ok(1_500), Ok([22, 6])));
        assert!(parse_cores("0.01").is_err() && parse_hours("22").is_err() && parse_hours("6-6").is_err());
    }

    #[test]
    fn a_node_is_shown_with_what_it_does() {
        let unit = UnitPath { creator: "tetra1alice".to_owned(), jseq: 7, index: 3 };
        let status = RenderStatus {
            state: "ready".to_owned(),
            engine: "blender-5.0.1".to_owned(),
            device_class: "cpu/x86_64/avx2".to_owned(),
            benchmark_ms: vec![4_100, 4_050],
            working: vec![Working {
                unit: unit.clone(),
                attempt: 1,
                frame: 4,
                stage: "rendering".to_owned(),
                permille: 420,
            }],
            audits: vec![unit.clone()],
            cache: Cache { bytes: 3 << 20, quota: 4 << 30, scenes: vec!["ab".repeat(32)] },
            errors: vec![Problem {
                at: "2023-11-14T22:13:20Z".to_owned(),
                unit: Some(unit),
                code: "out_of_memory".to_owned(),
                text: "4 GiB are not enough".to_owned(),
            }],
            ..RenderStatus::default()
        };
        insta::assert_snapshot!(text(&status));
    }
}
