//! The made-up company: who works there, who leads whom, who is in which team. People are made from the seed when they
//! are needed; what is held of each is a few bytes and the teams' member numbers.

mod names;
mod people;
mod plan;

pub(crate) use people::{Manager, Origin, Person, Team};
use people::{below, entropy};
pub(crate) use plan::Event;

/// Reports of a boss.
const SPAN: u32 = 10;
/// One person in so many is in a second team.
const LENT_ONE_IN: usize = 8;

/// Where somebody stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Working,
    /// Left; the directory keeps them, switched off.
    Inactive,
    /// Left; the directory does not know them any more.
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) moves: u8,
    /// Under their second name.
    pub(crate) renamed: bool,
}

const NEW: Standing = Standing { state: State::Working, moves: 0, renamed: false };

/// How big the company is, and what its client's teams are like.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    /// People on the first day.
    pub(crate) users: u32,
    pub(crate) groups: u32,
    /// Members of the largest team: clients that send whole lists don't do so with everybody.
    pub(crate) largest_group: u32,
    /// The last team holds the second one.
    pub(crate) nested: bool,
    /// Leavers are deleted some time after they were switched off.
    pub(crate) erased: bool,
    /// Leavers are deleted at once.
    pub(crate) deleted: bool,
}

#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) origin: Origin,
    pub(crate) size: Size,
    standings: Vec<Standing>,
    renamed_teams: Vec<bool>,
    /// Numbers of people, in rising order, by team.
    members: Vec<Vec<u32>>,
}

impl Company {
    pub(crate) fn new(origin: Origin, size: Size) -> Self {
        let teams = size.groups as usize;
        let mut company = Self {
            origin,
            standings: vec![NEW; size.users as usize],
            renamed_teams: vec![false; teams],
            members: vec![Vec::new(); teams],
            size,
        };
        for number in 0..company.size.users {
            for team in company.teams_of(number, NEW) {
                company.members[team as usize].push(number);
            }
        }
        company
    }

    /// Everybody who ever worked here, leavers included.
    pub(crate) fn people(&self) -> u32 {
        u32::try_from(self.standings.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn standing(&self, number: u32) -> Standing {
        self.standings[number as usize]
    }

    pub(crate) fn person(&self, number: u32) -> Person {
        self.person_at(number, self.standing(number))
    }

    pub(crate) fn person_at(&self, number: u32, standing: Standing) -> Person {
        let mut person = self.origin.person(number, standing.moves, standing.renamed);
        person.active = standing.state == State::Working;
        person
    }

    /// Whose boss: the number of somebody who never leaves.
    pub(crate) fn boss_of(&self, number: u32, standing: Standing) -> Option<u32> {
        let boss = (number / SPAN + u32::from(standing.moves)).checked_rem(self.bosses())?;
        (boss != number).then_some(boss)
    }

    fn bosses(&self) -> u32 {
        self.size.users.div_ceil(SPAN)
    }

    pub(crate) fn team(&self, team: u32) -> Team {
        self.origin.team(team, self.renamed_teams[team as usize])
    }

    /// The same team under its other name.
    pub(crate) fn team_otherwise(&self, team: u32) -> Team {
        self.origin.team(team, !self.renamed_teams[team as usize])
    }

    pub(crate) fn rename_team(&mut self, team: u32) {
        let renamed = &mut self.renamed_teams[team as usize];
        *renamed = !*renamed;
    }

    pub(crate) fn members(&self, team: u32) -> &[u32] {
        &self.members[team as usize]
    }

    pub(crate) fn memberships(&self) -> usize {
        self.members.iter().map(Vec::len).sum()
    }

    /// The team that `team` holds, if it holds one.
    pub(crate) fn child_of(&self, team: u32) -> Option<u32> {
        (self.size.nested && self.size.groups > 2 && team == self.size.groups - 1).then_some(1)
    }

    /// The teams of the person, in rising order; none of who left.
    pub(crate) fn teams_of(&self, number: u32, standing: Standing) -> Vec<u32> {
        let mut teams = Vec::new();
        if standing.state != State::Working || self.size.groups == 0 {
            return teams;
        }
        if number < self.size.largest_group {
            teams.push(0);
        }
        let others = self.size.groups as usize - 1;
        if others > 0 {
            let chance = entropy(self.origin.seed, 0x100 + u64::from(standing.moves), number);
            let team = |chance| u32::try_from(1 + below(chance, others)).unwrap_or(1);
            let home = team(&chance);
            teams.push(home);
            let second = team(&chance);
            if second != home && below(&chance, LENT_ONE_IN) == 0 {
                teams.push(second);
            }
            teams.sort_unstable();
        }
        teams
    }

    /// Puts the person into or out of a team.
    fn set_member(&mut self, team: u32, number: u32, is_member: bool) {
        let members = &mut self.members[team as usize];
        match (members.binary_search(&number), is_member) {
            (Err(place), true) => members.insert(place, number),
            (Ok(place), false) => drop(members.remove(place)),
            _ => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn company(users: u32, groups: u32) -> Company {
        let origin = Origin { seed: 1, domain: "okta", mobile: false };
        let size = Size { users, groups, largest_group: u32::MAX, nested: true, erased: true, deleted: false };
        Company::new(origin, size)
    }

    #[test]
    fn everybody_is_in_the_first_team_and_in_one_or_two_others() {
        let company = company(500, 20);
        assert_eq!(company.members(0).len(), 500);
        assert!((1..20).all(|team| !company.members(team).is_empty()));
        assert!((1_000..1_100).contains(&company.memberships()), "{}", company.memberships());
    }

    #[test]
    fn bosses_lead_ten_each_and_nobody_leads_themselves() {
        let company = company(100, 1);
        assert_eq!((company.boss_of(0, NEW), company.boss_of(57, NEW)), (None, Some(5)));
        let moved = Standing { moves: 1, ..NEW };
        assert_eq!(company.boss_of(57, moved), Some(6));
        assert!((0..100).all(|number| company.boss_of(number, moved) != Some(number)));
    }

    #[test]
    fn no_users_and_no_groups_are_a_company_too() {
        assert_eq!(company(0, 3).memberships(), 0);
        assert_eq!(company(0, 0).boss_of(3, NEW), None);
        assert_eq!(company(3, 1).members(0), [0, 1, 2]);
        assert!(company(3, 0).teams_of(1, NEW).is_empty());
    }
}
