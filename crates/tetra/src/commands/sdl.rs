//! `tetra sdl`: what a deployment file says, step by step. No node is needed.

use std::io::Read;
use std::path::{Path, PathBuf};

use sdl::{DeployError, GroupSummary, Sdl, SdlError, Summary};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output;

/// The largest file that is read; the chain would refuse one that fills a block long before.
const LARGEST: u64 = 1 << 20;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// What a file asks for, what the chain would refuse, and what looks like a mistake
    Check(Check),
    /// The groups that go to the chain, as JSON
    Groups(File),
    /// The manifest that goes to the provider, as canonical JSON
    Manifest(File),
    /// The manifest's hash, 64 hex digits
    Hash(File),
}

/// A deployment file.
#[derive(Debug, clap::Args)]
pub struct File {
    /// The deployment file; - for stdin
    file: PathBuf,
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    #[command(flatten)]
    file: File,
    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Check(args) => check(context, &args),
        Verb::Groups(file) => output::show(context.format(), &file.sdl()?.groups_json(), |groups| format!("{groups:#}")),
        Verb::Manifest(file) => {
            // Canonical in both forms: what is hashed must not depend on how it is printed.
            let text = file.sdl()?.manifest().canonical_json();
            output::print(&text)
        }
        Verb::Hash(file) => {
            #[derive(Serialize)]
            struct Hash {
                hash: String,
            }
            output::show(context.format(), &Hash { hash: file.sdl()?.hash_hex() }, |found| found.hash.clone())
        }
    }
}

fn check(context: &Context, args: &Check) -> Result {
    let sdl = args.file.sdl()?;
    let name = args.file.name();
    sdl.validate().map_err(|error| refused(&name, &error))?;
    let summary = sdl.summary();
    output::show(context.format(), &summary, text)?;
    for warning in &summary.warnings {
        eprintln!("warning: {name}: {warning}");
    }
    match (args.strict, summary.warnings.len()) {
        (false, _) | (true, 0) => Ok(()),
        (true, count) => Err(CliError::new(Class::Usage, format!("{name}: {count} warnings, and --strict refuses them"))
            .hint("put right what the warnings name, or leave out --strict")),
    }
}

impl File {
    /// How messages name it.
    fn name(&self) -> String {
        match self.is_stdin() {
            true => "stdin".to_owned(),
            false => self.file.display().to_string(),
        }
    }

    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }

    fn text(&self) -> Result<String> {
        let reader: std::io::Result<Box<dyn Read>> = match self.is_stdin() {
            true => Ok(Box::new(std::io::stdin().lock())),
            false => std::fs::File::open(&self.file).map(|file| Box::new(file) as Box<dyn Read>),
        };
        let mut text = String::new();
        let read = reader.and_then(|reader| reader.take(LARGEST + 1).read_to_string(&mut text));
        read.map_err(|error| self.unreadable(&error))?;
        if text.len() as u64 > LARGEST {
            return Err(CliError::new(Class::Usage, format!("{}: it has more than {LARGEST} bytes", self.name()))
                .hint("a deployment file is a few kilobytes of YAML: is this one?"));
        }
        Ok(text)
    }

    fn unreadable(&self, error: &std::io::Error) -> CliError {
        use std::io::ErrorKind::{InvalidData, NotFound};
        let name = self.name();
        match error.kind() {
            NotFound => CliError::new(Class::NotFound, format!("{name}: there is no such file"))
                .hint("name a deployment file, or - to read it from stdin"),
            InvalidData => CliError::new(Class::Usage, format!("{name}: it is not UTF-8 text"))
                .hint("a deployment file is YAML text: is this one?"),
            _ => CliError::new(Class::Usage, format!("{name}: {error}")),
        }
    }

    fn sdl(&self) -> Result<Sdl> {
        let text = self.text()?;
        Sdl::parse(&text).map_err(|error| malformed(&self.name(), &error))
    }
}

/// What the grammar refuses: the place, the problem, and the remedy.
fn malformed(name: &str, error: &SdlError) -> CliError {
    CliError::new(Class::Usage, format!("{name}: {}: {}", error.place, error.problem)).hint(&error.remedy)
}

/// What the chain or a provider would refuse.
fn refused(name: &str, error: &DeployError) -> CliError {
    CliError::new(Class::Usage, format!("{name}: {error}"))
        .hint("the file is well-formed; this is what the chain or a provider would refuse")
}

fn text(summary: &Summary) -> String {
    let mut parts = vec![format!("version  {}\nhash     {}", summary.version, summary.hash)];
    parts.extend(summary.groups.iter().map(group));
    parts.join("\n\n")
}

fn group(group: &GroupSummary) -> String {
    let price = group.price.clone().unwrap_or_else(|| "in several denoms".to_owned());
    let cpu = format!("{}.{:03}", group.cpu_milli / 1000, group.cpu_milli % 1000);
    let facts = [
        ("cpu", format!("{} cores", cpu.trim_end_matches('0').trim_end_matches('.'))),
        ("memory", bytes(group.memory)),
        ("storage", bytes(group.storage)),
        ("gpu", group.gpu.to_string()),
        ("endpoints", group.endpoints.to_string()),
        ("at most", format!("{price} per block")),
    ];
    let facts: Vec<_> = facts.into_iter().map(|(name, fact)| vec![format!("  {name}"), fact]).collect();
    let mut services = vec![["  SERVICE", "COUNT", "IMAGE"].map(str::to_owned).to_vec()];
    services.extend(group.services.iter().map(|service| {
        vec![format!("  {}", service.name), service.count.to_string(), service.image.clone()]
    }));
    format!("group {}\n{}\n{}", group.name, output::table(&facts), output::table(&services))
}

/// Bytes in the largest binary unit that shows them exactly.
fn bytes(amount: u128) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let exact = units.iter().find(|(shift, _)| amount > 0 && amount % (1 << shift) == 0);
    match exact {
        Some((shift, unit)) => format!("{} {unit}", amount >> shift),
        None => format!("{amount} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_exactly() {
        let shown = [0, 1, 1024, 1025, 256 << 20, 1536 << 20, 3 << 30].map(bytes);
        let wanted = ["0 bytes", "1 bytes", "1 KiB", "1025 bytes", "256 MiB", "1536 MiB", "3 GiB"];
        assert_eq!(shown, wanted);
    }
}
