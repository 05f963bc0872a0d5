//! `tetra subnet explain`: every step of Yuma for one uid.

use proto::tetra::subnet::v1 as wire;
use serde_json::{Value, json};

use super::ask::wit;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::money::Units;
use crate::output::{self, row};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The subnet's number
    netuid: u32,
    /// The neuron's number in it
    uid: u32,
}

/// Runs it.
///
/// # Errors
/// When there is no such uid.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let request = wire::QueryExplainRequest { netuid: args.netuid, uid: args.uid };
    let found: wire::QueryExplainResponse = match chain.node.query("/tetra.subnet.v1.Query/Explain", &request).await {
        Err(error) if error.is_not_found() => {
            let what = format!("there is no uid {} in subnet {}", args.uid, args.netuid);
            return Err(CliError::new(Class::NotFound, what).hint(format!("tetra subnet metagraph {}", args.netuid)));
        }
        found => found?,
    };
    output::show(context.format(), &data(&found), |_| text(&found, args.uid, &chain.units))
}

fn data(found: &wire::QueryExplainResponse) -> Value {
    let cell = |cell: &wire::ExplainedCell| json!({ "from": cell.row, "to": cell.column, "value": cell.value });
    let steps = found.steps.iter().map(|step| {
        json!({ "step": step.step, "value": step.value, "cells": step.cells.iter().map(cell).collect::<Vec<_>>() })
    });
    json!({
        "steps": steps.collect::<Vec<_>>(), "dropped": found.dropped,
        "server_emission": found.server_emission.to_string(), "validator_emission": found.validator_emission.to_string(),
    })
}

fn text(found: &wire::QueryExplainResponse, uid: u32, units: &Units) -> String {
    let mut rows = Vec::new();
    for step in &found.steps {
        let gave =
            step.cells.iter().filter(|cell| cell.row == uid).map(|cell| format!("to {} {}", cell.column, cell.value));
        let got =
            step.cells.iter().filter(|cell| cell.row != uid).map(|cell| format!("from {} {}", cell.row, cell.value));
        let cells: Vec<String> = gave.chain(got).collect();
        let value = if step.value.is_empty() && cells.is_empty() {
            "none".to_owned()
        } else {
            format!("{}{}", step.value, cells.join(", "))
        };
        rows.push(row([&step.step, &value]));
    }
    let (mined, validated) = (wit(units, found.server_emission), wit(units, found.validator_emission));
    let mut lines = vec![
        output::table(&rows),
        String::new(),
        format!("uid {uid} would get {mined} for mining, {validated} for validating"),
    ];
    lines.extend(found.dropped.iter().map(|line| format!("does not count: {line}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_in_words_and_numbers() {
        let cell = |row, column, value: &str| wire::ExplainedCell { row, column, value: value.to_owned() };
        let step = |step: &str, value: &str, cells| wire::ExplainedStep {
            step: step.to_owned(),
            value: value.to_owned(),
            cells,
        };
        let found = wire::QueryExplainResponse {
            steps: vec![
                step("stake: its share of the subnet's stake", "0.25", vec![]),
                step("weights: those that count", "", vec![cell(2, 3, "0.75"), cell(1, 2, "0.5")]),
                step("old bonds: of the epoch before", "", vec![]),
            ],
            dropped: vec!["uid 2 of uid 2: a weight of oneself".to_owned()],
            server_emission: 1_000_000_000,
            validator_emission: 5,
        };
        insta::assert_snapshot!(text(&found, 2, &Units::default()));
        insta::assert_snapshot!(serde_json::to_string_pretty(&data(&found)).unwrap());
    }
}
