//! The log as text or JSON. Each line and span that names a deployment, or something whose name begins with a
//! deployment's (an order, a bid, a lease), also says its trace, so that no caller has to.

use std::fmt;

use primitives::TraceId;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Libraries that write whole requests and frames at `trace`, tokens and tenants' lines among them.
const TOO_LOUD: [&str; 2] = ["tungstenite=warn", "tokio_tungstenite=warn"];

/// A filter, without what must never be logged.
fn discreet(filter: EnvFilter) -> EnvFilter {
    let quieter = TOO_LOUD.iter().filter_map(|directive| directive.parse().ok());
    quieter.fold(filter, EnvFilter::add_directive)
}

/// Starts the log of this process, in colours if it is `coloured`. A second start is refused by the library, and changes nothing.
pub fn start<W>(format: Format, filter: EnvFilter, coloured: bool, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(discreet(filter)).with_writer(writer).with_ansi(coloured);
    // An error says that a log was started before, as tests do.
    let _ = match format {
        Format::Text => builder.fmt_fields(TextFields::default()).try_init(),
        Format::Json => builder.fmt_fields(JsonFields).event_format(JsonLines).try_init(),
    };
}

/// Finds the deployment among fields.
#[derive(Default)]
struct Finder {
    owner: Option<String>,
    dseq: Option<u64>,
    name: Option<TraceId>,
    told: bool,
}

impl Finder {
    fn note(&mut self, name: &str, value: &dyn Fn() -> String) {
        match name {
            "lease" | "order" => self.name = TraceId::of_name(value().trim_matches('"')),
            "owner" => self.owner = Some(value().trim_matches('"').to_owned()),
            "dseq" => self.dseq = value().trim_matches('"').parse().ok(),
            "trace" => self.told = true,
            _ => {}
        }
    }

    /// The trace; none where no deployment is named, or the trace is told already.
    fn trace(self) -> Option<TraceId> {
        if self.told {
            return None;
        }
        let by_number = self.owner.zip(self.dseq).map(|(owner, dseq)| TraceId::of_deployment(&owner, dseq));
        self.name.or(by_number)
    }
}

impl Visit for Finder {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field.name(), &|| format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field.name(), &|| value.to_owned());
    }
}

/// Fields as text, with the trace after them.
#[derive(Default)]
struct TextFields(DefaultFields);

impl<'writer> FormatFields<'writer> for TextFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer.by_ref(), &fields)?;
        let mut finder = Finder::default();
        fields.record(&mut finder);
        match finder.trace() {
            Some(trace) => write!(writer, " trace={trace}"),
            None => Ok(()),
        }
    }
}

/// Fields as members of an object, without its braces.
struct JsonFields;

#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Members {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}

fn members<R: RecordFields>(fields: R) -> Map<String, Value> {
    let (mut members, mut finder) = (Members::default(), Finder::default());
    fields.record(&mut members);
    fields.record(&mut finder);
    if let Some(trace) = finder.trace() {
        members.0.insert("trace".to_owned(), trace.to_string().into());
    }
    members.0
}

impl<'writer> FormatFields<'writer> for JsonFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let text = Value::Object(members(fields)).to_string();
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
        writer.write_str(inner)
    }

    fn add_fields(
        &self,
        current: &'writer mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        let text = Value::Object(members(fields)).to_string();
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
        let comma = if current.fields.is_empty() || inner.is_empty() { "" } else { "," };
        current.fields = format!("{}{comma}{inner}", current.fields);
        Ok(())
    }
}

/// One object a line: `time`, `level`, `target`, `message`, the fields of the spans around it, and its own.
struct JsonLines;

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        line.insert("time".to_owned(), now.into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("target".to_owned(), event.metadata().target().into());
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<FormattedFields<JsonFields>>() else { continue };
            // A field that was recorded twice stands twice; the last one counts.
            if let Ok(Value::Object(fields)) = serde_json::from_str(&format!("{{{}}}", fields.fields)) {
                line.extend(fields);
            }
        }
        line.extend(members(event));
        writeln!(writer, "{}", Value::Object(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: Format, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let builder = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        match format {
            Format::Text => tracing::subscriber::with_default(builder.fmt_fields(TextFields::default()).finish(), work),
            Format::Json => {
                let builder = builder.fmt_fields(JsonFields).event_format(JsonLines);
                tracing::subscriber::with_default(builder.finish(), work);
            }
        }
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    fn talk() {
        let lease = "tetra1abc/12/1/1/tetra1provider";
        tracing::info!(lease = %lease, "the lease's pod runs");
        tracing::info!(lease, service = "web", "a text instead");
        tracing::info!(owner = "tetra1abc", dseq = 12u64, "a deployment by its numbers");
        let span = tracing::info_span!("request", trace = tracing::field::Empty, route = "manifest");
        let _in = span.enter();
        span.record("trace", tracing::field::display(TraceId::of_deployment("tetra1abc", 12)));
        tracing::info!(status = 200, "in a span that learned its trace late");
    }

    #[test]
    fn every_line_that_names_a_deployment_says_its_trace() {
        let trace = TraceId::of_deployment("tetra1abc", 12).to_string();
        for format in [Format::Text, Format::Json] {
            let text = written(format, talk);
            assert_eq!(text.lines().count(), 4, "{text}");
            for line in text.lines() {
                assert_eq!(line.matches(&trace).count(), 1, "{format:?}: {line}");
            }
        }
        let text = written(Format::Json, || tracing::info!(height = 3u64, "no deployment here"));
        assert!(!text.contains("trace"), "{text}");
    }

    #[test]
    fn json_lines_are_flat_objects() {
        let text = written(Format::Json, talk);
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["route"], &last["status"], &last["level"]),
            (&"manifest".into(), &200.into(), &"INFO".into())
        );
        assert_eq!(last["message"], "in a span that learned its trace late");
        assert!(last["time"].as_str().unwrap().ends_with('Z'), "{last}");
    }
}
