//! One request of a client, and how clients write queries.

use serde_json::Value;

/// One request: `target` is path and query below the Base URL, already encoded as the client sends it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) body: Option<Value>,
}

impl Call {
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self { method: "GET", target: target.into(), body: None }
    }

    pub(crate) fn delete(target: impl Into<String>) -> Self {
        Self { method: "DELETE", target: target.into(), body: None }
    }

    pub(crate) fn send(method: &'static str, target: impl Into<String>, body: Value) -> Self {
        Self { method, target: target.into(), body: Some(body) }
    }

    /// Without the query, which holds names.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// What kind of call this is, for measurements: method and route, and whether a list is searched or read.
    pub(crate) fn kind(&self) -> String {
        let mut parts = self.path().trim_start_matches('/').split('/');
        let endpoint = parts.next().unwrap_or_default();
        if !matches!(endpoint, "Users" | "Groups") {
            return format!("{} discovery", self.method);
        }
        let rest = match parts.next() {
            Some(_) => "/{id}",
            None if self.target.contains("filter=") => "?filter",
            None if self.method == "GET" => " page",
            None => "",
        };
        format!("{} /{endpoint}{rest}", self.method)
    }
}

/// `filter=` with its value encoded; `space` is what the client sends for a space (`+` or `%20`).
pub(crate) fn filter(text: &str, space: &str) -> String {
    let mut out = String::from("filter=");
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push_str(space),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A string literal of the filter grammar (RFC 7644 §3.4.2.2: JSON's rules).
pub(crate) fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_encoded_as_the_clients_send_them() {
        let text = format!("userName eq {}", literal("zoë \"z\" o'brien@x.example"));
        assert_eq!(filter(&text, "+"), "filter=userName+eq+%22zo%C3%AB+%5C%22z%5C%22+o%27brien%40x.example%22");
        assert!(filter(&text, "%20").starts_with("filter=userName%20eq%20%22zo"));
    }

    #[test]
    fn calls_are_told_apart_by_what_the_server_has_to_do() {
        let kind = |target: &str| Call::get(target).kind();
        assert_eq!(kind("/Users?filter=x"), "GET /Users?filter");
        assert_eq!(kind("/Users?startIndex=1&count=2"), "GET /Users page");
        assert_eq!(kind("/Groups/7?excludedAttributes=members"), "GET /Groups/{id}");
        assert_eq!(kind("/Schemas/urn:x"), "GET discovery");
        assert_eq!(Call::send("POST", "/Users", Value::Null).kind(), "POST /Users");
        assert_eq!(Call::delete("/Users/7").kind(), "DELETE /Users/{id}");
    }
}
