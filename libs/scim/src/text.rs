//! Comparing and checking text.

use unicase::UniCase;

use crate::error::{ScimError, ScimType};

/// THE case folding: full Unicode case folding, without normalisation. Two texts are "equal without case" in every
/// part of the service if and only if their foldings are the same bytes.
pub fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { UniCase::unicode(text).to_folded_case() }
}

/// Refuses what neither database keeps: NUL.
///
/// # Errors
/// 400 `invalidValue`.
pub(crate) fn refuse_nul(text: &str, place: &str) -> Result<(), ScimError> {
    if text.contains('\0') {
        return Err(ScimError::bad_request(
            ScimType::InvalidValue,
            format!("{place} contains the character U+0000, which cannot be stored. Send it without."),
        ));
    }
    Ok(())
}

/// Whether JSON text has a `\u` escape of half a surrogate pair.
pub(crate) fn has_unpaired_surrogate(json: &[u8]) -> bool {
    let escape = |at: usize| -> Option<u16> {
        let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while at < json.len() {
        if json[at] != b'\\' {
            at += 1;
            continue;
        }
        match escape(at) {
            Some(0xD800..=0xDBFF) if matches!(escape(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => return true,
            Some(_) => at += 6,
            None => at += 2,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_goes_beyond_ascii() {
        assert_eq!(fold("BJensen@Example.COM"), "bjensen@example.com");
        assert_eq!(fold("STRASSE"), fold("straße"));
        assert_eq!(fold("ΣΊΣΥΦΟΣ"), fold("σίσυφος"));
        assert_ne!(fold("e\u{301}"), fold("é"), "no normalisation");
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["Straße", "ǅ", "İ", "ﬃ", "ꭰ"] {
            assert_eq!(fold(&fold(text)), fold(text), "{text}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_seen() {
        assert!(has_unpaired_surrogate(br#""\ud83d""#));
        assert!(has_unpaired_surrogate(br#""\udE00\ud83d""#));
        assert!(!has_unpaired_surrogate(br#""\ud83d\ude00""#));
        assert!(!has_unpaired_surrogate(br#""\\ud83d""#));
    }
}
