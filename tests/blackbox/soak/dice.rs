//! Random choices that a seed repeats.

use rollcall_base::{Entropy, SeededEntropy};

/// What stands at the beginning of every marker, and nowhere else.
pub(super) const MARKER: &str = "rcmk";
/// Characters after it.
pub(super) const MARKER_LENGTH: usize = 12;

/// One client's sequence of choices.
#[derive(Debug)]
pub(super) struct Dice(SeededEntropy);

impl Dice {
    /// The sequence of client `number` in the run with `seed`.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let own = Self(SeededEntropy::new(seed ^ (number + 1).wrapping_mul(0xD1B5_4A32_D192_ED03)));
        // A generator whose seed is another's output: sequences that do not run into each other.
        let seed = own.word();
        Self(SeededEntropy::new(seed))
    }

    fn word(&self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// From 0 to one below `end`.
    pub(super) fn below(&self, end: usize) -> usize {
        usize::try_from(self.word() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// True in one of `of` cases.
    pub(super) fn one_in(&self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub(super) fn pick<'a, T>(&self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// A directory's marker: by it every value that the directory stores is known.
    pub(super) fn marker(&self) -> String {
        let letter = |_| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[self.below(32)]);
        MARKER.chars().chain((0..MARKER_LENGTH).map(letter)).collect()
    }

    /// An id that nothing has, of the shape of real ones.
    pub(super) fn made_up_id(&self) -> String {
        let (high, low) = (self.word(), self.word());
        let (a, b, c) = (high >> 32, (high >> 16) & 0xFFFF, high & 0xFFF);
        format!("{a:08x}-{b:04x}-7{c:03x}-{:04x}-{:012x}", 0x8000 | (low >> 48) & 0x3FFF, low & 0xFFFF_FFFF_FFFF)
    }
}

#[test]
fn a_seed_repeats_its_choices_and_clients_have_their_own() {
    let choices = |seed, client| {
        let dice = Dice::new(seed, client);
        (0..8).map(|_| dice.below(1000)).collect::<Vec<_>>()
    };
    assert_eq!(choices(1, 1), choices(1, 1));
    assert_ne!(choices(1, 1), choices(1, 2));
    assert_ne!(choices(1, 1), choices(2, 1));
}
