//! What was sent, what came back, and how long it took.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use serde::Serialize;

/// How long the calls of one kind took, from the first byte sent to the last received, without waiting for their turn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latency {
    /// Method and route, such as `PATCH /Groups/{id}`.
    pub call: String,
    /// How many.
    pub count: u64,
    /// Half took no longer, in milliseconds, to within 4 %.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// What was measured of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Measured {
    /// Requests sent, with those that were repeated.
    pub requests: u64,
    /// Requests that were repeated after a 429 or 503.
    pub retries: u64,
    /// Requests by method.
    pub methods: BTreeMap<String, u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// By kind of call, in the order of their names.
    pub latencies: Vec<Latency>,
}

#[derive(Debug, Default)]
struct Counts {
    retries: u64,
    methods: BTreeMap<&'static str, u64>,
    statuses: BTreeMap<u16, u64>,
    times: BTreeMap<String, Histogram>,
}

/// Counts while a run goes on.
#[derive(Debug, Default)]
pub(crate) struct Measure(Mutex<Counts>);

impl Measure {
    pub(crate) fn answered(&self, method: &'static str, kind: String, status: u16, took: Duration) {
        let mut counts = self.counts();
        *counts.methods.entry(method).or_default() += 1;
        *counts.statuses.entry(status).or_default() += 1;
        counts.times.entry(kind).or_default().note(took);
    }

    pub(crate) fn repeated(&self) {
        self.counts().retries += 1;
    }

    pub(crate) fn measured(&self) -> Measured {
        let counts = self.counts();
        Measured {
            requests: counts.methods.values().sum(),
            retries: counts.retries,
            methods: counts.methods.iter().map(|(method, count)| ((*method).to_owned(), *count)).collect(),
            statuses: counts.statuses.clone(),
            latencies: counts.times.iter().map(|(call, times)| times.latency(call)).collect(),
        }
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Steps within one doubling of a time.
const STEPS: usize = 16;
/// Doublings of a microsecond: more than an hour.
const DOUBLINGS: usize = 33;

/// Times in buckets whose bounds grow by a sixteenth of a doubling, so that memory does not grow with the calls.
#[derive(Debug)]
struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; DOUBLINGS * STEPS], count: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    fn note(&mut self, took: Duration) {
        let micros = took.as_micros().max(1) as f64;
        let bucket = (micros.log2() * STEPS as f64) as usize;
        let last = self.buckets.len() - 1;
        self.buckets[bucket.min(last)] += 1;
        self.count += 1;
        self.longest = self.longest.max(took);
    }

    /// The time that `share` of the calls did not pass, in milliseconds: the upper bound of its bucket.
    fn quantile(&self, share: f64) -> f64 {
        let wanted = (share * self.count as f64).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            // The last bucket has no bound.
            if seen >= wanted && bucket + 1 < self.buckets.len() {
                let bound = ((bucket + 1) as f64 / STEPS as f64).exp2() / 1_000.0;
                return rounded(bound).min(millis(self.longest));
            }
        }
        millis(self.longest)
    }

    fn latency(&self, call: &str) -> Latency {
        Latency {
            call: call.to_owned(),
            count: self.count,
            p50_ms: self.quantile(0.5),
            p99_ms: self.quantile(0.99),
            max_ms: millis(self.longest),
        }
    }
}

fn millis(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1_000.0)
}

fn rounded(millis: f64) -> f64 {
    (millis * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near_the_truth() {
        let measure = Measure::default();
        for number in 1..=1_000_u64 {
            measure.answered("GET", "GET /Users/{id}".to_owned(), 200, Duration::from_micros(number * 100));
        }
        let latency = measure.measured().latencies.remove(0);
        assert_eq!((latency.count, latency.max_ms), (1_000, 100.0));
        assert!((latency.p50_ms - 50.0).abs() <= 50.0 * 0.045, "{latency:?}");
        assert!((latency.p99_ms - 99.0).abs() <= 99.0 * 0.045, "{latency:?}");
    }

    #[test]
    fn one_call_and_a_call_without_end_have_a_place() {
        let mut histogram = Histogram::default();
        histogram.note(Duration::ZERO);
        assert_eq!(histogram.quantile(0.5), 0.0);
        histogram.note(Duration::from_secs(1_000_000));
        assert_eq!(histogram.quantile(0.99), 1e9);
    }

    #[test]
    fn requests_are_counted_by_method_and_status() {
        let measure = Measure::default();
        measure.answered("GET", "GET discovery".to_owned(), 200, Duration::ZERO);
        measure.answered("POST", "POST /Users".to_owned(), 201, Duration::ZERO);
        measure.answered("POST", "POST /Users".to_owned(), 429, Duration::ZERO);
        measure.repeated();
        let measured = measure.measured();
        assert_eq!((measured.requests, measured.retries), (3, 1));
        assert_eq!(measured.methods["POST"], 2);
        assert_eq!(measured.statuses[&429], 1);
    }
}
