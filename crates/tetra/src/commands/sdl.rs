//! `tetra sdl`: what a deployment file says, step by step. No node is needed.

use std::io::Read;
use std::path::{Path, PathBuf};

use sdl::{DeployError, GroupSummary, Manifest, Sdl, SdlError, Summary};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{self, Format, row};

/// The largest file that is read; a block holds no more, so that the chain would refuse it anyway.
const LARGEST: u64 = 1 << 20;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// What a file asks for, what the chain would refuse, and what looks like a mistake
    Check {
        #[command(flatten)]
        file: File,
        /// Treat warnings as errors
        #[arg(long)]
        strict: bool,
    },
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

#[derive(Serialize)]
struct Hash {
    hash: String,
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub fn run(context: &Context, verb: Verb) -> Result {
    let format = context.format();
    match verb {
        Verb::Check { file, strict } => check(context, &file.file, strict),
        Verb::Groups(file) => output::show(format, &parse(&file.file)?.1.groups_json(), |groups| format!("{groups:#}")),
        // The same with -o json: what is hashed is this text, which is JSON already.
        Verb::Manifest(file) => output::show(Format::Text, &parse(&file.file)?.1.manifest(), Manifest::canonical_json),
        Verb::Hash(file) => {
            let hash = parse(&file.file)?.1.hash_hex();
            output::show(format, &Hash { hash }, |found| found.hash.clone())
        }
    }
}

/// The text of a file that can be deployed, and what it says.
///
/// # Errors
/// When it cannot be read, the grammar refuses it, or the chain or providers would; with the place and the remedy.
pub fn read(path: &Path) -> Result<(String, Sdl)> {
    let (text, sdl) = parse(path)?;
    sdl.validate().map_err(|error| refused(&name(path), &error))?;
    Ok((text, sdl))
}

/// The text of a file and what it says, whether or not it can be deployed.
fn parse(path: &Path) -> Result<(String, Sdl)> {
    let text = text_of(path)?;
    let sdl = Sdl::parse(&text).map_err(|error| malformed(&name(path), &error))?;
    Ok((text, sdl))
}

fn check(context: &Context, path: &Path, strict: bool) -> Result {
    let summary = read(path)?.1.summary();
    let name = name(path);
    for warning in &summary.warnings {
        eprintln!("warning: {name}: {warning}");
    }
    let count = summary.warnings.len();
    if strict && count > 0 {
        let warnings = if count == 1 { "1 warning".to_owned() } else { format!("{count} warnings") };
        return Err(CliError::new(Class::Usage, format!("{name}: {warnings}, and --strict lets none pass"))
            .hint("put right what is named above, or leave out --strict"));
    }
    output::show(context.format(), &summary, render)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// How messages name a file.
fn name(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() }
}

fn text_of(path: &Path) -> Result<String> {
    let reader: std::io::Result<Box<dyn Read>> = match is_stdin(path) {
        true => Ok(Box::new(std::io::stdin().lock())),
        false => std::fs::File::open(path).map(|file| Box::new(file) as Box<dyn Read>),
    };
    let mut text = String::new();
    let read = reader.and_then(|reader| reader.take(LARGEST + 1).read_to_string(&mut text));
    read.map_err(|error| unreadable(&name(path), &error))?;
    if text.len() as u64 > LARGEST {
        return Err(CliError::new(Class::Usage, format!("{}: it has more than {LARGEST} bytes", name(path)))
            .hint("a deployment file is a few kilobytes of YAML: is this one?"));
    }
    Ok(text)
}

fn unreadable(name: &str, error: &std::io::Error) -> CliError {
    use std::io::ErrorKind::{InvalidData, NotFound};
    match error.kind() {
        NotFound => CliError::new(Class::NotFound, format!("{name}: there is no such file"))
            .hint("name a deployment file, or - to read one from stdin"),
        InvalidData => CliError::new(Class::Usage, format!("{name}: it is not UTF-8 text"))
            .hint("a deployment file is YAML text: is this one?"),
        _ => CliError::new(Class::Usage, format!("{name}: {error}"))
            .hint("name a deployment file that you may read, or - to read one from stdin"),
    }
}

/// What the grammar refuses: the place, the problem, and the remedy.
fn malformed(name: &str, error: &SdlError) -> CliError {
    CliError::new(Class::Usage, format!("{name}: {}: {}", error.place, error.problem)).hint(&error.remedy)
}

/// What the chain or a provider would refuse.
fn refused(name: &str, error: &DeployError) -> CliError {
    CliError::new(Class::Usage, format!("{name}: {error}"))
        .hint("the grammar is fine; `tetra sdl groups` and `tetra sdl manifest` show what would be sent")
}

fn render(summary: &Summary) -> String {
    let head = output::table(&[row(["version", summary.version]), row(["hash", &summary.hash])]);
    let parts: Vec<String> = std::iter::once(head).chain(summary.groups.iter().map(group)).collect();
    parts.join("\n\n")
}

fn group(group: &GroupSummary) -> String {
    let price =
        group.price.as_deref().map_or("in several denoms".to_owned(), |price| format!("{} per block", short(price)));
    let cpu = format!("{}.{:03}", group.cpu_milli / 1000, group.cpu_milli % 1000);
    let facts = output::table(&[
        row(["  cpu", &format!("{} cores", cpu.trim_end_matches('0').trim_end_matches('.'))]),
        row(["  memory", &bytes(group.memory)]),
        row(["  storage", &bytes(group.storage)]),
        row(["  gpu", &group.gpu.to_string()]),
        row(["  endpoints", &group.endpoints.to_string()]),
        row(["  highest price", &price]),
    ]);
    let services =
        group.services.iter().map(|one| row([&format!("  {}", one.name), &one.count.to_string(), &one.image]));
    let services: Vec<_> = std::iter::once(row(["  SERVICE", "COUNT", "IMAGE"])).chain(services).collect();
    format!("group {}\n{facts}\n{}", group.name, output::table(&services))
}

/// A price such as `2.5uact` without the zeros that fill its 18 decimals.
fn short(price: &str) -> String {
    let split = price.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(price.len());
    let (amount, denom) = price.split_at(split);
    match amount.contains('.') {
        true => format!("{}{denom}", amount.trim_end_matches('0').trim_end_matches('.')),
        false => price.to_owned(),
    }
}

/// Bytes in the largest binary unit that counts them exactly.
fn bytes(amount: u128) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let exact = units.iter().find(|(shift, _)| amount > 0 && amount.is_multiple_of(1 << shift));
    match exact {
        Some((shift, unit)) => format!("{} {unit}", amount >> shift),
        None => format!("{amount} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_shown_without_needless_zeros() {
        let shown = ["1000.000000000000000000uact", "2.500000000000000000u0.0", "10uact"].map(short);
        assert_eq!(shown, ["1000uact", "2.5u0.0", "10uact"]);
    }

    #[test]
    fn bytes_are_counted_exactly() {
        let shown = [0, 1023, 1024, 1025, 256 << 20, 1536 << 20, 3 << 30].map(bytes);
        assert_eq!(shown, ["0 bytes", "1023 bytes", "1 KiB", "1025 bytes", "256 MiB", "1536 MiB", "3 GiB"]);
    }
}
