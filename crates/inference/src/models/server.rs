//! The language model: llama.cpp's own server with SmolLM2-135M-Instruct, as a child process that ends with its owner.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::{ModelError, io, python, setup};

/// How long loading may take.
const LOADING: Duration = Duration::from_secs(120);

/// A model at work.
#[derive(Debug)]
pub struct ModelServer {
    child: Child,
    /// The program ends when this is closed.
    _keep: Option<ChildStdin>,
    url: String,
    weights: String,
}

#[derive(Deserialize)]
struct Listening {
    listening: String,
    weights: String,
}

impl ModelServer {
    /// Starts it on an address of this machine; port 0 takes a free one.
    ///
    /// # Errors
    /// When the models are not installed, or it does not listen in time.
    pub async fn start(environment: &Path, host: &str, port: u16) -> Result<Self, ModelError> {
        let python = setup::python(environment)?;
        let port = if port == 0 { free_port(host)? } else { port };
        let mut child = Command::new(python)
            .args(["-I", "-c", python::SERVER, host, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(io("starting the model"))?;
        let keep = child.stdin.take();
        let output = child.stdout.take().ok_or_else(|| ModelError::Silent("it has no output".to_owned()))?;
        let mut lines = BufReader::new(output).lines();
        let silent = |why: &str| ModelError::Silent(why.to_owned());
        let line =
            tokio::time::timeout(LOADING, lines.next_line()).await.map_err(|_| silent("it did not load in time"))?;
        let line = line.map_err(io("reading of the model"))?.ok_or_else(|| silent("it ended while it loaded"))?;
        let told: Listening =
            serde_json::from_str(&line).map_err(|_| ModelError::Garbled(line.chars().take(200).collect()))?;
        Ok(Self { child, _keep: keep, url: told.listening, weights: told.weights })
    }

    /// Where it answers OpenAI's API.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The file of its weights.
    pub fn weights(&self) -> &str {
        &self.weights
    }

    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// When the system does not tell.
    pub async fn wait(&mut self) -> Result<(), ModelError> {
        self.child.wait().await.map(drop).map_err(io("waiting for the model"))
    }
}

fn free_port(host: &str) -> Result<u16, ModelError> {
    let listener = std::net::TcpListener::bind((host, 0)).map_err(io(format!("listening on {host}")))?;
    Ok(listener.local_addr().map_err(io("asking for the port"))?.port())
}
