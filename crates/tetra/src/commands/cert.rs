//! `tetra cert`: certificates with which an account shows itself to providers' gateways.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::certs::{Credential, Usage, standing};
use ledger::cert::CheckedCertificate;
use proto::ToAny;
use proto::akash::cert::v1::{Certificate, Id, MsgRevokeCertificate};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::gateways::certificates;
use crate::output;
use crate::spend::{Plan, Spend};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a certificate of the account that signs, valid for 365 days, and put it on the chain
    Create(Create),
    /// Certificates of an account
    List(List),
    /// One certificate with its text
    Show(Show),
    /// Revoke a certificate of the account that signs, for good
    Revoke(Revoke),
}

/// Arguments of `create`.
#[derive(Debug, clap::Args)]
pub struct Create {
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Whose: an address, or the name of a key of yours [default: the account that signs]
    #[arg(long, value_name = "WHO")]
    owner: Option<String>,
    /// Only those in this state
    #[arg(long, value_parser = ["valid", "revoked"])]
    state: Option<String>,
}

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Its serial number
    serial: String,
    /// Whose: an address, or the name of a key of yours [default: the account that signs]
    #[arg(long, value_name = "WHO")]
    owner: Option<String>,
}

/// Arguments of `revoke`.
#[derive(Debug, clap::Args)]
pub struct Revoke {
    /// Its serial number
    serial: String,
    #[command(flatten)]
    spend: Spend,
}

/// A certificate.
#[derive(Clone, Debug, Serialize)]
struct Shown {
    serial: String,
    owner: String,
    /// `valid` or `revoked`; none before the chain has it.
    state: Option<String>,
    not_before: String,
    not_after: String,
    /// Whether its end has passed by this machine's clock.
    expired: bool,
    /// Whether its key is on this machine.
    key_here: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pubkey: Option<String>,
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Create(args) => create(context, args).await,
        Verb::List(args) => list(context, args).await,
        Verb::Show(args) => show(context, args).await,
        Verb::Revoke(args) => revoke(context, args).await,
    }
}

fn rfc3339(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| format!("{seconds} s since 1970"))
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Shown {
    /// A certificate of PEM texts that keep the chain's rules.
    fn of(
        owner: &str,
        state: Option<String>,
        certificate: &[u8],
        pubkey: &[u8],
        key_here: bool,
        now: Duration,
    ) -> Result<Self> {
        let checked = CheckedCertificate::parse(certificate, pubkey).class(Class::Internal)?;
        Ok(Self {
            serial: checked.serial.to_string(),
            owner: owner.to_owned(),
            state,
            not_before: rfc3339(checked.not_before),
            not_after: rfc3339(checked.not_after),
            expired: checked.not_after < now.as_secs(),
            key_here,
            certificate: None,
            pubkey: None,
        })
    }

    fn condition(&self) -> String {
        let state = self.state.as_deref().unwrap_or("new");
        if self.expired { format!("{state}, expired") } else { state.to_owned() }
    }
}

async fn create(context: &Context, args: Create) -> Result {
    let chain = context.chain().await?;
    let name = context.account_name()?;
    let account = context.account(&chain.network).await?;
    let owner = account.text();
    let new = Credential::generate(&owner, &Usage::Tenant, now()).class(Class::Internal)?;
    let message = new.message();
    let shown = Shown::of(&owner, None, &message.cert, &message.pubkey, true, now())?;
    let plan = Plan {
        rows: vec![
            output::row(["certificate", &shown.serial]),
            output::row(["owner", &format!("{owner} ({name})")]),
            output::row(["valid from", &shown.not_before]),
            output::row(["valid until", &shown.not_after]),
        ],
        data: shown,
        question: format!("Put this certificate of {name} on the chain?"),
    };
    let store = certificates(context);
    let mut kept = None;
    let keep = || {
        // Before it is sent: a certificate on the chain whose key is lost would be of no use.
        kept = Some(store.add(&new).class(Class::Machine)?);
        Ok(())
    };
    let done = args.spend.send(context, &account, &chain.units, vec![message.to_any()], plan, keep).await;
    match (&done, kept) {
        (Err(error), Some(_)) if error.class() == Class::Rejected => {
            store.remove(&owner, &new.certificate().serial).class(Class::Machine)?;
        }
        (Ok(true), Some(path)) => eprintln!("note: its key stands in {}, in the clear", path.display()),
        _ => {}
    }
    done.map(drop)
}

/// The address of an owner, and the serial numbers of its certificates whose keys are on this machine.
fn owner(context: &Context, chain: &Chain, who: Option<&str>) -> Result<(String, BTreeSet<String>)> {
    let address = match who {
        Some(who) => context.resolve(who, chain.prefix())?,
        None => context.own_address()?,
    };
    let owner = chain.prefix().text(&address);
    let here = certificates(context).list(&owner).class(Class::Machine)?;
    let here = here.iter().map(|credential| credential.certificate().serial.clone()).collect();
    Ok((owner, here))
}

