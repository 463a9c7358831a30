//! Reading a request body, and wiping secrets in one.

use std::{cell::Cell, fmt};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use zeroize::Zeroize;

use crate::{
    error::{ScimError, ScimType},
    text::has_unpaired_surrogate,
};

/// Objects and arrays inside each other. A bulk request with extensions needs eight.
const DEPTH: usize = 32;

/// Names in one object: work on an object may grow with the square of its names.
const NAMES: usize = 1000;

/// Objects and arrays in one body: each takes some hundred bytes of memory, however short its text is. The 100,000
/// members of the largest request that is taken by default fit.
const CONTAINERS: usize = 150_000;

const NUL: &str = "U+0000";

/// Reads a body: JSON in UTF-8, at most 32 levels deep, at most 150,000 objects and arrays, at most 1,000 names
/// in one object and none of them twice.
///
/// # Errors
/// 400 `invalidSyntax` if it is no such JSON; 400 `invalidValue` for U+0000 or half a surrogate pair in a text, which
/// cannot be stored.
pub fn parse_json(bytes: &[u8]) -> Result<Value, ScimError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let containers = Cell::new(0);
    let read =
        Level { depth: 0, containers: &containers }.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    read.map_err(|error| {
        let text = error.to_string();
        if text.starts_with(NUL) || has_unpaired_surrogate(bytes) {
            return ScimError::bad_request(
                ScimType::InvalidValue,
                "A text in the body contains U+0000 or half of a surrogate pair, which cannot be stored. Send it without.",
            );
        }
        // The parser's own words name a place and a rule, never the value.
        ScimError::bad_request(
            ScimType::InvalidSyntax,
            format!("The request body is not JSON that can be read: {text}. Send one JSON object in UTF-8."),
        )
    })
}

/// Overwrites every text in `value` before its memory is given back.
pub(crate) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Reads a value that stands this deep.
struct Level<'c> {
    depth: usize,
    /// How many objects and arrays have been read so far.
    containers: &'c Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn checked<E: serde::de::Error>(text: &str) -> Result<(), E> {
    if text.contains('\0') { Err(E::custom(NUL)) } else { Ok(()) }
}

impl<'c> Level<'c> {
    /// For what stands in an object or array that begins here.
    fn deeper<E: serde::de::Error>(&self) -> Result<impl Fn() -> Level<'c>, E> {
        if self.depth >= DEPTH {
            return Err(E::custom("more than 32 levels of objects and arrays"));
        }
        self.containers.set(self.containers.get() + 1);
        if self.containers.get() > CONTAINERS {
            return Err(E::custom("more than 150000 objects and arrays"));
        }
        let (depth, containers) = (self.depth + 1, self.containers);
        Ok(move || Level { depth, containers })
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        checked(value)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        checked(&value)?;
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside())? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            checked(&name)?;
            let value = entries.next_value_seed(inside())?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("one object has the same name twice"));
            }
            if map.len() > NAMES {
                return Err(A::Error::custom("more than 1000 names in one object"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(bytes: &[u8]) -> Option<ScimType> {
        let error = parse_json(bytes).unwrap_err();
        assert_eq!(error.status, 400);
        error.scim_type
    }

    #[test]
    fn a_body_of_more_objects_than_fit_is_refused_and_the_largest_group_is_not() {
        let list = |count: usize| format!("{{\"members\": [{}]}}", vec!["{\"value\": \"x\"}"; count].join(","));
        assert!(parse_json(list(100_000).as_bytes()).is_ok());
        let refused = parse_json(list(150_000).as_bytes()).unwrap_err();
        assert!(refused.status == 400 && refused.detail.contains("150000"), "{}", refused.detail);
    }

    #[test]
    fn what_is_json_reads_as_serde_json_reads_it() {
        let text = r#"{"a": [1, -2, 2.5, true, null, "\u00e9\ud83d\ude00"], "b": {"c": {}}}"#;
        assert_eq!(parse_json(text.as_bytes()), Ok(serde_json::from_str(text).unwrap()));
        assert_eq!(parse_json(b"\xEF\xBB\xBF{}"), Ok(json!({})), "a byte order mark is no harm");
    }

    #[test]
    fn malformed_json_is_invalid_syntax() {
        for text in ["", "{", r#"{"acve": tre"#, "{} {}", "nul", "[1e999]", "\u{1}"] {
            assert_eq!(kind(text.as_bytes()), Some(ScimType::InvalidSyntax), "{text}");
        }
        assert_eq!(kind(b"\"\xFF\""), Some(ScimType::InvalidSyntax));
    }

    #[test]
    fn a_name_twice_in_one_object_is_refused() {
        assert_eq!(kind(br#"{"active": true, "active": false}"#), Some(ScimType::InvalidSyntax));
    }

    #[test]
    fn names_in_one_object_are_limited() {
        let object = |names: usize| {
            let entries: Vec<String> = (0..names).map(|name| format!("\"urn:{name}\": 1")).collect();
            format!("{{{}}}", entries.join(","))
        };
        assert!(parse_json(object(1000).as_bytes()).is_ok());
        assert_eq!(kind(object(1001).as_bytes()), Some(ScimType::InvalidSyntax));
    }

    #[test]
    fn nul_and_half_surrogates_are_invalid_values() {
        for text in [r#"{"a": "x\u0000"}"#, r#"{"a\u0000": 1}"#, r#"["\ud800"]"#, r#"["\udc00 "]"#] {
            assert_eq!(kind(text.as_bytes()), Some(ScimType::InvalidValue), "{text}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse_json(nested(32).as_bytes()).is_ok());
        assert_eq!(kind(nested(33).as_bytes()), Some(ScimType::InvalidSyntax));
        assert_eq!(kind("[".repeat(100_000).as_bytes()), Some(ScimType::InvalidSyntax));
    }

    #[test]
    fn wiping_reaches_every_text() {
        let mut value = json!(["secret", {"a": "secret", "b": 1}]);
        wipe(&mut value);
        assert_eq!(value, json!(["", {"a": "", "b": 1}]));
    }
}
