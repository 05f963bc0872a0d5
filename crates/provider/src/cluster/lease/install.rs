//! This program, in the container of a lease: the part of its file that is loaded, the libraries that it stands on, and the loader that
//! brings them together, so that the container's image needs nothing but a shell.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::foreign::Foreign;
use super::slots::Lease;
use super::streams;
use crate::cluster::pods::GUEST;
use crate::cluster::trouble::Trouble;

/// Bytes that are sent at a time.
const PIECE: usize = 256 << 10;

/// What is sent: names in the folder, and where the bytes are.
struct Part {
    name: String,
    path: PathBuf,
    bytes: u64,
}

/// The command of the guest for a task.
pub(super) fn command(task: &[&str]) -> Vec<String> {
    let own = [&format!("{GUEST}/loader"), "--library-path", GUEST, &format!("{GUEST}/tetra"), "guest"];
    own.iter().chain(task).map(|word| (*word).to_owned()).collect()
}

fn shell(script: String) -> Vec<String> {
    ["/bin/sh", "-c", &script].map(str::to_owned).to_vec()
}

/// Runs a script in a lease; gives its exit code and the beginning of what it says.
pub(super) async fn script(foreign: &Foreign, lease: &Lease, script: String) -> Result<(i32, String), Trouble> {
    let mut exec = streams::exec(foreign.shell(lease, shell(script), None).await?, false);
    drop(exec.stdin);
    let mut said = String::new();
    let broken = |error: io::Error| Trouble::Waits(format!("a shell into the lease: {error}"));
    exec.stdout.take(4_096).read_to_string(&mut said).await.map_err(broken)?;
    let code = exec.running.wait().await.map_err(broken)?;
    Ok((code, said))
}

/// Puts it there, unless it is there already.
pub(super) async fn install(foreign: &Foreign, lease: &Lease) -> Result<(), Trouble> {
    let odd = |error: io::Error| Trouble::Odd(format!("this program cannot be read: {error}"));
    let parts = parts().map_err(odd)?;
    let mark = format!("{GUEST}/there-{}", parts.iter().map(|part| part.bytes).sum::<u64>());
    if script(foreign, lease, format!("test -e {mark}")).await?.0 == 0 {
        return Ok(());
    }
    for part in &parts {
        send(foreign, lease, part).await?;
    }
    match script(foreign, lease, format!("touch {mark}")).await? {
        (0, _) => Ok(()),
        (code, said) => Err(Trouble::Odd(format!("the lease's container cannot keep a file ({code}): {said}"))),
    }
}

async fn send(foreign: &Foreign, lease: &Lease, part: &Part) -> Result<(), Trouble> {
    let broken = |error: io::Error| Trouble::Waits(format!("{} cannot be sent to the lease: {error}", part.name));
    let Part { name, path, bytes } = part;
    // Providers of Akash do not pass on that there is no more to read: the container counts.
    let script = format!("mkdir -p {GUEST} && cd {GUEST} && head -c {bytes} > {name} && chmod 755 {name}");
    let mut exec = streams::exec(foreign.shell(lease, shell(script), None).await?, false);
    let mut file = tokio::fs::File::open(path).await.map_err(broken)?.take(*bytes);
    let (mut buffer, mut sent) = (vec![0; PIECE], 0);
    while sent < *bytes {
        let length = file.read(&mut buffer).await.map_err(broken)?;
        if length == 0 {
            break;
        }
        exec.stdin.write_all(&buffer[..length]).await.map_err(broken)?;
        sent += length as u64;
    }
    exec.stdin.flush().await.map_err(broken)?;
    let code = exec.running.wait().await.map_err(broken)?;
    match code {
        0 => Ok(()),
        code => {
            let mut said = String::new();
            let _ = exec.stderr.take(1_024).read_to_string(&mut said).await;
            Err(Trouble::Odd(format!("the lease's container does not take {name} ({code}): {said}")))
        }
    }
}

