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

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// As the option is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// Starts the log on stderr: warnings, or what `RUST_LOG` says; `-v` adds information, `-vv` details.
pub fn start_talk(verbose: u8, format: LogFormat) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let format = match format {
        LogFormat::Text => telemetry::log::Format::Text,
        LogFormat::Json => telemetry::log::Format::Json,
    };
    let coloured = watched() && std::env::var_os("NO_COLOR").is_none();
    telemetry::log::start(format, filter, coloured, std::io::stderr);
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

/// Tells on stderr what to do next, where the data alone does not say.
pub fn hint(text: &str) {
    eprintln!("hint: {text}");
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

/// A row of a table.
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// What a long command says while it works: a spinner where people watch, one line per change elsewhere.
pub struct Talk(Option<indicatif::ProgressBar>);

impl Talk {
    /// Begins.
    pub fn start() -> Self {
        if !watched() {
            return Self(None);
        }
        let bar = indicatif::ProgressBar::new_spinner();
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        Self(Some(bar))
    }

    /// What goes on now.
    pub fn step(&self, text: &str) {
        match &self.0 {
            Some(bar) => bar.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }

    /// Something that stays on the screen.
    pub fn line(&self, text: &str) {
        match &self.0 {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    /// Leaves the line free, for a question.
    pub fn pause<T>(&self, ask: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(ask),
            None => ask(),
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Whether a question can be asked: people read stderr and type on stdin.
pub fn can_ask() -> bool {
    watched() && std::io::stdin().is_terminal()
}

/// Asks for a line.
///
/// # Errors
/// When stdin is closed.
pub fn ask(question: &str) -> Result<String> {
    eprint!("{question} ");
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    match read {
        Ok(0) | Err(_) => Err(CliError::new(Class::Usage, "no answer could be read from the terminal")),
        Ok(_) => Ok(line.trim().to_owned()),
    }
}

/// Asks before something irrevocable, unless `yes`. Without a terminal there must be a `yes`.
///
/// # Errors
/// When the answer is no, or nobody can be asked.
pub fn confirm(question: &str, yes: bool) -> Result {
    if yes {
        return Ok(());
    }
    if !can_ask() {
        return Err(CliError::new(Class::Usage, format!("{question} Nobody can be asked: this is no terminal"))
            .hint("say it beforehand with -y, or look at what would happen with --dry-run"));
    }
    match ask(&format!("{question} [y/N]"))?.to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CliError::new(Class::Usage, "stopped; nothing was sent")),
    }
}
