//! `tetra cluster submit` and `job`: Ray's Jobs API at the head, through its agent's gateway.

use std::io::Write;
use std::time::{Duration, Instant};

use client::cluster::PortAnswer;
use client::{Gateway, GatewayError};
use serde_json::{Value, json};

use super::names::ClusterName;
use super::reach::Reach;
use super::run::pairs;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{self, row};

/// Ray's dashboard and its Jobs API.
pub const PORT: u16 = 8_265;
const POLL: Duration = Duration::from_secs(1);
/// The Jobs API is there seconds after Ray takes tasks.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `submit`.
#[derive(Debug, clap::Args)]
pub struct Submit {
    /// The cluster
    cluster: ClusterName,
    /// Its name, unique on the cluster [default: Ray chooses one]
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// Environment of the job, NAME=VALUE; once for each
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Return at once instead of when it is done
    #[arg(long)]
    no_wait: bool,
    /// The command that runs at the head
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Verbs of `job`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// All jobs of the cluster
    List {
        /// The cluster
        cluster: ClusterName,
    },
    /// One job
    Show {
        /// The cluster
        cluster: ClusterName,
        /// Its name
        job: String,
    },
    /// End one
    Stop {
        /// The cluster
        cluster: ClusterName,
        /// Its name
        job: String,
    },
}

/// The head of a cluster.
struct Head<'a> {
    gateway: Gateway,
    reach: &'a Reach,
    number: u32,
}

impl<'a> Head<'a> {
    async fn of(reach: &'a Reach) -> Result<Self> {
        let node = reach.node(0)?;
        Ok(Self { gateway: reach.gateway(node).await?, reach, number: node.number })
    }

    /// Asks the Jobs API. Who submits waits for it where nobody listens yet.
    async fn answer(&self, asked: (&str, &str), body: Option<(String, Vec<u8>)>) -> Result<PortAnswer> {
        let deadline = Instant::now() + if asked.0 == "POST" { PATIENCE } else { Duration::ZERO };
        loop {
            let answer = self.gateway.cluster_port(&self.reach.path, (self.number, PORT), asked, body.clone()).await;
            match answer {
                Err(GatewayError::Refused { status: 503, .. }) if Instant::now() < deadline => {
                    tokio::time::sleep(POLL).await;
                }
                answer => return Ok(answer?),
            }
        }
    }

    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let body = body.map(|body| ("application/json".to_owned(), body.to_string().into_bytes()));
        let answer = self.answer((method, path), body).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status {
            200..=299 => serde_json::from_str(&text).map_err(|error| {
                CliError::new(Class::Provider, format!("Ray answered what is no JSON: {error}: {text}"))
            }),
            404 => Err(CliError::new(Class::NotFound, format!("Ray says: {}", text.trim()))),
            status => Err(CliError::new(Class::Provider, format!("Ray refused ({status}): {}", text.trim()))),
        }
    }
}

fn field<'a>(job: &'a Value, name: &str) -> &'a str {
    job.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// An argument as a shell reads it.
fn quoted(argument: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&byte);
    match !argument.is_empty() && argument.bytes().all(plain) {
        true => argument.to_owned(),
        false => format!("'{}'", argument.replace('\'', "'\\''")),
    }
}

/// Runs `submit`.
///
/// # Errors
/// When Ray refuses, or the job fails.
pub async fn submit(context: &Context, args: Submit) -> Result {
    let reach = Reach::of(context, &args.cluster).await?;
    let head = Head::of(&reach).await?;
    let env: serde_json::Map<String, Value> =
        pairs(&args.env)?.into_iter().map(|(name, value)| (name, json!(value))).collect();
    let entrypoint: Vec<String> = args.command.iter().map(|argument| quoted(argument)).collect();
    let mut ask = json!({ "entrypoint": entrypoint.join(" "), "runtime_env": { "env_vars": env } });
    if let (Some(id), Some(ask)) = (&args.id, ask.as_object_mut()) {
        ask.insert("submission_id".to_owned(), json!(id));
    }
    let answer = head.call("POST", "api/jobs/", Some(&ask)).await?;
    let id = field(&answer, "submission_id").to_owned();
    if args.no_wait {
        return output::show(context.format(), &json!({ "job": id }), |_| id.clone());
    }
    follow(&reach, &id).await?;
    let job = Head::of(&reach).await?.call("GET", &format!("api/jobs/{id}"), None).await?;
    let status = field(&job, "status").to_owned();
    output::show(context.format(), &json!({ "job": id, "status": status }), |_| format!("job {id}: {status}"))?;
    match status.as_str() {
        "SUCCEEDED" => Ok(()),
        _ => Err(CliError::new(Class::Provider, format!("job {id} is {status}: {}", field(&job, "message")))),
    }
}

/// Shows the logs of a job, to its end where they are followed.
///
/// # Errors
/// When Ray refuses.
pub async fn logs(reach: &Reach, job: &str, follow: bool) -> Result {
    if follow {
        return self::follow(reach, job).await;
    }
    let answer = Head::of(reach).await?.call("GET", &format!("api/jobs/{job}/logs"), None).await?;
    // A reader that went away is told nothing more.
    let _ = std::io::stdout().write_all(field(&answer, "logs").as_bytes());
    Ok(())
}

async fn follow(reach: &Reach, job: &str) -> Result {
    let head = Head::of(reach).await?;
    let mut shown = 0;
    loop {
        let found = head.call("GET", &format!("api/jobs/{job}"), None).await?;
        let answer = head.call("GET", &format!("api/jobs/{job}/logs"), None).await?;
        let logs = field(&answer, "logs").as_bytes();
        // Of a longer log Ray keeps what was there before at the same place.
        let _ = std::io::stderr().write_all(logs.get(shown..).unwrap_or_default());
        shown = logs.len().max(shown);
        if matches!(field(&found, "status"), "SUCCEEDED" | "FAILED" | "STOPPED") {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Runs `job`.
///
/// # Errors
/// When Ray refuses.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::List { cluster } => {
            let reach = Reach::of(context, &cluster).await?;
            let jobs = Head::of(&reach).await?.call("GET", "api/jobs/", None).await?;
            output::show(context.format(), &jobs, |jobs| {
                let head = row(["JOB", "STATUS", "COMMAND"]);
                let line =
                    |job: &Value| row([field(job, "submission_id"), field(job, "status"), field(job, "entrypoint")]);
                let lines = jobs.as_array().into_iter().flatten().map(line);
                output::table(&std::iter::once(head).chain(lines).collect::<Vec<_>>())
            })
        }
        Verb::Show { cluster, job } => {
            let reach = Reach::of(context, &cluster).await?;
            let job = Head::of(&reach).await?.call("GET", &format!("api/jobs/{job}"), None).await?;
            output::show(context.format(), &job, |job| {
                let rows = ["submission_id", "status", "entrypoint", "message"];
                output::table(&rows.map(|name| row([name, field(job, name)])))
            })
        }
        Verb::Stop { cluster, job } => {
            let reach = Reach::of(context, &cluster).await?;
            let answer = Head::of(&reach).await?.call("POST", &format!("api/jobs/{job}/stop"), None).await?;
            output::show(context.format(), &answer, |_| format!("job {job} is asked to stop"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stay_what_they_are_in_a_shell() {
        assert_eq!(quoted("python"), "python");
        assert_eq!(quoted("print('a b')"), "'print('\\''a b'\\'')'");
        assert_eq!(quoted(""), "''");
    }
}
