//! `tetra lease token`: a token for somebody else, or for another program, that permits what it says and no more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::claims::{Access, Claims, DeploymentGrant, Permission, Scope};
use client::token::{self, Algorithm};
use serde::Serialize;

use super::running;
use crate::chain::Chain;
use crate::commands::deploy;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this deployment [default: all of yours]
    dseq: Option<u64>,
    /// Only this provider; may be repeated [default: all; with a deployment, those of its leases]
    #[arg(long, value_name = "ADDRESS")]
    provider: Vec<String>,
    /// Only these actions, with commas between them [default: all]
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    scope: Vec<Scope>,
    /// Only these services of the deployment, with commas between them [default: all of its file]
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "dseq")]
    service: Vec<String>,
    /// Only this group of the deployment
    #[arg(long, value_name = "NUMBER", requires = "dseq")]
    gseq: Option<u32>,
    /// Only this order of the group
    #[arg(long, value_name = "NUMBER", requires = "gseq")]
    oseq: Option<u32>,
    /// How long it is good for: a number with s, m, h or d
    #[arg(long, default_value = "15m", value_name = "TIME", value_parser = lifetime)]
    expires: Duration,
    /// A name for the token, which gateways do not look at
    #[arg(long, value_name = "NAME")]
    jti: Option<String>,
    /// Sign as wallets in browsers do (ADR-036)
    #[arg(long)]
    adr36: bool,
}

#[derive(Serialize)]
struct Minted {
    token: String,
    algorithm: Algorithm,
    claims: Claims,
}

/// Runs it.
///
/// # Errors
/// When the key cannot be opened, or what is to be permitted is not there.
pub(super) async fn run(context: &Context, chain: &Chain, args: Args) -> Result {
    let account = context.account(&chain.network).await?;
    let owner = account.text();
    let mut wanted = Wanted {
        providers: args.provider,
        scope: args.scope,
        services: args.service,
        deployment: args.dseq.map(|dseq| (dseq, args.gseq, args.oseq)),
    };
    if let Some(dseq) = args.dseq {
        if wanted.providers.is_empty() {
            wanted.providers = running(chain, &owner, Some(dseq)).await?.into_iter().map(|it| it.provider).collect();
            wanted.providers.sort();
            wanted.providers.dedup();
        }
        if wanted.services.is_empty() {
            let (_, sdl) = deploy::kept(context, &chain.network.chain_id, dseq)
                .map_err(|error| error.hint("or name its services with --service"))?;
            let groups = sdl.manifest().0.clone();
            wanted.services = groups.into_iter().flat_map(|group| group.services).map(|it| it.name).collect();
            wanted.services.sort();
            wanted.services.dedup();
        }
    }
    for provider in &wanted.providers {
        chain.prefix().parse(provider).map_err(|error| CliError::new(Class::Usage, format!("--provider: {error}")))?;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut claims = token::claims(&owner, wanted.access(), now, args.expires);
    claims.jti = args.jti;
    claims.check().map_err(|why| CliError::new(Class::Usage, why))?;
    let algorithm = if args.adr36 { Algorithm::Es256kAdr36 } else { Algorithm::Es256k };
    let minted = Minted { token: token::sign(account.key(), algorithm, &claims), algorithm, claims };
    output::show(context.format(), &minted, |minted| minted.token.clone())
}

/// What is to be permitted.
struct Wanted {
    providers: Vec<String>,
    /// Empty for all.
    scope: Vec<Scope>,
    services: Vec<String>,
    /// Number, group, order.
    deployment: Option<(u64, Option<u32>, Option<u32>)>,
}

impl Wanted {
    fn access(&self) -> Access {
        if self.providers.is_empty() {
            return match self.scope.as_slice() {
                [] => Access::Full {},
                scope => Access::Scoped { scope: scope.to_vec() },
            };
        }
        let permissions = self.providers.iter().map(|provider| self.permission(provider.clone())).collect();
        Access::Granular { permissions }
    }

    fn permission(&self, provider: String) -> Permission {
        match (self.deployment, self.scope.as_slice()) {
            (None, []) => Permission::Full { provider },
            (None, scope) => Permission::Scoped { provider, scope: scope.to_vec() },
            (Some((dseq, gseq, oseq)), scope) => {
                let scope = if scope.is_empty() { Scope::ALL.to_vec() } else { scope.to_vec() };
                let grant = DeploymentGrant { dseq, scope, services: self.services.clone(), gseq, oseq };
                Permission::Granular { provider, deployments: vec![grant] }
            }
        }
    }
}

fn lifetime(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: a number with s, m, h or d behind it is wanted, such as 15m");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(providers: &[&str], scope: &[Scope], deployment: Option<u64>) -> Wanted {
        Wanted {
            providers: providers.iter().map(|text| (*text).to_owned()).collect(),
            scope: scope.to_vec(),
            services: vec!["web".to_owned()],
            deployment: deployment.map(|dseq| (dseq, None, None)),
        }
    }

    #[test]
    fn the_less_is_named_the_more_is_permitted() {
        let logs = [Scope::Logs];
        let cases = [
            wanted(&[], &[], None),
            wanted(&[], &logs, None),
            wanted(&["p"], &[], None),
            wanted(&["p", "q"], &logs, None),
            wanted(&["p"], &logs, Some(7)),
            wanted(&["p"], &[], Some(7)),
        ];
        let shown = cases.map(|case| serde_json::to_string(&case.access()).unwrap());
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(lifetime("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(lifetime("7d"), Ok(Duration::from_secs(604_800)));
        for wrong in ["", "m", "15", "0s", "-1m", "1.5h", "15µ", "99999999999999999999d"] {
            lifetime(wrong).unwrap_err();
        }
    }
}
