//! `tetra hotkey`: sr25519 keys that sign what miners and validators of subnets say to each other.

use std::path::PathBuf;

use inference::keys::store::{Named, Store, StoreError};
use inference::keys::{Hotkey, HotkeyId};
use proto::ToAny;
use proto::tetra::subnet::v1 as wire;
use serde::Serialize;
use serde_json::json;
use subnet::key::binding::{bind_bytes, swap_bytes};

use crate::chain::Chain;
use crate::context::{Context, passphrase};
use crate::error::{Class, CliError, Result};
use crate::output::{self, row};
use crate::spend::{Plan, Spend};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a hotkey, in the format of btcli
    New {
        /// Its name
        name: String,
    },
    /// Take a key file of btcli as it is
    Import {
        /// Its name
        name: String,
        /// The file, such as ~/.bittensor/wallets/default/hotkeys/default
        file: PathBuf,
    },
    /// Hotkeys of this machine
    List,
    /// One hotkey: whose it is on the chain, stake, take, where it is registered
    Show(Which),
    /// Bind a hotkey to the account that signs; an operator may serve and weigh for it and touches no money
    Bind(Bind),
    /// Set what a hotkey takes of its nominators' dividends
    Take(Take),
    /// Put a new hotkey in the place of one, with its stakes, uids and weights
    Swap(Swap),
}

/// A hotkey.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Its name here, or its ss58 address
    hotkey: String,
}

/// Arguments of `bind`.
#[derive(Debug, clap::Args)]
pub struct Bind {
    /// Its name here
    name: String,
    /// Who serves and weighs for it: an address, or the name of a key of yours [default: the account that signs]
    #[arg(long, value_name = "WHO")]
    operator: Option<String>,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `take`.
#[derive(Debug, clap::Args)]
pub struct Take {
    /// Its name here, or its ss58 address
    hotkey: String,
    /// In per cent, such as 9 or 12.5
    percent: String,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `swap`.
#[derive(Debug, clap::Args)]
pub struct Swap {
    /// The one that goes: its name here, or its ss58 address
    goes: String,
    /// The one that comes: its name here
    comes: String,
    #[command(flatten)]
    spend: Spend,
}

/// A hotkey as programs read it.
#[derive(Clone, Debug, Serialize)]
struct Shown {
    name: String,
    hotkey: Option<HotkeyId>,
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::New { name } => new(context, &name),
        Verb::Import { name, file } => import(context, &name, &file),
        Verb::List => list(context),
        Verb::Show(args) => show(context, &args.hotkey).await,
        Verb::Bind(args) => bind(context, args).await,
        Verb::Take(args) => take(context, args).await,
        Verb::Swap(args) => swap(context, args).await,
    }
}

fn classified(error: StoreError) -> CliError {
    let class = match &error {
        StoreError::Missing { .. } => Class::NotFound,
        StoreError::Io { .. } => Class::Machine,
        _ => Class::Usage,
    };
    let missing = class == Class::NotFound;
    let error = CliError::new(class, error);
    if missing {
        error.hint("`tetra hotkey list` shows those that are; `tetra hotkey new NAME` makes one")
    } else {
        error
    }
}

/// The hotkeys of this machine.
pub fn store(context: &Context) -> Store {
    Store::at(context.home.join("hotkeys"))
}

/// A hotkey by its name here, or by its address.
///
/// # Errors
/// When it is neither.
pub fn resolve(context: &Context, text: &str) -> Result<HotkeyId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let found = store(context).list().map_err(classified)?.into_iter().find(|named| named.name == text);
    match found {
        Some(Named { id: Some(id), .. }) => Ok(id),
        Some(_) => Ok(open(context, text)?.id()),
        None => {
            Err(CliError::new(Class::NotFound, format!("{text:?} is neither a hotkey of yours nor an ss58 address"))
                .hint("`tetra hotkey list` shows yours; `tetra hotkey new NAME` makes one"))
        }
    }
}

/// Opens a hotkey of this machine; asks for its password where it is locked.
///
/// # Errors
/// When it is not there, or the password is wrong.
pub fn open(context: &Context, name: &str) -> Result<Hotkey> {
    let store = store(context);
    let locked = store.is_locked(name).map_err(classified)?;
    let password = if locked { Some(passphrase(&format!("Password of hotkey {name}: "))?) } else { None };
    store.open(name, password.as_ref().map(|text| text.as_str())).map_err(classified)
}

