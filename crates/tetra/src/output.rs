//! Data to stdout, talk to stderr.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::error::{Class, CliError, Result};

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Starts the log on stderr: warnings, or what `RUST_LOG` says; `-v` adds information, `-vv` details.
pub fn start_talk(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Prints data in the wanted form; `text` makes the form for people.
///
/// # Errors
/// When stdout is closed.
pub fn show<T: Serialize>(format: Format, data: &T, text: impl FnOnce(&T) -> String) -> Result {
    let printed = match format {
        Format::Json => serde_json::to_string_pretty(data).map_err(|error| CliError::new(Class::Internal, error))?,
        Format::Text => text(data),
    };
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{}", printed.trim_end_matches('\n')).and_then(|()| stdout.flush());
    match written {
        // The reader went away, as `head` does: not a failure of ours.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| CliError::new(Class::Machine, format!("stdout: {error}"))),
    }
}

/// Whether people watch stderr, so that progress bars make sense.
pub fn watched() -> bool {
    std::io::stderr().is_terminal()
}

/// A table with aligned columns; the first row is the head.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
