//! `tetra up`: a whole local network, each validator and each provider a process of its own.
//!
//! | module | what it holds |
//! |---|---|
//! | [`folder`] | the network's folder, and who runs it |
//! | [`ports`] | free ports |
//! | [`accounts`] | the dev accounts |
//! | [`profile`], [`genesis`] | sets of genesis data, and the document |
//! | [`setup`] | what the network consists of, written to the folder |
//! | [`providers`] | the providers' part of it, and what they leave on the machine |
//! | [`feeder`] | made-up prices, posted as long as the network runs |
//! | [`processes`] | starting, watching and stopping |
//! | [`run`](mod@run) | the process that runs the network |
//! | [`report`] | what is printed |

pub mod accounts;
pub mod feeder;
pub mod folder;
pub mod genesis;
pub mod ports;
pub mod processes;
pub mod profile;
pub mod providers;
pub mod report;
pub mod run;
pub mod setup;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::Instant;
use workload::ProcessId;

use super::daemon::{self, Stop};
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::output;
use folder::Folder;
use profile::Profile;
use report::Report;
use setup::{SimulatedGpu, Wish};

/// How long a network may take to stop before `tetra down` gives up on it.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Arguments of `tetra up`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Validators [default: 1]
    #[arg(long, value_name = "N", value_parser = parse_validators)]
    validators: Option<usize>,
    /// Providers, which share this machine; 0 is a chain alone [default: 1]
    #[arg(long, value_name = "N", value_parser = parse_providers)]
    providers: Option<usize>,
    /// From one block to the next, such as 500ms or 6s [default: 500ms]
    #[arg(long, value_name = "TIME", value_parser = parse_interval)]
    block_time: Option<u64>,
    /// The network's folder [default: local in the home folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave it running in the background
    #[arg(long)]
    detach: bool,
    /// Begin a new chain, even if the folder holds one
    #[arg(long)]
    fresh: bool,
    /// Denoms and parameters of the chain [default: tetra]
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// Port of the first validator's JSON-RPC [default: 26657 if it is free]
    #[arg(long, value_name = "PORT")]
    rpc_port: Option<u16>,
    /// A GPU that a provider sells and does not have, such as 2:nvidia/a100/80Gi; once for each. Without a number each
    /// provider has one
    #[arg(long = "simulated-gpu", value_name = "[N:]VENDOR/MODEL/RAM", value_parser = parse_gpu)]
    simulated_gpus: Vec<SimulatedGpu>,
    /// Each provider renders frames as well, beside its leases; needs Blender, epochs of ten minutes unless --epoch says
    #[arg(long)]
    render: bool,
    /// Deployments that ask for the attribute feat-tun may make network devices: /dev/net/tun, and all rights over their own network
    #[arg(long)]
    network_devices: bool,
    /// How long an epoch of renders is, such as 60s or 10m [default: 7 days]
    #[arg(long, value_name = "TIME", value_parser = parse_epoch)]
    epoch: Option<u64>,
    /// Run as the background process of --detach
    #[arg(long, hide = true, conflicts_with = "detach")]
    background: bool,
}

/// Arguments of `tetra down`.
#[derive(Debug, clap::Args)]
pub struct DownArgs {
    /// The network's folder [default: local in the home folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn parse_count(text: &str, least: usize, most: usize) -> std::result::Result<usize, String> {
    let number = text.parse::<usize>().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("a whole number from {least} to {most} is wanted"))
}

fn parse_validators(text: &str) -> std::result::Result<usize, String> {
    parse_count(text, 1, 32)
}

fn parse_providers(text: &str) -> std::result::Result<usize, String> {
    parse_count(text, 0, 16)
}

/// `2:nvidia/a100/80Gi`, or without a number.
fn parse_gpu(text: &str) -> std::result::Result<SimulatedGpu, String> {
    let (provider, model) = match text.split_once(':') {
        None => (None, text),
        Some((number, model)) => (Some(parse_count(number, 1, 16)?), model),
    };
    Ok(SimulatedGpu { provider, model: model.parse()? })
}

/// Milliseconds of `500ms` or `6s`.
fn parse_interval(text: &str) -> std::result::Result<u64, String> {
    let millis = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => number.parse::<u64>().ok(),
        (None, Some(number)) => number.parse::<u64>().ok().and_then(|seconds| seconds.checked_mul(1000)),
        (None, None) => None,
    };
    let millis = millis.filter(|millis| (50..=600_000).contains(millis));
    millis.ok_or_else(|| "a time such as 500ms or 6s is wanted, from 50ms to 600s".to_owned())
}

/// Milliseconds of `60s` or `10m`.
fn parse_epoch(text: &str) -> std::result::Result<u64, String> {
    let seconds = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(number), _) => number.parse::<u64>().ok(),
        (None, Some(number)) => number.parse::<u64>().ok().and_then(|minutes| minutes.checked_mul(60)),
        (None, None) => None,
    };
    let seconds = seconds.filter(|seconds| (10..=31 * 86_400).contains(seconds));
    seconds
        .map(|seconds| seconds * 1000)
        .ok_or_else(|| "a time such as 60s or 10m is wanted, from 10s to 31 days".to_owned())
}

