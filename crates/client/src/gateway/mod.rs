//! A provider's gateway, as a tenant uses it (spec/akash.md 3.1 to 3.3).
//!
//! | module | what it holds |
//! |---|---|
//! | `tls` | TLS 1.3 to a certificate that the provider published on the chain |
//! | [`status`] | what the gateway says of a lease |
//! | `logs` | log lines over a websocket |
//!
//! **No authority vouches for a gateway; the chain does.** The certificate that it shows must be one that the provider's
//! account published and did not revoke ([`Trust`]). Nothing is sent before that is known, so that neither a manifest
//! nor a token reaches another machine.

mod logs;
pub mod status;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde_json::Value;
use thiserror::Error;
use tokio::time::Instant;

use crate::certs::Credential;

pub use logs::{LogFrame, LogOptions};
pub use status::{ForwardedPort, LastExit, LeaseStatus, LeasedGpu, ServiceStatus};
pub use tls::Trust;

/// For reaching the gateway.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// For an answer to a question.
const CALL_LIMIT: Duration = Duration::from_secs(15);
/// For the start of containers, a little more than the gateway allows itself.
const MANIFEST_LIMIT: Duration = Duration::from_secs(130);
/// Between two attempts while the provider has not seen the lease yet.
const POLL: Duration = Duration::from_millis(200);
/// What a provider answers until it has seen the lease (spec/akash.md 3.3).
const NO_LEASE: &str = "no lease for deployment";

/// Why a gateway did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GatewayError {
    /// The provider's address is none.
    #[error("{uri:?} is not the address of a gateway: {why}; providers register addresses such as https://HOST:8443")]
    Address {
        /// What was given.
        uri: String,
        /// What is wrong.
        why: String,
    },
    /// No connection.
    #[error(
        "the provider's gateway at {uri} cannot be reached: {why}; `tetra doctor` tells whether it is this machine"
    )]
    Unreachable {
        /// Where.
        uri: String,
        /// Why.
        why: String,
    },
    /// Another certificate than the provider's.
    #[error(
        "the gateway at {uri} shows a certificate that its provider has not published as valid on the chain, so that \
         nothing was sent to it; another machine may answer there, or its agent could not publish a new one"
    )]
    Untrusted {
        /// Where.
        uri: String,
    },
    /// It took too long.
    #[error("the provider's gateway at {uri} did not answer {what} within {seconds} s; it may still do it")]
    Timeout {
        /// Where.
        uri: String,
        /// What was asked.
        what: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// The provider's own words.
    #[error("the provider refused {what} ({status}): {text}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// The HTTP status, or the close code of a websocket.
        status: u16,
        /// The provider's reason.
        text: String,
    },
    /// An answer that is no answer.
    #[error("the provider's gateway at {uri} answered {what} in a way that this program does not understand: {why}")]
    Garbled {
        /// Where.
        uri: String,
        /// What was asked.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// How a tenant names itself.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Not at all; public questions only.
    None,
    /// By a token of [`crate::token`].
    Token(String),
    /// By a certificate that its account published on the chain; permits everything.
    Certificate(Credential),
}

/// One provider's gateway and how its user is named to it.
#[derive(Clone)]
pub struct Gateway {
    base: Url,
    /// The base by the name that is sent in handshakes.
    named: Url,
    token: Option<String>,
    http: reqwest::Client,
    tls: tls::Tls,
}

impl Gateway {
    /// The gateway at the `host_uri` that the provider registered.
    ///
    /// # Errors
    /// [`GatewayError::Address`] when the address is no `https` URL with a host.
    pub fn new(host_uri: &str, trust: Trust, auth: Auth) -> Result<Self, GatewayError> {
        Self::through(host_uri, trust, auth, None)
    }

    /// The same, by a SOCKS 5 proxy where this machine reaches nobody itself. Websockets do not go through it.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn through(host_uri: &str, trust: Trust, auth: Auth, proxy: Option<SocketAddr>) -> Result<Self, GatewayError> {
        let wrong = |why: &dyn ToString| GatewayError::Address { uri: host_uri.to_owned(), why: why.to_string() };
        let base = Url::parse(host_uri).map_err(|error| wrong(&error))?;
        if base.scheme() != "https" || base.host_str().is_none() {
            return Err(wrong(&"it must begin with https:// and name a host"));
        }
        let named = tls::with_own_name(&base).map_err(|error| wrong(&error))?;
        let (token, own) = match auth {
            Auth::None => (None, None),
            Auth::Token(token) => (Some(token), None),
            Auth::Certificate(own) => (None, Some(own)),
        };
        let tls = tls::Tls::new(trust, own.as_ref()).map_err(|error| wrong(&error))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(rustls::ClientConfig::clone(&tls.config))
            .dns_resolver(tls::Lookup)
            .connect_timeout(CONNECT_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        let http = match proxy {
            Some(proxy) => {
                let proxy = reqwest::Proxy::all(format!("socks5://{proxy}")).map_err(|error| wrong(&error))?;
                http.proxy(proxy)
            }
            None => http,
        };
        let http = http.build().map_err(|error| wrong(&error))?;
        Ok(Self { base, named, token, http, tls })
    }

    /// The address.
    pub fn uri(&self) -> &str {
        self.base.as_str()
    }

