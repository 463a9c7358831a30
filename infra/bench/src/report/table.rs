//! The table, as Markdown.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Head, Measured, Report};

const FLOOR: &str = "floor";

/// All of it.
pub(super) fn of(report: &Report) -> String {
    let mut text = head(&report.head);
    text.push_str(&operations(report));
    text.push_str(&synchronisation(report));
    text.push_str(&curves(report));
    text.push_str(&processors(report));
    text.push_str(&memory(report));
    text
}

fn head(head: &Head) -> String {
    format!(
        "Rollcall {about}; {machine}; load average {load} when it ended. {connections} connections, {rounds} rounds of \
         {seconds} s; medians over the rounds.\n\n",
        about = head.about,
        machine = head.machine,
        load = head.load_average,
        connections = head.connections,
        rounds = head.rounds,
        seconds = head.seconds,
    )
}

/// The rounds of one operation on one target.
struct Rounds<'a>(Vec<&'a Measured>);

impl Rounds<'_> {
    fn median(&self, value: impl Fn(&Measured) -> f64) -> f64 {
        median(self.0.iter().map(|measured| value(measured)).collect())
    }

    /// The median of the ratios of rounds that were measured one after the other.
    fn ratio(&self, to: &Self, value: impl Fn(&Measured) -> f64) -> f64 {
        median(self.0.iter().zip(&to.0).map(|(one, other)| value(one) / value(other)).collect())
    }
}

impl Report {
    fn rounds(&self, name: &str, target: &str) -> Rounds<'_> {
        Rounds(self.measured.iter().filter(|one| one.name == name && one.target == target).collect())
    }

    /// In the order of the first round.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for measured in &self.measured {
            if !names.contains(&measured.name.as_str()) {
                names.push(&measured.name);
            }
        }
        names
    }

    /// `all` before `split` before the floor.
    fn targets(&self) -> Vec<&str> {
        let known = ["all", "split", FLOOR];
        known.into_iter().filter(|name| self.measured.iter().any(|one| one.target == *name)).collect()
    }
}

fn operations(report: &Report) -> String {
    let mut text = String::from(
        "| operation | target | requests/s | p50 ms | p99 ms | of the floor | CPU of the floor's | bytes |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for name in report.names() {
        let floor = report.rounds(name, FLOOR);
        for target in report.targets() {
            let rounds = report.rounds(name, target);
            let (ratio, cpu) = if target == FLOOR {
                (String::new(), String::new())
            } else {
                let cpu = format!("{:.2}×", rounds.ratio(&floor, serving));
                (format!("{:.2}", rounds.ratio(&floor, |one| one.rate)), cpu)
            };
            let _ = writeln!(
                text,
                "| {name} | {target} | {:.0} | {:.2} | {:.2} | {ratio} | {cpu} | {:.0} |",
                rounds.median(|one| one.rate),
                rounds.median(|one| one.p50),
                rounds.median(|one| one.p99),
                rounds.median(|one| one.bytes),
            );
        }
    }
    text
}

/// Processor time of everything but the load tool.
fn serving(measured: &Measured) -> f64 {
    measured.cpu.iter().filter(|(name, _)| *name != "load tool").map(|(_, seconds)| seconds).sum()
}

fn synchronisation(report: &Report) -> String {
    let Some(users) = report.syncs.first().map(|sync| sync.users) else { return String::new() };
    let rates = |target: &str| -> Vec<f64> {
        let of = report.syncs.iter().filter(|sync| sync.target == target);
        of.map(|sync| sync.users as f64 / sync.seconds).collect()
    };
    let floor = rates(FLOOR);
    let mut text =
        format!("\n| initial synchronisation of {users} users | users/s | of the floor |\n| --- | ---: | ---: |\n");
    for target in ["all", "split", FLOOR] {
        let rates = rates(target);
        if rates.is_empty() {
            continue;
        }
        let ratio = median(rates.iter().zip(&floor).map(|(one, floor)| one / floor).collect());
        let ratio = if target == FLOOR { String::new() } else { format!("{ratio:.2}") };
        let _ = writeln!(text, "| {target} | {:.0} | {ratio} |", median(rates));
    }
    text
}

