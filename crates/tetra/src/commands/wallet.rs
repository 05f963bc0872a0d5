//! `tetra wallet`: keys in the home folder, encrypted unless they are marked `dev`.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use client::keys::{SigningKey, new_mnemonic};
use client::keystore::{KeyInfo, Keystore, KeystoreError};
use primitives::{Coins, Prefix};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::amounts::{self, Amount};
use crate::chain::Chain;
use crate::context::{Context, passphrase};
use crate::error::{Class, Classify, CliError, Result};
use crate::money::Units;
use crate::output;

/// How long a node may take before keys are shown without it.
const NODE_LIMIT: Duration = Duration::from_secs(3);

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a key from 24 new words
    New(New),
    /// Store a key that exists: its words from stdin or a prompt, or its secret from a file
    Import(Import),
    /// The keys that are here
    List(Shown),
    /// One key: address, public key, balances
    Show(Show),
}

/// How addresses are shown.
#[derive(Debug, clap::Args)]
pub struct Shown {
    /// Prefix of addresses where no node answers [default: that of the network that was started last, else tetra]
    #[arg(long)]
    prefix: Option<String>,
}

/// Arguments of `new`.
#[derive(Debug, clap::Args)]
pub struct New {
    /// Name of the key
    name: String,
    /// Store it in the clear, for toy networks only
    #[arg(long)]
    dev: bool,
    /// Print the words even where stderr is no terminal
    #[arg(long)]
    show_mnemonic: bool,
    #[command(flatten)]
    shown: Shown,
}

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// Name of the key
    name: String,
    /// A file with the secret in 64 hex digits, instead of the words
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// Store it in the clear, for toy networks only
    #[arg(long)]
    dev: bool,
    #[command(flatten)]
    shown: Shown,
}

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Name of the key [default: the account that signs]
    name: Option<String>,
    #[command(flatten)]
    shown: Shown,
}

/// A key.
#[derive(Clone, Debug, Serialize)]
struct Key {
    name: String,
    address: String,
    dev: bool,
}

/// A key and what is known of it.
#[derive(Clone, Debug, Serialize)]
struct Details {
    #[serde(flatten)]
    key: Key,
    /// Hex of the compressed public key; none of a key that is locked.
    public_key: Option<String>,
    /// None when no node answers.
    balances: Option<Vec<Amount>>,
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::New(args) => new(context, args).await,
        Verb::Import(args) => import(context, args).await,
        Verb::List(shown) => list(context, &shown).await,
        Verb::Show(args) => show(context, args).await,
    }
}

/// An error of the keystore under its class.
fn classified(error: KeystoreError) -> CliError {
    let class = match &error {
        KeystoreError::Missing { .. } => Class::NotFound,
        KeystoreError::Io { .. } | KeystoreError::Corrupt { .. } => Class::Machine,
        _ => Class::Usage,
    };
    CliError::new(class, error)
}

async fn new(context: &Context, args: New) -> Result {
    let store = context.keystore();
    must_be_free(&store, &args.name)?;
    let words = new_mnemonic().class(Class::Internal)?;
    let key = SigningKey::from_mnemonic(&words, 0).class(Class::Internal)?;
    let info = store_key(&store, &args.name, &key, args.dev)?;
    if std::io::stderr().is_terminal() || args.show_mnemonic {
        eprintln!("Write these 24 words down: they are the key, and they are shown this once.\n\n{}\n", *words);
    } else {
        eprintln!(
            "note: the 24 words were not shown, for stderr is no terminal: the file {} is the only copy of this key; \
             --show-mnemonic shows them anyway",
            store.folder().join(format!("{}.key", info.name)).display()
        );
    }
    show_key(context, &args.shown, &info).await
}

async fn import(context: &Context, args: Import) -> Result {
    let store = context.keystore();
    must_be_free(&store, &args.name)?;
    let key = match &args.private_key_file {
        Some(path) => secret_of(path)?,
        None => SigningKey::from_mnemonic(&words()?, 0).map_err(|error| {
            CliError::new(Class::Usage, error).hint("look for a mistyped, missing or extra word; only the order counts")
        })?,
    };
    let info = store_key(&store, &args.name, &key, args.dev)?;
    show_key(context, &args.shown, &info).await
}

/// Refuses a taken or impossible name before anything is asked.
fn must_be_free(store: &Keystore, name: &str) -> Result {
    match store.info(name) {
        Ok(_) => Err(classified(KeystoreError::Exists(name.to_owned()))),
        Err(KeystoreError::Missing { .. }) => Ok(()),
        Err(error) => Err(classified(error)),
    }
}

