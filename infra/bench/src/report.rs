//! What came out: raw.json with every measurement, table.md for people.

mod head;
mod table;

use std::{collections::BTreeMap, fs, io::Write as _, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

pub(crate) use self::head::Head;
use crate::{error::Failure, load::Taken};

/// All of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) head: Head,
    pub(crate) sizes: Vec<usize>,
    pub(crate) measured: Vec<Measured>,
    pub(crate) syncs: Vec<Sync>,
    /// MiB by target and process.
    pub(crate) memory: BTreeMap<String, BTreeMap<String, f64>>,
}

/// One operation on one target in one round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) requests: usize,
    /// Requests a second: connections by the mean time of an answer, which is what they send in a closed loop. The time
    /// that the service needed after the last answer to empty its outbox is added, to each request its part.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
    /// Of an answer's body, on average.
    pub(crate) bytes: f64,
    /// Processor seconds a thousand requests, by process. Of a cycle of several kinds, for all kinds alike.
    pub(crate) cpu: BTreeMap<String, f64>,
}

/// One initial synchronisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sync {
    pub(crate) target: String,
    pub(crate) round: usize,
    pub(crate) users: usize,
    pub(crate) seconds: f64,
}

impl Measured {
    /// `left`: what each request left to do after the last answer.
    pub(crate) fn new(
        name: String,
        target: &str,
        connections: usize,
        taken: &Taken,
        left: Duration,
        cpu: BTreeMap<String, f64>,
    ) -> Self {
        let mut times = taken.times.clone();
        times.sort_unstable();
        let requests = times.len();
        let millis = |at: usize| times.get(at.min(requests.saturating_sub(1))).map_or(0.0, |time| ms(*time));
        let sum: Duration = times.iter().sum();
        Self {
            name,
            target: target.to_owned(),
            requests,
            rate: rate(connections, requests, sum, left),
            p50: millis(requests / 2),
            p99: millis(requests * 99 / 100),
            bytes: taken.bytes as f64 / requests.max(1) as f64,
            cpu,
        }
    }
}

/// Requests a second of so many connections, which spent `sum` on waiting for answers; then nobody sends, and there is
/// work `left` of each request.
fn rate(connections: usize, requests: usize, sum: Duration, left: Duration) -> f64 {
    let (connections, requests) = (connections as f64, requests as f64);
    let seconds = sum.as_secs_f64() / connections + left.as_secs_f64() * requests;
    requests / seconds.max(f64::MIN_POSITIVE)
}

#[test]
fn what_is_left_after_the_last_answer_is_part_of_the_time() {
    let (second, none) = (Duration::from_secs(1), Duration::ZERO);
    // Two connections, each a second: 100 requests in one second.
    assert!((rate(2, 100, 2 * second, none) - 100.0).abs() < 1e-6);
    // And then a second more until the outbox is empty.
    assert!((rate(2, 100, 2 * second, second / 100) - 50.0).abs() < 1e-6);
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Writes both files and prints the table.
pub(crate) fn write(report: &Report, out: &Path) -> Result<(), Failure> {
    let table = table::of(report);
    for (name, text) in [("raw.json", serde_json::to_string_pretty(report)?), ("table.md", table.clone())] {
        let path = out.join(name);
        fs::write(&path, text).map_err(Failure::file(&path))?;
    }
    print(&table)
}

/// Prints the table of a finished run.
pub(crate) fn show(raw: &Path) -> Result<(), Failure> {
    let report: Report = serde_json::from_slice(&fs::read(raw).map_err(Failure::file(raw))?)?;
    print(&table::of(&report))
}

/// Prints a table.
pub(crate) fn print(table: &str) -> Result<(), Failure> {
    std::io::stdout().write_all(table.as_bytes()).map_err(Failure::system("the table cannot be printed"))
}
