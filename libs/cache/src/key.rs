//! What keys are, in memory and in Redis.

use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hash, Hasher},
};

/// A key of one kind of values. Types live with the services that own the values; a key of a directory's data is made
/// from a scope, so that nobody names another directory than the caller's.
pub trait CacheKey: Hash + Eq + Clone + Send + Sync + 'static {
    /// The kind of values, the same in all processes: lower-case letters and hyphens.
    const NAME: &'static str;

    /// What stands in the hash tag, so that it lies on one node of a Redis Cluster: the directory's id; of what is asked
    /// before a directory is known, the id or name that is asked for.
    fn slot(&self) -> String;

    /// What tells keys of one slot apart; may be empty. It is readable for whoever may read in Redis: digest what is not
    /// theirs to read.
    fn rest(&self) -> String;
}

/// A key as it stands in Redis behind the prefix, and in notices: `{slot}:NAME:rest`.
///
/// The slot is escaped, so that it has no braces, and a name has no colon: two keys never have the same text.
pub(crate) fn text<K: CacheKey>(key: &K) -> String {
    place(K::NAME, &key.slot(), &key.rest())
}

/// The text of `rest` in `slot`.
pub(crate) fn place(name: &str, slot: &str, rest: &str) -> String {
    let mut text = String::with_capacity(slot.len() + name.len() + rest.len() + 4);
    text.push('{');
    for byte in slot.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text.push(char::from(byte)),
            // A text takes whatever is written to it.
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text.push_str("}:");
    text.push_str(name);
    text.push(':');
    text.push_str(rest);
    text
}

/// The kind of values that a text is about.
pub(crate) fn name_of(text: &str) -> Option<&str> {
    let (_, after) = text.strip_prefix('{')?.split_once("}:")?;
    after.split_once(':').map(|(name, _)| name)
}

/// The same for the same text, in this process.
pub(crate) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_of_two_slots_kinds_or_questions_are_never_the_same(
            a in (".{0,12}", "[a-z-]{1,8}", ".{0,12}"),
            b in (".{0,12}", "[a-z-]{1,8}", ".{0,12}"),
        ) {
            let place_of = |key: &(String, String, String)| place(&key.1, &key.0, &key.2);
            prop_assert_eq!(place_of(&a) == place_of(&b), a == b);
        }

        #[test]
        fn the_hash_tag_is_the_slot_and_nothing_else(slot in "[ -~]{1,12}", rest in ".{0,12}") {
            // As a cluster reads it: from the first opening brace to the next closing one.
            let key = format!("prefix:{}", place("name", &slot, &rest));
            let (_, after) = key.split_once('{').unwrap();
            let (tag, _) = after.split_once('}').unwrap();
            let other = format!("prefix:{}", place("other", &slot, "x"));
            let same = format!("{{{tag}}}");
            prop_assert!(other.contains(&same));
            let is_plain = !tag.contains(['{', ':']);
            prop_assert!(is_plain);
            let text = place("name", &slot, &rest);
            prop_assert_eq!(name_of(&text), Some("name"));
        }
    }

    #[test]
    fn a_directorys_id_stands_in_the_tag_as_it_is() {
        assert_eq!(place("lookup", "0190-ab", "q"), "{0190-ab}:lookup:q");
        assert_eq!(place("lookup", "a}b{c:", ""), "{a%7Db%7Bc%3A}:lookup:");
    }
}
