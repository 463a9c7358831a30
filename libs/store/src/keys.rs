//! Value keys: the form in which values stand in indexes. Short values stand as they are; a long one is cut and the
//! hash of the whole is put behind the cut, so that every key fits an index and two values share one only if they
//! are the same.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// Values up to this length, in bytes, stand whole.
const WHOLE: usize = 200;
/// Up to this length a bound compares with keys exactly as it does with the values themselves: every cut is further
/// right, whatever character it had to spare.
const EXACT_BOUND: usize = WHOLE - 4;

/// The key of a (folded) value. At most 244 bytes.
pub(crate) fn value_key(value: &str) -> String {
    if value.len() <= WHOLE {
        return value.to_owned();
    }
    // A long key is longer than any short one (at least 197 + 44 bytes), so the two never meet.
    format!("{}~{}", cut(value, WHOLE), BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(value.as_bytes())))
}

/// Whether a key is the value itself.
pub(crate) fn is_whole(key: &str) -> bool {
    key.len() <= WHOLE
}

fn cut(value: &str, at: usize) -> &str {
    &value[..value.floor_char_boundary(at)]
}

/// A bound for range comparisons with keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    /// The value, or its beginning.
    pub(crate) text: String,
    /// False if only the beginning could be kept: then comparisons find too many rows, never too few.
    pub(crate) exact: bool,
}

/// The bound for a (folded) value.
pub(crate) fn bound(value: &str) -> Bound {
    let text = cut(value, EXACT_BOUND).to_owned();
    Bound { exact: text.len() == value.len(), text }
}

/// The least text that is greater than every text beginning with `prefix`; none if there is no such text.
pub(crate) fn after_prefix(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let next = match u32::from(last) {
            0xD7FF => Some('\u{E000}'), // surrogates are no characters
            code => char::from_u32(code + 1),
        };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_stand_whole_and_long_ones_are_told_apart_by_their_hash() {
        assert_eq!(value_key("bjensen"), "bjensen");
        let (one, other) = ("x".repeat(10_000), "x".repeat(10_001));
        assert!(value_key(&one).len() <= 244);
        assert_ne!(value_key(&one), value_key(&other));
        assert!(value_key(&"€".repeat(300)).starts_with(&"€".repeat(66)));
        // A value that looks like another one's key is longer than what stands whole, so it gets a key of its own.
        assert_ne!(value_key(&value_key(&one)), value_key(&one));
    }

    #[test]
    fn everything_that_begins_with_a_prefix_lies_before_its_end() {
        for prefix in ["a", "zz", "a\u{10FFFF}", "\u{D7FF}", "é"] {
            let end = after_prefix(prefix).unwrap();
            assert!(prefix < end.as_str() && format!("{prefix}\u{10FFFF}x").as_str() < end.as_str(), "{prefix:?}");
        }
        assert_eq!(after_prefix("\u{10FFFF}"), None);
        assert_eq!(after_prefix(""), None);
    }

    #[test]
    fn an_exact_bound_orders_keys_as_it_orders_values() {
        let bounds = ["m".to_owned(), "m".repeat(EXACT_BOUND), format!("{}é", "m".repeat(EXACT_BOUND - 2))];
        let values = [
            "a".to_owned(),
            "m".to_owned(),
            "z".to_owned(),
            "m".repeat(199),
            "m".repeat(250),
            format!("{}a", "m".repeat(250)),
            format!("{}é{}", "m".repeat(199), "z".repeat(80)),
            "é".repeat(180),
        ];
        for text in &bounds {
            assert!(bound(text).exact);
            for value in &values {
                assert_eq!(value_key(value).as_str().cmp(text), value.as_str().cmp(text), "{value} {text}");
            }
        }
        assert!(!bound(&"m".repeat(300)).exact);
    }
}
