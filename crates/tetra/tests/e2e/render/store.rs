//! An S3 server that we did not write, as a place for frames.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::net::Net;
use crate::packages;

/// moto's server with the bucket `films`.
pub(super) struct Store {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    url: String,
}

impl Store {
    /// None where Python makes no environments.
    pub(super) fn start() -> Option<Self> {
        let folder = tokio::runtime::Runtime::new().unwrap().block_on(packages::pypi("e2e/render/s3"))?;
        let mut command = Command::new(folder.join("venv/bin/python"));
        command.arg(folder.join("store.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut store = Self { child, input, output, url: String::new() };
        store.url = store.line().as_str().unwrap().to_owned();
        Some(store)
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// What lies in it: digest, digest as it was told, kind.
    pub(super) fn objects(&mut self) -> Value {
        self.input.write_all(b"list\n").unwrap();
        self.line()
    }

    /// Downloads a job into it, as whoever has this key; what the command told.
    pub(super) fn download(&self, net: &Net, job: &str, to: &str) -> Result<Value, String> {
        let mut command = net.command(&["render", "download", job, "--to", to, "-o", "json"]);
        command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret").env("AWS_REGION", "us-east-1");
        command.env("AWS_ENDPOINT", &self.url).env("AWS_ALLOW_HTTP", "true");
        let output = command.output().unwrap();
        match output.status.success() {
            true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
            false => Err(String::from_utf8(output.stderr).unwrap()),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Frames go into a bucket, each once, and nothing of them stays on this machine.
pub(super) fn takes_frames(net: &Net, job: &str, folder: &Path) {
    let Some(mut store) = Store::start() else { return };
    let first = store.download(net, job, "s3://films/one").unwrap();
    assert!(first["moved_bytes"].as_u64().unwrap() > 0 && first["folder"] == "s3://films/one", "{first:#}");
    let objects = store.objects();
    let names: Vec<&String> = objects.as_object().unwrap().keys().collect();
    assert_eq!(names, ["one/0001.png", "one/0002.png"]);
    for (name, object) in objects.as_object().unwrap() {
        let local = std::fs::read(folder.join(name.rsplit('/').next().unwrap())).unwrap();
        let digest = Value::from(farm::Digest::of(&local).to_string());
        assert_eq!(object, &Value::from(vec![digest.clone(), digest, "image/png".into()]));
    }
    let again = store.download(net, job, "s3://films/one").unwrap();
    assert_eq!((&again["moved_bytes"], again["files"].as_array().unwrap().len()), (&0.into(), 2), "{again:#}");
    let refused = store.download(net, job, "s3://lost/one").unwrap_err();
    assert!(refused.contains("s3://lost/one") && refused.contains("is there such a bucket"), "{refused}");
    assert!(std::fs::read_dir(net.home().join("downloads")).unwrap().next().is_none(), "what was staged is gone");
}
