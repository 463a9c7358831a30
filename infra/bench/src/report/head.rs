//! What the table says about the run itself.

use std::{collections::BTreeSet, fs, thread};

use serde::{Deserialize, Serialize};

/// The conditions of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Commit and build profile.
    pub(crate) about: String,
    /// Processors and memory.
    pub(crate) machine: String,
    pub(crate) connections: usize,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) users: usize,
    /// Processes that wanted to run, on average over the last five minutes, when the run ended.
    pub(crate) load_average: String,
}

impl Head {
    pub(crate) fn new(about: &str, connections: usize, rounds: usize, seconds: f64, users: usize) -> Self {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load_average = load.split(' ').nth(1).unwrap_or("unknown").to_owned();
        Self { about: about.to_owned(), machine: machine(), connections, rounds, seconds, users, load_average }
    }
}

impl Head {
    /// It all in one line.
    pub(crate) fn line(&self) -> String {
        format!(
            "Rollcall {about}; {machine}; load average {load} when it ended. {rounds} rounds of {seconds} s",
            about = self.about,
            machine = self.machine,
            load = self.load_average,
            rounds = self.rounds,
            seconds = self.seconds,
        )
    }
}

fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names = processors.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let names: BTreeSet<&str> = names.map(|(_, name)| name).collect();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok());
    let count = thread::available_parallelism().map_or(0, usize::from);
    let gib = kib.unwrap_or(0.0) / 1024.0 / 1024.0;
    format!("{count} × {}, {gib:.0} GiB", names.into_iter().collect::<Vec<_>>().join(" and "))
}
