//! Asking before something that cannot be taken back.

use std::io::{BufRead, IsTerminal, Write};

use crate::error::{Class, Classify, CliError, Result};

/// Goes on if the person says yes on the terminal, or said it beforehand with `-y`.
///
/// # Errors
/// [`Class::Usage`] when they say no, or when there is no terminal to ask on.
pub fn ask(yes: bool, question: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !terminal {
        return Err(CliError::new(
            Class::Usage,
            format!("{question} There is no terminal to ask on; nothing was done"),
        )
        .hint("say yes beforehand with -y"));
    }
    decide(question, &mut std::io::stdin().lock(), &mut std::io::stderr().lock())
}

fn decide(question: &str, answers: &mut impl BufRead, talk: &mut impl Write) -> Result<()> {
    write!(talk, "{question} [y/N] ").and_then(|()| talk.flush()).class(Class::Machine)?;
    let mut answer = String::new();
    answers.read_line(&mut answer).class(Class::Machine)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CliError::new(Class::Usage, "the answer was no; nothing was done")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(text: &str) -> Result<()> {
        decide("Send it?", &mut text.as_bytes(), &mut Vec::new())
    }

    #[test]
    fn only_a_yes_is_one() {
        for yes in ["y\n", "Y\n", "yes\n", " YES "] {
            assert!(answered(yes).is_ok(), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "yessir\n", "ok\n"] {
            assert_eq!(answered(no).unwrap_err().class(), Class::Usage, "{no:?}");
        }
    }

    #[test]
    fn the_question_is_asked_with_no_as_the_default() {
        let mut talk = Vec::new();
        decide("Send it?", &mut "y\n".as_bytes(), &mut talk).unwrap();
        assert_eq!(String::from_utf8(talk).unwrap(), "Send it? [y/N] ");
    }

    #[test]
    fn what_was_agreed_beforehand_is_not_asked() {
        assert!(ask(true, "Send it?").is_ok());
    }
}
