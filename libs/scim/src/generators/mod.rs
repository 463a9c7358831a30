//! Random bodies, documents, filters and conditions for tests of this crate and of the store.
//!
//! Texts come from a small pool with many that differ only in letter case, so that comparisons often hold.

mod conditions;
mod documents;
mod filters;

pub use conditions::{comparable_paths, conditions};
pub use documents::{bodies, documents};
pub use filters::filters;

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

/// How a property is tried: `cases` times from a fixed seed. `PROPTEST_CASES` and `PROPTEST_RNG_SEED` in the environment
/// replace the two.
pub fn tries(cases: u32) -> Config {
    let default = Config::default();
    let chosen = |name: &str| std::env::var_os(name).is_some();
    Config {
        cases: if chosen("PROPTEST_CASES") { default.cases } else { cases },
        rng_seed: if chosen("PROPTEST_RNG_SEED") { default.rng_seed } else { RngSeed::Fixed(7644) },
        failure_persistence: None,
        ..default
    }
}

/// A text that is not empty.
pub fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::sample::select(vec![
            "a", "A", "b", "ab", "AB", "aB", "work", "Work", "home", "x y", "straße", "STRASSE", "Ärger", "ärger", "ﬁn",
            "FIN", "İ", "i", "a\"b", "a\\b", "50%", "_", "*", "a_b", "\u{1F600}", "true", "0", " ",
        ])
        .prop_map(str::to_owned),
        1 => "[a-zA-Z0-9 .@_%-]{1,12}",
        1 => "[^\u{0}]{1,6}",
    ]
}

/// A moment as a client writes it.
pub fn moments() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "2015-10-10T14:38:21.8617979-07:00",
        "2015-10-10T21:38:21.861797Z",
        "2010-01-23T04:56:22Z",
        "2026-11-22T00:00:00Z",
        "0001-01-03T00:00:00.0000000Z",
    ])
    .prop_map(str::to_owned)
}
