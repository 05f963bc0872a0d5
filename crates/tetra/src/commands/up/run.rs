//! The process that runs a local network: it sets it up, starts its parts, waits until all is ready, and ends them.

use std::time::Duration;

use client::Node;
use indicatif::ProgressBar;
use tokio::time::Instant;

use super::accounts::{self, DevAccount, Role};
use super::feeder::Feeder;
use super::folder::{Folder, Plan, ValidatorPorts};
use super::processes::{self, POLL, Process};
use super::providers;
use super::report::{AccountReport, ProviderReport, Report, ValidatorReport};
use super::setup::{self, Wish};
use crate::commands::daemon::Stop;
use crate::commands::node::height_of;
use crate::context::{Context, NetworkFile};
use crate::error::{Class, Classify, CliError, Result};
use crate::output;

/// Every node has so many blocks before the network counts as ready.
const READY_HEIGHT: u64 = 2;
/// How long that may take, beside the blocks themselves.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long parts may take to end before they are killed.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the network until SIGINT or SIGTERM, or until no validator is left.
///
/// # Errors
/// Why it does not start, or why it ended.
pub async fn run(context: &Context, folder: &Folder, wish: &Wish, fresh: bool) -> Result {
    let mut stop = Stop::catch()?;
    let _running = folder.take()?;
    let network = Network::set_up(context, folder, wish, fresh).await?;
    let mut parts = Parts::default();
    let outcome = tokio::select! {
        outcome = network.drive(context, &mut parts) => outcome,
        () = stop.asked() => Ok(()),
    };
    if output::watched() {
        eprintln!("stopping; once more kills");
    }
    tokio::select! {
        () = parts.end() => {}
        () = stop.asked() => parts.kill().await,
    }
    outcome.and(providers::remove_workloads(&folder.providers()?).await)
}

/// The processes. Those that end are told of once.
#[derive(Default)]
struct Parts {
    validators: Vec<Process>,
    providers: Vec<Process>,
}

impl Parts {
    /// Ends the providers before the chain that they speak to.
    async fn end(&mut self) {
        processes::stop(&mut self.providers, GRACE).await;
        processes::stop(&mut self.validators, GRACE).await;
    }

    async fn kill(&mut self) {
        processes::stop(&mut self.providers, Duration::ZERO).await;
        processes::stop(&mut self.validators, Duration::ZERO).await;
    }

    fn all_live(&mut self) -> Result {
        processes::all_live(&mut self.validators)?;
        processes::all_live(&mut self.providers)
    }
}

/// A network that is set up in its folder.
struct Network<'a> {
    folder: &'a Folder,
    plan: Plan,
    accounts: Vec<DevAccount>,
    continued: bool,
}

impl<'a> Network<'a> {
    /// Writes what is missing in the folder.
    async fn set_up(context: &Context, folder: &'a Folder, wish: &Wish, fresh: bool) -> Result<Self> {
        let stored = if fresh { None } else { folder.plan()? };
        let plan = setup::settle(wish, stored.as_ref())?;
        let report = match plan.providers.len() {
            0 => None,
            _ => Some(providers::check_machine(folder.path()).await?),
        };
        let accounts = accounts::all(plan.providers.len())?;
        let keystore = context.keystore();
        accounts.iter().try_for_each(|account| account.add_to(&keystore))?;
        if stored.is_some() {
            setup::configure_validators(folder, &plan)?;
            providers::configure(folder, &plan)?;
        } else {
            providers::remove_workloads(&folder.providers()?).await?;
            folder.clear()?;
            setup::make_validators(folder, &plan, &accounts, wish.epochs())?;
            if let Some(report) = report {
                let keys = std::path::absolute(keystore.folder()).class(Class::Usage)?;
                let sellers: Vec<_> = accounts.iter().filter(|account| account.role == Role::Provider).collect();
                providers::make(folder, &plan, &sellers, &keys, &report, wish)?;
            }
        }
        folder.set_plan(&plan)?;
        Ok(Self { folder, plan, accounts, continued: stored.is_some() })
    }

