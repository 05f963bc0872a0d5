//! Asking a miner. Validators and gateways ask through the same code with the same key, so that a miner sees no difference.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use thiserror::Error;

use super::{Caller, MAX_TIMEOUT, Scheme, now_ns, v2};
use crate::keys::{Hotkey, HotkeyId};

/// How much of a refusal is kept for the error text.
const KEPT_BYTES: usize = 2 << 10;

/// Why a miner gave no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// No connection, or it broke.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// It refused.
    #[error("it refused with {code}: {text}")]
    Refused {
        /// The code of HTTP.
        code: u16,
        /// What it said, shortened.
        text: String,
    },
    /// Somebody else answered at its address.
    #[error("the answer does not come from the miner: {0}")]
    Stranger(String),
    /// More than an answer may have.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The answer cannot be read.
    #[error("the answer cannot be read: {0}")]
    Garbled(String),
}

/// A caller with its hotkey.
#[derive(Clone, Debug)]
pub struct Dendrite {
    http: reqwest::Client,
    key: Hotkey,
    netuid: u16,
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axon {
    /// The miner.
    pub hotkey: HotkeyId,
    /// Where it answers.
    pub at: SocketAddr,
}

/// An answer that has begun.
#[derive(Debug)]
pub struct Reply {
    response: reqwest::Response,
    deadline: Instant,
    timeout: Duration,
    left: usize,
    limit: usize,
}

impl Dendrite {
    /// A caller of a subnet.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(key: Hotkey, netuid: u16) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .pool_idle_timeout(Duration::from_secs(60))
            .build()?;
        Ok(Self { http, key, netuid })
    }

    /// Who asks.
    pub fn hotkey(&self) -> HotkeyId {
        self.key.id()
    }

    /// Sends a body, and waits until the answer begins. `limit`: the most bytes that an answer may have.
    ///
    /// # Errors
    /// When nothing begins within the time-out, the miner refuses, or another key than the miner's answers.
    pub async fn ask(
        &self,
        axon: Axon,
        path: &str,
        body: Bytes,
        timeout: Duration,
        limit: usize,
    ) -> Result<Reply, AskError> {
        let timeout = timeout.clamp(Duration::from_millis(1), MAX_TIMEOUT);
        let session = hex::encode(rand::random::<[u8; 16]>());
        let caller = Caller { hotkey: self.key.id(), nonce: now_ns(), session, timeout, scheme: Scheme::V2 };
        let envelope = v2::Envelope { path, netuid: self.netuid, miner: axon.hotkey, caller };
        let (headers, signature) = v2::sign(&self.key, &envelope, &body);
        let deadline = Instant::now() + timeout;
        let request = self
            .http
            .post(format!("http://{}{path}", axon.at))
            .headers(headers)
            .header("content-type", "application/json")
            .body(body);
        let response = match within(deadline, timeout, request.send()).await? {
            Ok(response) => response,
            Err(error) => return Err(AskError::Connection(error.without_url().to_string())),
        };
        let code = response.status().as_u16();
        let mut reply = Reply { response, deadline, timeout, left: limit, limit };
        if code != 200 {
            reply.left = KEPT_BYTES;
            let text = reply.whole().await.unwrap_or_default();
            return Err(AskError::Refused { code, text: String::from_utf8_lossy(&text).into_owned() });
        }
        v2::verify_answer(reply.response.headers(), &signature, axon.hotkey)
            .map_err(|refusal| AskError::Stranger(refusal.why))?;
        Ok(reply)
    }
}

impl Reply {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// When the time is over, the connection breaks or too much came.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, AskError> {
        let piece = within(self.deadline, self.timeout, self.response.chunk()).await?;
        let piece = piece.map_err(|error| AskError::Connection(error.without_url().to_string()))?;
        if let Some(piece) = &piece {
            self.left = self.left.checked_sub(piece.len()).ok_or(AskError::TooLarge(self.limit))?;
        }
        Ok(piece)
    }

    /// All that comes.
    ///
    /// # Errors
    /// See [`Reply::piece`].
    pub async fn whole(&mut self) -> Result<Vec<u8>, AskError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

async fn within<T>(deadline: Instant, timeout: Duration, what: impl Future<Output = T>) -> Result<T, AskError> {
    tokio::time::timeout_at(deadline.into(), what).await.map_err(|_| AskError::Timeout(timeout))
}
