//! The names of log fields. No other names are used: a test reads the tree.

/// Names and what they hold. `docs/operations.md` shows this list.
pub const FIELDS: &[(&str, &str)] = &[
    // Whose line it is.
    ("trace", "trace id of the deployment, 32 hex digits; added to every line that names a deployment or part of it"),
    ("traceparent", "the caller's own W3C trace context"),
    ("owner", "the tenant, bech32"),
    ("dseq", "number of the deployment"),
    ("gseq", "number of the group"),
    ("oseq", "number of the order"),
    ("order", "order, `owner/dseq/gseq/oseq`"),
    ("lease", "bid, lease or pod, `owner/dseq/gseq/oseq/provider`"),
    ("leases", "how many leases"),
    ("provider", "the provider, bech32"),
    ("host", "host key, or host name of a published service"),
    ("hold", "number of a hold"),
    ("fence", "fencing number of a lease's hold"),
    ("account", "account, bech32"),
    // The chain.
    ("height", "height of a block"),
    ("round", "round of a height, or of proofs of devices"),
    ("block", "hash of a block"),
    ("tx", "hash of a transaction"),
    ("txs", "how many transactions"),
    ("event", "what a block announced"),
    ("proposer", "address of the proposer"),
    ("signatures", "how many signatures"),
    ("proof", "proof of misbehaviour"),
    ("peer", "libp2p peer id"),
    ("chain", "chain id, or what a peer says of its chain"),
    // Money.
    ("denom", "denom"),
    ("amount", "base units, or a coin"),
    ("price", "price per block"),
    ("fee", "fee that was paid"),
    // Work.
    ("service", "name of a service, or of a server of this process"),
    ("index", "number of a replica, from 0"),
    ("container", "name of a container at the OCI runtime"),
    ("pid", "process id"),
    ("code", "exit code"),
    ("out_of_memory", "whether the kernel ended it for memory"),
    ("image", "image reference"),
    ("phase", "step of a longer work"),
    ("phases", "time of each phase"),
    ("cpu_milli", "thousandths of a core"),
    ("memory", "bytes of memory"),
    ("storage", "bytes of disk"),
    ("devices", "how many devices"),
    ("capacity", "cpu, memory, storage, ports and GPUs that are offered"),
    ("unit", "place of work of a render job, `jobs/creator/jseq/units/index`"),
    ("engine", "build of a render engine"),
    ("scene", "digest of a scene's manifest"),
    ("chunks", "how many chunks of a scene"),
    ("cluster", "cluster, `tenant/cseq`"),
    ("node", "number of a node in its cluster"),
    ("class", "class of devices"),
    ("endpoint", "where packets of an overlay arrive"),
    ("formed", "whether an overlay formed with a newcomer"),
    ("found", "what a verifier found of a proof"),
    ("jobs", "how many jobs"),
    ("benchmark_ms", "milliseconds of the benchmark's frame"),
    // Requests.
    ("route", "route of an endpoint"),
    ("status", "status of an answer"),
    ("port", "port"),
    ("address", "where something listens or is reached"),
    ("url", "URL"),
    ("gateway", "where the gateway listens"),
    ("proxy", "where the proxy listens"),
    ("rpc", "where the JSON-RPC listens"),
    ("grpc", "where gRPC and gRPC-web are served"),
    ("rest", "where REST is served"),
    ("metrics", "where metrics and health are served"),
    ("serial", "serial number of a certificate"),
    // Everything.
    ("error", "why it failed"),
    ("reason", "why it was decided so"),
    ("seconds", "a time"),
    ("expected", "what was wanted instead"),
    ("attempt", "number of the attempt"),
    ("bytes", "a size"),
    ("path", "a file or folder"),
];

/// Whether a name is in the vocabulary.
pub fn is_known(name: &str) -> bool {
    FIELDS.iter().any(|(known, _)| *known == name)
}

/// The table of `docs/operations.md`.
pub fn table() -> String {
    let rows = FIELDS.iter().map(|(name, meaning)| format!("| `{name}` | {meaning} |\n"));
    format!("| field | what it holds |\n|---|---|\n{}", rows.collect::<String>())
}
