//! Devices that are leased on another network: where, and what may be spent there.

use primitives::Dec;
use provider::cluster::LeaseConfig;
use provider::config::DecText;

use crate::error::{Class, CliError, Result};

/// What a unit of gas costs, `0.0025uakt`.
#[derive(Clone, Debug)]
pub struct GasPrice(DecText, String);

impl std::str::FromStr for GasPrice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
        let (price, denom) = text.split_at(end);
        let price =
            price.parse().map_err(|_| "a price of gas is a number and a denom, such as 0.0025uakt".to_owned())?;
        match denom.is_empty() {
            true => Err("the denom of the price of gas is missing, as in 0.0025uakt".to_owned()),
            false => Ok(Self(DecText(price), denom.to_owned())),
        }
    }
}

/// Arguments. What is not named stays as it was.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "With --source lease")]
pub struct Args {
    /// The JSON-RPC of a node of that network; its account is that of the provider's own key
    #[arg(long, value_name = "URL")]
    lease_node: Option<String>,
    /// How addresses begin there [default: akash]
    #[arg(long, value_name = "PREFIX")]
    lease_prefix: Option<String>,
    /// What a unit of gas costs there [default: 0.0025uakt]
    #[arg(long, value_name = "PRICE")]
    lease_gas: Option<GasPrice>,
    /// In what leases are paid there [default: uact]
    #[arg(long, value_name = "DENOM")]
    lease_denom: Option<String>,
    /// The most for a device, in base units of that for a block of that network
    #[arg(long, value_name = "AMOUNT", value_parser = parse_dec)]
    lease_most: Option<DecText>,
    /// What is set aside for each lease, in base units, and added when less than an hour is left [default: 5000000]
    #[arg(long, value_name = "AMOUNT")]
    lease_deposit: Option<u64>,
    /// What a base unit there is worth in base units here
    #[arg(long, value_name = "RATE", value_parser = parse_dec)]
    lease_rate: Option<DecText>,
    /// What you ask for above what you pay, in percent [default: 20]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=1_000))]
    lease_margin: Option<u32>,
    /// What runs in a lease while nothing is hired: an image with a shell [default: debian:stable-slim]
    #[arg(long, value_name = "IMAGE")]
    lease_image: Option<String>,
    /// Lease of providers alone that announce `feat-tun`, so that nodes have a network device and can be of type ray; `false` takes
    /// that back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    lease_tun: Option<bool>,
}

fn parse_dec(text: &str) -> std::result::Result<DecText, String> {
    text.parse().map(DecText).map_err(|_| format!("{text:?} is no number, such as 0.5"))
}

/// What was configured, with what is named anew.
///
/// # Errors
/// When something is missing that has no default.
pub fn changed(old: Option<LeaseConfig>, args: &Args) -> Result<LeaseConfig> {
    let missing = |what: &str| {
        CliError::new(Class::Usage, format!("{what} is missing")).hint("`tetra provider cluster enable --help` tells")
    };
    let old = old.as_ref();
    let text = |new: &Option<String>, old: Option<&String>, default: &str| {
        new.clone().or_else(|| old.cloned()).unwrap_or_else(|| default.to_owned())
    };
    let usual = || DecText(Dec::from_ratio(25, 10_000).unwrap_or(Dec::ZERO));
    let (gas_price, gas_denom) = match (&args.lease_gas, old) {
        (Some(GasPrice(price, denom)), _) => (*price, denom.clone()),
        (None, Some(old)) => (old.gas_price, old.gas_denom.clone()),
        (None, None) => (usual(), "uakt".to_owned()),
    };
    Ok(LeaseConfig {
        node: args
            .lease_node
            .clone()
            .or_else(|| old.map(|old| old.node.clone()))
            .ok_or_else(|| missing("--lease-node"))?,
        prefix: text(&args.lease_prefix, old.map(|old| &old.prefix), "akash"),
        gas_price,
        gas_denom,
        denom: text(&args.lease_denom, old.map(|old| &old.denom), "uact"),
        most: args.lease_most.or(old.map(|old| old.most)).ok_or_else(|| missing("--lease-most"))?,
        deposit: args.lease_deposit.or(old.map(|old| old.deposit)).unwrap_or(5_000_000),
        rate: args.lease_rate.or(old.map(|old| old.rate)).ok_or_else(|| missing("--lease-rate"))?,
        margin_bp: args.lease_margin.map(|percent| percent * 100).or(old.map(|old| old.margin_bp)).unwrap_or(2_000),
        image: text(&args.lease_image, old.map(|old| &old.image), "debian:stable-slim"),
        tun: args.lease_tun.or(old.map(|old| old.tun)).unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn what_has_no_default_is_asked_for_and_what_is_not_named_stays() {
        let of = |words: &[&str]| Line::try_parse_from([&["x"], words].concat()).unwrap().args;
        assert!(changed(None, &of(&[])).unwrap_err().to_string().contains("--lease-node"));
        let first = ["--lease-node", "http://n:1", "--lease-most", "2.5", "--lease-rate", "1"];
        let made = changed(None, &of(&first)).unwrap();
        assert_eq!((made.prefix.as_str(), made.gas_denom.as_str(), made.margin_bp), ("akash", "uakt", 2_000));
        let later = changed(Some(made.clone()), &of(&["--lease-margin", "5", "--lease-gas", "0.1ucoin"])).unwrap();
        assert_eq!((later.most, later.margin_bp, later.gas_denom.as_str()), (made.most, 500, "ucoin"));
        for wrong in ["uakt", "0.1", ""] {
            assert!(Line::try_parse_from(["x", "--lease-gas", wrong]).is_err(), "{wrong}");
        }
    }
}
