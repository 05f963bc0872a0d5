//! A desk that remembers, a chain's keys and certificates from memory, and a gateway that serves them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use client::certs::{Credential, Usage};
use client::{Auth, Gateway, SigningKey, Trust};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use primitives::Prefix;
use proto::akash::cert::v1::{Certificate, State};
use provider::desk::{Desk, DeskError, LogRequest, NamedLine, ShellRequest};
use provider::gateway::keys::{KeyError, PublicKey};
use provider::gateway::{Certificates, IssuedCertificate, Limits, OwnerKeys, Server, serve_with};
use provider::lease::LeaseName;
use provider::render::desk::RenderDesk;
use provider::status::Standing;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use workload::runtime::{Ending, Exec};
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

/// Knows the keys of the accounts 1 and 2, and the certificates that were published.
#[derive(Default)]
pub(crate) struct FakeChain(Mutex<HashMap<(String, String), Certificate>>);

impl FakeChain {
    pub(crate) fn publish(&self, credential: &Credential) {
        let (message, certificate) = (credential.message(), credential.certificate());
        let stored = Certificate { state: State::Valid as i32, cert: message.cert, pubkey: message.pubkey };
        let name = (certificate.owner.clone(), certificate.serial.clone());
        self.0.lock().unwrap().insert(name, stored);
    }

    pub(crate) fn revoke(&self, credential: &Credential) {
        let certificate = credential.certificate();
        let name = (certificate.owner.clone(), certificate.serial.clone());
        self.0.lock().unwrap().get_mut(&name).unwrap().state = State::Revoked as i32;
    }
}

#[async_trait]
impl OwnerKeys for FakeChain {
    async fn key_of(&self, owner: &str) -> Result<PublicKey, KeyError> {
        let known: HashMap<_, _> = [1, 2].map(|number| (address(number), key(number).public_key())).into();
        known.get(owner).copied().ok_or_else(|| KeyError::NeverSigned(owner.to_owned()))
    }

    async fn certificate(&self, owner: &str, serial: &str) -> Result<Option<Certificate>, KeyError> {
        Ok(self.0.lock().unwrap().get(&(owner.to_owned(), serial.to_owned())).cloned())
    }
}

pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// A certificate of account number so and so, made now.
pub(crate) fn credential(number: u8) -> Credential {
    Credential::generate(&address(number), &Usage::Tenant, now()).unwrap()
}

/// A certificate of the provider for its gateway, made now.
pub(crate) fn gateway_credential() -> Credential {
    let hosts = vec!["127.0.0.1".to_owned()];
    Credential::generate(&address(PROVIDER), &Usage::Gateway { hosts }, now()).unwrap()
}

#[derive(Default)]
pub(crate) struct Memory {
    /// Leases that run, as the status tells.
    pub(crate) leases: usize,
    pub(crate) manifests: Vec<(String, u64, Vec<u8>)>,
    /// Manifests are refused so many times with "no lease for deployment".
    pub(crate) too_early: usize,
    pub(crate) log_requests: Vec<LogRequest>,
    pub(crate) lines: Option<mpsc::Receiver<NamedLine>>,
    /// Dropped with the stream of lines.
    pub(crate) guard: Option<oneshot::Sender<()>>,
    pub(crate) renders: Option<Arc<dyn RenderDesk>>,
    pub(crate) shells: Vec<ShellRequest>,
}

/// A program whose end is known.
struct Ends(i32);

#[async_trait]
impl Ending for Ends {
    async fn wait(&mut self) -> std::io::Result<i32> {
        Ok(self.0)
    }
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

    async fn status(&self) -> Standing {
        let leases = self.0.lock().unwrap().leases;
        Standing { leases, address: self.address(), public_host: "localhost".to_owned(), ..Standing::default() }
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

    fn render(&self) -> Option<Arc<dyn RenderDesk>> {
        self.0.lock().unwrap().renders.clone()
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

    /// A program that writes what it reads, and ends with code 3 when there is no more.
    async fn shell(&self, _: &LeaseName, request: &ShellRequest) -> Result<Exec, DeskError> {
        if request.service != "web" {
            return Err(DeskError::NotFound(format!("no service {}", request.service)));
        }
        self.0.lock().unwrap().shells.push(request.clone());
        let (near, far) = tokio::io::duplex(64);
        let (mut from, mut to) = tokio::io::split(far);
        tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
        let (stdout, stdin) = tokio::io::split(near);
        let stderr = Box::new(&b"beside"[..]);
        let (stdin, stdout) = (Box::new(stdin), Box::new(stdout));
        Ok(Exec { stdin, stdout, stderr, terminal: None, running: Box::new(Ends(3)) })
    }
}

/// The host name of the gateway; nothing resolves it.
pub(crate) const HOST: &str = "provider.example";

pub(crate) struct Running {
    pub(crate) desk: FakeDesk,
    pub(crate) chain: Arc<FakeChain>,
    pub(crate) server: Server,
    pub(crate) certificates: Arc<Certificates>,
    /// The gateway's own certificate.
    pub(crate) own: Credential,
}

impl Running {
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::start_with(limits, None).await
    }

    /// A gateway that has a certificate of an authority besides its own.
    pub(crate) async fn start_with(limits: Limits, issued: Option<IssuedCertificate>) -> Self {
        let own = gateway_credential();
        let certificates = Arc::new(Certificates::new(&own, HOST, issued).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (desk, chain) = (FakeDesk::default(), Arc::new(FakeChain::default()));
        let server = serve_with(Arc::new(desk.clone()), chain.clone(), certificates.clone(), listener, limits).unwrap();
        Self { desk, chain, server, certificates, own }
    }

    pub(crate) fn uri(&self) -> String {
        format!("https://{}", self.server.address())
    }

    /// The gateway as tenant number so and so sees it.
    pub(crate) fn tenant(&self, number: u8) -> Gateway {
        self.with_token(&client::token::full_access(&key(number), &address(number)))
    }

    pub(crate) fn with_token(&self, token: &str) -> Gateway {
        self.with(Auth::Token(token.to_owned()))
    }

    pub(crate) fn with(&self, auth: Auth) -> Gateway {
        Gateway::new(&self.uri(), Trust::only(self.own.certificate().clone()), auth).unwrap()
    }
}
