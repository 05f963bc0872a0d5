//! Where the older Akash API enters. What its words mean stands in the crate `classic`; from here on there is one
//! generation only.

use std::borrow::Cow;

use classic::log::Event as Told;
use classic::{OldMessage, OldQuery};
use ledger::{Context, Event, Failure, MessageRoute, QueryError, QueryStatus, Rejection};
use proto::Any;

use crate::App;
use crate::tx::SignedTx;

/// A message as it runs: itself, or the successor of an older one.
pub(crate) struct Call<'a> {
    route: &'a MessageRoute,
    value: Cow<'a, [u8]>,
    old: Option<&'a OldMessage>,
}

impl Call<'_> {
    /// The bech32 text of the account that must sign.
    pub(crate) fn signer(&self) -> Result<String, Failure> {
        (self.route.signer)(&self.value)
    }

    /// Runs it; the response is of the generation in which it was sent.
    pub(crate) fn run(&self, context: &mut Context) -> Result<Any, Failure> {
        let response = (self.route.run)(context, &self.value)?;
        Ok(self.old.map_or(response, OldMessage::response))
    }
}

impl App {
    /// Finds what runs a message.
    ///
    /// # Errors
    /// `sdk` 6 for a message that this chain does not take, `sdk` 2 for an older one that is not canonical.
    pub(crate) fn call<'a>(&'a self, message: &'a Any) -> Result<Call<'a>, Failure> {
        let url = message.type_url.as_str();
        let unknown = |text: String| Failure::from(Rejection::new("sdk", 6, text));
        let Some(old) = self.classic.message(url) else {
            let route = self.messages.get(url).ok_or_else(|| unknown(format!("this chain knows no message {url}")))?;
            return Ok(Call { route, value: Cow::Borrowed(&message.value), old: None });
        };
        let successor = old.successor();
        if !self.chain.classic {
            return Err(unknown(format!(
                "{url} is of the older Akash API, which this chain does not speak: send {successor}"
            )));
        }
        let route = self.messages.get(successor);
        let route =
            route.ok_or_else(|| unknown(format!("this chain knows no message {successor}, for which {url} stands")))?;
        let value = old.translate(&message.value).map_err(|error| Rejection::new("sdk", 2, error.to_string()))?;
        Ok(Call { route, value: Cow::Owned(value), old: Some(old) })
    }

    /// The log of a transaction that succeeded: empty, unless it carries an older message, whose clients read its events
    /// there.
    pub(crate) fn success_log(&self, tx: &SignedTx, events: &[Event]) -> String {
        if !tx.messages.iter().any(|message| self.classic.message(&message.type_url).is_some()) {
            return String::new();
        }
        let told = events.iter().map(|event| Told { kind: &event.kind, attributes: &event.attributes });
        classic::log::write(tx.messages.len(), told)
    }

    /// The query of the older generation at this path.
    ///
    /// # Errors
    /// `Unimplemented` where this chain does not speak it.
    pub(crate) fn old_query(&self, path: &str) -> Result<Option<&OldQuery>, QueryError> {
        match self.classic.query(path) {
            Some(old) if !self.chain.classic => Err(QueryError {
                status: QueryStatus::Unimplemented,
                message: format!(
                    "{path} is of the older Akash API, which this chain does not speak: ask {}",
                    old.successor()
                ),
            }),
            found => Ok(found),
        }
    }
}

/// The gRPC status of a failed translation.
pub(crate) fn untranslated(path: &str, error: &classic::query::QueryError) -> QueryError {
    let status = match error {
        classic::query::QueryError::Request(_) | classic::query::QueryError::Filter(_) => QueryStatus::InvalidArgument,
        classic::query::QueryError::Answer(_) => QueryStatus::Internal,
    };
    QueryError { status, message: format!("{path}: {error}") }
}
