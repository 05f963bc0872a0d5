//! `tetra gateway`: OpenAI's API for users, keys and bills.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use inference::chain::Chain as _;
use inference::gateway::book::{Book, BookError, Entry, hash};
use inference::gateway::price::{Currency, Price};
use inference::gateway::server::{Gateway, GatewayConfig};
use inference::models::{EMBEDDINGS_MODEL, MODEL};
use inference::wire::dendrite::Dendrite;
use serde_json::json;

use super::super::subnet::ask::parse_wit;
use super::{Role, Who, listen, until_stopped};
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::money::Units;
use crate::output::{self, row};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Serve OpenAI's API, until it is stopped
    Run(Box<Run>),
    /// Put WIT or dollars on a user's account
    Credit(Credit),
    /// Make an API key of an account; it is shown once
    Key(Key),
    /// Withdraw an API key
    Revoke(Revoke),
    /// Balances, keys, what miners are owed and were paid
    Status(Status),
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    #[command(flatten)]
    who: Who,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The model's name, by which users and validators ask
    #[arg(long, default_value = MODEL)]
    model: String,
    /// Also serve /v1/embeddings, by this name: miners with `--embeddings` answer
    #[arg(long, value_name = "MODEL", num_args = 0..=1, default_missing_value = EMBEDDINGS_MODEL, require_equals = true)]
    embeddings: Option<String>,
    /// What a million tokens of questions cost
    #[arg(long, value_name = "WIT", default_value = "0.01wit")]
    prompt_price: String,
    /// What a million tokens of answers cost
    #[arg(long, value_name = "WIT", default_value = "0.04wit")]
    completion_price: String,
    /// The answering miner's part of a bill, of 10000
    #[arg(long, default_value_t = 8_000)]
    miner_bp: u16,
    /// What is recycled of a bill, of 10000; the gateway keeps the rest
    #[arg(long, default_value_t = 1_000)]
    recycled_bp: u16,
    /// What a whole WIT costs users whose accounts are in dollars [default: dollars are not taken]
    #[arg(long, value_name = "USD", value_parser = crate::commands::oracle::parse_micros)]
    usd_per_wit: Option<u64>,
    /// How many miners one question may try
    #[arg(long, default_value_t = 3)]
    attempts: usize,
    /// How long a miner has for its first word, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    first_word: u64,
    /// How long a miner may be silent before the next one is asked beside it, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2_500)]
    hedge: u64,
    /// Questions at a time; further ones are told to come later
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
    /// Validators with more stake than this are not asked
    #[arg(long, value_name = "WIT", default_value = "4096wit")]
    stake_limit: String,
    /// What is owed at least before it is paid on the chain
    #[arg(long, value_name = "WIT", default_value = "0.000001wit")]
    pay_from: String,
    /// How often it pays, in seconds
    #[arg(long, value_name = "S", default_value_t = 30)]
    pay_every: u64,
}

/// Arguments of `credit`.
#[derive(Debug, clap::Args)]
pub struct Credit {
    #[command(flatten)]
    who: Who,
    /// The account; it begins with its first credit
    account: String,
    /// How much, such as 1wit or 5usd; an account has one currency
    amount: String,
}

/// Arguments of `key`.
#[derive(Debug, clap::Args)]
pub struct Key {
    #[command(flatten)]
    who: Who,
    /// The account
    account: String,
    /// What the key may spend in all [default: what the account has]
    #[arg(long, value_name = "AMOUNT")]
    limit: Option<String>,
}

/// Arguments of `revoke`.
#[derive(Debug, clap::Args)]
pub struct Revoke {
    #[command(flatten)]
    who: Who,
    /// The key, or its hash as `status` shows it
    key: String,
}

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Status {
    #[command(flatten)]
    who: Who,
}

/// Tokens of an answer where a user says nothing, and at most.
const TOKENS: (u32, u32) = (256, 1_024);
/// The longest question, and the longest stream of a miner, in bytes.
const BYTES: (usize, usize) = (1 << 20, 8 << 20);
/// How long a whole answer may take.
const WHOLE: Duration = Duration::from_secs(120);
/// How often the subnet is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Run(args) => serve(context, *args).await,
        Verb::Credit(args) => credit(context, args).await,
        Verb::Key(args) => key(context, args).await,
        Verb::Revoke(args) => revoke(context, args),
        Verb::Status(args) => status(context, args).await,
    }
}

