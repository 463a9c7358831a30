//! A table that grows no further than it may, for what is remembered of anybody who comes along.

use std::{collections::HashMap, fmt, hash::Hash, time::Duration};

use rollcall_base::Timestamp;

/// A full table is looked through no more often than this, whoever floods it: all others wait meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// At most so many entries. One that is over stays until its room is needed.
pub(crate) struct Bounded<K, V> {
    most: usize,
    /// Whether nothing is lost at this moment if an entry is forgotten.
    is_over: fn(&V, Timestamp) -> bool,
    entries: HashMap<K, V>,
    looked_at: Option<Timestamp>,
}

impl<K: Eq + Hash, V> Bounded<K, V> {
    /// None yet, and never more than `most`; those that are over make room for others.
    pub(crate) fn new(most: usize, is_over: fn(&V, Timestamp) -> bool) -> Self {
        Self { most, is_over, entries: HashMap::new(), looked_at: None }
    }

    /// What is remembered of `key`, whether or not it is over.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// As [`Self::get`], to be changed.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// Remembers `value`, in place of what there was of `key`. Says whether there was room; what is known has its own
    /// always. In a full table room is looked for once a second at most.
    pub(crate) fn keep(&mut self, key: K, value: V, now: Timestamp) -> bool {
        let has_room = self.entries.len() < self.most || self.entries.contains_key(&key) || self.make_room(now);
        if has_room {
            self.entries.insert(key, value);
        }
        has_room
    }

    fn make_room(&mut self, now: Timestamp) -> bool {
        // A clock that was set back puts nothing off.
        let lately = |at: Timestamp| at <= now && now.since(at) < LOOK_EVERY;
        if self.looked_at.is_some_and(lately) {
            return false;
        }
        self.looked_at = Some(now);
        let is_over = self.is_over;
        self.entries.retain(|_, value| !is_over(value, now));
        self.entries.len() < self.most
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl<K, V> fmt::Debug for Bounded<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bounded({} of {})", self.entries.len(), self.most)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    /// Three entries at most, each until the moment that is its value.
    fn full(until: [u64; 3]) -> Bounded<char, Timestamp> {
        let mut table = Bounded::new(3, |until, now| *until <= now);
        for (key, until) in ['a', 'b', 'c'].into_iter().zip(until) {
            assert!(table.keep(key, at(until), START));
        }
        table
    }

    #[test]
    fn what_is_over_makes_room_and_nothing_else_does() {
        let mut table = full([5, 10, 10]);
        assert!(!table.keep('d', at(20), at(4)));
        assert_eq!((table.get(&'d'), table.len()), (None, 3));
        assert!(table.keep('d', at(20), at(5)));
        assert_eq!((table.get(&'a'), table.get(&'d'), table.len()), (None, Some(&at(20)), 3));
    }

    #[test]
    fn what_is_over_stays_while_there_is_room() {
        let mut table = Bounded::new(3, |until, now| *until <= now);
        for (key, now) in [('a', at(1)), ('b', at(100)), ('c', at(100))] {
            assert!(table.keep(key, at(2), now));
        }
        assert_eq!(table.get(&'a'), Some(&at(2)));
    }

    #[test]
    fn what_is_known_is_kept_anew_in_a_full_table_without_a_look() {
        let mut table = full([1, 10, 10]);
        assert!(table.keep('b', at(30), at(2)));
        assert_eq!((table.get(&'b'), table.len()), (Some(&at(30)), 3));
        if let Some(until) = table.get_mut(&'a') {
            *until = at(40);
        }
        assert_eq!(table.get(&'a'), Some(&at(40)));
    }

    #[test]
    fn a_full_table_is_looked_through_once_a_second() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let mut table = Bounded::new(3, |_: &(), _| {
            ASKED.fetch_add(1, Ordering::Relaxed);
            false
        });
        let kept = (0..1_000).filter(|key| table.keep(*key, (), START)).count();
        assert_eq!((kept, ASKED.load(Ordering::Relaxed)), (3, 3));
        let almost = START.plus(LOOK_EVERY - Duration::from_micros(1));
        assert!(!table.keep(1_000, (), almost));
        assert_eq!(ASKED.load(Ordering::Relaxed), 3);
        assert!(!table.keep(1_000, (), START.plus(LOOK_EVERY)));
        assert_eq!(ASKED.load(Ordering::Relaxed), 6);
    }

    #[test]
    fn a_clock_that_was_set_back_puts_no_look_off() {
        let mut table = full([7_200, 7_200, 7_200]);
        assert!(!table.keep('d', at(9_000), at(7_000)));
        table.keep('a', START, START);
        assert!(table.keep('d', at(9_000), START));
    }
}