/// What has to be there: this program, its loader, and its libraries as they are loaded now.
fn parts() -> io::Result<Vec<Part>> {
    let own = std::env::current_exe()?;
    let mut parts = vec![part("tetra", &own, loaded(&own)?)?];
    for path in libraries(&std::fs::read_to_string("/proc/self/maps")?, &own) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let name = if name.starts_with("ld-") { "loader".to_owned() } else { name };
        let bytes = std::fs::metadata(&path)?.len();
        parts.push(part(&name, &path, bytes)?);
    }
    match parts.iter().any(|part| part.name == "loader") {
        true => Ok(parts),
        false => Err(io::Error::other("it has no loader")),
    }
}

fn part(name: &str, path: &Path, bytes: u64) -> io::Result<Part> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    match !name.is_empty() && name.bytes().all(plain) {
        true => Ok(Part { name: name.to_owned(), path: path.to_owned(), bytes }),
        false => Err(io::Error::other(format!("{} has an odd name", path.display()))),
    }
}

/// Files of libraries in the map of a process.
fn libraries(maps: &str, own: &Path) -> BTreeSet<PathBuf> {
    let paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).map(PathBuf::from);
    let is_library = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        path.is_absolute() && path != own && name.contains(".so")
    };
    paths.filter(is_library).collect()
}

/// How many bytes of an ELF file are loaded: what follows is for debuggers, and most of it.
fn loaded(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut head = [0u8; 64];
    file.read_exact(&mut head)?;
    let odd = || io::Error::other("it is no ELF file of 64 bits");
    if head[..6] != *b"\x7fELF\x02\x01" {
        return Err(odd());
    }
    // e_phoff, e_phentsize, e_phnum (System V ABI, figure 4-3).
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| odd());
    let half = |bytes: &[u8]| bytes.try_into().map(u16::from_le_bytes).map_err(|_| odd());
    let (table, size, count) = (word(&head[32..40])?, half(&head[54..56])?, half(&head[56..58])?);
    file.seek(SeekFrom::Start(table))?;
    let mut end = table + u64::from(size) * u64::from(count);
    for _ in 0..count {
        let mut entry = vec![0u8; size.into()];
        file.read_exact(&mut entry)?;
        // p_offset and p_filesz (figure 5-1).
        let (offset, length) = (entry.get(8..16).ok_or_else(odd)?, entry.get(32..40).ok_or_else(odd)?);
        end = end.max(word(offset)? + word(length)?);
    }
    Ok(end.min(file.metadata()?.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_loaded_of_a_program_is_enough_to_run_it() {
        let own = std::env::current_exe().unwrap();
        let bytes = loaded(&own).unwrap();
        assert!(bytes > 0 && bytes < std::fs::metadata(&own).unwrap().len(), "{bytes}");
        let folder = tempfile::tempdir().unwrap();
        let cut = folder.path().join("cut");
        std::fs::write(&cut, &std::fs::read(&own).unwrap()[..usize::try_from(bytes).unwrap()]).unwrap();
        std::process::Command::new("chmod").arg("755").arg(&cut).status().unwrap();
        let listed = std::process::Command::new(&cut).arg("--list").output().unwrap();
        assert!(String::from_utf8_lossy(&listed.stdout).contains("enough_to_run_it"));
        let names: Vec<String> = parts().unwrap().into_iter().map(|part| part.name).collect();
        assert!(names.contains(&"loader".to_owned()) && names.contains(&"libc.so.6".to_owned()), "{names:?}");
    }

    #[test]
    fn libraries_are_read_from_a_map() {
        let maps = "55 r-xp 0 08:01 1 /usr/bin/tetra\n7f r-xp 0 08:01 2 /lib/x86_64-linux-gnu/libc.so.6\n\
                    7f r--p 0 08:01 2 /lib/x86_64-linux-gnu/libc.so.6\n7f rw-p 0 00:00 0 [heap]\n7f r-xp 0 0 0";
        let found = libraries(maps, Path::new("/usr/bin/tetra"));
        assert_eq!(found, ["/lib/x86_64-linux-gnu/libc.so.6"].map(PathBuf::from).into());
    }
}