fn classified(error: BookError) -> CliError {
    let class = match &error {
        BookError::NoAccount(_) => Class::NotFound,
        _ => Class::Machine,
    };
    let error = CliError::new(class, error);
    if class == Class::NotFound {
        error.hint("an account begins with its first credit: tetra gateway credit")
    } else {
        error
    }
}

fn journal(context: &Context, who: &Who) -> Result<PathBuf> {
    Ok(who.folder(context, "gateway")?.join("journal.jsonl"))
}

fn open(context: &Context, who: &Who) -> Result<Book> {
    Book::open(journal(context, who)?).map_err(classified)
}

async fn units(context: &Context) -> Result<Units> {
    Ok(Units::of(&context.network().await?.genesis))
}

async fn serve(context: &Context, args: Run) -> Result {
    let Role { key, chain, graph } = args.who.begin(context).await?;
    let units = units(context).await?;
    let price = Price {
        prompt: parse_wit(&units, &args.prompt_price)?,
        completion: parse_wit(&units, &args.completion_price)?,
        miner_bps: args.miner_bp,
        recycled_bps: args.recycled_bp,
        usd_per_wit: args.usd_per_wit,
    };
    if !price.is_sound() {
        return Err(CliError::new(
            Class::Usage,
            "the miner's and the recycled part are more than a whole bill of 10000",
        ));
    }
    let config = GatewayConfig {
        model: args.model.clone(),
        embeddings: args.embeddings.clone(),
        price,
        tokens: TOKENS,
        attempts: args.attempts.max(1),
        first_word: Duration::from_millis(args.first_word.max(1)),
        hedge: Duration::from_millis(args.hedge.max(1)),
        whole: WHOLE,
        bytes: BYTES,
        concurrency: args.concurrency.max(1),
        stake_limit: parse_wit(&units, &args.stake_limit)?.into(),
    };
    let least = u128::from(parse_wit(&units, &args.pay_from)?);
    let book = open(context, &args.who)?;
    let listener = listen(args.listen).await?;
    let here = listener.local_addr().map_err(|error| CliError::new(Class::Machine, error))?;
    let id = key.id();
    let dendrite = Dendrite::new(key, args.who.netuid).map_err(|error| CliError::new(Class::Internal, error))?;
    let gateway = Arc::new(Gateway::new(config, dendrite, graph, book));
    let data =
        json!({ "url": format!("http://{here}/v1"), "model": args.model, "netuid": args.who.netuid, "hotkey": id });
    output::show(context.format(), &data, |_| {
        output::table(&[
            row(["url", &format!("http://{here}/v1")]),
            row(["model", &args.model]),
            row(["subnet", &args.who.netuid.to_string()]),
            row(["asks as", &id.to_string()]),
        ])
    })?;
    let follow = async {
        loop {
            match chain.metagraph(args.who.netuid).await {
                Ok(graph) => gateway.update(graph),
                Err(error) => tracing::warn!(error = %error, "the subnet cannot be looked at; its last state is used"),
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    let pay = async {
        loop {
            tokio::time::sleep(Duration::from_secs(args.pay_every.max(1))).await;
            if let Err(error) = gateway.pay_out(chain.as_ref(), args.who.netuid, least).await {
                tracing::error!(error = %error, "miners are not paid");
            }
        }
    };
    tokio::select! {
        () = follow => Ok(()),
        () = pay => Ok(()),
        served = axum::serve(listener, gateway.clone().router()).into_future() => {
            served.map_err(|error| CliError::new(Class::Machine, error))
        }
        stopped = until_stopped() => stopped,
    }
}

async fn credit(context: &Context, args: Credit) -> Result {
    let units = units(context).await?;
    let (amount, currency) = amount(&units, &args.amount)?;
    let mut book = open(context, &args.who)?;
    let known = book.totals().balances.contains_key(&args.account);
    if known && book.totals().currency(&args.account) != currency {
        let what = format!("account {} is kept in another currency", args.account);
        return Err(CliError::new(Class::Usage, what).hint("credit another account, or this one in its own currency"));
    }
    book.add(&Entry::Credit { account: args.account.clone(), amount, currency }).map_err(classified)?;
    let balance = book.totals().balances.get(&args.account).copied().unwrap_or(0);
    let data = json!({ "account": args.account, "balance": balance.to_string(), "currency": currency });
    output::show(context.format(), &data, |_| {
        output::table(&[row(["account", &args.account]), row(["balance", &in_currency(&units, balance, currency)])])
    })
}

/// An amount and its currency: `1wit`, `0.5usd`.
fn amount(units: &Units, text: &str) -> Result<(u128, Currency)> {
    match text.trim().strip_suffix("usd") {
        None => Ok((parse_wit(units, text)?.into(), Currency::Wit)),
        Some(usd) => {
            let micros = crate::commands::oracle::parse_micros(usd.trim());
            let micros = micros.map_err(|why| CliError::new(Class::Usage, format!("{text}: {why}")))?;
            Ok((micros.into(), Currency::Usd))
        }
    }
}

fn in_currency(units: &Units, amount: u128, currency: Currency) -> String {
    match currency {
        Currency::Wit => shown(units, amount),
        Currency::Usd => format!("{} USD", crate::money::shifted(amount, 6)),
    }
}

fn shown(units: &Units, amount: u128) -> String {
    super::super::subnet::ask::wit(units, u64::try_from(amount).unwrap_or(u64::MAX))
}

async fn key(context: &Context, args: Key) -> Result {
    let mut book = open(context, &args.who)?;
    let limit = match &args.limit {
        Some(text) => {
            let (limit, currency) = amount(&units(context).await?, text)?;
            let known = book.totals().balances.contains_key(&args.account);
            if known && book.totals().currency(&args.account) != currency {
                return Err(CliError::new(Class::Usage, "the limit is in another currency than the account"));
            }
            Some(limit)
        }
        None => None,
    };
    let key = book.make_key(&args.account, limit).map_err(classified)?;
    let data = json!({ "account": args.account, "key": key, "hash": hash(&key) });
    output::show(context.format(), &data, |_| output::table(&[row(["account", &args.account]), row(["key", &key])]))?;
    output::hint("keep it: it is not shown again");
    Ok(())
}

fn revoke(context: &Context, args: Revoke) -> Result {
    let mut book = open(context, &args.who)?;
    let named = if args.key.starts_with("sk-") { hash(&args.key) } else { args.key.clone() };
    if !book.totals().keys.contains_key(&named) {
        return Err(
            CliError::new(Class::NotFound, "there is no such key").hint("`tetra gateway status` shows their hashes")
        );
    }
    book.add(&Entry::Revoked { hash: named.clone() }).map_err(classified)?;
    output::show(context.format(), &json!({ "revoked": named }), |_| output::table(&[row(["revoked", &named])]))
}

async fn status(context: &Context, args: Status) -> Result {
    let units = units(context).await?;
    let book = open(context, &args.who)?;
    let totals = book.totals();
    let amounts = |map: &std::collections::BTreeMap<String, u128>| -> serde_json::Map<String, serde_json::Value> {
        map.iter().map(|(name, amount)| (name.clone(), json!(amount.to_string()))).collect()
    };
    let owed = totals.owed.iter().map(|(hotkey, amount)| (hotkey.to_string(), *amount)).collect();
    let data = json!({
        "balances": amounts(&totals.balances), "owed": amounts(&owed), "recycled_owed": totals.recycled.to_string(),
        "gateway": totals.gateway.to_string(), "paid": totals.paid.to_string(), "bills": totals.bills,
        "usd_millionths": totals.usd.to_string(), "currencies": totals.currencies,
        "unclear": totals.unclear.len(),
        "unclear_amount": totals.unclear.values().map(|(_, amount)| amount).sum::<u128>().to_string(),
        "keys": totals.keys.iter().map(|(hash, key)| json!({
            "hash": hash, "account": key.account, "spent": key.spent.to_string(), "revoked": key.revoked,
        })).collect::<Vec<_>>(),
    });
    output::show(context.format(), &data, |_| {
        let mut rows = Vec::new();
        for (account, balance) in &totals.balances {
            let shown = in_currency(&units, *balance, totals.currency(account));
            rows.push(row([&format!("account {account}"), &shown]));
        }
        for (hotkey, amount) in &owed {
            rows.push(row([&format!("owed to {hotkey}"), &shown(&units, *amount)]));
        }
        rows.push(row(["to be recycled", &shown(&units, totals.recycled)]));
        rows.push(row(["the gateway's", &shown(&units, totals.gateway)]));
        if totals.usd > 0 {
            rows.push(row(["dollars for answers", &in_currency(&units, totals.usd, Currency::Usd)]));
        }
        rows.push(row(["paid on the chain", &shown(&units, totals.paid)]));
        rows.push(row(["answers billed", &totals.bills.to_string()]));
        for (id, (_, amount)) in &totals.unclear {
            rows.push(row([&format!("payment {id}"), &format!("{}: nothing was heard of it", shown(&units, *amount))]));
        }
        output::table(&rows)
    })
}
