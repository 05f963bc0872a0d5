//! Transactions of commands that spend: simulated first, shown, asked about, then sent.

use client::account::Account;
use primitives::Coins;
use proto::Any;
use serde::Serialize;

use crate::amounts::{self, Amount};
use crate::context::Context;
use crate::error::Result;
use crate::money::Units;
use crate::output;

/// Options of commands that spend.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Spend {
    /// Show what it would do and cost, and stop
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// What is to be done.
pub struct Plan<T> {
    /// As programs read it.
    pub data: T,
    /// For people: a table of names and values.
    pub rows: Vec<Vec<String>>,
    /// What is asked before it is sent.
    pub question: String,
}

/// What would be done, or was done.
#[derive(Clone, Debug, Serialize)]
struct Report<'a, T> {
    #[serde(flatten)]
    data: &'a T,
    gas_limit: u64,
    fee: Vec<Amount>,
    /// Of the transaction; missing in a dry run.
    #[serde(flatten)]
    sent: Option<Sent>,
}

#[derive(Clone, Debug, Serialize)]
struct Sent {
    hash: String,
    height: u64,
    gas_used: u64,
}

impl Spend {
    /// Whether nothing may be sent, nor moved before it.
    pub fn is_dry_run(self) -> bool {
        self.dry_run
    }

    /// Simulates messages, shows what they cost, and sends them unless this is a dry run or the answer is no. `before`
    /// runs once the answer is yes and before anything is sent. Whether something was sent.
    ///
    /// # Errors
    /// When the chain refuses, the answer is no, or `before` fails.
    pub async fn send<T: Serialize>(
        self,
        context: &Context,
        account: &Account,
        units: &Units,
        messages: Vec<Any>,
        plan: Plan<T>,
        before: impl FnOnce() -> Result,
    ) -> Result<bool> {
        let Plan { data, rows, question } = plan;
        let (gas_limit, fee) = account.estimate(messages.clone()).await?;
        if self.dry_run {
            eprintln!("note: a dry run; nothing was sent");
            let report = Report { data: &data, gas_limit, fee: amounts::list(&fee), sent: None };
            output::show(context.format(), &report, |report| text(&rows, units, &fee, report.gas_limit, None))?;
            return Ok(false);
        }
        if !self.yes {
            eprintln!("{}", text(&rows, units, &fee, gas_limit, None));
        }
        output::confirm(&question, self.yes)?;
        before()?;
        let confirmed = account.send(messages).await?;
        let (paid, outcome) = (confirmed.fee, confirmed.outcome);
        let sent = Sent { hash: outcome.hash, height: outcome.height, gas_used: outcome.gas_used };
        let (gas_limit, fee) = (outcome.gas_wanted, amounts::list(&paid));
        let report = Report { data: &data, gas_limit, fee, sent: Some(sent) };
        output::show(context.format(), &report, |report| {
            text(&rows, units, &paid, report.gas_limit, report.sent.as_ref())
        })?;
        Ok(true)
    }
}

fn text(rows: &[Vec<String>], units: &Units, fee: &Coins, gas_limit: u64, sent: Option<&Sent>) -> String {
    let mut rows = rows.to_vec();
    rows.push(output::row(["fee", &units.coins(fee)]));
    rows.push(output::row(["gas limit", &gas_limit.to_string()]));
    if let Some(Sent { hash, height, gas_used }) = sent {
        rows.push(output::row(["gas used", &gas_used.to_string()]));
        rows.push(output::row(["height", &height.to_string()]));
        rows.push(output::row(["hash", hash]));
    }
    output::table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_shown_with_what_it_costs() {
        let mut fee = Coins::new();
        fee.add(&"2500utet".parse().unwrap());
        let rows = vec![output::row(["revokes", "certificate 7"])];
        let sent = Sent { hash: "AB".repeat(4), height: 12, gas_used: 66_000 };
        let shown = [
            text(&rows, &Units::default(), &fee, 100_000, None),
            text(&rows, &Units::default(), &fee, 100_000, Some(&sent)),
        ];
        insta::assert_snapshot!(shown.join("\n---\n"));
        let data = serde_json::json!({ "serial": "7" });
        let json = |sent| {
            serde_json::to_string(&Report { data: &data, gas_limit: 1, fee: amounts::list(&fee), sent }).unwrap()
        };
        insta::assert_snapshot!([json(None), json(Some(sent))].join("\n"));
    }
}
