//! `tetra audit`: what auditors vouch for of providers.

use client::Node;
use primitives::Prefix;
use proto::ToAny;
use proto::akash::audit::v1::{AuditedProvider, MsgDeleteProviderAttributes, MsgSignProviderAttributes};
use proto::akash::base::attributes::v1::Attribute;
use proto::akash::provider::v1beta4::{QueryProviderRequest, QueryProviderResponse};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output;
use crate::spend::{Plan, Spend};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Vouch for attributes of a provider
    Sign(Sign),
    /// Take signatures back
    Delete(Delete),
    /// What is signed, by whom, of whom
    List(List),
}

/// Arguments of `sign`.
#[derive(Debug, clap::Args)]
pub struct Sign {
    /// The provider: an address, or the name of a key of yours
    provider: String,
    /// What you vouch for; the provider need not claim it itself
    #[arg(value_name = "KEY=VALUE", value_parser = parse_attribute, required_unless_present = "all")]
    attributes: Vec<(String, String)>,
    /// Vouch for all that the provider claims of itself now
    #[arg(long, conflicts_with = "attributes")]
    all: bool,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `delete`.
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// The provider: an address, or the name of a key of yours
    provider: String,
    /// Keys of the attributes that you no longer vouch for
    #[arg(value_name = "KEY", required_unless_present = "all")]
    keys: Vec<String>,
    /// All that you signed of this provider
    #[arg(long, conflicts_with = "keys")]
    all: bool,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Only of this provider: an address, or the name of a key of yours
    #[arg(long, value_name = "WHO")]
    provider: Option<String>,
    /// Only by this auditor: an address, or the name of a key of yours
    #[arg(long, value_name = "WHO")]
    auditor: Option<String>,
}

/// An attribute of the command line.
///
/// # Errors
/// When there is no `=`.
pub fn parse_attribute(text: &str) -> std::result::Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is wanted, such as region=eu-west")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Sign(args) => sign(context, args).await,
        Verb::Delete(args) => delete(context, args).await,
        Verb::List(args) => list(context, args).await,
    }
}

fn address(context: &Context, prefix: &Prefix, who: &str) -> Result<String> {
    Ok(prefix.text(&context.resolve(who, prefix)?))
}

/// What a provider claims of itself on the chain.
async fn claims(node: &Node, owner: &str) -> Result<Vec<Attribute>> {
    let request = QueryProviderRequest { owner: owner.to_owned() };
    let found: std::result::Result<QueryProviderResponse, _> =
        node.query("/akash.provider.v1beta4.Query/Provider", &request).await;
    let missing = || {
        CliError::new(Class::NotFound, format!("{owner} is not registered as a provider"))
            .hint("name the attributes that you vouch for as KEY=VALUE instead of --all, or another provider")
    };
    match found {
        Err(error) if error.is_not_found() => Err(missing()),
        found => Ok(found?.provider.ok_or_else(missing)?.attributes),
    }
}

