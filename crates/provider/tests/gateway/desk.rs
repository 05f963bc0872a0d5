//! A desk that remembers, an owner's keys from memory, and a gateway that serves them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use client::{Gateway, SigningKey};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use primitives::Prefix;
use provider::desk::{Desk, DeskError, LogRequest, NamedLine};
use provider::gateway::keys::{KeyError, PublicKey};
use provider::gateway::{Identity, Limits, OwnerKeys, Server, serve_with};
use provider::lease::LeaseName;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use workload::{LogLine, LogStream};

pub(crate) fn prefix() -> Prefix {
    Prefix::new("tetra").unwrap()
}

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes([number; 32]).unwrap()
}

pub(crate) fn address(number: u8) -> String {
    prefix().text(&key(number).address())
}

/// The provider's own number; tenants are 1 and 2, an account that never signed is 3.
pub(crate) const PROVIDER: u8 = 9;

/// Keys of the accounts 1 and 2.
pub(crate) struct TwoKeys;

#[async_trait]
impl OwnerKeys for TwoKeys {
    async fn key_of(&self, owner: &str) -> Result<PublicKey, KeyError> {
        let known: HashMap<_, _> = [1, 2].map(|number| (address(number), key(number).public_key())).into();
        known.get(owner).copied().ok_or_else(|| KeyError::NeverSigned(owner.to_owned()))
    }
}

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) manifests: Vec<(String, u64, Vec<u8>)>,
    /// Manifests are refused so many times with "no lease for deployment".
    pub(crate) too_early: usize,
    pub(crate) log_requests: Vec<LogRequest>,
    pub(crate) lines: Option<mpsc::Receiver<NamedLine>>,
    /// Dropped with the stream of lines.
    pub(crate) guard: Option<oneshot::Sender<()>>,
}

#[derive(Clone, Default)]
pub(crate) struct FakeDesk(pub(crate) Arc<Mutex<Memory>>);

pub(crate) fn line(name: &str, text: &str) -> NamedLine {
    let at = time::OffsetDateTime::UNIX_EPOCH;
    NamedLine { name: name.to_owned(), line: LogLine { at, stream: LogStream::Stdout, text: text.to_owned() } }
}

#[async_trait]
impl Desk for FakeDesk {
    fn address(&self) -> String {
        address(PROVIDER)
    }

    async fn status(&self) -> Value {
        json!({ "cluster": { "leases": 1 }, "address": self.address() })
    }

    async fn put_manifest(&self, owner: &str, dseq: u64, body: &[u8]) -> Result<(), DeskError> {
        let mut memory = self.0.lock().unwrap();
        if memory.too_early > 0 {
            memory.too_early -= 1;
            return Err(DeskError::NotFound(format!("no lease for deployment {dseq}")));
        }
        match body {
            b"[" => return Err(DeskError::Malformed("not a manifest".to_owned())),
            b"[1]" => return Err(DeskError::Refused("manifest version validation failed".to_owned())),
            _ => memory.manifests.push((owner.to_owned(), dseq, body.to_vec())),
        }
        Ok(())
    }

    async fn manifest(&self, lease: &LeaseName) -> Result<Value, DeskError> {
        Ok(json!([{ "name": lease.to_string(), "services": [{ "name": "web" }, { "name": "db" }] }]))
    }

    async fn lease_status(&self, lease: &LeaseName) -> Result<Value, DeskError> {
        if lease.dseq == 404 {
            return Err(DeskError::NotFound("no manifest for this lease".to_owned()));
        }
        let service = |name: &str| json!({ "name": name, "available": 1, "total": 1, "uris": ["http://x"] });
        Ok(json!({ "services": { "web": service("web"), "db": service("db") }, "forwarded_ports": {}, "ips": null }))
    }

    async fn logs(&self, lease: &LeaseName, request: &LogRequest) -> Result<BoxStream<'static, NamedLine>, DeskError> {
        if lease.dseq == 404 {
            return Err(DeskError::NotFound("lease not found".to_owned()));
        }
        let mut memory = self.0.lock().unwrap();
        memory.log_requests.push(request.clone());
        let lines = memory.lines.take().ok_or_else(|| DeskError::Internal("no running pods".to_owned()))?;
        let guard = memory.guard.take();
        let state = (lines, guard);
        Ok(stream::unfold(state, |(mut lines, guard)| async { Some((lines.recv().await?, (lines, guard))) }).boxed())
    }
}

pub(crate) struct Running {
    pub(crate) desk: FakeDesk,
    pub(crate) server: Server,
    pub(crate) identity: Identity,
    _folder: tempfile::TempDir,
}

impl Running {
    pub(crate) async fn start(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::load_or_create(folder.path(), &address(PROVIDER), &["127.0.0.1".to_owned()]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let desk = FakeDesk::default();
        let server = serve_with(Arc::new(desk.clone()), Arc::new(TwoKeys), identity.clone(), listener, limits).unwrap();
        Self { desk, server, identity, _folder: folder }
    }

    pub(crate) fn uri(&self) -> String {
        format!("https://{}", self.server.address())
    }

    /// The gateway as tenant number so and so sees it.
    pub(crate) fn tenant(&self, number: u8) -> Gateway {
        self.with_token(&client::token::full_access(&key(number), &address(number)))
    }

    pub(crate) fn with_token(&self, token: &str) -> Gateway {
        Gateway::new(&self.uri(), token).unwrap()
    }
}
