//! What processes have used, as Linux tells it.

use std::fs;

/// Clock ticks a second in /proc (USER_HZ), fixed on Linux.
const TICKS: f64 = 100.0;

/// The processor time of a process, in seconds, in user and system mode; 0 for one that is gone.
pub(crate) fn seconds(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |stat| stat.own)
}

/// The processor time of a process and of all that it has ever started, in seconds.
pub(crate) fn seconds_with_children(pid: u32) -> f64 {
    let living: f64 = processes().filter_map(stat).filter(|stat| stat.parent == pid).map(|stat| stat.own).sum();
    living + stat(pid).map_or(0.0, |stat| stat.own + stat.ended_children)
}

/// Resident memory (VmRSS) in MiB.
pub(crate) fn resident_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or_default();
    kib / 1024.0
}

struct Stat {
    parent: u32,
    own: f64,
    ended_children: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(text: &str) -> Option<Stat> {
    // The name, in parentheses, may hold anything; what follows has no surprises.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok().map(|ticks| ticks / TICKS);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)? + ticks(12)?,
        ended_children: ticks(13)? + ticks(14)?,
    })
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let text = "7 (a) b (c) S 3 7 7 0 -1 4194304 1 2 3 4 150 50 25 75 20 0 1 0 99 1 1";
        let stat = parse(text).unwrap();
        assert_eq!((stat.parent, stat.own, stat.ended_children), (3, 2.0, 1.0));
    }

    #[test]
    fn this_process_has_memory_and_a_process_that_is_gone_has_none() {
        assert!(resident_mib(std::process::id()) > 1.0);
        assert_eq!((resident_mib(u32::MAX), seconds(u32::MAX)), (0.0, 0.0));
    }
}
