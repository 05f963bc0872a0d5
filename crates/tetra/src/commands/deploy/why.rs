//! What providers say when nobody bids.

use std::time::Duration;

use client::{Auth, Gateway, Trust};
use serde_json::Value;

use crate::chain::Chain;

/// For the answer of one provider.
const LIMIT: Duration = Duration::from_secs(5);

/// A line per registered provider: what it decided on the orders of a deployment.
pub(super) async fn reasons(chain: &Chain, owner: &str, dseq: u64) -> String {
    let providers = match chain.providers().await {
        Ok(providers) if providers.is_empty() => return "  no provider is registered on this network".to_owned(),
        Ok(providers) => providers,
        Err(error) => return format!("  {error}"),
    };
    let prefix = format!("{owner}/{dseq}/");
    let asked = providers.iter().map(|provider| async {
        let trust = match Trust::on_chain(&chain.node, &provider.owner).await {
            Ok(trust) => trust,
            Err(error) => return format!("  {}: {error}", provider.owner),
        };
        let said = match Gateway::new(&provider.host_uri, trust, Auth::None) {
            Ok(gateway) => tokio::time::timeout(LIMIT, gateway.status()).await,
            Err(error) => return format!("  {}: {error}", provider.owner),
        };
        let said = match said {
            Ok(Ok(status)) => decision(&status, &prefix).unwrap_or_else(|| "says nothing of it".to_owned()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "does not answer".to_owned(),
        };
        format!("  {}: {said}", provider.owner)
    });
    futures::future::join_all(asked).await.join("\n")
}

/// The last decision on an order that begins with `prefix`.
fn decision(status: &Value, prefix: &str) -> Option<String> {
    let decisions = status.pointer("/bidengine/decisions")?.as_array()?;
    let ours =
        |entry: &&Value| entry.get("order").and_then(Value::as_str).is_some_and(|order| order.starts_with(prefix));
    decisions.iter().rev().find(ours)?.get("decision")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_decision_on_this_deployment_counts() {
        let entry = |order: &str, decision: &str| json!({ "order": order, "decision": decision });
        let decisions = [entry("a/7/1/1", "bid"), entry("a/7/1/1", "no bid: full"), entry("a/77/1/1", "no bid: other")];
        let status = json!({ "bidengine": { "decisions": decisions } });
        assert_eq!(decision(&status, "a/7/").as_deref(), Some("no bid: full"));
        assert_eq!(decision(&status, "a/8/"), None);
    }
}
