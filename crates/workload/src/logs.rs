//! Container logs in the CRI format (`TIME STREAM F|P TEXT`), bounded in size.
//!
//! The shim writes them; the agent reads them. When the file is full it becomes the one older
//! file and a new one begins, so a container never holds more than twice the limit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;

use crate::runtime::{LogLine, LogStream};

/// Longer lines are written in parts.
const MAX_LINE: usize = 16 << 10;

/// How often a followed log is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Writes one container's log.
pub(crate) struct LogWriter {
    path: PathBuf,
    limit: u64,
    file: File,
    length: u64,
}

impl LogWriter {
    /// Goes on with the file at `path`, where there is one.
    pub(crate) fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = append_to(path)?;
        let length = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), limit, file, length })
    }

    /// Writes one line, or a part of one where `ended` is false.
    pub(crate) fn write(&mut self, at: OffsetDateTime, stream: LogStream, text: &[u8], ended: bool) -> io::Result<()> {
        let time = at.format(&Rfc3339).map_err(io::Error::other)?;
        let stream = stream_name(stream);
        let mut line = format!("{time} {stream} {} ", if ended { 'F' } else { 'P' }).into_bytes();
        line.extend_from_slice(text);
        line.push(b'\n');
        if self.length + line.len() as u64 > self.limit {
            self.rotate()?;
        }
        self.file.write_all(&line)?;
        self.length += line.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        fs::rename(&self.path, older(&self.path))?;
        self.file = append_to(&self.path)?;
        self.length = 0;
        Ok(())
    }
}

/// Cuts a byte stream into lines of bounded length.
#[derive(Default)]
pub(crate) struct LineSplitter {
    rest: Vec<u8>,
}

impl LineSplitter {
    /// Calls `emit` with each line (or part) that `bytes` completes.
    pub(crate) fn push(&mut self, bytes: &[u8], mut emit: impl FnMut(&[u8], bool)) {
        for &byte in bytes {
            match byte {
                b'\n' => {
                    emit(&self.rest, true);
                    self.rest.clear();
                }
                byte => {
                    self.rest.push(byte);
                    if self.rest.len() == MAX_LINE {
                        emit(&self.rest, false);
                        self.rest.clear();
                    }
                }
            }
        }
    }

    /// Emits what has no line end yet.
    pub(crate) fn finish(self, mut emit: impl FnMut(&[u8], bool)) {
        if !self.rest.is_empty() {
            emit(&self.rest, true);
        }
    }
}

/// The last `tail` lines stored (all without it), then, where asked, new ones as they come.
pub(crate) fn read(path: PathBuf, tail: Option<usize>, follow: bool) -> BoxStream<'static, LogLine> {
    let mut stored = Vec::new();
    if let Ok(text) = fs::read(older(&path)) {
        stored.extend(lines_of(&text));
    }
    let mut cursor = Cursor::open(&path);
    stored.extend(cursor.as_mut().map(Cursor::next_lines).unwrap_or_default());
    let skipped = stored.len().saturating_sub(tail.unwrap_or(usize::MAX));
    let stored = stream::iter(stored.into_iter().skip(skipped));
    match follow {
        true => stored.chain(following(path, cursor)).boxed(),
        false => stored.boxed(),
    }
}

fn following(path: PathBuf, mut cursor: Option<Cursor>) -> impl futures::Stream<Item = LogLine> {
    let (sender, receiver) = mpsc::channel(256);
    tokio::spawn(async move {
        let mut pause = tokio::time::interval(POLL);
        while !sender.is_closed() && path.parent().is_some_and(Path::exists) {
            pause.tick().await;
            let mut lines = cursor.as_mut().map(Cursor::next_lines).unwrap_or_default();
            if cursor.as_ref().is_none_or(|cursor| cursor.is_rotated(&path)) {
                cursor = Cursor::open(&path);
                lines.extend(cursor.as_mut().map(Cursor::next_lines).unwrap_or_default());
            }
            for line in lines {
                if sender.send(line).await.is_err() {
                    return;
                }
            }
        }
    });
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|line| (line, receiver)) })
}

/// A place in one log file.
struct Cursor {
    file: File,
    inode: u64,
    rest: Vec<u8>,
}

impl Cursor {
    fn open(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let inode = file.metadata().ok()?.ino();
        Some(Self { file, inode, rest: Vec::new() })
    }

    fn is_rotated(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|meta| meta.ino() != self.inode)
    }

    /// Lines completed since the last call.
    fn next_lines(&mut self) -> Vec<LogLine> {
        let mut text = std::mem::take(&mut self.rest);
        // A read error looks like the end; the next call tries again.
        let _ = self.file.read_to_end(&mut text);
        let complete = text.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        self.rest = text.split_off(complete);
        lines_of(&text)
    }
}

fn lines_of(text: &[u8]) -> Vec<LogLine> {
    text.split(|&b| b == b'\n').filter_map(parse).collect()
}

fn parse(line: &[u8]) -> Option<LogLine> {
    let mut parts = line.splitn(4, |&b| b == b' ');
    let at = OffsetDateTime::parse(str::from_utf8(parts.next()?).ok()?, &Rfc3339).ok()?;
    let stream = match parts.next()? {
        b"stdout" => LogStream::Stdout,
        b"stderr" => LogStream::Stderr,
        _ => return None,
    };
    let text = String::from_utf8_lossy(parts.nth(1)?).into_owned();
    Some(LogLine { at, stream, text })
}

fn stream_name(stream: LogStream) -> &'static str {
    match stream {
        LogStream::Stdout => "stdout",
        LogStream::Stderr => "stderr",
    }
}

fn older(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(dir: &Path, limit: u64) -> LogWriter {
        LogWriter::open(&dir.join("web-0.log"), limit).unwrap()
    }

    async fn texts(dir: &Path, tail: Option<usize>) -> Vec<String> {
        let lines = read(dir.join("web-0.log"), tail, false);
        lines.map(|line| line.text).collect().await
    }

    #[tokio::test]
    async fn a_flood_stays_within_two_files() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = writer(dir.path(), 4096);
        for number in 0..1000 {
            let text = format!("line {number}");
            log.write(OffsetDateTime::UNIX_EPOCH, LogStream::Stdout, text.as_bytes(), true).unwrap();
        }
        let bytes: u64 = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes <= 2 * 4096, "{bytes}");
        assert_eq!(texts(dir.path(), Some(2)).await, ["line 998", "line 999"]);
    }

    #[tokio::test]
    async fn following_crosses_a_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = writer(dir.path(), 200);
        let mut write = |text: &str| {
            log.write(OffsetDateTime::UNIX_EPOCH, LogStream::Stderr, text.as_bytes(), true).unwrap();
        };
        write("one");
        let mut lines = read(dir.path().join("web-0.log"), None, true);
        assert_eq!(lines.next().await.unwrap().text, "one");
        write("two");
        write(&"x".repeat(150));
        assert_eq!(lines.next().await.unwrap().text, "two");
        assert_eq!(lines.next().await.unwrap().text.len(), 150);
    }

    #[test]
    fn long_lines_come_in_parts() {
        let mut parts = Vec::new();
        let mut splitter = LineSplitter::default();
        splitter.push(&vec![b'x'; MAX_LINE + 1], |text, ended| parts.push((text.len(), ended)));
        splitter.push(b"\nlast", |text, ended| parts.push((text.len(), ended)));
        splitter.finish(|text, ended| parts.push((text.len(), ended)));
        assert_eq!(parts, [(MAX_LINE, false), (1, true), (4, true)]);
    }
}
