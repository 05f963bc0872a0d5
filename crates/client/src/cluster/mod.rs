//! What tenants of clusters, and other suppliers, ask of an agent's gateway: manifests, programs on nodes, their logs and ports
//! (docs/operations.md, "Clusters").
//!
//! | module | what it holds |
//! |---|---|
//! | [`manifest`] | what agents are told beside the chain |
//!
//! Addresses below `/cluster/v1/`.

pub mod manifest;

use std::fmt;
use std::time::{Duration, Instant};

use futures::stream::{self, BoxStream, StreamExt};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::gateway::{Gateway, GatewayError, refused};

pub use crate::exec::{ExecAsk, ExecEvent, ExecSession, TerminalSize};
pub use manifest::Manifest;

/// For an answer that is short.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// For an answer of a program on a node.
const PORT_LIMIT: Duration = Duration::from_secs(120);

/// A cluster, as addresses write it: `TENANT/CSEQ`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterPath {
    /// Its tenant, bech32.
    pub tenant: String,
    /// Its number.
    pub cseq: u64,
}

impl fmt::Display for ClusterPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.cseq)
    }
}

/// What an agent says of a node of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Its number.
    pub number: u32,
    /// What it is at.
    pub state: String,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Its address in the overlay.
    pub address: String,
    /// How it reaches the others, as the agent's overlay says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<serde_json::Value>,
}

/// What suppliers keep of a cluster's head, so that another can take its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Jobs as Ray told them last.
    #[serde(default)]
    pub jobs: Vec<serde_json::Value>,
    /// SHA-256 of the archive of its checkpoint volume, hexadecimal; none where there is none.
    #[serde(default)]
    pub checkpoint: Option<String>,
    /// When it was looked at, in milliseconds since 1970 by the head's agent's clock.
    pub at_ms: u64,
}

/// An answer of a program on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortAnswer {
    /// The HTTP status.
    pub status: u16,
    /// What kind of body it says to have.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection on which another protocol is spoken.
pub struct Upgraded {
    /// Of the answer.
    pub headers: Vec<(String, Vec<u8>)>,
    /// What follows it.
    pub stream: Box<dyn Duplex>,
}

impl Gateway {
    /// Hands in the manifest of a cluster, to an agent that has a node of it.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 404 when it has none, 422 when the chain names another manifest; or when it cannot be
    /// reached.
    pub async fn put_cluster_manifest(&self, cluster: &ClusterPath, manifest: Vec<u8>) -> Result<(), GatewayError> {
        let request = self.request(Method::PUT, &format!("cluster/v1/{cluster}/manifest"))?;
        let request = request.header("content-type", "application/json").body(manifest);
        self.send(request, "the manifest of the cluster", CALL_LIMIT).await.map(drop)
    }

    /// The manifest of a cluster, for its tenant and for suppliers of its nodes.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 404 when the agent has none; or when it cannot be reached.
    pub async fn cluster_manifest(&self, cluster: &ClusterPath) -> Result<Vec<u8>, GatewayError> {
        let request = self.request(Method::GET, &format!("cluster/v1/{cluster}/manifest"))?;
        self.send(request, "the manifest of the cluster", CALL_LIMIT).await.map(String::into_bytes)
    }

    /// What the agent says of its own nodes of a cluster.
    ///
    /// # Errors
    /// As [`Self::cluster_manifest`].
    pub async fn cluster_nodes(&self, cluster: &ClusterPath) -> Result<Vec<NodeReport>, GatewayError> {
        let what = "the nodes of the cluster";
        let request = self.request(Method::GET, &format!("cluster/v1/{cluster}/nodes"))?;
        let text = self.send(request, what, CALL_LIMIT).await?;
        serde_json::from_str(&text).map_err(|error| self.garbled(what, error))
    }