fn shown(owner: &str, serial: &str, found: &Certificate, here: &BTreeSet<String>) -> Result<Shown> {
    let state = Some(found.state().as_str_name().to_owned());
    Shown::of(owner, state, &found.cert, &found.pubkey, here.contains(serial), now())
}

async fn list(context: &Context, args: List) -> Result {
    let chain = context.chain().await?;
    let (owner, here) = owner(context, &chain, args.owner.as_deref())?;
    let found = standing::list(&chain.node, &owner, args.state.as_deref().unwrap_or_default()).await?;
    let one = |found: &proto::akash::cert::v1::CertificateResponse| {
        shown(&owner, &found.serial, &found.certificate.clone().unwrap_or_default(), &here)
    };
    let list: Vec<Shown> = found.iter().map(one).collect::<Result<_>>()?;
    output::show(context.format(), &list, |list| list_text(&owner, list))
}

fn list_text(owner: &str, list: &[Shown]) -> String {
    if list.is_empty() {
        return format!("{owner} has no certificates; `tetra cert create` makes one");
    }
    let mut rows = vec![output::row(["SERIAL", "STATE", "VALID UNTIL", "KEY"])];
    rows.extend(list.iter().map(|one| {
        let key = if one.key_here { "here" } else { "elsewhere" };
        output::row([&one.serial, &one.condition(), &one.not_after, key])
    }));
    output::table(&rows)
}

fn no_such(owner: &str, serial: &str) -> CliError {
    CliError::new(Class::NotFound, format!("{owner} has no certificate {serial} on the chain"))
        .hint("`tetra cert list` shows those that there are; --from NAME or --owner WHO looks as another account")
}

async fn show(context: &Context, args: Show) -> Result {
    let chain = context.chain().await?;
    let (owner, here) = owner(context, &chain, args.owner.as_deref())?;
    let found = standing::find(&chain.node, &owner, &args.serial).await?;
    let found = found.ok_or_else(|| no_such(&owner, &args.serial))?;
    let mut one = shown(&owner, &args.serial, &found, &here)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (one.certificate, one.pubkey) = (Some(text(&found.cert)), Some(text(&found.pubkey)));
    output::show(context.format(), &one, show_text)
}

fn show_text(one: &Shown) -> String {
    let table = output::table(&[
        output::row(["certificate", &one.serial]),
        output::row(["owner", &one.owner]),
        output::row(["state", &one.condition()]),
        output::row(["valid from", &one.not_before]),
        output::row(["valid until", &one.not_after]),
        output::row(["key", if one.key_here { "on this machine" } else { "not on this machine" }]),
    ]);
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim_end().replace('\r', "");
    format!("{table}\n{}\n{}", text(&one.certificate), text(&one.pubkey))
}

async fn revoke(context: &Context, args: Revoke) -> Result {
    let chain = context.chain().await?;
    let account = context.account(&chain.network).await?;
    let owner = account.text();
    if standing::find(&chain.node, &owner, &args.serial).await?.is_none() {
        return Err(no_such(&owner, &args.serial));
    }
    let id = Some(Id { owner: owner.clone(), serial: args.serial.clone() });
    let plan = Plan {
        data: serde_json::json!({ "revokes": args.serial, "owner": owner }),
        rows: vec![output::row(["revokes", &args.serial]), output::row(["owner", &owner])],
        question: format!("Revoke certificate {} for good?", args.serial),
    };
    let message = MsgRevokeCertificate { id }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_shown_with_state_end_and_key() {
        let made = Duration::from_nanos(1_767_225_600_000_000_007);
        let new = Credential::generate("tetra1alice", &Usage::Tenant, made).unwrap().message();
        let at = |state: &str, key_here, now| {
            let now = Duration::from_secs(now);
            Shown::of("tetra1alice", Some(state.to_owned()), &new.cert, &new.pubkey, key_here, now).unwrap()
        };
        let list =
            [at("valid", true, 1_767_225_601), at("revoked", false, 1_767_225_601), at("valid", true, 2_000_000_000)];
        let one = Shown { certificate: Some("CERT\r\n".into()), pubkey: Some("KEY\n".into()), ..list[0].clone() };
        let shown = [list_text("tetra1alice", &list), list_text("tetra1alice", &[]), show_text(&one)];
        insta::assert_snapshot!(shown.join("\n---\n"));
        insta::assert_snapshot!(serde_json::to_string_pretty(&one).unwrap());
    }
}
