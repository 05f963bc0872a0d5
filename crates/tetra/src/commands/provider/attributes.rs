//! `tetra provider attributes`: what an agent says of its provider, and who vouches for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use client::keystore::Keystore;
use proto::akash::audit::v1::AuditedProvider;
use proto::akash::base::attributes::v1::Attribute;
use provider::{Home, ProviderConfig};
use serde::Serialize;

use super::explain;
use crate::commands::audit::{self, parse_attribute};
use crate::context::{Context, Global};
use crate::error::{Class, Classify, CliError, Result};
use crate::output;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// What is configured, what the chain knows, and what auditors signed
    Show(Show),
    /// Change what is configured; the agent registers it when it starts next
    Set(Set),
}

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The agent's folder
    dir: PathBuf,
}

/// Arguments of `set`.
#[derive(Debug, clap::Args)]
pub struct Set {
    /// The agent's folder
    dir: PathBuf,
    /// Attributes to add or change, such as region=eu-west or capabilities/storage/4/class=beta3
    #[arg(value_name = "KEY=VALUE", value_parser = parse_attribute, required_unless_present = "unset")]
    attributes: Vec<(String, String)>,
    /// Attributes to remove
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
}

/// All that is known.
#[derive(Clone, Debug, Serialize)]
struct Shown {
    provider: String,
    configured: BTreeMap<String, String>,
    /// None when the chain does not know the provider.
    registered: Option<BTreeMap<String, String>>,
    signed: Vec<serde_json::Value>,
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Show(args) => show(context, &args.dir).await,
        Verb::Set(args) => set(context, args),
    }
}

fn config(dir: &Path) -> Result<ProviderConfig> {
    Home::new(dir).config().map_err(|error| explain(error.into()))
}

async fn show(context: &Context, dir: &Path) -> Result {
    let config = config(dir)?;
    let global = Global { node: Some(config.node.clone()), ..context.global.clone() };
    let chain = Context { global, home: context.home.clone() }.chain().await?;
    let info = Keystore::new(&config.keys).info(&config.account).class(Class::NotFound)?;
    let damaged = || CliError::new(Class::Machine, format!("the key file of {} is damaged", info.name));
    let owner = chain.prefix().text(&info.address().ok_or_else(damaged)?);
    let found = chain.providers().await?.into_iter().find(|provider| provider.owner == owner);
    let signed = chain.signed(Some(&owner), None).await?;
    let pairs = |list: Vec<Attribute>| list.into_iter().map(|one| (one.key, one.value)).collect();
    let shown = Shown {
        provider: owner,
        configured: config.attributes,
        registered: found.map(|found| pairs(found.attributes)),
        signed: audit::data(&signed),
    };
    output::show(context.format(), &shown, |shown| text(shown, &signed))
}

fn text(shown: &Shown, signed: &[AuditedProvider]) -> String {
    let mut keys: BTreeMap<&str, ()> = shown.configured.keys().map(|key| (key.as_str(), ())).collect();
    keys.extend(shown.registered.iter().flat_map(BTreeMap::keys).map(|key| (key.as_str(), ())));
    keys.extend(signed.iter().flat_map(|one| &one.attributes).map(|one| (one.key.as_str(), ())));
    let mut rows = vec![output::row(["ATTRIBUTE", "CONFIGURED", "ON THE CHAIN", "SIGNED BY"])];
    for key in keys.keys() {
        let value = |map: Option<&BTreeMap<String, String>>| {
            map.and_then(|map| map.get(*key)).cloned().unwrap_or_else(|| "-".to_owned())
        };
        let signers = signed.iter().filter_map(|one| {
            let attribute = one.attributes.iter().find(|attribute| attribute.key == *key)?;
            Some(format!("{} ({})", one.auditor, attribute.value))
        });
        let signers = signers.collect::<Vec<_>>().join(", ");
        let signers = if signers.is_empty() { "-" } else { &signers };
        rows.push(output::row([key, &value(Some(&shown.configured)), &value(shown.registered.as_ref()), signers]));
    }
    let known = if shown.registered.is_some() { "" } else { ", which the chain does not know yet" };
    format!("provider {}{known}\n{}", shown.provider, output::table(&rows))
}

fn set(context: &Context, args: Set) -> Result {
    let mut config = config(&args.dir)?;
    for key in &args.unset {
        if config.attributes.remove(key).is_none() {
            return Err(CliError::new(Class::NotFound, format!("{key} is not configured; nothing was changed"))
                .hint("what the agent finds out about the machine itself cannot be removed, only overridden"));
        }
    }
    let wire = |(key, value): &(String, String)| Attribute { key: key.clone(), value: value.clone() };
    let wanted: Vec<Attribute> = args.attributes.iter().map(wire).collect();
    ledger::provider::attributes::check(&wanted).map_err(|refused| {
        CliError::new(Class::Usage, refused).hint("nothing was changed; the chain would refuse such a key")
    })?;
    config.attributes.extend(args.attributes);
    Home::new(&args.dir).init(&config).map_err(|error| explain(error.into()))?;
    output::show(context.format(), &serde_json::json!({ "configured": config.attributes }), |_| {
        let rows: Vec<Vec<String>> = config.attributes.iter().map(|(key, value)| output::row([key, value])).collect();
        format!("{}\nthe agent registers them when it starts next", output::table(&rows))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_shown_with_where_they_stand() {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let attributes = vec![Attribute { key: "region".into(), value: "eu".into() }];
        let signed = [AuditedProvider { owner: "tetra1provider".into(), auditor: "tetra1ann".into(), attributes }];
        let shown = Shown {
            provider: "tetra1provider".into(),
            configured: map(&[("region", "eu"), ("tier", "gold")]),
            registered: Some(map(&[("region", "eu"), ("arch", "amd64")])),
            signed: audit::data(&signed),
        };
        insta::assert_snapshot!(text(&shown, &signed));
        insta::assert_snapshot!(serde_json::to_string(&shown).unwrap());
    }

    #[test]
    fn no_attribute_is_changed_when_one_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let before = ProviderConfig::new("http://127.0.0.1:1", "a", folder.path(), "i", address, address);
        Home::new(folder.path()).init(&before).unwrap();
        let global = Global {
            home: Some(folder.path().to_owned()),
            node: None,
            from: None,
            output: Default::default(),
            log_format: Default::default(),
            verbose: 0,
        };
        let context = Context::new(global).unwrap();
        let set_to = |pairs: &[(&str, &str)], unset: &[&str]| {
            let attributes = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let unset = unset.iter().map(|key| (*key).to_owned()).collect();
            set(&context, Set { dir: folder.path().to_owned(), attributes, unset })
        };
        let configured = || config(folder.path()).unwrap().attributes;
        set_to(&[("region", "eu"), ("tier", "gold")], &[]).unwrap();
        assert_eq!(set_to(&[("good", "1"), ("1bad", "2")], &[]).unwrap_err().class(), Class::Usage);
        assert_eq!(set_to(&[("good", "1")], &["absent"]).unwrap_err().class(), Class::NotFound);
        set_to(&[("region", "us")], &["tier"]).unwrap();
        assert_eq!(configured(), [("region".to_owned(), "us".to_owned())].into());
    }
}
