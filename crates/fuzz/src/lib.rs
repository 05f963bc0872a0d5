//! Fuzz targets: every decoder of bytes that somebody else wrote.
//!
//! A target is a function of bytes that panics when a promise is broken. [`TARGETS`] names them all; the corpus of each
//! lies under `corpus/NAME`. Tests run every target over its corpus on each build; `cargo xtask fuzz` lets libFuzzer look
//! for more, on the stable toolchain.
//!
//! | module | whose bytes |
//! |---|---|
//! | `chain` | a user's: transactions, and what they do to the machine; genesis documents |
//! | `older` | a user's of the older Akash API: its messages and queries |
//! | `credentials` | a caller's: tokens, certificates; an operator's: key files, configurations |
//! | `images` | a registry's: names, documents and layers of images |
//! | `files` | a tenant's: deployment files and manifests |
//! | `peers` | a peer's: consensus, sync, blocks |
//! | `records` | the disk's: the write-ahead log, the mempool's journal, stored records |
//! | `proofs` | a node's, to a light client: proofs of state |
//! | `requests` | a client's: queries and searches |
//! | `subnets` | a gateway's user's, a miner's caller's, a miner's; btcli's key files |
//! | `clusters` | a node's of a cluster, its tenant's, another supplier's |
//! | `scenes` | a creator's and a render node's: scenes and pixels |
//! | `seeds` | what the corpora begin with |

mod chain;
mod clusters;
mod credentials;
mod files;
mod images;
mod older;
mod peers;
mod proofs;
mod records;
mod requests;
mod scenes;
mod seeds;
mod subnets;

pub use seeds::seeds;

/// A named decoder.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is its corpus's folder too.
    pub name: &'static str,
    /// What it promises for any bytes.
    pub promise: &'static str,
    /// Checks the promise; panics when it is broken.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "transaction",
        promise: "decodes to one canonical transaction or is refused with a code; never a panic",
        run: chain::transaction,
    },
    Target {
        name: "machine",
        promise: "a transaction of any messages is executed or refused; money is conserved, no promise of the state breaks",
        run: chain::machine,
    },
    Target { name: "genesis", promise: "begins a sound chain or is refused with a reason", run: chain::genesis },
    Target {
        name: "sdl",
        promise: "a file that is accepted has groups, manifest and hash that fit each other",
        run: files::sdl,
    },
    Target { name: "manifest", promise: "is accepted only in a form that keeps its own digest", run: files::manifest },
    Target { name: "p2p", promise: "decodes to a message that encodes to itself, or is refused", run: peers::p2p },
    Target { name: "sync", promise: "decodes to a message that encodes to itself, or is refused", run: peers::sync },
    Target { name: "block", promise: "decodes to a block that encodes to itself, or is refused", run: peers::block },
    Target { name: "proof", promise: "no bytes prove what is not so", run: proofs::proof },
    Target {
        name: "wal",
        promise: "recovery of the consensus log gives sound entries or a reason, and never hangs",
        run: records::wal,
    },
    Target {
        name: "journal",
        promise: "recovery of the mempool keeps a sound prefix; recovering that again changes nothing",
        run: records::journal,
    },
    Target {
        name: "record",
        promise: "a stored record decodes to what encodes to itself, or is refused",
        run: records::record,
    },
    Target { name: "search", promise: "a search parses or is refused; matching never panics", run: requests::search },
    Target {
        name: "query",
        promise: "every query answers any request or refuses it with a status",
        run: requests::query,
    },
    Target {
        name: "rest",
        promise: "a request means one query or is refused; its answer is shown as JSON",
        run: requests::rest,
    },
    Target {
        name: "json",
        promise: "JSON that is read as a message is written to JSON that means the same message",
        run: requests::json,
    },
    Target {
        name: "amino",
        promise: "what a wallet signs as JSON is canonical, and has every message, the chain and the sequence",
        run: chain::amino,
    },
    Target {
        name: "older",
        promise: "an older message or query means one of the present or is refused; answers can be said in its words",
        run: older::older,
    },
    Target {
        name: "token",
        promise: "a token permits no more than it says, keeps its claims, and is nobody else's",
        run: credentials::token,
    },
    Target {
        name: "certificate",
        promise: "a certificate that is read is signed by its own key and reads again as the same",
        run: credentials::certificate,
    },
    Target {
        name: "settings",
        promise: "a key file or a configuration is read as what it writes again, or refused with a reason",
        run: credentials::settings,
    },
    Target {
        name: "image",
        promise: "a name, document or layer is taken or refused; nothing outside of the image's folder changes",
        run: images::image,
    },
    Target {
        name: "openai",
        promise: "a user's request is refused, or becomes what is read as the same again",
        run: subnets::openai,
    },
    Target {
        name: "stream",
        promise: "a miner's stream means the same however it is cut, and claims no more than can be true",
        run: subnets::stream,
    },
    Target { name: "signed", promise: "what nobody has signed is admitted by neither protocol", run: subnets::signed },
    Target {
        name: "hotkey",
        promise: "an address is read as what it writes again; a key file opens or is refused",
        run: subnets::hotkey,
    },
    Target {
        name: "cluster",
        promise: "frames, manifests and products are what they are written again from, or refused; no bytes prove what was not computed",
        run: clusters::cluster,
    },
    Target { name: "scene", promise: "a list of chunks is canonical or is refused", run: scenes::scene },
    Target {
        name: "pixels",
        promise: "pictures and regions decode within their limits or are refused",
        run: scenes::pixels,
    },
];

/// The target of a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
