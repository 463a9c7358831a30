//! What a value looks like.

use serde::{Deserialize, Serialize};

/// What a field's value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Anything.
    Any,
    /// 8-4-4-4-12 hexadecimal digits.
    Guid,
    /// A PingFederate System ID without its `LDAP-`: hexadecimal digits.
    SystemId,
    /// A DNS name with a dot in it.
    Domain,
    /// Not a DNS name.
    Plain,
}

impl Shape {
    /// Whether `text` looks so.
    pub fn fits(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Guid => is_guid(text),
            Self::SystemId => is_system_id(text),
            Self::Domain => is_domain(text),
            Self::Plain => !is_domain(text),
        }
    }

    /// What is expected, in words.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Guid => "32 hexadecimal digits in five groups, such as 8f14e45f-ceea-467f-a8d2-1c9f0b6d3e11",
            Self::SystemId => "hexadecimal digits, mostly 40, such as 5E1D8B0C7A9F4E2D6B3C1A0F8E7D6C5B4A392817",
            Self::Domain => "a domain, such as corp.example",
            Self::Plain => "a name, and no domain",
        }
    }
}

/// The value in what was copied: without blanks, scheme, path, user, final dot, braces and Ping's prefix.
pub(super) fn bare(text: &str) -> String {
    let text = super::repair::trimmed(text);
    let text = super::repair::without_scheme(text);
    let text = text.split(['/', '?', '#']).next().unwrap_or(text);
    let text = text.rsplit('@').next().unwrap_or(text);
    let text = text.trim_end_matches('.');
    let text = super::repair::without_prefix(text);
    let text = super::repair::trimmed(text);
    super::repair::guid(text).unwrap_or_else(|| text.to_ascii_lowercase())
}

pub(super) fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_system_id(text: &str) -> bool {
    text.len() >= SHORTEST_SYSTEM_ID && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Labels of letters, digits, hyphens and underscores, at least two.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.contains('.') && text.split('.').all(is_label)
}

/// Shorter ones may be words, such as "face".
const SHORTEST_SYSTEM_ID: usize = 16;
