//! `tetra deployment trace`: what the processes of a local network logged of one deployment, in order of time.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use primitives::TraceId;
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output;

/// Lines of one process that are looked through; older ones are left out.
const MOST_LINES: usize = 5_000_000;

/// One line of a log.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Line {
    /// RFC 3339, as the process wrote it; empty where the line has none.
    time: String,
    /// The log's name, such as `provider-1`.
    from: String,
    /// The line.
    text: String,
}

/// A trace.
#[derive(Serialize)]
struct Trace {
    trace: String,
    owner: String,
    dseq: u64,
    lines: Vec<Line>,
}

/// Shows the trace of a deployment out of log files.
///
/// # Errors
/// When a named folder cannot be read.
pub(super) fn show(context: &Context, owner: &str, dseq: u64, logs: Vec<PathBuf>) -> Result {
    let id = TraceId::of_deployment(owner, dseq).to_string();
    let folders = if logs.is_empty() { local(&context.home) } else { logs };
    let mut files = Vec::new();
    for folder in &folders {
        collect(folder, &mut files).map_err(|error| {
            CliError::new(Class::NotFound, format!("{}: {error}", folder.display()))
                .hint("--logs names a folder of log files, or one file; once for each")
        })?;
    }
    let mut lines: Vec<Line> = files.iter().flat_map(|file| lines_of(file, &id)).collect();
    lines.sort();
    let trace = Trace { trace: id, owner: owner.to_owned(), dseq, lines };
    output::show(context.format(), &trace, |trace| {
        let mut text = format!("trace {}\n", trace.trace);
        for Line { from, text: line, .. } in &trace.lines {
            text.push_str(&format!("{from:<14}{line}\n"));
        }
        if trace.lines.is_empty() {
            text.push_str(
                "no log here has a line of it. Logs elsewhere: grep this id, or name them with --logs. Lines are \
                 written at level info: RUST_LOG=info, or -v\n",
            );
        }
        text
    })
}

/// The logs of the network that `tetra up` runs, and those of the shims of its providers.
fn local(home: &Path) -> Vec<PathBuf> {
    let network = home.join("local");
    let parts = std::fs::read_dir(&network).into_iter().flatten().flatten().map(|entry| entry.path());
    let pods = parts.map(|part| part.join("data/pods")).filter(|pods| pods.is_dir());
    std::iter::once(network.join("logs")).filter(|logs| logs.is_dir()).chain(pods).collect()
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, files)?;
        } else if name.ends_with(".log") || name.ends_with(".jsonl") {
            files.push(path);
        }
    }
    Ok(())
}

/// The lines of a file that say the id. A file that cannot be read has none: pods come and go.
fn lines_of(path: &Path, id: &str) -> Vec<Line> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    let from = path.file_name().unwrap_or_default().to_string_lossy();
    let from = from.trim_end_matches(".log").trim_end_matches(".jsonl").to_owned();
    let lines = BufReader::new(file).lines().map_while(std::io::Result::ok).take(MOST_LINES);
    let ours = lines.filter(|line| line.contains(id));
    ours.map(|text| Line { time: time_of(&text), from: from.clone(), text }).collect()
}

/// When a line was written: the member `time` of JSON, or the first word of text.
fn time_of(line: &str) -> String {
    if let Ok(line) = serde_json::from_str::<Value>(line) {
        return line.get("time").and_then(Value::as_str).unwrap_or_default().to_owned();
    }
    let first = line.split_ascii_whitespace().next().unwrap_or_default();
    if first.len() >= 20 && first.contains('T') { first.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_logs_come_in_order_of_time() {
        let folder = tempfile::tempdir().unwrap();
        let id = TraceId::of_deployment("a", 7).to_string();
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        write("node.log", format!("2026-11-24T12:00:02.5Z INFO x trace={id}\n2026-11-24T12:00:01Z INFO other\n"));
        write("agent.log", format!("{{\"time\":\"2026-11-24T12:00:01.25Z\",\"trace\":\"{id}\"}}\n"));
        write("web-0.shim.jsonl", format!("{{\"time\":\"2026-11-24T12:00:03Z\",\"trace\":\"{id}\"}}\n"));
        write("notes.txt", id.clone());
        let mut files = Vec::new();
        collect(folder.path(), &mut files).unwrap();
        let mut lines: Vec<Line> = files.iter().flat_map(|file| lines_of(file, &id)).collect();
        lines.sort();
        let from: Vec<&str> = lines.iter().map(|line| line.from.as_str()).collect();
        assert_eq!(from, ["agent", "node", "web-0.shim"]);
    }
}
