//! What a tenant may try from inside of a leased container, and what answers. Every attempt has a name and is really
//! made: one that cannot be made is a failure. Most are also made outside of a container, where they work.

mod container;
mod gvisor;
mod image;
mod images;
mod machine;

use std::collections::BTreeSet;
use std::fmt::Write;

/// One attempt and its outcome.
#[derive(Clone, Debug)]
struct Row {
    name: String,
    tried: String,
    verdict: String,
    answer: String,
}

impl Row {
    fn new(name: &str, tried: &str, refused: bool, answer: impl ToString) -> Self {
        let verdict = if refused { "refused" } else { "done" };
        Self { name: name.into(), tried: tried.into(), verdict: verdict.into(), answer: answer.to_string() }
    }

    /// The lines of the program of attempts.
    fn read(text: &str) -> Vec<Self> {
        let row = |line: &str| {
            let mut fields = line.split('\t').map(str::to_owned);
            let (name, tried) = (fields.next()?, fields.next()?);
            Some(Self { name, tried, verdict: fields.next()?, answer: fields.next()? })
        };
        text.lines().map(|line| row(line).unwrap_or_else(|| panic!("{line:?} in:\n{text}"))).collect()
    }
}

/// What was tried so far.
#[derive(Debug, Default)]
struct Table(Vec<Row>);

impl Table {
    fn add(&mut self, rows: Vec<Row>) {
        self.0.extend(rows);
    }

    /// Takes out those rows.
    fn take(&mut self, wanted: impl Fn(&Row) -> bool) -> Vec<Row> {
        self.0.extract_if(.., |row| wanted(row)).collect()
    }

    /// Prints it; fails unless exactly these names were tried, and all were refused.
    fn judge(&self, what: &str, expected: &BTreeSet<String>) {
        let mut text = format!("{what}: {} attempts\n", self.0.len());
        for Row { name, tried, verdict, answer } in &self.0 {
            let _ = writeln!(text, "{name:22} {tried:46} {verdict:8} {answer}");
        }
        println!("{text}");
        let made: BTreeSet<String> = self.0.iter().map(|row| row.name.clone()).collect();
        assert_eq!(made.len(), self.0.len(), "a name stands twice");
        assert_eq!(&made, expected, "every attempt is made");
        let wrong: Vec<&Row> = self.0.iter().filter(|row| row.verdict != "refused").collect();
        assert!(wrong.is_empty(), "{text}\nnot refused: {wrong:#?}");
    }
}
