//! What happens in a cycle: who joins, moves, is renamed, leaves and comes back. A function of the cycle's number and the
//! company's size, so that the same run happens twice.

use super::{Company, Standing, State};

/// What happens to one person between two cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Join,
    /// Another job: title, department, boss and teams.
    Move,
    /// Another family name, and with it another userName.
    Rename,
    Leave,
    /// Hired again after having left.
    Return,
    /// The directory is told to forget somebody who left.
    Erase,
}

/// Joiners: one for so many people.
const JOINERS_ONE_IN: u32 = 100;

impl Company {
    /// In small companies each kind of event must happen; in big ones few people change.
    fn one_in(&self) -> u32 {
        (self.size.users / 20).clamp(12, 100)
    }

    fn role(&self, number: u32, cycle: u32) -> u32 {
        (number.wrapping_add(cycle)) % self.one_in()
    }

    /// Whether the person is renamed in one of the first `cycles`, as far as it can be known beforehand.
    pub(crate) fn may_be_renamed(&self, number: u32, cycles: u32) -> bool {
        (1..=cycles).any(|cycle| self.role(number, cycle) == 0)
    }

    /// What happens before the cycle (1 is the first after the initial one), each person once, in rising order.
    pub(crate) fn events(&self, cycle: u32) -> Vec<(u32, Event)> {
        let present = self.people();
        let joiners = if self.size.users == 0 { 0 } else { (self.size.users / JOINERS_ONE_IN).max(1) };
        let happening = (0..present).filter_map(|number| Some((number, self.event(number, cycle)?)));
        happening.chain((present..present + joiners).map(|number| (number, Event::Join))).collect()
    }

    fn event(&self, number: u32, cycle: u32) -> Option<Event> {
        let state = self.standing(number).state;
        match (self.role(number, cycle), state) {
            (0, State::Working) => Some(Event::Rename),
            // Who leads others stays: their reports would have to be told somebody else first.
            (1, State::Working) if number >= self.bosses() => Some(Event::Leave),
            (2, State::Inactive | State::Gone) if (number / self.one_in()) % 2 == 1 => Some(Event::Return),
            (2, State::Inactive) if self.size.erased => Some(Event::Erase),
            (2..=4, State::Working) => Some(Event::Move),
            _ => None,
        }
    }

    /// Where the person stands after the event.
    pub(crate) fn standing_after(&self, number: u32, event: Event) -> Standing {
        let before = self.standings.get(number as usize).copied().unwrap_or(super::NEW);
        match event {
            Event::Join => super::NEW,
            Event::Move => Standing { moves: before.moves.wrapping_add(1), ..before },
            Event::Rename => Standing { renamed: !before.renamed, ..before },
            Event::Leave if self.size.deleted => Standing { state: State::Gone, ..before },
            Event::Leave => Standing { state: State::Inactive, ..before },
            Event::Return => Standing { state: State::Working, ..before },
            Event::Erase => Standing { state: State::Gone, ..before },
        }
    }

    /// The event has happened: the teams that the person is new in, and those left.
    pub(crate) fn happened(&mut self, number: u32, event: Event) -> (Vec<u32>, Vec<u32>) {
        let after = self.standing_after(number, event);
        let old = match event {
            Event::Join => Vec::new(),
            _ => self.teams_of(number, self.standing(number)),
        };
        let new = self.teams_of(number, after);
        if event == Event::Join {
            self.standings.push(after);
        } else {
            self.standings[number as usize] = after;
        }
        let joined: Vec<u32> = new.iter().copied().filter(|team| !old.contains(team)).collect();
        let left: Vec<u32> = old.into_iter().filter(|team| !new.contains(team)).collect();
        for &team in &joined {
            self.set_member(team, number, true);
        }
        for &team in &left {
            self.set_member(team, number, false);
        }
        (joined, left)
    }

    /// The team that gets its other name in this cycle.
    pub(crate) fn team_renamed_in(&self, cycle: u32) -> Option<u32> {
        match self.size.groups {
            0 => None,
            1 => Some(0),
            groups => Some(1 + (cycle - 1) % (groups - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::company, *};

    #[test]
    fn in_two_cycles_of_a_small_company_everything_happens() {
        let mut company = company(30, 4);
        let mut seen = Vec::new();
        for cycle in 1..=2 {
            for (number, event) in company.events(cycle) {
                company.happened(number, event);
                seen.push(event);
            }
        }
        for event in [Event::Join, Event::Move, Event::Rename, Event::Leave, Event::Return, Event::Erase] {
            assert!(seen.contains(&event), "{event:?}");
        }
        assert_eq!(company.people(), 32);
    }

    #[test]
    fn members_are_always_those_who_work_and_belong_there() {
        let mut company = company(200, 7);
        for cycle in 1..=30 {
            for (number, event) in company.events(cycle) {
                company.happened(number, event);
            }
        }
        for team in 0..7 {
            let belong: Vec<u32> = (0..company.people())
                .filter(|&number| company.teams_of(number, company.standing(number)).contains(&team))
                .collect();
            assert_eq!(company.members(team), belong);
        }
    }

    #[test]
    fn who_is_renamed_is_known_beforehand() {
        let mut company = company(100, 3);
        let expected: Vec<bool> = (0..100).map(|number| company.may_be_renamed(number, 3)).collect();
        for cycle in 1..=3 {
            for (number, event) in company.events(cycle) {
                assert!(event != Event::Rename || expected[number as usize]);
                company.happened(number, event);
            }
        }
    }

    #[test]
    fn teams_are_renamed_in_turn_and_the_first_only_if_it_is_the_only_one() {
        let renamed = |groups| (1..=4).map(|cycle| company(30, groups).team_renamed_in(cycle)).collect::<Vec<_>>();
        assert_eq!(renamed(4), [Some(1), Some(2), Some(3), Some(1)]);
        assert_eq!((renamed(1), renamed(0)), (vec![Some(0); 4], vec![None; 4]));
    }

    #[test]
    fn bosses_do_not_leave_and_few_of_many_change() {
        let company = company(10_000, 3);
        let events = company.events(1);
        assert!(events.iter().all(|(number, event)| *event != Event::Leave || *number >= 1_000));
        assert!((400..700).contains(&events.len()), "{}", events.len());
    }
}
