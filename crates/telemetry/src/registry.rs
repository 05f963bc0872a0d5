//! Counters, gauges and histograms out of the catalog.
//!
//! Values are 64-bit floats, as Prometheus stores them: amounts are exact up to 2^53 base units, and from there on to
//! 16 digits.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::catalog::{Kind, Metric};

/// Combinations of label values that one metric keeps apart; what comes after is counted as [`OTHER`].
const MOST_SERIES: usize = 128;
/// The value of labels beyond [`MOST_SERIES`].
const OTHER: &str = "other";

type Labels = Vec<(&'static str, String)>;

/// The metrics of a process.
#[derive(Default)]
pub struct Registry(prometheus_client::registry::Registry);

impl Registry {
    fn register<M: prometheus_client::registry::Metric>(&mut self, metric: &'static Metric, family: M) {
        // The encoder adds what counters end with, and the full stop of the help.
        let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
        self.0.register(name, metric.help.trim_end_matches('.'), family);
    }

    /// A counter of the catalog.
    pub fn counter(&mut self, metric: &'static Metric) -> Counters {
        debug_assert_eq!(metric.kind, Kind::Counter, "{}", metric.name);
        let counters = Counters { family: Family::default(), labels: Bounded::new(metric) };
        self.register(metric, counters.family.clone());
        counters
    }

    /// A gauge of the catalog.
    pub fn gauge(&mut self, metric: &'static Metric) -> Gauges {
        debug_assert_eq!(metric.kind, Kind::Gauge, "{}", metric.name);
        let gauges = Gauges { family: Family::default(), labels: Bounded::new(metric) };
        self.register(metric, gauges.family.clone());
        gauges
    }

    /// A histogram of the catalog.
    pub fn histogram(&mut self, metric: &'static Metric) -> Histograms {
        let buckets = match metric.kind {
            Kind::Histogram(buckets) => buckets,
            Kind::Counter | Kind::Gauge => &[],
        };
        debug_assert!(!buckets.is_empty(), "{}", metric.name);
        let family = Family::new_with_constructor(Buckets(buckets));
        let histograms = Histograms { family, labels: Bounded::new(metric) };
        self.register(metric, histograms.family.clone());
        histograms
    }

    /// All of it in the OpenMetrics text format, with `more` families of the same format after its own.
    pub fn encode(&self, more: &str) -> String {
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = encode_registry(&mut text, &self.0);
        // An empty set of labels is written as `{}`, which scrapers read and people stumble over.
        let mut text = text.replace("{} ", " ");
        text.push_str(more.strip_suffix("# EOF\n").unwrap_or(more));
        let _ = encode_eof(&mut text);
        text
    }
}

/// Label values, no more than [`MOST_SERIES`] combinations of them.
#[derive(Clone)]
struct Bounded {
    metric: &'static Metric,
    known: Arc<Mutex<HashSet<Labels>>>,
}

impl Bounded {
    fn new(metric: &'static Metric) -> Self {
        Self { metric, known: Arc::default() }
    }

    fn of(&self, values: &[&str]) -> Labels {
        debug_assert_eq!(values.len(), self.metric.labels.len(), "labels of {}", self.metric.name);
        let labels: Labels =
            self.metric.labels.iter().zip(values).map(|(name, value)| (*name, (*value).to_owned())).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&labels) {
            return labels;
        }
        if known.len() >= MOST_SERIES {
            return self.metric.labels.iter().map(|name| (*name, OTHER.to_owned())).collect();
        }
        known.insert(labels.clone());
        labels
    }
}

/// A counter by labels. Label values are given in the order of the catalog.
#[derive(Clone)]
pub struct Counters {
    family: Family<Labels, Counter<f64, AtomicU64>>,
    labels: Bounded,
}

impl Counters {
    /// Adds one.
    pub fn one(&self, values: &[&str]) {
        self.add(values, 1.0);
    }

    /// Adds an amount.
    pub fn add(&self, values: &[&str], amount: f64) {
        self.family.get_or_create(&self.labels.of(values)).inc_by(amount);
    }

    /// Makes it what somebody else counted.
    pub fn set(&self, values: &[&str], total: f64) {
        self.family.get_or_create(&self.labels.of(values)).inner().store(total.to_bits(), Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn get(&self, values: &[&str]) -> f64 {
        self.family.get_or_create(&self.labels.of(values)).get()
    }
}

/// A gauge by labels.
#[derive(Clone)]
pub struct Gauges {
    family: Family<Labels, Gauge<f64, AtomicU64>>,
    labels: Bounded,
}

impl Gauges {
    /// Sets it.
    pub fn set(&self, values: &[&str], value: f64) {
        self.family.get_or_create(&self.labels.of(values)).set(value);
    }

    /// Adds to it, or takes from it.
    pub fn add(&self, values: &[&str], change: f64) {
        self.family.get_or_create(&self.labels.of(values)).inc_by(change);
    }

    /// What it stands at.
    pub fn get(&self, values: &[&str]) -> f64 {
        self.family.get_or_create(&self.labels.of(values)).get()
    }
}

#[derive(Clone, Copy)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// A histogram by labels.
#[derive(Clone)]
pub struct Histograms {
    family: Family<Labels, Histogram, Buckets>,
    labels: Bounded,
}

impl Histograms {
    /// Notes a time, in seconds.
    pub fn observe(&self, values: &[&str], took: Duration) {
        self.family.get_or_create(&self.labels.of(values)).observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn the_text_is_what_scrapers_read() {
        let mut registry = Registry::default();
        let supply = registry.gauge(&catalog::SUPPLY);
        supply.set(&["utet"], 1e15);
        let minted = registry.counter(&catalog::MINTED);
        minted.add(&["utet", "faucet"], 5.0);
        let interval = registry.histogram(&catalog::BLOCK_INTERVAL);
        interval.observe(&[], Duration::from_millis(600));
        let text = registry.encode("# TYPE engine_height gauge\nengine_height 7\n# EOF\n");
        for line in [
            "# TYPE tetra_money_supply_base_units gauge",
            "tetra_money_supply_base_units{denom=\"utet\"} 1000000000000000.0",
            "tetra_money_minted_base_units_total{denom=\"utet\",reason=\"faucet\"} 5.0",
            "tetra_node_block_interval_seconds_bucket{le=\"1.0\"} 1",
            "engine_height 7",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1, "{text}");
    }

    #[test]
    fn labels_are_bounded() {
        let mut registry = Registry::default();
        let counter = registry.counter(&catalog::MARKET_EVENTS);
        for number in 0..1000 {
            counter.one(&[&number.to_string()]);
        }
        assert!(registry.encode("").lines().count() < MOST_SERIES + 10);
        assert_eq!(counter.get(&[OTHER]), (1000 - MOST_SERIES) as f64);
    }
}