    /// Log text of a node's container, as it comes.
    ///
    /// # Errors
    /// As [`Self::cluster_manifest`].
    pub async fn cluster_logs(
        &self,
        cluster: &ClusterPath,
        number: u32,
        tail: Option<u32>,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<Vec<u8>, GatewayError>>, GatewayError> {
        let mut path = format!("cluster/v1/{cluster}/nodes/{number}/logs?follow={follow}");
        if let Some(tail) = tail {
            path.push_str(&format!("&tail={tail}"));
        }
        self.pieces("the logs of the node", &path).await
    }

    /// Asks a program that listens on a node's address in the overlay, by HTTP.
    ///
    /// # Errors
    /// [`GatewayError`] when the agent refuses or cannot be reached; what the program answers is no error.
    pub async fn cluster_port(
        &self,
        cluster: &ClusterPath,
        (number, port): (u32, u16),
        (method, path): (&str, &str),
        body: Option<(String, Vec<u8>)>,
    ) -> Result<PortAnswer, GatewayError> {
        let what = "the program on the node";
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| self.garbled(what, error))?;
        let path = format!("cluster/v1/{cluster}/nodes/{number}/ports/{port}/{}", path.trim_start_matches('/'));
        let mut request = self.request(method, &path)?.timeout(PORT_LIMIT);
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let failed = |error: reqwest::Error| self.failed(error, what, PORT_LIMIT);
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let of_program = response.headers().contains_key("tetra-node");
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        let body = response.bytes().await.map_err(failed)?.to_vec();
        match of_program {
            true => Ok(PortAnswer { status, content_type: kind, body }),
            false => Err(refused(what, status, &String::from_utf8_lossy(&body))),
        }
    }

    /// Asks a program that listens on a node to speak another protocol on the connection, such as WebSocket. `headers` are those of
    /// the request beside the gateway's own.
    ///
    /// # Errors
    /// [`GatewayError`] when the agent or the program refuses, or cannot be reached.
    pub async fn cluster_port_upgrade(
        &self,
        cluster: &ClusterPath,
        (number, port): (u32, u16),
        path: &str,
        headers: &[(String, Vec<u8>)],
    ) -> Result<Upgraded, GatewayError> {
        let what = "the program on the node";
        let path = format!("cluster/v1/{cluster}/nodes/{number}/ports/{port}/{}", path.trim_start_matches('/'));
        let mut request = self.request(Method::GET, &path)?.version(reqwest::Version::HTTP_11);
        request = request.header("connection", "upgrade");
        for (name, value) in headers {
            request = request.header(name, value.as_slice());
        }
        let answer = tokio::time::timeout(PORT_LIMIT, request.send()).await;
        let answer = answer.map_err(|_| self.late(what, PORT_LIMIT))?;
        let response = answer.map_err(|error| self.failed(error, what, PORT_LIMIT))?;
        let status = response.status();
        if status != reqwest::StatusCode::SWITCHING_PROTOCOLS {
            let text = response.text().await.unwrap_or_default();
            return Err(refused(what, status.as_u16(), &text));
        }
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
        let stream = response.upgrade().await.map_err(|error| self.failed(error, what, PORT_LIMIT))?;
        Ok(Upgraded { headers, stream: Box::new(stream) })
    }

    /// How long so many bytes take from the agent to here.
    ///
    /// # Errors
    /// When it supplies no clusters, is asked by others already, or cannot be reached.
    pub async fn cluster_speed_down(&self, bytes: u64) -> Result<Duration, GatewayError> {
        let what = "bytes to measure";
        let began = Instant::now();
        let mut pieces = self.pieces(what, &format!("cluster/v1/speed/{bytes}")).await?;
        let mut seen = 0u64;
        while let Some(piece) = pieces.next().await {
            seen = seen.saturating_add(piece?.len() as u64);
        }
        if seen == bytes {
            Ok(began.elapsed())
        } else {
            Err(self.garbled(what, format!("{seen} of {bytes} bytes came")))
        }
    }

