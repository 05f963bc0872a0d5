//! What is asked for, as options.

use proto::tetra::capacity::v1::Resources;
use proto::tetra::cluster::v1::Ask;

use super::names::{Kind, Supplier, TierName, parse_duration};
use crate::chain::Chain;
use crate::error::{Class, CliError, Result};

/// What a cluster is to be.
#[derive(Clone, Debug, clap::Args)]
pub struct Wish {
    /// How many nodes, each with one device
    #[arg(short = 'n', long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    nodes: u32,
    /// What they are to be together
    #[arg(short, long, value_enum, default_value = "ray")]
    kind: Kind,
    /// Class of devices; `tetra cluster offers` shows those that there are
    #[arg(long, default_value = "cpu", value_name = "CLASS")]
    class: String,
    /// The least memory of a node, in GiB
    #[arg(long, value_name = "GIB")]
    memory: Option<u64>,
    /// The least disk of a node, in GiB
    #[arg(long, value_name = "GIB")]
    storage: Option<u64>,
    /// Only in these regions; once for each
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<String>,
    /// Only of these kinds of suppliers; once for each
    #[arg(long = "supplier", value_enum)]
    suppliers: Vec<Supplier>,
    /// The least connectivity
    #[arg(long, value_enum)]
    tier: Option<TierName>,
    /// Only with this security flag; once for each
    #[arg(long = "flag", value_name = "FLAG")]
    flags: Vec<String>,
    /// As many nodes of one machine as there are, instead of one of each supplier
    #[arg(long)]
    pack: bool,
    /// The most that a device may cost an hour, such as 0.05usd
    #[arg(long, value_name = "AMOUNT")]
    max_price: Option<String>,
    /// Cheaper slices of idle render nodes will do as well; they end without notice when there is something to render
    #[arg(long)]
    interruptible: bool,
    /// For how long it is paid in advance; what is not used comes back
    #[arg(short, long, default_value = "1h", value_name = "TIME", value_parser = parse_duration)]
    duration: u64,
    /// Where its own image or command keeps it from forming, keep its nodes for so long to be looked at, at their price
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    keep_failed: Option<u64>,
    /// End it when nothing ran on it for so long
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    idle: Option<u64>,
}

impl Wish {
    /// As the chain is asked.
    ///
    /// # Errors
    /// When the price is none of the market's denom.
    pub fn ask(&self, chain: &Chain, denom: &str) -> Result<Ask> {
        let gib = |gib: Option<u64>| gib.unwrap_or(0) << 30;
        let ceiling = match &self.max_price {
            None => 0,
            Some(text) => {
                let coin = chain.units.parse(text)?;
                if coin.denom.as_str() != denom {
                    let what = format!("devices are hired for {denom}, and {text} is another coin");
                    return Err(CliError::new(Class::Usage, what));
                }
                u64::try_from(coin.amount).unwrap_or(u64::MAX)
            }
        };
        Ok(Ask {
            kind: self.kind.wire().into(),
            class: self.class.clone(),
            nodes: self.nodes,
            each: Some(Resources { memory: gib(self.memory), storage: gib(self.storage), ..Resources::default() }),
            regions: self.regions.clone(),
            kinds: self.suppliers.iter().map(|kind| kind.wire().into()).collect(),
            tier: self.tier.map_or(0, |tier| tier.wire().into()),
            flags: self.flags.clone(),
            pack: self.pack,
            ceiling,
            duration_ms: self.duration,
            idle_ms: self.idle.unwrap_or(0),
            interruptible: self.interruptible,
            keep_failed_ms: self.keep_failed.unwrap_or(0),
        })
    }

    /// What they are to be together.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}
