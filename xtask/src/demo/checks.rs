//! What the demo claims, each claim with its numbers.

use crate::failure::{Failure, Result};

/// The claims so far.
#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<(bool, String)>);

impl Checks {
    /// Notes whether a claim holds.
    pub(crate) fn claim(&mut self, holds: bool, text: impl Into<String>) {
        let text = text.into();
        println!("  {} {text}", mark(holds));
        self.0.push((holds, text));
    }

    /// Notes whether two amounts are the same; shows both where they are not.
    pub(crate) fn equal(&mut self, what: &str, found: i128, expected: i128) {
        if found == expected {
            self.claim(true, format!("{what}: {found}"));
        } else {
            self.claim(false, format!("{what}: {found}, but must be {expected}"));
        }
    }

    /// Prints the summary.
    ///
    /// # Errors
    /// When a claim does not hold.
    pub(crate) fn finish(self) -> Result {
        println!("\nsummary");
        for (holds, text) in &self.0 {
            println!("  {} {text}", mark(*holds));
        }
        let broken = self.0.iter().filter(|(holds, _)| !holds).count();
        if broken == 0 {
            return Ok(());
        }
        Err(Failure::new(format!("{broken} of {} claims of the demo do not hold", self.0.len()))
            .hint(format!("logs: {}", crate::shell::target().join("demo/local/logs").display())))
    }
}

fn mark(holds: bool) -> &'static str {
    if holds { "✓" } else { "✗" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_claim_fails_the_demo() {
        let mut checks = Checks::default();
        checks.equal("money", 1, 1);
        assert!(Checks(checks.0.clone()).finish().is_ok());
        checks.equal("money", 1, 2);
        assert!(checks.finish().unwrap_err().to_string().contains("1 of 2"));
    }
}