fn store_key(store: &Keystore, name: &str, key: &SigningKey, dev: bool) -> Result<KeyInfo> {
    let chosen = if dev { None } else { Some(new_passphrase(name)?) };
    let info = store.add(name, key, chosen.as_ref().map(|text| text.as_str())).map_err(classified)?;
    if dev {
        eprintln!("note: {name} is a dev key: it lies in the clear, and signs on toy networks only");
    }
    Ok(info)
}

/// A new passphrase: of `TETRA_PASSPHRASE`, or typed twice.
fn new_passphrase(name: &str) -> Result<Zeroizing<String>> {
    let first = passphrase(&format!("New passphrase of {name}: "))?;
    if first.is_empty() {
        return Err(CliError::new(Class::Usage, "the passphrase is empty, which protects nothing; no key was stored")
            .hint("choose one, or store a key of a toy network in the clear with --dev"));
    }
    if *passphrase("The same once more: ")? != *first {
        return Err(CliError::new(Class::Usage, "the two passphrases differ; no key was stored")
            .hint("run the command again and type the same twice"));
    }
    Ok(first)
}

/// The words of a key: typed without echo, or from stdin.
fn words() -> Result<Zeroizing<String>> {
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password("The words of the key, on one line: ")
            .map(Zeroizing::new)
            .class(Class::Usage);
    }
    let mut text = Zeroizing::new(String::new());
    // Far more than 24 words of any length.
    let read = std::io::stdin().lock().take(4096).read_to_string(&mut text);
    read.map_err(|error| CliError::new(Class::Usage, format!("stdin: {error}")).hint("the words are plain text"))?;
    if text.trim().is_empty() {
        return Err(CliError::new(Class::Usage, "stdin holds no words")
            .hint("pipe the 12 or 24 words in, run it on a terminal, or name a file with --private-key-file"));
    }
    let on_one_line: Vec<&str> = text.split_whitespace().collect();
    Ok(Zeroizing::new(on_one_line.join(" ")))
}

fn secret_of(path: &Path) -> Result<SigningKey> {
    let wrong = |why: &dyn std::fmt::Display| CliError::new(Class::Usage, format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            CliError::new(Class::NotFound, format!("{}: there is no such file", path.display()))
                .hint("name a file with the secret in 64 hex digits, or leave it out and give the words")
        }
        _ => wrong(&error).hint("name a file with the secret in 64 hex digits that you may read"),
    })?;
    let mut bytes = Zeroizing::new([0; 32]);
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    hex::decode_to_slice(digits, bytes.as_mut_slice())
        .map_err(|_| wrong(&client::KeyError::Secret).hint("the file holds the digits and nothing else"))?;
    SigningKey::from_bytes(*bytes).map_err(|error| wrong(&error))
}

/// The chain if a node answers in time, else a note, and the prefix of addresses.
async fn chain(context: &Context, shown: &Shown) -> Result<(Option<Chain>, Prefix)> {
    match tokio::time::timeout(NODE_LIMIT, context.chain()).await {
        Ok(Ok(chain)) => {
            let prefix = chain.network.prefix.clone();
            return Ok((Some(chain), prefix));
        }
        Ok(Err(error)) if error.class() != Class::Unreachable => return Err(error),
        Ok(Err(_)) | Err(_) => {}
    }
    let prefix = match &shown.prefix {
        Some(prefix) => prefix.clone(),
        None => context.network_file()?.and_then(|file| file.prefix).unwrap_or_else(|| "tetra".to_owned()),
    };
    let prefix = Prefix::new(&prefix).class(Class::Usage)?;
    let url = context.node()?.url().to_owned();
    eprintln!("note: no node answers at {url}: addresses are shown with the prefix {}", prefix.as_str());
    Ok((None, prefix))
}

impl Key {
    fn new(info: &KeyInfo, prefix: &Prefix) -> Result<Self> {
        let damaged = || {
            CliError::new(
                Class::Machine,
                format!("the key file of {} is damaged: its address is no address", info.name),
            )
            .hint("import the key again from its words, under another name")
        };
        let address = prefix.text(&info.address().ok_or_else(damaged)?);
        Ok(Self { name: info.name.clone(), address, dev: info.dev })
    }

    fn kind(&self) -> &'static str {
        if self.dev { "dev, in the clear" } else { "encrypted" }
    }
}