    /// How long so many bytes take from here to the agent.
    ///
    /// # Errors
    /// As [`Self::cluster_speed_down`].
    pub async fn cluster_speed_up(&self, bytes: u64) -> Result<Duration, GatewayError> {
        let body = vec![0x5a; usize::try_from(bytes).unwrap_or_default()];
        let request = self.request(Method::PUT, &format!("cluster/v1/speed/{bytes}"))?.body(body);
        let began = Instant::now();
        self.send(request, "bytes to measure", PORT_LIMIT).await?;
        Ok(began.elapsed())
    }

    /// What an agent keeps of a cluster's head.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 404 when it keeps nothing; or when it cannot be reached.
    pub async fn cluster_kept(&self, cluster: &ClusterPath) -> Result<Kept, GatewayError> {
        let what = "what is kept of the cluster";
        let request = self.request(Method::GET, &format!("cluster/v1/{cluster}/kept"))?;
        let text = self.send(request, what, CALL_LIMIT).await?;
        serde_json::from_str(&text).map_err(|error| self.garbled(what, error))
    }

    /// The archive of a node's data volume, as it comes.
    ///
    /// # Errors
    /// As [`Self::cluster_manifest`].
    pub async fn cluster_data(
        &self,
        cluster: &ClusterPath,
        number: u32,
    ) -> Result<BoxStream<'static, Result<Vec<u8>, GatewayError>>, GatewayError> {
        self.pieces("the data of the node", &format!("cluster/v1/{cluster}/nodes/{number}/data")).await
    }

    /// The archive (tar) of a cluster's checkpoint volume that an agent keeps, in pieces.
    ///
    /// # Errors
    /// As [`Self::cluster_kept`].
    pub async fn cluster_checkpoint(
        &self,
        cluster: &ClusterPath,
    ) -> Result<BoxStream<'static, Result<Vec<u8>, GatewayError>>, GatewayError> {
        self.pieces("the checkpoint of the cluster", &format!("cluster/v1/{cluster}/checkpoint")).await
    }

    async fn pieces(
        &self,
        what: &'static str,
        path: &str,
    ) -> Result<BoxStream<'static, Result<Vec<u8>, GatewayError>>, GatewayError> {
        let failed = |error: reqwest::Error| self.failed(error, what, CALL_LIMIT);
        let response = self.request(Method::GET, path)?.send().await.map_err(failed)?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(refused(what, status, &response.text().await.unwrap_or_default()));
        }
        let pieces = stream::unfold((self.clone(), Some(response)), move |(gateway, response)| async move {
            let mut response = response?;
            match response.chunk().await {
                Ok(Some(piece)) => Some((Ok(piece.to_vec()), (gateway, Some(response)))),
                Ok(None) => None,
                Err(error) => Some((Err(gateway.failed(error, what, CALL_LIMIT)), (gateway, None))),
            }
        });
        Ok(pieces.boxed())
    }

    /// The products to which an offer committed in a round, for who verifies them, who knows how many bytes they have:
    /// of an agent that sends more, no more is read than shows it.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] with 404 when the agent has none of that round; or when it cannot be reached in time.
    pub async fn cluster_products(&self, host_key: &[u8], round: u64, most: usize) -> Result<Vec<u8>, GatewayError> {
        let what = "the products of a proof";
        let fetched = async {
            let path = format!("cluster/v1/proofs/{}/{round}", hex::encode(host_key));
            let (mut pieces, mut bytes) = (self.pieces(what, &path).await?, Vec::new());
            while bytes.len() <= most
                && let Some(piece) = pieces.next().await
            {
                bytes.extend(piece?);
            }
            Ok(bytes)
        };
        let late = |_| self.garbled(what, format!("they did not come within {PORT_LIMIT:?}"));
        tokio::time::timeout(PORT_LIMIT, fetched).await.map_err(late)?
    }
}
