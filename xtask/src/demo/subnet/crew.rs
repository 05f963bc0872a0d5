//! Processes of a demo, and waiting for what they do.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::network::Home;
use crate::failure::{Doing, Failure, Result};

/// How long things that come by themselves may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Processes that end with the demo, however it ends.
#[derive(Default)]
pub(crate) struct Crew(Vec<(String, Child)>);

impl Drop for Crew {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            // Whoever ended already cannot be ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Crew {
    /// Starts `tetra ARGS -o json`; its output goes to a file, of which the first document is waited for.
    pub(crate) fn start(&mut self, home: &Home, name: &str, args: &[&str]) -> Result<Value> {
        let log = home.file(&format!("{name}.out"));
        let out = fs::File::create(&log).doing(log.display())?;
        let talk = fs::File::create(home.file(&format!("{name}.log"))).doing(name)?;
        let mut command = home.tetra(&[args, &["-o", "json"]].concat());
        let child = command.stdin(Stdio::null()).stdout(out).stderr(talk).spawn().doing(name)?;
        self.0.push((name.to_owned(), child));
        wait(&format!("{name} to begin"), || {
            let text = fs::read_to_string(&log).doing(log.display())?;
            Ok(serde_json::from_str(&text).ok())
        })
    }

    /// Ends one at once.
    pub(crate) fn kill(&mut self, name: &str) -> Result {
        let found = self.0.iter_mut().find(|(known, _)| known == name);
        let (_, child) = found.ok_or_else(|| Failure::new(format!("nothing is called {name}")))?;
        child.kill().doing(name)?;
        child.wait().doing(name).map(drop)
    }
}

/// Asks until there is an answer.
pub(crate) fn wait<T>(what: &str, ask: impl Fn() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    Err(Failure::new(format!("waited {} s for {what}", PATIENCE.as_secs())))
}