    /// Hands in the manifest of a deployment as canonical JSON text, and returns once the provider took it.
    ///
    /// A provider learns of a lease a block later than its tenant; until `patience` is over the manifest is offered
    /// again while the answer is that there is no lease yet.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with the provider's reason, or when it cannot be reached.
    pub async fn put_manifest(&self, dseq: u64, manifest: &str, patience: Duration) -> Result<(), GatewayError> {
        let deadline = Instant::now() + patience;
        loop {
            let request = self.request(Method::PUT, &format!("deployment/{dseq}/manifest"))?;
            let request = request.header("content-type", "application/json").body(manifest.to_owned());
            match self.send(request, "the manifest", MANIFEST_LIMIT).await {
                Err(GatewayError::Refused { text, .. }) if text.contains(NO_LEASE) && Instant::now() < deadline => {
                    tokio::time::sleep(POLL).await;
                }
                Err(error) => return Err(error),
                Ok(_) => return Ok(()),
            }
        }
    }

    /// The state of a lease's services.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 404 when the provider has no manifest of it, or when it cannot be reached.
    pub async fn lease_status(&self, dseq: u64, gseq: u32, oseq: u32) -> Result<LeaseStatus, GatewayError> {
        let what = "the state of the lease";
        let value = self.get(&format!("lease/{dseq}/{gseq}/{oseq}/status"), what).await?;
        serde_json::from_value(value).map_err(|error| self.garbled(what, error))
    }

    /// The manifest that the provider runs for a lease: a JSON array with its one group.
    ///
    /// # Errors
    /// As [`Gateway::lease_status`].
    pub async fn manifest(&self, dseq: u64, gseq: u32, oseq: u32) -> Result<Value, GatewayError> {
        self.get(&format!("lease/{dseq}/{gseq}/{oseq}/manifest"), "the manifest of the lease").await
    }

    /// What the provider says of itself: leases, inventory, orders.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn status(&self) -> Result<Value, GatewayError> {
        self.get("status", "its state").await
    }

    async fn get(&self, path: &str, what: &'static str) -> Result<Value, GatewayError> {
        let text = self.send(self.request(Method::GET, path)?, what, CALL_LIMIT).await?;
        serde_json::from_str(&text).map_err(|error| self.garbled(what, error))
    }

    pub(crate) fn url(&self, path: &str) -> Result<Url, GatewayError> {
        let wrong = |why: String| GatewayError::Address { uri: self.base.to_string(), why };
        let base = format!("{}/", self.named.as_str().trim_end_matches('/'));
        Url::parse(&base).and_then(|base| base.join(path)).map_err(|error| wrong(error.to_string()))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, GatewayError> {
        let request = self.http.request(method, self.url(path)?);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        what: &'static str,
        limit: Duration,
    ) -> Result<String, GatewayError> {
        let failed = |error: reqwest::Error| self.failed(error, what, limit);
        let response = request.timeout(limit).send().await.map_err(failed)?;
        let status = response.status();
        let text = response.text().await.map_err(failed)?;
        if status == StatusCode::OK { Ok(text) } else { Err(refused(what, status.as_u16(), &text)) }
    }

    pub(crate) fn failed(&self, error: reqwest::Error, what: &'static str, limit: Duration) -> GatewayError {
        if error.is_timeout() && !error.is_connect() {
            return self.late(what, limit);
        }
        self.unreachable(&error)
    }

    pub(crate) fn late(&self, what: &'static str, limit: Duration) -> GatewayError {
        GatewayError::Timeout { uri: self.base.to_string(), what, seconds: limit.as_secs() }
    }

    /// The innermost cause says most: `connection refused` rather than `error sending request`.
    fn unreachable(&self, error: &dyn std::error::Error) -> GatewayError {
        if self.tls.refused() {
            return GatewayError::Untrusted { uri: self.base.to_string() };
        }
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            why = cause.to_string();
            source = cause.source();
        }
        GatewayError::Unreachable { uri: self.base.to_string(), why }
    }

    pub(crate) fn garbled(&self, what: &'static str, why: impl ToString) -> GatewayError {
        GatewayError::Garbled { uri: self.base.to_string(), what, why: why.to_string() }
    }
}

/// Refusals of the token are JSON with a message, all others plain text (spec/akash.md 3.2).
pub(crate) fn refused(what: &'static str, status: u16, body: &str) -> GatewayError {
    let message = serde_json::from_str::<Value>(body).ok();
    let message = message.as_ref().and_then(|value| value.get("message")).and_then(Value::as_str);
    GatewayError::Refused { what, status, text: message.unwrap_or(body).trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(uri: &str) -> Result<Gateway, GatewayError> {
        Gateway::new(uri, Trust::default(), Auth::None)
    }

    #[test]
    fn only_https_addresses_with_a_host_are_taken() {
        for wrong in ["", "example.com", "http://example.com:8443", "https://"] {
            assert!(matches!(open(wrong), Err(GatewayError::Address { .. })), "{wrong}");
        }
        let gateway = open("https://example.com:8443").unwrap();
        assert_eq!(gateway.url("status").unwrap().as_str(), "https://mtls.example.com:8443/status");
        let below = open("https://example.com/provider/").unwrap();
        assert_eq!(below.url("status").unwrap().as_str(), "https://mtls.example.com/provider/status");
    }

    #[test]
    fn refusals_carry_the_providers_words() {
        let text = |error: GatewayError| error.to_string();
        let json = refused("the manifest", 401, r#"{"message":"JWT is expired"}"#);
        assert_eq!(text(json), "the provider refused the manifest (401): JWT is expired");
        let plain = refused("the manifest", 404, "no lease for deployment 7\n");
        assert_eq!(text(plain), "the provider refused the manifest (404): no lease for deployment 7");
    }

    #[tokio::test]
    async fn a_gateway_that_is_not_there_is_told_with_the_cause() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let gateway = open(&format!("https://{free}")).unwrap();
        let error = gateway.status().await.unwrap_err();
        assert!(matches!(&error, GatewayError::Unreachable { why, .. } if why.contains("refused")), "{error}");
    }
}