async fn sign(context: &Context, args: Sign) -> Result {
    let chain = context.chain().await?;
    let provider = address(context, chain.prefix(), &args.provider)?;
    let attributes = if args.all {
        claims(&chain.node, &provider).await?
    } else {
        args.attributes.into_iter().map(|(key, value)| Attribute { key, value }).collect()
    };
    if attributes.is_empty() {
        return Err(CliError::new(Class::Usage, format!("{provider} claims nothing of itself that could be signed"))
            .hint("name what you vouch for as KEY=VALUE"));
    }
    let account = context.account(&chain.network).await?;
    let auditor = account.text();
    let mut rows = vec![output::row(["auditor", &auditor]), output::row(["provider", &provider])];
    rows.extend(attributes.iter().map(|attribute| output::row(["signs", &text(attribute)])));
    let plan = Plan {
        data: json!({ "auditor": auditor, "provider": provider, "signs": object(&attributes) }),
        rows,
        question: format!("Vouch for {} attributes of {provider}?", attributes.len()),
    };
    let message = MsgSignProviderAttributes { owner: provider, auditor, attributes }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

async fn delete(context: &Context, args: Delete) -> Result {
    let chain = context.chain().await?;
    let provider = address(context, chain.prefix(), &args.provider)?;
    let account = context.account(&chain.network).await?;
    let auditor = account.text();
    let signed = chain.signed(Some(&provider), Some(&auditor)).await?;
    let keys = signed.iter().flat_map(|signed| &signed.attributes).map(|attribute| attribute.key.clone());
    let keys: Vec<String> = keys.filter(|key| args.all || args.keys.contains(key)).collect();
    let unsigned = args.keys.iter().find(|key| !keys.contains(key));
    if let Some(what) = unsigned.map(String::as_str).or_else(|| keys.is_empty().then_some("anything")) {
        return Err(CliError::new(Class::NotFound, format!("{auditor} has not signed {what} of {provider}"))
            .hint(format!("`tetra audit list --provider {provider}` shows what is signed, and by whom")));
    }
    let mut rows = vec![output::row(["auditor", &auditor]), output::row(["provider", &provider])];
    rows.extend(keys.iter().map(|key| output::row(["takes back", key])));
    let plan = Plan {
        data: json!({ "auditor": auditor, "provider": provider, "takes_back": keys }),
        rows,
        question: format!("Take back {} signatures?", keys.len()),
    };
    let message = MsgDeleteProviderAttributes { owner: provider, auditor, keys }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

async fn list(context: &Context, args: List) -> Result {
    let chain = context.chain().await?;
    let who = |who: Option<&String>| who.map(|who| address(context, chain.prefix(), who)).transpose();
    let (provider, auditor) = (who(args.provider.as_ref())?, who(args.auditor.as_ref())?);
    let signed = chain.signed(provider.as_deref(), auditor.as_deref()).await?;
    output::show(context.format(), &data(&signed), |_| list_text(&signed))
}

fn text(attribute: &Attribute) -> String {
    format!("{}={}", attribute.key, attribute.value)
}

fn object(attributes: &[Attribute]) -> Value {
    attributes.iter().map(|attribute| (attribute.key.clone(), Value::from(attribute.value.clone()))).collect()
}

/// What is signed, as programs read it.
pub fn data(signed: &[AuditedProvider]) -> Vec<Value> {
    let one = |one: &AuditedProvider| json!({ "provider": one.owner, "auditor": one.auditor, "attributes": object(&one.attributes) });
    signed.iter().map(one).collect()
}

fn list_text(signed: &[AuditedProvider]) -> String {
    if signed.is_empty() {
        return "nothing is signed; `tetra audit sign PROVIDER KEY=VALUE` signs".to_owned();
    }
    let mut rows = vec![output::row(["PROVIDER", "AUDITOR", "ATTRIBUTE"])];
    for one in signed {
        rows.extend(one.attributes.iter().map(|attribute| output::row([&one.owner, &one.auditor, &text(attribute)])));
    }
    output::table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_shown_one_a_line() {
        let attribute = |key: &str, value: &str| Attribute { key: key.into(), value: value.into() };
        let signed = |auditor: &str, attributes| AuditedProvider {
            owner: "tetra1provider".into(),
            auditor: auditor.into(),
            attributes,
        };
        let all = [
            signed("tetra1ann", vec![attribute("region", "eu"), attribute("tier", "gold")]),
            signed("tetra1bob", vec![attribute("region", "eu")]),
        ];
        insta::assert_snapshot!([list_text(&all), list_text(&[])].join("\n---\n"));
        insta::assert_snapshot!(serde_json::to_string(&data(&all)).unwrap());
    }

    #[test]
    fn attributes_are_read_as_key_and_value() {
        assert_eq!(parse_attribute("region=eu=1"), Ok(("region".into(), "eu=1".into())));
        assert!(parse_attribute("region").is_err());
    }
}