/// How times grow with what should not matter.
fn curves(report: &Report) -> String {
    let mut pairs = Vec::new();
    if let (Some(small), Some(large)) = (report.sizes.iter().min(), report.sizes.iter().max()) {
        for what in ["add a member", "remove a member"] {
            let at = |size: &usize| format!("{what}, group of {size}");
            pairs.push((format!("{what}: group of {large} to {small}"), at(large), at(small)));
        }
    }
    for how in ["startIndex", "cursor"] {
        let deep = format!("deep page by {how}");
        pairs.push((format!("{deep} to the first page"), deep, "first page of users".to_owned()));
    }
    let mut text = String::from("\n| time of the largest to that of the smallest | target | p50 | mean | CPU |\n");
    text.push_str("| --- | --- | ---: | ---: | ---: |\n");
    for (what, large, small) in pairs {
        for target in report.targets() {
            let (large, small) = (report.rounds(&large, target), report.rounds(&small, target));
            if large.0.is_empty() || small.0.is_empty() {
                continue;
            }
            let _ = writeln!(
                text,
                "| {what} | {target} | {:.2} | {:.2} | {:.2} |",
                large.ratio(&small, |one| one.p50),
                large.ratio(&small, |one| 1.0 / one.rate),
                large.ratio(&small, serving),
            );
        }
    }
    text
}

fn processors(report: &Report) -> String {
    let mut text = String::from("\n| CPU s per 1,000 requests | target | by process |\n| --- | --- | --- |\n");
    for name in report.names() {
        for target in report.targets() {
            let rounds = report.rounds(name, target);
            let mut processes: BTreeMap<&str, f64> = BTreeMap::new();
            for process in rounds.0.iter().flat_map(|one| one.cpu.keys()) {
                let seconds = rounds.median(|one| one.cpu.get(process).copied().unwrap_or_default());
                processes.insert(process, seconds);
            }
            let named: Vec<String> = processes.iter().map(|(name, seconds)| format!("{name} {seconds:.3}")).collect();
            let _ = writeln!(text, "| {name} | {target} | {} |", named.join(", "));
        }
    }
    text
}

fn memory(report: &Report) -> String {
    let mut text = String::from("\n| resident memory afterwards | MiB |\n| --- | ---: |\n");
    for (target, processes) in &report.memory {
        for (process, mib) in processes {
            let name = if target == process { process.clone() } else { format!("{target}: {process}") };
            let _ = writeln!(text, "| {name} | {mib:.0} |");
        }
    }
    text
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, target: &str, rate: f64, cpu: f64) -> Measured {
        let cpu = BTreeMap::from([(target.to_owned(), cpu), ("load tool".to_owned(), 9.0)]);
        let (name, target) = (name.to_owned(), target.to_owned());
        Measured { name, target, requests: 1, rate, p50: 1000.0 / rate, p99: 1.0, bytes: 1.0, cpu }
    }

    #[test]
    fn a_ratio_is_taken_within_a_round_and_its_median_over_the_rounds() {
        // The machine was slower in the second round, for both.
        let rounds = [
            measured("get", "all", 60.0, 2.0),
            measured("get", FLOOR, 100.0, 1.0),
            measured("get", "all", 30.0, 2.0),
            measured("get", FLOOR, 50.0, 1.0),
        ];
        let head = Head::new("", 1, 2, 1.0, 1);
        let report =
            Report { head, sizes: vec![], measured: rounds.to_vec(), syncs: vec![], memory: BTreeMap::default() };
        let text = of(&report);
        assert!(text.contains("| get | all | 45 | 25.00 | 1.00 | 0.60 | 2.00× | 1 |"), "{text}");
    }
}
