//! What is put right by itself. A profile's file names which repairs its fields want.

use serde::{Deserialize, Serialize};

use super::shape::is_guid;

/// A repair. Each is a pure function of the text, and done again changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repair {
    /// Blanks, invisible characters and quotation marks around it go.
    Blanks,
    /// PingFederate's `LDAP-` in front of a System ID goes.
    LdapPrefix,
    /// Of `Administrator@corp.example` and of `cn=administrator,dc=corp,dc=example` the domain stays.
    User,
    /// `https://` in front goes, and any other scheme.
    Scheme,
    /// What follows a domain goes: port, path, query, fragment.
    Path,
    /// Capitals become small letters.
    LowerCase,
    /// The dot at the end of a domain goes.
    FinalDot,
    /// Braces around a GUID go, and hyphens that it lacks come.
    Guid,
    /// What is neither letter, digit nor hyphen becomes a hyphen: for a Directory ID that one may choose.
    Hyphens,
    /// The same, but for dots and underscores: for a Directory Name that one may choose.
    Gaps,
}

impl Repair {
    /// Stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blanks => "blanks",
            Self::LdapPrefix => "ldap-prefix",
            Self::User => "user",
            Self::Scheme => "scheme",
            Self::Path => "path",
            Self::LowerCase => "lower-case",
            Self::FinalDot => "final-dot",
            Self::Guid => "guid",
            Self::Hyphens => "hyphens",
            Self::Gaps => "gaps",
        }
    }

    /// Behind "changed from … to …: ".
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Blanks => "blanks, invisible characters and quotation marks around it were cut off",
            Self::LdapPrefix => "the LDAP- in front of a PingFederate System ID does not belong to it",
            Self::User => "only the domain of the User value is meant, not who signs in with it",
            Self::Scheme => "a domain has no https:// or other scheme in front",
            Self::Path => "a domain ends before the first slash, colon or question mark",
            Self::LowerCase => "capitals became small letters, which is the same domain or name",
            Self::FinalDot => "the dot at the end of a domain was cut off",
            Self::Guid => "a GUID is written without braces and with four hyphens",
            Self::Hyphens | Self::Gaps => "what may not stand there became a hyphen",
        }
    }

    /// The better text, if it is another one.
    pub(super) fn apply(self, text: &str) -> Option<String> {
        let better = match self {
            Self::Blanks => trimmed(text).to_owned(),
            Self::LdapPrefix => without_prefix(text).to_owned(),
            Self::User => domain_of_user(text)?,
            Self::Scheme => without_scheme(text).to_owned(),
            Self::Path => text.split(['/', '?', '#', ':']).next().unwrap_or(text).to_owned(),
            Self::LowerCase => text.to_lowercase(),
            Self::FinalDot => text.trim_end_matches('.').to_owned(),
            Self::Guid => guid(text)?,
            Self::Hyphens => hyphenated(text, "-"),
            Self::Gaps => hyphenated(text, "-._"),
        };
        // A repair that leaves nothing has not understood what was meant.
        (better != text && !better.is_empty()).then_some(better)
    }
}

/// Without what comes along when something is copied.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                '\u{200b}'
                    ..='\u{200f}' | '\u{2060}' | '\u{feff}' | '"' | '\'' | '`' | '“' | '”' | '‘' | '’' | '<' | '>'
            )
    })
}

/// Without `LDAP-`, however often and in whatever case it stands there.
pub(super) fn without_prefix(text: &str) -> &str {
    let mut text = text;
    while let Some(rest) = text.get(..PREFIX.len()).filter(|front| front.eq_ignore_ascii_case(PREFIX)) {
        text = &text[rest.len()..];
    }
    text
}

/// Without `https://` or any other scheme in front.
pub(super) fn without_scheme(text: &str) -> &str {
    let is_scheme = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    let mut text = text;
    while let Some((_, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        text = rest;
    }
    text
}

const PREFIX: &str = "LDAP-";

/// `corp.example` of `Administrator@corp.example`, or of `cn=administrator,dc=corp,dc=example`.
fn domain_of_user(text: &str) -> Option<String> {
    let parts: Vec<&str> = text
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("dc"))
        .map(|(_, value)| value.trim())
        .collect();
    if !parts.is_empty() {
        return Some(parts.join("."));
    }
    text.rsplit_once('@').map(|(_, domain)| domain.to_owned())
}

/// With its hyphens and without braces, if it is one.
pub(super) fn guid(text: &str) -> Option<String> {
    let inner = text.trim_start_matches(['{', '(']).trim_end_matches(['}', ')']);
    if is_guid(inner) {
        return Some(inner.to_owned());
    }
    let is_bare = inner.len() == 32 && inner.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_bare.then(|| format!("{}-{}-{}-{}-{}", &inner[..8], &inner[8..12], &inner[12..16], &inner[16..20], &inner[20..]))
}

/// Each run of what is neither letter, digit nor one of `kept` as one hyphen, and none at the ends. Letters and digits beyond
/// ASCII stay, and are told of.
fn hyphenated(text: &str, kept: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if c.is_alphanumeric() || kept.contains(c) {
            if gap && c != '-' && !made.is_empty() && !made.ends_with('-') {
                made.push('-');
            }
            gap = false;
            made.push(c);
        } else {
            gap = true;
        }
    }
    made
}
