//! `tetra validator`: asks miners, scores what they say, sets weights in time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use inference::models::MODEL;
use inference::validator::duty::{Book, Due};
use inference::validator::run::{Scored, Validator, ValidatorConfig};
use inference::validator::task::{Embeddings, Image, Pretraining, Program, Search, Task, TaskError, TextPrompting};
use inference::wire::dendrite::Dendrite;
use serde_json::{Value, json};

use super::super::subnet::ask::parse_wit;
use super::miner::{classified, environment};
use super::{Who, until_stopped};
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::money::Units;
use crate::output::{self, row};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Ask miners, score what they say, set or commit weights in time, until it is stopped
    Run(Box<Run>),
    /// What a validator remembers: scores, and commitments that wait
    Status(Status),
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TaskName {
    /// What functions of Python's standard library do, by its documentation
    Text,
    /// Words of a passage of Python's documentation; links are checked against it
    Search,
    /// Small language models that miners trained, compared on held-out text
    Pretraining,
    /// Pictures of digits, judged by a classifier and by their variety
    Image,
    /// Embeddings of all-MiniLM-L6-v2, by their being its own
    Embeddings,
    /// What a program says: --program
    Program,
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    #[command(flatten)]
    who: Who,
    /// What is asked
    #[arg(long, value_enum, default_value = "text")]
    task: TaskName,
    /// The program of `--task program`: a line of JSON in, a line of JSON out
    #[arg(long, value_name = "PROGRAM", required_if_eq("task", "program"))]
    program: Option<PathBuf>,
    /// The model's name in questions; gateways use the same
    #[arg(long, default_value = MODEL)]
    model: String,
    /// How many miners a round asks
    #[arg(long, default_value_t = 8)]
    sample: usize,
    /// From one round to the next, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    every: u64,
    /// Validators with more stake than this are not asked
    #[arg(long, value_name = "WIT", default_value = "4096wit")]
    stake_limit: String,
}

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Status {
    #[command(flatten)]
    who: Who,
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Run(args) => validate(context, *args).await,
        Verb::Status(args) => status(context, args),
    }
}

fn task(args: &Run, folder: &Path) -> Result<Box<dyn Task>> {
    let failed = |error: TaskError| match error {
        TaskError::Model(error) => classified(error),
        error => CliError::new(Class::Machine, error),
    };
    Ok(match (args.task, &args.program) {
        (TaskName::Text, _) => Box::new(TextPrompting::open(&environment()?).map_err(failed)?),
        (TaskName::Search, _) => Box::new(Search::open(&environment()?).map_err(failed)?),
        (TaskName::Pretraining, _) => Box::new(Pretraining::open(&environment()?, folder).map_err(failed)?),
        (TaskName::Image, _) => Box::new(Image::open(&environment()?).map_err(failed)?),
        (TaskName::Embeddings, _) => Box::new(Embeddings::open(&environment()?).map_err(failed)?),
        (TaskName::Program, Some(program)) => Box::new(Program::start(program).map_err(failed)?),
        (TaskName::Program, None) => {
            return Err(CliError::new(Class::Usage, "no program is named").hint("--program PROGRAM"));
        }
    })
}

async fn validate(context: &Context, args: Run) -> Result {
    let role = args.who.begin(context).await?;
    let units = Units::of(&context.network().await?.genesis);
    let folder = args.who.folder(context, "validator")?;
    let record = folder.join("record.json");
    let book = Book::open(&record).map_err(|error| CliError::new(Class::Machine, error))?;
    let config = ValidatorConfig {
        netuid: args.who.netuid,
        model: args.model.clone(),
        sample: args.sample.max(1),
        every: Duration::from_millis(args.every.max(1)),
        stake_limit: parse_wit(&units, &args.stake_limit)?.into(),
    };
    let id = role.key.id();
    let own = role.graph.find(id).map(|neuron| (neuron.uid, neuron.validator));
    let Some((uid, permit)) = own else {
        let what = format!("{id} has no uid in subnet {}", args.who.netuid);
        return Err(CliError::new(Class::NotFound, what)
            .hint(format!("tetra subnet register {} --hotkey {}", args.who.netuid, args.who.hotkey)));
    };
    let dendrite = Dendrite::new(role.key, args.who.netuid).map_err(|error| CliError::new(Class::Internal, error))?;
    let validator = Validator::new(config, role.chain, dendrite, book, task(&args, &folder)?);
    let data = json!({ "netuid": args.who.netuid, "uid": uid, "hotkey": id, "permit": permit, "record": record });
    output::show(context.format(), &data, |_| {
        output::table(&[
            row(["subnet", &args.who.netuid.to_string()]),
            row(["uid", &uid.to_string()]),
            row(["permit", if permit { "yes" } else { "no: the next epoch gives permits to those with most stake" }]),
            row(["remembers", &record.display().to_string()]),
        ])
    })?;
    let told = |graph: &inference::chain::Metagraph, scored: &[Scored], due: &Due| {
        for Scored { uid, reward, said } in scored {
            let said: String =
                said.as_ref().map_or_else(|why| format!("({why})"), Clone::clone).chars().take(80).collect();
            eprintln!("height {} uid {uid} {reward:.3} {}", graph.height, said.replace('\n', " "));
        }
        match due {
            Due::Nothing => {}
            Due::Weigh => eprintln!("height {}: weights are on the chain", graph.height),
            Due::Reveal(_) => eprintln!("height {}: weights are revealed", graph.height),
            Due::Forget(_) => eprintln!("height {}: a commitment was lost", graph.height),
        }
    };
    tokio::select! {
        () = validator.run(told) => Ok(()),
        stopped = until_stopped() => stopped,
    }
}

fn status(context: &Context, args: Status) -> Result {
    let record = args.who.folder(context, "validator")?.join("record.json");
    let book = Book::open(&record).map_err(|error| CliError::new(Class::Machine, error))?;
    let scores: Vec<Value> =
        book.record.scores.positive().iter().map(|(uid, score)| json!({ "uid": uid, "score": score })).collect();
    let data = json!({ "scores": scores, "commitments": book.record.waiting.len(), "weighed_epoch": book.record.done });
    output::show(context.format(), &data, |_| {
        let mut rows = vec![row(["UID", "SCORE"])];
        rows.extend(
            book.record.scores.positive().iter().map(|(uid, score)| row([&uid.to_string(), &format!("{score:.4}")])),
        );
        format!("{}\n\n{} commitments wait", output::table(&rows), book.record.waiting.len())
    })
}