    /// Starts everything, tells when it is ready, and watches it.
    async fn drive(&self, context: &Context, parts: &mut Parts) -> Result {
        let spinner = if output::watched() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        spinner.enable_steady_tick(POLL);
        let format = context.global.log_format;
        for index in 0..self.plan.validators.len() {
            let name = format!("validator-{index}");
            let log = self.folder.log(&name);
            parts.validators.push(Process::start(&name, "node", &self.folder.validator(index), log, format)?);
        }
        let nodes: Vec<Node> = self.plan.validators.iter().map(|ports| Node::new(url(ports.rpc))).collect();
        let heights = self.blocks(parts, &nodes, &spinner).await?;
        for number in 1..=self.plan.providers.len() {
            let name = format!("provider-{number}");
            let log = self.folder.log(&name);
            parts.providers.push(Process::start(&name, "provider", &self.folder.provider(number), log, format)?);
        }
        let mut feeder = Feeder::find(context, nodes.first(), &self.accounts, self.plan.block_interval_ms).await?;
        let first = async {
            match &mut feeder {
                Some(feeder) => feeder.post().await,
                None => Ok(()),
            }
        };
        tokio::try_join!(self.registrations(parts, &nodes, &spinner), first)?;
        spinner.finish_and_clear();

        let node = nodes.first().map(|node| node.url().to_owned()).unwrap_or_default();
        let prefix = Some(self.plan.profile.prefix()?.as_str().to_owned());
        context.choose_network(&NetworkFile { node, account: "alice".to_owned(), prefix })?;
        let report = self.report(parts, &heights)?;
        self.folder.set_report(&report)?;
        output::show(context.format(), &report, Report::text)?;

        let feed = async {
            match &mut feeder {
                Some(feeder) => feeder.feed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            outcome = watch(parts) => outcome,
            () = feed => Ok(()),
        }
    }

    /// Waits until every node has blocks, newer ones than before.
    async fn blocks(&self, parts: &mut Parts, nodes: &[Node], spinner: &ProgressBar) -> Result<Vec<u64>> {
        let blocks = Duration::from_millis(self.plan.block_interval_ms.saturating_mul(READY_HEIGHT + 1));
        let deadline = Instant::now() + READY_LIMIT + blocks;
        let mut wanted = None;
        loop {
            parts.all_live()?;
            let heights = futures::future::join_all(nodes.iter().map(height_of)).await;
            let known: Option<Vec<u64>> = heights.iter().copied().collect();
            spinner.set_message(format!("waiting for blocks: {}", shown(&heights)));
            if let Some(known) = known {
                let highest = known.iter().copied().max().unwrap_or(0);
                // A chain that goes on shows its old height before it makes blocks again.
                let wanted = *wanted.get_or_insert(READY_HEIGHT.max(highest + 1));
                if known.iter().all(|height| *height >= wanted) {
                    return Ok(known);
                }
            }
            if Instant::now() >= deadline {
                return Err(late(
                    &format!("not all nodes have blocks (heights: {})", shown(&heights)),
                    &parts.validators,
                ));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the chain knows every provider and their gateways take connections.
    async fn registrations(&self, parts: &mut Parts, nodes: &[Node], spinner: &ProgressBar) -> Result {
        let Some(node) = nodes.first() else { return Ok(()) };
        let prefix = self.plan.profile.prefix()?;
        let deadline = Instant::now() + READY_LIMIT + Duration::from_millis(self.plan.block_interval_ms * 10);
        let sellers = self.accounts.iter().filter(|account| account.role == Role::Provider);
        for (account, ports) in sellers.zip(&self.plan.providers) {
            spinner.set_message(format!("waiting for {}", account.name));
            while !providers::is_ready(node, &account.text(&prefix), ports).await {
                parts.all_live()?;
                if Instant::now() >= deadline {
                    return Err(late(&format!("{} is not registered", account.name), &parts.providers));
                }
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(())
    }

    /// The examples are priced in `uusd`.
    fn pay_with(&self) -> String {
        match self.plan.profile.dollar() {
            "uusd" => String::new(),
            other => format!(" --pay-with {other}"),
        }
    }

    fn report(&self, parts: &Parts, heights: &[u64]) -> Result<Report> {
        let prefix = self.plan.profile.prefix()?;
        let validator = |((process, ports), (index, height)): ((&Process, &ValidatorPorts), (usize, &u64))| {
            let Process { name, log, .. } = process;
            let dir = self.folder.validator(index);
            let (name, log) = (name.clone(), log.clone());
            ValidatorReport {
                name,
                rpc: url(ports.rpc),
                grpc: url(ports.grpc),
                rest: url(ports.rest),
                metrics: metrics(ports.metrics),
                height: *height,
                pid: process.pid(),
                dir,
                log,
            }
        };
        let validators = parts.validators.iter().zip(&self.plan.validators).zip(heights.iter().enumerate());
        let sellers = self.accounts.iter().filter(|account| account.role == Role::Provider);
        let mut reports = Vec::new();
        for (index, ((process, ports), seller)) in
            parts.providers.iter().zip(&self.plan.providers).zip(sellers).enumerate()
        {
            let dir = self.folder.provider(index + 1);
            reports.push(ProviderReport {
                name: seller.name.clone(),
                address: seller.text(&prefix),
                gateway: providers::host_uri(ports),
                proxy: format!("http://*.localhost:{}", ports.proxy),
                metrics: metrics(ports.metrics),
                price_percent: providers::price_percent(index + 1),
                offer: providers::offer_text(&dir)?,
                pid: process.pid(),
                dir,
                log: process.log.clone(),
            });
        }
        let account = |account: &DevAccount| AccountReport {
            name: account.name.clone(),
            role: account.role,
            address: account.text(&prefix),
            index: account.index,
        };
        Ok(Report {
            chain_id: self.plan.profile.chain_id().to_owned(),
            dir: self.folder.path().to_owned(),
            pid: std::process::id(),
            block_interval_ms: self.plan.block_interval_ms,
            continued: self.continued,
            validators: validators.map(validator).collect(),
            providers: reports,
            accounts: self.accounts.iter().map(account).collect(),
            mnemonic: accounts::DEV_MNEMONIC.to_owned(),
            next: vec![
                format!("tetra deploy examples/hello-web/deploy.yaml --auto cheapest{}", self.pay_with()),
                "tetra deployment list".to_owned(),
                "tetra down".to_owned(),
            ],
        })
    }
}

/// Tells of processes that end, until no validator is left.
async fn watch(parts: &mut Parts) -> Result {
    loop {
        processes::watch(&mut parts.providers);
        if processes::watch(&mut parts.validators) == 0 {
            let what = "no validator is left";
            return Err(CliError::new(Class::Machine, what).hint("`tetra up` goes on with the network"));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn metrics(port: u16) -> String {
    format!("{}/metrics", url(port))
}

fn late(what: &str, processes: &[Process]) -> CliError {
    let error = CliError::new(Class::Timeout, format!("the network did not get ready in time: {what}"));
    processes.iter().fold(error, |error, one| error.hint(format!("see {}", one.log.display())))
}

fn shown(heights: &[Option<u64>]) -> String {
    let text = |height: &Option<u64>| height.map_or_else(|| "-".to_owned(), |height| height.to_string());
    heights.iter().map(text).collect::<Vec<_>>().join(" ")
}