fn told(context: &Context, name: &str, id: HotkeyId) -> Result {
    let shown = Shown { name: name.to_owned(), hotkey: Some(id) };
    output::show(context.format(), &shown, |shown| {
        output::table(&[row(["name", &shown.name]), row(["hotkey", &id.to_string()])])
    })
}

fn new(context: &Context, name: &str) -> Result {
    let id = store(context).new_key(name).map_err(classified)?;
    told(context, name, id)?;
    output::hint(&format!(
        "it lies in the clear, as btcli's hotkeys do; bind it to your account: tetra hotkey bind {name}"
    ));
    Ok(())
}

fn import(context: &Context, name: &str, file: &std::path::Path) -> Result {
    let locked = std::fs::read(file).is_ok_and(|bytes| inference::keys::keyfile::is_locked(&bytes));
    let password = if locked { Some(passphrase("Password of the key file: ")?) } else { None };
    let id = store(context).import(name, file, password.as_ref().map(|text| text.as_str())).map_err(classified)?;
    told(context, name, id)
}

fn list(context: &Context) -> Result {
    let found = store(context).list().map_err(classified)?;
    let shown: Vec<Shown> = found.into_iter().map(|named| Shown { name: named.name, hotkey: named.id }).collect();
    output::show(context.format(), &shown, |shown| {
        let mut rows = vec![row(["NAME", "HOTKEY"])];
        let id = |shown: &Shown| shown.hotkey.map_or("(locked)".to_owned(), |id| id.to_string());
        rows.extend(shown.iter().map(|shown| row([&shown.name, &id(shown)])));
        output::table(&rows)
    })
}

impl Chain {
    /// A hotkey as the chain knows it; none when it is not bound.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn hotkey(&self, id: HotkeyId) -> Result<Option<wire::Hotkey>> {
        let request = wire::QueryHotkeyRequest { hotkey: id.as_bytes().to_vec() };
        match self.node.query("/tetra.subnet.v1.Query/Hotkey", &request).await {
            Err(error) if error.is_not_found() => Ok(None),
            found => {
                let found: wire::QueryHotkeyResponse = found?;
                Ok(found.hotkey)
            }
        }
    }
}

async fn show(context: &Context, text: &str) -> Result {
    let id = resolve(context, text)?;
    let chain = context.chain().await?;
    let Some(found) = chain.hotkey(id).await? else {
        let what = format!("hotkey {id} is not bound on {}", chain.network.chain_id);
        return Err(CliError::new(Class::NotFound, what).hint(format!("bind it: tetra hotkey bind {text}")));
    };
    let mut places = Vec::new();
    for view in chain.subnets().await?.0 {
        let netuid = view.subnet.unwrap_or_default().netuid;
        if let Some(neuron) = chain.neuron(netuid, id).await?.and_then(|view| view.neuron) {
            places.push((netuid, neuron));
        }
    }
    let data = json!({
        "hotkey": id, "coldkey": found.coldkey, "operator": found.operator, "stake": found.stake.to_string(),
        "take": found.take, "binds": found.binds,
        "neurons": places.iter().map(|(netuid, neuron)| json!({
            "netuid": netuid, "uid": neuron.uid, "incentive": neuron.incentive, "dividends": neuron.dividends,
            "endpoint": neuron.endpoint,
        })).collect::<Vec<_>>(),
    });
    output::show(context.format(), &data, |_| {
        let mut rows = vec![
            row(["hotkey", &id.to_string()]),
            row(["coldkey", &found.coldkey]),
            row(["operator", &found.operator]),
            row(["staked to it", &chain.wit(found.stake)]),
            row(["take", &percent(found.take)]),
        ];
        for (netuid, neuron) in &places {
            rows.push(row([&format!("subnet {netuid}"), &format!("uid {}", neuron.uid)]));
        }
        output::table(&rows)
    })
}

