//! Made-up people and groups, the same for the same seed.

use rollcall_base::{Entropy, SeededEntropy};

const GIVEN: [&str; 48] = [
    "Amina",
    "Björn",
    "Carlos",
    "Dagmar",
    "Elena",
    "Farid",
    "Grace",
    "Hiroshi",
    "Ingrid",
    "Jamal",
    "Katarzyna",
    "Liam",
    "Mei",
    "Nadia",
    "Oluwaseun",
    "Priya",
    "Quentin",
    "Rosa",
    "Samuel",
    "Tuva",
    "Ursula",
    "Viktor",
    "Wanjiru",
    "Xavier",
    "Yusuf",
    "Zoë",
    "Adaeze",
    "Boris",
    "Chiara",
    "Deepak",
    "Esther",
    "Fatima",
    "Gustav",
    "Hana",
    "Isaac",
    "Julia",
    "Kwame",
    "Leonor",
    "Mateo",
    "Noor",
    "Omar",
    "Paulina",
    "Rahul",
    "Sofia",
    "Tomás",
    "Uma",
    "Vera",
    "William",
];
const FAMILY: [&str; 48] = [
    "Adeyemi",
    "Bergström",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fernández",
    "García",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Müller",
    "Nakamura",
    "O'Brien",
    "Petrov",
    "Quinn",
    "Rossi",
    "Sharma",
    "Tanaka",
    "Ueda",
    "Varga",
    "Weber",
    "Xu",
    "Yamamoto",
    "Zhang",
    "Almeida",
    "Bianchi",
    "Cohen",
    "Diallo",
    "Evans",
    "Fischer",
    "Goldberg",
    "Hughes",
    "Iyer",
    "Johansson",
    "Kim",
    "López",
    "Mbeki",
    "Nguyen",
    "Okafor",
    "Patel",
    "Ramírez",
    "Silva",
    "Torres",
    "Usman",
    "Vogel",
    "Walker",
];
const DEPARTMENTS: [&str; 10] = [
    "Engineering",
    "Sales",
    "Finance",
    "People",
    "Support",
    "Legal",
    "Operations",
    "Marketing",
    "Research",
    "Security",
];
const TITLES: [&str; 8] =
    ["Analyst", "Engineer", "Account Manager", "Consultant", "Team Lead", "Specialist", "Director", "Assistant"];
const CITIES: [&str; 12] =
    ["Berlin", "Nairobi", "Osaka", "Lyon", "Austin", "Lagos", "Kraków", "Porto", "Seoul", "Toronto", "Pune", "Bogotá"];

/// One user of the made-up company.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) number: usize,
    pub(crate) given: &'static str,
    pub(crate) family: &'static str,
    pub(crate) user_name: String,
    pub(crate) title: String,
    pub(crate) department: &'static str,
    /// 128 repeatable bits, from which each client's kind of id is made.
    pub(crate) bits: u128,
    pub(crate) active: bool,
}

/// One group of the made-up company.
#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) name: String,
    pub(crate) bits: u128,
    /// Numbers of its people, in rising order.
    pub(crate) members: Vec<usize>,
}

/// Everybody.
#[derive(Debug, Clone)]
pub(crate) struct Company {
    pub(crate) people: Vec<Person>,
    pub(crate) teams: Vec<Team>,
}

impl Person {
    pub(crate) fn display_name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    pub(crate) fn employee_number(&self) -> String {
        format!("E{:06}", self.number + 1)
    }
}

impl Company {
    /// `users` people in `groups` teams for the client called `domain`.
    pub(crate) fn new(seed: u64, users: usize, groups: usize, domain: &str) -> Self {
        let entropy = SeededEntropy::new(seed);
        let people: Vec<Person> = (0..users).map(|number| person(number, seed, domain, &entropy)).collect();
        let teams = (0..groups).map(|number| team(number, groups, users, seed, &entropy)).collect();
        Self { people, teams }
    }
}

fn person(number: usize, seed: u64, domain: &str, entropy: &SeededEntropy) -> Person {
    let (given, family) = (pick(&GIVEN, entropy), pick(&FAMILY, entropy));
    // The number keeps names apart, the seed keeps two runs of different companies apart.
    let user_name = format!("{}.{}{}.{seed}@{domain}.example", plain(given), plain(family), number + 1);
    Person {
        number,
        given,
        family,
        user_name,
        title: pick(&TITLES, entropy).to_owned(),
        department: pick(&DEPARTMENTS, entropy),
        bits: bits(entropy),
        active: true,
    }
}

fn team(number: usize, groups: usize, users: usize, seed: u64, entropy: &SeededEntropy) -> Team {
    if number == 0 {
        return Team { name: format!("All staff {seed}"), bits: bits(entropy), members: (0..users).collect() };
    }
    let (department, city) = (DEPARTMENTS[number % DEPARTMENTS.len()], CITIES[number % CITIES.len()]);
    // Everybody is in one team by turns, and about one in eight also lends a hand here.
    let members =
        (0..users).filter(|user| user % (groups - 1) == number - 1 || word(entropy).is_multiple_of(8)).collect();
    Team { name: format!("{department} {city} {number}.{seed}"), bits: bits(entropy), members }
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

fn pick(list: &[&'static str], entropy: &SeededEntropy) -> &'static str {
    let length = u64::try_from(list.len()).unwrap_or(1);
    list[usize::try_from(word(entropy) % length).unwrap_or(0)]
}

fn word(entropy: &SeededEntropy) -> u64 {
    let mut bytes = [0_u8; 8];
    entropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
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

    #[test]
    fn the_same_seed_makes_the_same_company_and_another_seed_another() {
        let names = |seed| -> Vec<String> {
            Company::new(seed, 50, 5, "okta").people.into_iter().map(|person| person.user_name).collect()
        };
        assert_eq!(names(7), names(7));
        assert!(names(7).iter().all(|name| !names(8).contains(name)));
    }

    #[test]
    fn names_are_unique_and_ascii_and_no_team_is_empty() {
        let company = Company::new(1, 500, 20, "entra-id");
        let names: BTreeSet<&str> = company.people.iter().map(|person| person.user_name.as_str()).collect();
        assert_eq!(names.len(), 500);
        assert!(names.iter().all(|name| name.is_ascii()));
        assert!(company.teams.iter().all(|team| !team.members.is_empty()));
        let teams: BTreeSet<&str> = company.teams.iter().map(|team| team.name.as_str()).collect();
        assert_eq!(teams.len(), 20);
        assert_eq!(company.teams[0].members.len(), 500);
    }

    #[test]
    fn no_users_and_no_groups_are_a_company_too() {
        let company = Company::new(1, 0, 3, "okta");
        assert!(company.people.is_empty());
        assert_eq!(company.teams.len(), 3);
        assert!(Company::new(1, 3, 1, "okta").teams[0].members.len() == 3);
    }
}
