//! What every node of a cluster has at /data: a folder of here, or an archive.

use std::fs::File;
use std::path::{Path, PathBuf};

use client::cluster::{ExecAsk, ExecEvent};
use futures::future::try_join_all;
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt;

use super::reach::Reach;
use crate::error::{Class, Classify, CliError, Result};
use crate::output;

/// Bytes that are sent at a time.
const PIECE: usize = 64 << 10;
/// What a volume has beside what is put into it: its own tables.
const BESIDE: u64 = 32 << 20;

/// An archive of it.
pub(super) struct Data {
    archive: Archive,
    bytes: u64,
}

enum Archive {
    Given(PathBuf),
    Packed(NamedTempFile),
}

impl Data {
    /// Packs a folder; an archive is taken as it is.
    ///
    /// # Errors
    /// When it is neither, or cannot be read.
    pub(super) fn pack(path: &Path) -> Result<Self> {
        let missing = |error: std::io::Error| CliError::new(Class::NotFound, format!("{}: {error}", path.display()));
        let archive = match path.is_dir() {
            true => {
                let mut packed = NamedTempFile::new().class(Class::Machine)?;
                let mut builder = tar::Builder::new(packed.as_file_mut());
                builder.follow_symlinks(false);
                builder.append_dir_all(".", path).map_err(missing)?;
                builder.into_inner().class(Class::Machine)?;
                Archive::Packed(packed)
            }
            false => {
                let file = File::open(path).map_err(missing)?;
                // The first entry is read, so that another kind of file is refused before anything is paid.
                let mut archive = tar::Archive::new(&file);
                if !matches!(archive.entries().map_err(missing)?.next(), Some(Ok(_))) {
                    let what = format!("{} is neither a folder nor a tar archive", path.display());
                    return Err(CliError::new(Class::Usage, what));
                }
                Archive::Given(path.to_owned())
            }
        };
        let bytes = archive.open()?.metadata().class(Class::Machine)?.len();
        Ok(Self { archive, bytes })
    }

    /// Bytes of a volume that has room for it.
    pub(super) fn volume(&self) -> u64 {
        self.bytes.saturating_add(self.bytes / 4).saturating_add(BESIDE)
    }

    /// Sends it to every node at once.
    ///
    /// # Errors
    /// When a node cannot take it.
    pub(super) async fn send(&self, reach: &Reach) -> Result {
        let nodes = reach.nodes();
        let bar = bar(self.bytes.saturating_mul(nodes.len() as u64));
        let sends = nodes.iter().map(|node| {
            let bar = bar.clone();
            async move {
                let gateway = reach.gateway(node).await?;
                let args = ["tar", "-C", "/data", "-xf", "-"].map(str::to_owned).to_vec();
                let mut session =
                    gateway.cluster_exec(&reach.path, node.number, &ExecAsk { args, ..ExecAsk::default() }).await?;
                let mut source = tokio::fs::File::from_std(self.archive.open()?);
                let mut buffer = vec![0; PIECE];
                loop {
                    let length = source.read(&mut buffer).await.class(Class::Machine)?;
                    session.send(buffer[..length].to_vec()).await?;
                    bar.inc(length as u64);
                    if length == 0 {
                        break;
                    }
                }
                let mut said = String::new();
                loop {
                    match session.next().await? {
                        ExecEvent::Stdout(_) => {}
                        ExecEvent::Stderr(bytes) => said.push_str(&String::from_utf8_lossy(&bytes)),
                        ExecEvent::Exit(0) => return Ok(()),
                        ExecEvent::Exit(code) => {
                            let what = format!("node {} cannot unpack the data ({code}): {}", node.number, said.trim());
                            return Err(CliError::new(Class::Provider, what)
                                .hint("its image needs `tar`; the cluster works without the data"));
                        }
                    }
                }
            }
        });
        try_join_all(sends).await?;
        bar.finish_and_clear();
        Ok(())
    }
}

impl Archive {
    /// A reader of its own.
    fn open(&self) -> Result<File> {
        let path = match self {
            Self::Given(path) => path,
            Self::Packed(file) => file.path(),
        };
        File::open(path).class(Class::Machine)
    }
}

fn bar(bytes: u64) -> ProgressBar {
    if !output::watched() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("data {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_packed_and_other_files_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), "1,2\n").unwrap();
        let data = Data::pack(folder.path()).unwrap();
        let mut archive = tar::Archive::new(data.archive.open().unwrap());
        let names: Vec<String> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert!(names.iter().any(|name| name.ends_with("a.csv")), "{names:?}");
        assert!(data.volume() > BESIDE);
        assert_eq!(Data::pack(&folder.path().join("a.csv")).err().unwrap().class(), Class::Usage);
        assert_eq!(Data::pack(&folder.path().join("none")).err().unwrap().class(), Class::NotFound);
    }
}
