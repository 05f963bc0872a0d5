//! The manifest to the providers, until every replica answers.

use std::time::{Duration, Instant};

use client::Gateway;
use client::gateway::LeaseStatus;

use super::Job;
use super::plan::Plan;
use super::report::{Phases, Running};
use crate::commands::bid::Offer;
use crate::error::{Class, CliError, Result};
use crate::gateways::Caller;

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);

/// Hands the manifest to each provider and waits until all services are ready.
///
/// # Errors
/// [`Class::Provider`] with the provider's reason, or [`Class::Timeout`] when a service does not get ready; the leases
/// go on, and the error says how.
pub(super) async fn launch(
    job: &Job<'_>,
    plan: &Plan,
    dseq: u64,
    taken: &[Offer],
    phases: &mut Phases,
) -> Result<Vec<Running>> {
    let start = Instant::now();
    job.talk.step("sending the manifest");
    let caller = Caller::with(job.context, &job.chain, &job.account, job.args.auth.kind).await;
    let caller = caller.map_err(|error| with_ways_on(error, dseq))?;
    let mut gateways = Vec::new();
    for offer in taken {
        let gateway = caller.gateway(&job.chain, &offer.provider, &offer.host).await;
        let gateway = gateway.map_err(|error| with_ways_on(error, dseq))?;
        let sent = gateway.put_manifest(dseq, &plan.manifest, job.patience()).await;
        sent.map_err(|error| with_ways_on(CliError::from(error), dseq))?;
        tracing::info!(owner = job.owner(), dseq, provider = offer.provider, "sent the manifest");
        gateways.push(gateway);
    }
    phases.manifest = start.elapsed();
    job.talk.step("waiting until every replica answers");
    let start = Instant::now();
    let deadline = start + Duration::from_secs(job.args.ready_wait);
    let mut running = Vec::new();
    for (offer, gateway) in taken.iter().zip(&gateways) {
        let status = ready(gateway, offer, deadline).await.map_err(|error| with_ways_on(error, dseq))?;
        running.push(Running { offer: offer.clone(), status });
    }
    phases.ready = start.elapsed();
    tracing::info!(owner = job.owner(), dseq, seconds = phases.ready.as_secs_f64(), "every replica answers");
    Ok(running)
}

async fn ready(gateway: &Gateway, offer: &Offer, deadline: Instant) -> Result<LeaseStatus> {
    loop {
        let status = gateway.lease_status(offer.dseq, offer.gseq, offer.oseq).await?;
        if status.services.values().all(client::gateway::ServiceStatus::is_ready) {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            let waiting: Vec<String> = status
                .services
                .values()
                .filter(|service| !service.is_ready())
                .map(|service| format!("{} ({} of {})", service.name, service.available, service.total))
                .collect();
            let reason = status.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            let what = format!("not ready at {}: {}{reason}", offer.provider, waiting.join(", "));
            return Err(CliError::new(Class::Timeout, what)
                .hint(format!("see what they say: tetra lease logs {}", offer.dseq))
                .hint("--ready-wait SECONDS waits longer"));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn with_ways_on(error: CliError, dseq: u64) -> CliError {
    error
        .hint(format!("the lease goes on and costs; put the cause right, then: tetra deploy --resume {dseq}"))
        .hint(format!("or end it and get the rest of the deposit back: tetra deployment close {dseq}"))
}
