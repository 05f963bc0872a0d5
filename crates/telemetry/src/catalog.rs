//! Every metric that Tetra has. `docs/operations.md` shows this list; a test compares the two.
//!
//! Names follow Prometheus' conventions: `tetra_<part>_<what>_<unit>`, base units (seconds, bytes; money in base units
//! of its denom), `_total` for what only grows. The values of every label come from a small set: denoms of the chain,
//! names of methods, reasons. No label names a deployment, a lease, an account or a peer; what belongs to one of those
//! stands in the log.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows, from the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Times, by the upper bounds of their buckets in seconds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Its name in the exposition format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its full name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, with its unit.
    pub help: &'static str,
}

/// Stages of a block, requests: from a tenth of a millisecond to ten seconds.
const QUICK: &[f64] = &[0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
/// Between blocks.
const BLOCKS: &[f64] = &[0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 6.0, 7.5, 10.0, 30.0, 60.0];
/// Phases of starting containers: from a millisecond to the pull of a large image.
const STARTS: &[f64] = &[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 120.0, 600.0];

/// Renders of frames: from a tenth of a second to hours.
const RENDERS: &[f64] = &[0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0];

macro_rules! catalog {
    ($($(#[$doc:meta])* $id:ident = $name:literal, $kind:expr, [$($label:literal),*], $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $id: Metric = Metric { name: $name, kind: $kind, labels: &[$($label),*], help: $help };
        )*
        /// All of them, in the order of the table.
        pub static ALL: &[&Metric] = &[$(&$id),*];
    };
}

catalog! {
    // Money.
    SUPPLY = "tetra_money_supply_base_units", Kind::Gauge, ["denom"],
        "Base units that exist.";
    MINTED = "tetra_money_minted_base_units_total", Kind::Counter, ["denom", "reason"],
        "Base units created by blocks since the node started.";
    BURNED = "tetra_money_burned_base_units_total", Kind::Counter, ["denom", "reason"],
        "Base units destroyed by blocks since the node started.";
    IMBALANCES = "tetra_money_imbalances_total", Kind::Counter, [],
        "Blocks in which money was not conserved: 0, or the node halts. Page on it.";
    POOL = "tetra_money_community_pool_base_units", Kind::Gauge, ["denom"],
        "Base units in the community pool: takes and dust.";
    FEES = "tetra_money_fee_collector_base_units", Kind::Gauge, ["denom"],
        "Base units of fees in the fee collector.";
    ESCROW_HELD = "tetra_escrow_held_base_units", Kind::Gauge, ["denom"],
        "Base units in escrow: deposits of deployments and bids, and what leases earned and was not withdrawn.";
    ESCROW_DEPOSITED = "tetra_escrow_deposited_base_units_total", Kind::Counter, ["denom"],
        "Base units put into escrow since the node started.";
    ESCROW_PAID = "tetra_escrow_paid_base_units_total", Kind::Counter, ["denom"],
        "Base units that providers withdrew, after the take, since the node started.";
    ESCROW_TAKEN = "tetra_escrow_taken_base_units_total", Kind::Counter, ["denom"],
        "Base units of take that went to the community pool since the node started.";
    ESCROW_REFUNDED = "tetra_escrow_refunded_base_units_total", Kind::Counter, ["denom"],
        "Base units that went back to depositors since the node started.";
    ESCROW_DUST = "tetra_escrow_dust_base_units_total", Kind::Counter, ["denom"],
        "Base units made of fractions of closed accounts, which went to the community pool, since the node started.";
    // The market.
    DEPLOYMENTS = "tetra_market_deployments", Kind::Gauge, ["state"],
        "Deployments that are not closed.";
    ORDERS = "tetra_market_orders", Kind::Gauge, ["state"],
        "Orders that are not closed.";
    BIDS = "tetra_market_bids", Kind::Gauge, ["state"],
        "Bids that are neither lost nor closed.";
    LEASES = "tetra_market_leases", Kind::Gauge, ["state"],
        "Leases that run.";
    MARKET_EVENTS = "tetra_market_events_total", Kind::Counter, ["event"],
        "What blocks announced of deployments, orders, bids and leases since the node started.";
    HOLDS = "tetra_capacity_holds", Kind::Gauge, ["kind"],
        "Holds on hosts: soft ones of bids, firm ones of leases, interruptible ones.";
    // The node.
    HEIGHT = "tetra_node_height", Kind::Gauge, [],
        "Height of the last block.";
    BLOCK_TIME = "tetra_node_last_block_timestamp_seconds", Kind::Gauge, [],
        "Header time of the last block, in seconds since 1970.";
    BLOCK_INTERVAL = "tetra_node_block_interval_seconds", Kind::Histogram(BLOCKS), [],
        "From the header time of a block to that of the next.";
    BLOCK_GOAL = "tetra_node_block_interval_goal_seconds", Kind::Gauge, [],
        "The interval that genesis wants.";
    STAGES = "tetra_node_block_stage_seconds", Kind::Histogram(QUICK), ["stage"],
        "Time of each stage of a block: check (a candidate), propose, verify (signatures), execute, store (block and \
         index), commit (state), mempool, whole (from the decision to the end of all).";
    BLOCK_BYTES = "tetra_node_block_bytes_total", Kind::Counter, [],
        "Bytes of committed blocks.";
    TXS = "tetra_node_txs_total", Kind::Counter, ["result"],
        "Transactions in committed blocks: ok or failed.";
    GAS = "tetra_node_gas_used_total", Kind::Counter, [],
        "Gas used by committed transactions.";
    ROUNDS = "tetra_node_extra_rounds_total", Kind::Counter, [],
        "Rounds beyond the first that blocks took.";
    VALIDATORS = "tetra_node_validators", Kind::Gauge, [],
        "Block validators of the next height.";
    POWER = "tetra_node_voting_power", Kind::Gauge, ["of"],
        "Voting power at the next height: own, and total.";
    MISSED = "tetra_node_missed_signatures_total", Kind::Counter, [],
        "Signatures of validators that committed blocks lack when the interval has run.";
    OWN_MISSED = "tetra_node_own_missed_signatures_total", Kind::Counter, [],
        "Blocks of sets with this validator that lack its signature when the interval has run.";
    MISBEHAVIOUR = "tetra_node_misbehaviour_total", Kind::Counter, ["kind"],
        "Proofs of conflicting messages of one validator: double_vote or double_proposal.";
    REFUSED_PROPOSALS = "tetra_node_refused_proposals_total", Kind::Counter, [],
        "Candidates that broke a rule.";
    SIGNATURES = "tetra_node_signature_checks_total", Kind::Counter, ["source"],
        "Signature checks of transactions, answered from memory (cached) or by verifying (verified).";
    STATE_KEYS = "tetra_node_state_keys", Kind::Gauge, [],
        "Keys in the state.";
    DISK_BYTES = "tetra_node_disk_bytes", Kind::Gauge, ["part"],
        "Bytes on disk: data (state and blocks), wal, mempool.";
    DISK_FREE = "tetra_node_disk_free_bytes", Kind::Gauge, [],
        "Bytes free where the node's folder lies.";
    PEERS = "tetra_node_peers", Kind::Gauge, ["net"],
        "Connected peers: gossip (of transactions), and how many are configured.";
    SYNCING = "tetra_node_catching_up", Kind::Gauge, [],
        "1 while the node fetches blocks that others decided, else 0.";
    RPC_REQUESTS = "tetra_node_rpc_requests_total", Kind::Counter, ["method", "result"],
        "Calls of the JSON-RPC by method: ok or error.";
    RPC_SECONDS = "tetra_node_rpc_request_seconds", Kind::Histogram(QUICK), ["class"],
        "Time of the JSON-RPC's answers by class of method: broadcast, query, search, block, info.";
    RPC_SUBSCRIBERS = "tetra_node_block_subscribers", Kind::Gauge, [],
        "Receivers of new blocks: open websockets of the RPC.";
    // The mempool.
    MEMPOOL_TXS = "tetra_mempool_txs", Kind::Gauge, [],
        "Transactions that wait.";
    MEMPOOL_BYTES = "tetra_mempool_bytes", Kind::Gauge, [],
        "Bytes of the transactions that wait.";
    MEMPOOL_ACCEPTED = "tetra_mempool_accepted_total", Kind::Counter, [],
        "Transactions that were accepted.";
    MEMPOOL_REFUSED = "tetra_mempool_refused_total", Kind::Counter, ["reason"],
        "Transactions that were not accepted: known, too_large, full, sender_full, \
         underpriced, malformed, rejected (by the state), journal.";
    MEMPOOL_LEFT = "tetra_mempool_left_total", Kind::Counter, ["reason"],
        "Transactions that left: committed, expired, invalid.";
    // The provider agent.
    AGENT_BIDS = "tetra_provider_bids_total", Kind::Counter, ["outcome"],
        "Bids by what became of them: made, won, lost (the order ended or another won), taken_back.";
    AGENT_NO_BIDS = "tetra_provider_orders_refused_total", Kind::Counter, ["reason"],
        "Orders without a bid of ours, by reason.";
    AGENT_OPEN_BIDS = "tetra_provider_open_bids", Kind::Gauge, [],
        "Bids that stand or are under way.";
    AGENT_LEASES = "tetra_provider_leases", Kind::Gauge, ["state"],
        "Leases here: awaiting_manifest, running, failing (their pod does not start), changing.";
    AGENT_CONTAINERS = "tetra_provider_containers", Kind::Gauge, ["state"],
        "Containers here: running, exited, absent.";
    AGENT_RESTARTS = "tetra_provider_container_restarts_total", Kind::Counter, ["outcome"],
        "Containers that ended and were started again: ok or failed.";
    AGENT_EXITS = "tetra_provider_container_exits_total", Kind::Counter, ["reason"],
        "Containers that ended by themselves: code_0, code_other, out_of_memory, signal.";
    START_SECONDS = "tetra_provider_start_phase_seconds", Kind::Histogram(STARTS), ["phase"],
        "Time of each phase of bringing a pod up: image, network, volumes, rootfs, runtime, total.";
    STARTS_FAILED = "tetra_provider_start_failures_total", Kind::Counter, ["blame"],
        "Starts of pods that failed, by whose doing: tenant or provider.";
    BOOK = "tetra_provider_capacity", Kind::Gauge, ["resource", "part"],
        "The reservation book: offered and reserved cpu (cores), memory and storage (bytes), ports, GPUs.";
    WITHDRAWN = "tetra_provider_withdrawn_base_units_total", Kind::Counter, ["denom"],
        "Base units that this agent's withdrawals and closings brought, after the take, since it started.";
    PENDING = "tetra_provider_pending_base_units", Kind::Gauge, ["denom"],
        "Base units that running leases earned and were not withdrawn, before the take, at the last look at the \
         escrows.";
    BALANCE = "tetra_provider_balance_base_units", Kind::Gauge, ["denom"],
        "Base units of the provider's account in the denoms that it bids or pays gas in, at the last look.";
    CHAIN_CALLS_FAILED = "tetra_provider_chain_failures_total", Kind::Counter, ["call"],
        "Calls to the node that failed: query, send (a transaction), follow (the next block).";
    CHAIN_HEIGHT = "tetra_provider_chain_height", Kind::Gauge, [],
        "The last height that the agent has read.";
    GATEWAY_REQUESTS = "tetra_provider_gateway_requests_total", Kind::Counter, ["route", "status"],
        "Requests of the gateway by route and class of status (2xx, 4xx, 5xx).";
    GATEWAY_SECONDS = "tetra_provider_gateway_request_seconds", Kind::Histogram(QUICK), ["route"],
        "Time of the gateway's answers; of websockets until they are open.";
    RENDER_FRAMES = "tetra_provider_render_frames_total", Kind::Counter, ["outcome"],
        "Frames that a render node committed to, or gave back, by the code of the failure.";
    RENDER_SECONDS = "tetra_provider_render_frame_seconds", Kind::Histogram(RENDERS), [],
        "Rendering of a frame, without starting, loading and finishing.";
    RENDER_TURNS = "tetra_provider_render_busy_seconds", Kind::Histogram(RENDERS), ["work"],
        "Time that a frame or an audit had the render engine, with starting, loading and finishing.";
    RENDER_AUDITS = "tetra_provider_render_audits_total", Kind::Counter, ["outcome"],
        "What a render node did in audits: committed, declined, revealed, opened.";
    AGENT_DISK_FREE = "tetra_provider_disk_free_bytes", Kind::Gauge, [],
        "Bytes free where images and volumes lie.";
    // Every process, by the names that all Prometheus clients share.
    PROCESS_MEMORY = "process_resident_memory_bytes", Kind::Gauge, [],
        "Resident memory in bytes.";
    PROCESS_CPU = "process_cpu_seconds_total", Kind::Counter, [],
        "CPU time of user and system in seconds.";
    PROCESS_FILES = "process_open_fds", Kind::Gauge, [],
        "Open file descriptors.";
    PROCESS_MOST_FILES = "process_max_fds", Kind::Gauge, [],
        "File descriptors that may be open.";
    PROCESS_THREADS = "process_threads", Kind::Gauge, [],
        "Threads.";
    PROCESS_START = "process_start_time_seconds", Kind::Gauge, [],
        "When the process started, in seconds since 1970.";
}

/// The table of `docs/operations.md`.
pub fn table() -> String {
    let mut text = "| metric | kind | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for Metric { name, kind, labels, help } in ALL {
        let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
        text.push_str(&format!("| `{name}` | {} | {labels} | {help} |\n", kind.name()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Labels whose values are few by nature. One that could name a lease, an account or a peer does not belong here.
    const FEW: [&str; 18] = [
        "blame", "call", "class", "denom", "event", "kind", "method", "net", "of", "outcome", "part", "phase",
        "reason", "resource", "result", "route", "source", "work",
    ];

    #[test]
    fn names_follow_the_conventions() {
        let units = ["seconds", "bytes", "base_units", "total", "fds"];
        let counts = [
            "_height",
            "_keys",
            "_peers",
            "_deployments",
            "_orders",
            "_bids",
            "_leases",
            "_holds",
            "_txs",
            "_validators",
            "_power",
            "_up",
            "_subscribers",
            "_containers",
            "_capacity",
            "_threads",
        ];
        let mut names = BTreeSet::new();
        for metric in ALL {
            let name = metric.name;
            assert!(names.insert(name), "{name} stands twice");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(name.starts_with("tetra_") || name.starts_with("process_"), "{name}");
            assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            let ends = units.iter().any(|unit| name.ends_with(&format!("_{unit}")))
                || counts.iter().any(|end| name.ends_with(end));
            assert!(ends, "{name} ends with no unit and with nothing that is counted");
            if let Kind::Histogram(buckets) = metric.kind {
                assert!(name.ends_with("_seconds") && buckets.is_sorted() && !buckets.is_empty(), "{name}");
            }
            assert!(metric.help.ends_with('.'), "{name}: {:?}", metric.help);
            let labels: BTreeSet<_> = metric.labels.iter().collect();
            assert_eq!(labels.len(), metric.labels.len(), "{name}");
            for label in labels {
                assert!(FEW.contains(label) || ["state", "stage", "status"].contains(label), "{name}: {label}");
            }
        }
    }

    #[test]
    fn the_table_in_the_docs_is_this_list() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
        let docs = std::fs::read_to_string(path).unwrap();
        let (head, rest) = docs.split_once("<!-- metrics: generated -->\n").unwrap();
        let (shown, tail) = rest.split_once("<!-- end of metrics -->\n").unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let text = format!("{head}<!-- metrics: generated -->\n{}<!-- end of metrics -->\n{tail}", table());
            std::fs::write(path, text).unwrap();
            return;
        }
        let hint = "UPDATE_DOCS=1 cargo test -p telemetry writes the table anew";
        assert_eq!(shown, table(), "docs/operations.md differs from the catalog: {hint}");
    }
}