async fn show_key(context: &Context, shown: &Shown, info: &KeyInfo) -> Result {
    let (_, prefix) = chain(context, shown).await?;
    output::show(context.format(), &Key::new(info, &prefix)?, |key| table_of(std::slice::from_ref(key)))
}

async fn list(context: &Context, shown: &Shown) -> Result {
    let keys = context.keystore().list().map_err(classified)?;
    if keys.is_empty() {
        eprintln!("note: no keys are in {}; `tetra wallet new NAME` makes one", context.keystore().folder().display());
        return output::show(context.format(), &Vec::<Key>::new(), |_| table_of(&[]));
    }
    let (_, prefix) = chain(context, shown).await?;
    let keys = keys.iter().map(|info| Key::new(info, &prefix)).collect::<Result<Vec<_>>>()?;
    output::show(context.format(), &keys, |keys| table_of(keys))
}

fn table_of(keys: &[Key]) -> String {
    let mut rows = vec![["NAME", "ADDRESS", "KIND"].map(str::to_owned).to_vec()];
    rows.extend(keys.iter().map(|key| vec![key.name.clone(), key.address.clone(), key.kind().to_owned()]));
    output::table(&rows)
}

async fn show(context: &Context, args: Show) -> Result {
    let name = args.name.map_or_else(|| context.account_name(), Ok)?;
    let store = context.keystore();
    let info = store.info(&name).map_err(classified)?;
    let (chain, prefix) = chain(context, &args.shown).await?;
    let key = Key::new(&info, &prefix)?;
    let mut coins = None;
    if let (Some(chain), Some(address)) = (&chain, info.address()) {
        coins = Some(chain.balances(&address).await?);
    }
    let public_key = public_key(&store, &info)?;
    let details = Details { key, public_key, balances: coins.as_ref().map(amounts::list) };
    let units = chain.map(|chain| chain.units);
    output::show(context.format(), &details, |details| details_text(details, units.zip(coins)))
}

/// The public key of a dev key, or of a key whose passphrase stands in `TETRA_PASSPHRASE`: looking asks no questions.
fn public_key(store: &Keystore, info: &KeyInfo) -> Result<Option<String>> {
    let known = std::env::var("TETRA_PASSPHRASE").ok().map(Zeroizing::new);
    match store.open(&info.name, known.as_ref().map(|text| text.as_str())) {
        Ok(key) => Ok(Some(hex::encode(key.public_key()))),
        Err(KeystoreError::Locked(_)) => Ok(None),
        Err(error @ KeystoreError::WrongPassphrase(_)) => {
            eprintln!("note: {error} (TETRA_PASSPHRASE), so that the public key is not shown");
            Ok(None)
        }
        Err(error) => Err(classified(error)),
    }
}

fn details_text(details: &Details, money: Option<(Units, Coins)>) -> String {
    let public_key = details.public_key.as_deref().unwrap_or("locked; TETRA_PASSPHRASE opens the key");
    let facts = [
        ["name", &details.key.name],
        ["address", &details.key.address],
        ["kind", details.key.kind()],
        ["public key", public_key],
    ];
    let mut rows: Vec<Vec<String>> = facts.iter().map(|row| output::row(*row)).collect();
    let balances = match money {
        None => vec!["unknown; no node answers".to_owned()],
        Some((units, coins)) => amounts::lines(&units, &coins),
    };
    let labels = std::iter::once("balance").chain(std::iter::repeat(""));
    rows.extend(labels.zip(balances).map(|(label, balance)| vec![label.to_owned(), balance]));
    output::table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(public_key: Option<&str>) -> Details {
        let key = Key { name: "alice".to_owned(), address: "tetra1alice".to_owned(), dev: public_key.is_some() };
        Details { key, public_key: public_key.map(str::to_owned), balances: None }
    }

    #[test]
    fn a_key_is_shown_with_its_money() {
        let mut coins = Coins::new();
        for coin in ["1500000utet", "7uusd"] {
            coins.add(&coin.parse().unwrap());
        }
        insta::assert_snapshot!(details_text(&details(Some("02ab")), Some((Units::default(), coins))), @r"
        name        alice
        address     tetra1alice
        kind        dev, in the clear
        public key  02ab
        balance     1500000utet
                    7uusd
        ");
    }

    #[test]
    fn a_locked_key_without_a_node_is_shown_as_far_as_it_is_known() {
        insta::assert_snapshot!(details_text(&details(None), None), @r"
        name        alice
        address     tetra1alice
        kind        encrypted
        public key  locked; TETRA_PASSPHRASE opens the key
        balance     unknown; no node answers
        ");
    }
}
