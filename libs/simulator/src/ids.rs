//! The server's ids, held in few bytes.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// An id as the server wrote it. Most are UUIDs, which fit 16 bytes; any other text is kept as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ServerId {
    Uuid([u8; 16]),
    Text(Box<str>),
}

/// Where a UUID has its hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

fn uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36 || !text.is_ascii() {
        return None;
    }
    let mut bits = 0_u128;
    for (place, byte) in text.bytes().enumerate() {
        let digit = match byte {
            b'-' if HYPHENS.contains(&place) => continue,
            _ if HYPHENS.contains(&place) => return None,
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            // Capitals would not come out as they went in.
            _ => return None,
        };
        bits = bits << 4 | u128::from(digit);
    }
    Some(bits.to_be_bytes())
}

impl From<&str> for ServerId {
    fn from(text: &str) -> Self {
        uuid(text).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(bytes) => {
                for (place, byte) in bytes.iter().enumerate() {
                    let hyphen = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
                    write!(f, "{hyphen}{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl<'de> Deserialize<'de> for ServerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = ServerId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ServerId, E> {
                Ok(text.into())
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_out_as_it_went_in() {
        let small = "0192f0c1-22aa-7bbb-8ccc-0123456789ab";
        assert!(matches!(ServerId::from(small), ServerId::Uuid(_)));
        for text in
            [small, &small.to_uppercase(), "42", "", "0192f0c1-22aa-7bbb-8ccc-0123456789ag", "é".repeat(18).as_str()]
        {
            assert_eq!(ServerId::from(text).to_string(), text);
        }
        assert_eq!(serde_json::from_str::<ServerId>(&format!("\"{small}\"")).unwrap(), small.into());
    }

    #[test]
    fn an_id_is_small() {
        assert!(size_of::<Option<ServerId>>() <= 24);
    }
}
