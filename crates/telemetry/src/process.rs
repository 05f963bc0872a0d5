//! What this process uses, by the names that Prometheus clients share (`process_*`), and room on a disk.

use std::path::Path;

use crate::catalog;
use crate::registry::{Counters, Gauges, Registry};

/// Metrics of this process, read from `/proc/self` at each scrape.
pub struct Process {
    memory: Gauges,
    cpu: Counters,
    open_files: Gauges,
    most_files: Gauges,
    threads: Gauges,
    started: Gauges,
}

impl Process {
    /// Registers them.
    pub fn new(registry: &mut Registry) -> Self {
        Self {
            memory: registry.gauge(&catalog::PROCESS_MEMORY),
            cpu: registry.counter(&catalog::PROCESS_CPU),
            open_files: registry.gauge(&catalog::PROCESS_FILES),
            most_files: registry.gauge(&catalog::PROCESS_MOST_FILES),
            threads: registry.gauge(&catalog::PROCESS_THREADS),
            started: registry.gauge(&catalog::PROCESS_START),
        }
    }

    /// Reads them anew. What the kernel does not tell stays as it was.
    pub fn refresh(&self) {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        if let Some(stat) = Stat::parse(&stat) {
            self.memory.set(&[], stat.resident_pages * page_bytes());
            self.cpu.set(&[], stat.cpu_ticks / ticks_a_second());
            self.threads.set(&[], stat.threads);
            if let Some(boot) = boot_time() {
                self.started.set(&[], boot + stat.start_ticks / ticks_a_second());
            }
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            // One of them is the listing's own.
            self.open_files.set(&[], files.count().saturating_sub(1) as f64);
        }
        if let Ok((soft, _)) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE) {
            self.most_files.set(&[], soft as f64);
        }
    }
}

/// Fields of `proc_pid_stat(5)`.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_ticks: f64,
    threads: f64,
    start_ticks: f64,
    resident_pages: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The program's name may hold anything; the fields after it begin with the third.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            start_ticks: field(22)?,
            resident_pages: field(24)?,
        })
    }
}

fn system(name: nix::unistd::SysconfVar, usual: f64) -> f64 {
    nix::unistd::sysconf(name).ok().flatten().map_or(usual, |value| value as f64)
}

fn page_bytes() -> f64 {
    system(nix::unistd::SysconfVar::PAGE_SIZE, 4096.0)
}

fn ticks_a_second() -> f64 {
    system(nix::unistd::SysconfVar::CLK_TCK, 100.0)
}

fn boot_time() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// Bytes of the file system that holds `path`: free for this process, and in all.
///
/// # Errors
/// When the path is not there.
pub fn room(path: &Path) -> std::io::Result<(u64, u64)> {
    let stat = nix::sys::statvfs::statvfs(path)?;
    let unit = stat.fragment_size();
    Ok((stat.blocks_available().saturating_mul(unit), stat.blocks().saturating_mul(unit)))
}

/// Bytes that the files below a folder take on the disk. Looks at every file: to be called now and then.
pub fn disk_bytes(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => disk_bytes(&entry.path()),
        // A file may vanish between the listing and the look.
        _ => entry.metadata().map_or(0, |metadata| metadata.blocks().saturating_mul(512)),
    };
    entries.map(size).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_uses_memory_time_and_files() {
        let mut registry = Registry::default();
        let process = Process::new(&mut registry);
        process.refresh();
        assert!(process.memory.get(&[]) > 1e6, "resident bytes");
        assert!(process.open_files.get(&[]) >= 3.0 && process.most_files.get(&[]) >= process.open_files.get(&[]));
        assert!(process.threads.get(&[]) >= 1.0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - process.started.get(&[]);
        assert!((-2.0..86_400.0).contains(&age), "started {age} s ago");
    }

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let text = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 30 12 0 0 20 0 5 0 900 1000000 250 184467";
        let stat = Stat { cpu_ticks: 42.0, threads: 5.0, start_ticks: 900.0, resident_pages: 250.0 };
        assert_eq!(Stat::parse(text), Some(stat));
    }
}
