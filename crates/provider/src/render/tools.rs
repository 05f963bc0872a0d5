//! The engine on this machine, and how fast it is.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use farm::DeviceClass;
use farm::engine::blender::Program;
use farm::engine::{Blender, Device, Fault, Limits, Namespaces, RenderEngine};
use farm::scenes::{Benchmark, benchmark};
use proto::tetra::render::v1 as wire;
use serde::{Deserialize, Serialize};

use super::config::RenderConfig;
use super::trouble::Trouble;
use crate::home::write_private;

/// How often the benchmark's frame is rendered; the fastest counts.
const ROUNDS: usize = 2;

/// The engine on this machine.
pub(crate) struct Tools {
    pub(crate) engine: Blender,
    program: Program,
    /// As the chain writes it.
    pub(crate) named: wire::Engine,
    pub(crate) threads: u32,
    pub(crate) device: Device,
}

/// What renders, as its class.
fn class_of(device: Device) -> Result<DeviceClass, Fault> {
    match device {
        Device::Cpu => Ok(DeviceClass::of_cpu()),
        Device::Gpu => DeviceClass::of_gpus(Path::new("/")).map_err(|none| Fault::NoDevice(none.to_string())),
    }
}

/// What was measured, and of what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measured {
    device_class: String,
    raw: Benchmark,
}

impl Measured {
    /// Milliseconds of each round, rounded up.
    pub(crate) fn rounds(&self) -> Vec<u64> {
        self.raw.seconds.iter().map(|seconds| (seconds * 1000.0).ceil().max(1.0) as u64).collect()
    }

    /// Milliseconds of the fastest round.
    pub(crate) fn fastest(&self) -> u64 {
        self.rounds().into_iter().min().unwrap_or(u64::MAX)
    }
}

/// The program that the configuration names, or that is installed.
fn program(config: &RenderConfig) -> Result<Program, Fault> {
    let found = match (&config.venv, &config.blender) {
        (Some(environment), None) => Program::Module { environment: environment.clone() },
        (None, Some(program)) => Program::Binary { program: program.clone() },
        (None, None) => return Program::find(),
        (Some(_), Some(_)) => {
            let text = "render in provider.json names both venv and blender; leave one out".to_owned();
            return Err(Fault::MissingEngine(text));
        }
    };
    let file = found.interpreter();
    match file.exists() {
        true => Ok(found),
        false => Err(Fault::MissingEngine(format!("{} of render in provider.json is not there", file.display()))),
    }
}

impl Tools {
    /// Starts the engine once, to learn what it is.
    pub(crate) async fn find(config: &RenderConfig, home: &Path) -> Result<Arc<Self>, Trouble> {
        let program = program(config)?;
        let scratch = home.join("scratch");
        // What a crash left of earlier renders.
        match fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir_all(&scratch)?,
        }
        let limits = Limits { memory: config.memory, ..Limits::default() };
        let engine = Blender::new(program.clone(), Arc::new(Namespaces), limits, scratch).await?;
        let named = wire::Engine {
            name: "cycles".to_owned(),
            build: engine.build().to_string(),
            device_class: class_of(config.device())?.to_string(),
        };
        Ok(Arc::new(Self {
            engine: engine.keeping(),
            program,
            named,
            threads: config.threads(),
            device: config.device(),
        }))
    }

    /// What the benchmark measured; measured again where engine or class are others than then.
    pub(crate) async fn measured(&self, home: &Path) -> Result<Measured, Trouble> {
        let path = home.join("benchmark.json");
        let known = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Measured>(&bytes).ok());
        let same = |known: &Measured| {
            known.raw.engine == *self.engine.build() && known.device_class == self.named.device_class
        };
        if let Some(known) = known.filter(same) {
            return Ok(known);
        }
        let raw = benchmark(&self.engine, &self.program, self.device, ROUNDS, &|_| {}).await?;
        let measured = Measured { device_class: self.named.device_class.clone(), raw };
        let text = serde_json::to_vec_pretty(&measured).map_err(|error| Trouble::Odd(error.to_string()))?;
        write_private(&path, &text).map_err(|error| Trouble::Disk(std::io::Error::other(error.to_string())))?;
        Ok(measured)
    }
}