/// A part of 65535 in per cent, to two places.
pub fn percent(part: u32) -> String {
    let hundredths = (u64::from(part) * 10_000 + 32_767) / 65_535;
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

async fn bind(context: &Context, args: Bind) -> Result {
    let key = open(context, &args.name)?;
    let chain = context.chain().await?;
    let account = context.account(&chain.network).await?;
    let coldkey = account.address();
    let operator = match &args.operator {
        Some(who) => context.resolve(who, chain.prefix())?,
        None => coldkey,
    };
    let sequence = chain.hotkey(key.id()).await?.map_or(0, |found| found.binds) + 1;
    let signature = key.sign(&bind_bytes(&chain.network.chain_id, &coldkey, &operator, sequence)).to_vec();
    let (coldkey, operator) = (chain.prefix().text(&coldkey), chain.prefix().text(&operator));
    let plan = Plan {
        data: json!({ "hotkey": key.id(), "coldkey": coldkey, "operator": operator }),
        rows: vec![
            row(["hotkey", &key.id().to_string()]),
            row(["coldkey", &coldkey]),
            row(["operator", &operator]),
            row(["beware", "the coldkey stays: another account can never have this hotkey"]),
        ],
        question: format!("Bind {} to {coldkey}?", args.name),
    };
    let hotkey = key.id().as_bytes().to_vec();
    let message = wire::MsgBindHotkey { coldkey, hotkey, operator, signature }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

/// Per cent as parts of 65535, rounded down.
fn parse_percent(text: &str) -> Result<u32> {
    let bad =
        || CliError::new(Class::Usage, format!("{text:?} is no share in per cent")).hint("write for example 12.5");
    let (whole, places) =
        text.trim_end_matches('%').trim().split_once('.').unwrap_or((text.trim_end_matches('%').trim(), ""));
    if places.len() > 2 {
        return Err(bad());
    }
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    let places: u64 = format!("{places:0<2}").parse().map_err(|_| bad())?;
    let hundredths = whole * 100 + places;
    if hundredths > 10_000 {
        return Err(bad());
    }
    u32::try_from(hundredths * 65_535 / 10_000).map_err(|_| bad())
}

async fn take(context: &Context, args: Take) -> Result {
    let id = resolve(context, &args.hotkey)?;
    let take = parse_percent(&args.percent)?;
    let chain = context.chain().await?;
    let account = context.account(&chain.network).await?;
    let plan = Plan {
        data: json!({ "hotkey": id, "take": take }),
        rows: vec![row(["hotkey", &id.to_string()]), row(["takes", &percent(take)])],
        question: "Set this take?".to_owned(),
    };
    let message = wire::MsgSetTake { coldkey: account.text(), hotkey: id.as_bytes().to_vec(), take }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

async fn swap(context: &Context, args: Swap) -> Result {
    let (from, to) = (resolve(context, &args.goes)?, open(context, &args.comes)?);
    let chain = context.chain().await?;
    let account = context.account(&chain.network).await?;
    let signature = to.sign(&swap_bytes(&chain.network.chain_id, &account.address(), from.as_bytes(), 1)).to_vec();
    let cost = chain.subnet_params().await?.swap_cost;
    let plan = Plan {
        data: json!({ "from": from, "to": to.id(), "cost": cost.to_string() }),
        rows: vec![
            row(["from", &from.to_string()]),
            row(["to", &to.id().to_string()]),
            row(["burned", &chain.wit(cost)]),
            row(["beware", "commitments that are open cannot be revealed any more"]),
        ],
        question: format!("Put {} in the place of {}?", args.comes, args.goes),
    };
    let (from, to) = (from.as_bytes().to_vec(), to.id().as_bytes().to_vec());
    let message = wire::MsgSwapHotkey { coldkey: account.text(), from, to, signature }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_written_and_read_in_per_cent() {
        assert_eq!(
            (percent(11_796), percent(65_535), percent(0)),
            ("18.00 %".to_owned(), "100.00 %".to_owned(), "0.00 %".to_owned())
        );
        assert_eq!((parse_percent("18").unwrap(), parse_percent("12.5 %").unwrap()), (11_796, 8_191));
        for wrong in ["", "x", "101", "1.234", "-1"] {
            assert!(parse_percent(wrong).is_err(), "{wrong}");
        }
    }
}