/// The folder of a local network: the one that is named, or the home folder's.
///
/// # Errors
/// When the present folder is unknown.
pub fn folder_of(context: &Context, dir: Option<&PathBuf>) -> Result<Folder> {
    let path = dir.cloned().unwrap_or_else(|| context.home.join("local"));
    Ok(Folder::new(std::path::absolute(path).class(Class::Usage)?))
}

/// Runs `tetra up`.
///
/// # Errors
/// Why the network does not run.
pub async fn run(context: &Context, args: Args) -> Result {
    let folder = folder_of(context, args.dir.as_ref())?;
    let wish = Wish {
        validators: args.validators,
        providers: args.providers,
        block_interval_ms: args.block_time,
        rpc_port: args.rpc_port,
        profile: args.profile,
        simulated_gpus: args.simulated_gpus.clone(),
        render: args.render,
        network_devices: args.network_devices,
        epoch_ms: args.epoch,
    };
    if args.detach {
        return detach(context, &folder).await;
    }
    if args.background {
        nix::unistd::setsid().class(Class::Internal)?;
    }
    run::run(context, &folder, &wish, args.fresh).await
}

/// Starts this command again without a terminal and waits until the network is ready.
async fn detach(context: &Context, folder: &Folder) -> Result {
    if folder.runner()?.is_some() {
        // Says that it runs already.
        folder.take().map(drop)?;
    }
    std::fs::create_dir_all(folder.path().join("logs")).class(Class::Machine)?;
    let log = folder.log("up");
    let output = std::fs::File::create(&log).class(Class::Machine)?;
    let given = std::env::args_os().skip(1).filter(|argument| argument != "--detach");
    let mut command = tokio::process::Command::new(daemon::this_program()?);
    command.args(given).arg("--background").stdin(Stdio::null());
    command.stdout(output.try_clone().class(Class::Machine)?).stderr(output);
    let mut child = command.spawn().class(Class::Machine)?;
    let mut stop = Stop::catch()?;
    loop {
        if let Some(status) = child.try_wait().class(Class::Internal)? {
            let lines = processes::last_lines(&log, 20).join("\n");
            let lines = lines.strip_prefix("error: ").unwrap_or(&lines).to_owned();
            let class = status.code().and_then(Class::of_code).unwrap_or(Class::Internal);
            return Err(CliError::new(class, lines));
        }
        let ready = folder.report::<Report>()?.filter(|report| Some(report.pid) == child.id());
        if let Some(report) = ready {
            return output::show(context.format(), &report, Report::text);
        }
        tokio::select! {
            () = tokio::time::sleep(processes::POLL) => {}
            () = stop.asked() => {
                if let Some(runner) = child.id().and_then(|pid| ProcessId::of(pid.cast_signed())) {
                    runner.terminate();
                }
                child.wait().await.class(Class::Internal)?;
                return Err(CliError::new(Class::Usage, "interrupted; the network was stopped"));
            }
        }
    }
}

/// Runs `tetra down`.
///
/// # Errors
/// When the network does not stop.
pub async fn down(context: &Context, args: DownArgs) -> Result {
    let folder = folder_of(context, args.dir.as_ref())?;
    let runner = folder.runner()?;
    if let Some(runner) = runner {
        runner.terminate();
    }
    let deadline = Instant::now() + STOP_LIMIT;
    while folder.runner()?.is_some() {
        if Instant::now() >= deadline {
            let what = format!("the network in {} did not stop in {} s", folder.path().display(), STOP_LIMIT.as_secs());
            return Err(CliError::new(Class::Timeout, what).hint(format!("see {}", folder.log("up").display())));
        }
        tokio::time::sleep(processes::POLL).await;
    }
    // Also what a network left that was killed.
    let held = folder.exists().then(|| folder.take()).transpose()?;
    providers::remove_workloads(&folder.providers()?).await?;
    drop(held);
    let data = serde_json::json!({ "dir": folder.path(), "was_running": runner.is_some() });
    output::show(context.format(), &data, |_| match runner {
        Some(_) => format!("the network in {} is stopped; `tetra up` goes on with it", folder.path().display()),
        None => format!("no network runs in {}", folder.path().display()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulated_gpus_belong_to_one_provider_or_to_each() {
        let gpu = parse_gpu("2:nvidia/a100/80Gi").unwrap();
        assert_eq!((gpu.provider, gpu.model.to_string().as_str()), (Some(2), "nvidia/a100/80Gi"));
        assert_eq!(parse_gpu("nvidia/t4").unwrap().provider, None);
        for wrong in ["0:nvidia/t4", "x:nvidia/t4", "17:nvidia/t4", "1:", "t4"] {
            assert!(parse_gpu(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn epochs_have_units_and_bounds() {
        assert_eq!((parse_epoch("60s"), parse_epoch("10m")), (Ok(60_000), Ok(600_000)));
        for wrong in ["60", "9s", "500ms", "0m", "44641m", ""] {
            assert!(parse_epoch(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn intervals_have_units_and_bounds() {
        assert_eq!(parse_interval("500ms"), Ok(500));
        assert_eq!(parse_interval("6s"), Ok(6000));
        for wrong in ["500", "0ms", "49ms", "601s", "1.5s", "-1s", "99999999999999999999s", ""] {
            assert!(parse_interval(wrong).is_err(), "{wrong}");
        }
    }
}
