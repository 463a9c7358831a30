//! One person, one team, as a client sees them: made from the seed whenever they are needed.

use rollcall_base::{Entropy, SeededEntropy};

use super::names::{CITIES, DEPARTMENTS, FAMILY, GIVEN, TITLES};

/// Somebody's boss, as the directory knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manager {
    /// The server's id.
    pub(crate) id: String,
    pub(crate) name: String,
}

/// One user of the made-up company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) number: u32,
    pub(crate) given: &'static str,
    pub(crate) family: &'static str,
    pub(crate) user_name: String,
    pub(crate) title: &'static str,
    pub(crate) department: &'static str,
    /// 128 repeatable bits, from which each client's kind of id is made.
    pub(crate) bits: u128,
    pub(crate) active: bool,
    /// How often they changed their job.
    pub(crate) moves: u8,
    /// If the client sends managers, and theirs is known to the directory.
    pub(crate) manager: Option<Manager>,
}

/// One group of the made-up company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Team {
    pub(crate) name: String,
    pub(crate) bits: u128,
}

impl Person {
    pub(crate) fn display_name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    pub(crate) fn employee_number(&self) -> String {
        format!("E{:06}", self.number + 1)
    }
}

/// Where names of a run come from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) seed: u64,
    /// Part of every name, so that two clients' people are not the same.
    pub(crate) domain: &'static str,
    /// Every second name is a bare IMSI.
    pub(crate) mobile: bool,
}

/// Digits of an IMSI that say which network: two names of the same person differ in the last one.
const NETWORKS: [&str; 2] = ["31041", "31042"];

impl Origin {
    /// The person `number` after so many moves, under the first or the second name.
    pub(crate) fn person(&self, number: u32, moves: u8, renamed: bool) -> Person {
        let life = entropy(self.seed, 1, number);
        let given = pick(&GIVEN, &life);
        let families = [pick(&FAMILY, &life), pick(&FAMILY, &life)];
        let family = families[usize::from(renamed)];
        let bits = bits(&life);
        let job = entropy(self.seed, 2 + u64::from(moves), number);
        Person {
            number,
            given,
            family,
            user_name: self.user_name(number, given, families, renamed),
            title: pick(&TITLES, &job),
            department: pick(&DEPARTMENTS, &job),
            bits,
            active: true,
            moves,
            manager: None,
        }
    }

    /// The number keeps names apart, the seed keeps two runs of different companies apart.
    fn user_name(&self, number: u32, given: &str, families: [&str; 2], renamed: bool) -> String {
        let Self { seed, domain, .. } = self;
        if self.mobile && number % 2 == 1 {
            return format!("{}{:04}{number:06}", NETWORKS[usize::from(renamed)], seed % 10_000);
        }
        let mut family = plain(families[usize::from(renamed)]);
        if renamed && families[0] == families[1] {
            family.push_str("-new");
        }
        format!("{}.{family}{}.{seed}@{domain}.example", plain(given), number + 1)
    }

    /// Whose name this is, if it is one of this company's.
    pub(crate) fn number_of(&self, user_name: &str) -> Option<u32> {
        let imsi = NETWORKS.iter().find_map(|network| user_name.strip_prefix(network));
        if let Some(rest) = imsi.filter(|rest| self.mobile && rest.len() == 10) {
            return rest.strip_prefix(&format!("{:04}", self.seed % 10_000))?.parse().ok();
        }
        let local = user_name.strip_suffix(&format!(".{}@{}.example", self.seed, self.domain))?;
        let digits = local.len() - local.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
        local[local.len() - digits..].parse::<u32>().ok()?.checked_sub(1)
    }

    pub(crate) fn team(&self, number: u32, renamed: bool) -> Team {
        let seed = self.seed;
        let index = number as usize;
        let name = match number {
            0 => format!("All staff {seed}"),
            _ => format!("{} {} {number}.{seed}", DEPARTMENTS[index % DEPARTMENTS.len()], CITIES[index % CITIES.len()]),
        };
        let name = if renamed { format!("{name} (new)") } else { name };
        Team { name, bits: bits(&entropy(seed, 0, number)) }
    }
}

/// ASCII lower-case letters of a name, as directories make account names of it.
fn plain(name: &str) -> String {
    name.chars()
        .filter_map(|letter| match letter {
            'ö' | 'ó' => Some('o'),
            'ü' => Some('u'),
            'á' => Some('a'),
            'í' => Some('i'),
            'ë' | 'é' => Some('e'),
            letter if letter.is_ascii_alphabetic() => Some(letter.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

/// What chance says about one thing, whatever was asked before.
pub(super) fn entropy(seed: u64, topic: u64, number: u32) -> SeededEntropy {
    let place = topic << 32 | u64::from(number);
    // Multiplied by odd numbers of no pattern, so that neighbours have nothing in common.
    SeededEntropy::new(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ place.wrapping_mul(0xA076_1D64_78BD_642F))
}

fn pick(list: &[&'static str], entropy: &SeededEntropy) -> &'static str {
    list[below(entropy, list.len())]
}

/// A number below `bound`, which is not 0.
pub(super) fn below(entropy: &SeededEntropy, bound: usize) -> usize {
    let mut bytes = [0_u8; 8];
    entropy.fill(&mut bytes);
    usize::try_from(u64::from_le_bytes(bytes) % bound as u64).unwrap_or(0)
}

fn bits(entropy: &SeededEntropy) -> u128 {
    let mut bytes = [0_u8; 16];
    entropy.fill(&mut bytes);
    u128::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ORIGIN: Origin = Origin { seed: 7, domain: "okta", mobile: false };

    #[test]
    fn a_person_is_the_same_whenever_they_are_asked_for() {
        let five = ORIGIN.person(5, 2, false);
        ORIGIN.person(6, 0, true);
        assert_eq!(ORIGIN.person(5, 2, false), five);
        assert_ne!(Origin { seed: 8, ..ORIGIN }.person(5, 2, false).user_name, five.user_name);
    }

    #[test]
    fn names_are_unique_and_ascii_and_tell_their_number() {
        for mobile in [false, true] {
            let origin = Origin { mobile, ..ORIGIN };
            let mut names = BTreeSet::new();
            for number in 0..2_000 {
                for renamed in [false, true] {
                    let name = origin.person(number, 0, renamed).user_name;
                    assert_eq!(origin.number_of(&name), Some(number), "{name}");
                    assert!(name.is_ascii() && names.insert(name));
                }
            }
        }
        for stranger in ["anna@okta.example", "anna.b3.8@okta.example", "x.7@okta.example", "310410007000003"] {
            assert_eq!(ORIGIN.number_of(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn a_move_changes_the_job_and_not_the_person() {
        let [before, after] = [0, 1].map(|moves| ORIGIN.person(3, moves, false));
        assert_eq!((&before.user_name, before.bits), (&after.user_name, after.bits));
        let jobs: BTreeSet<_> = (0..20).map(|moves| ORIGIN.person(3, moves, false).title).collect();
        assert!(jobs.len() > 1);
    }
}
