//! The names that people give: tenants' slugs, Directory IDs and Directory Names, kinds of clients.

use std::{fmt, str::FromStr};

/// A name that does not follow its rule. The text says the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(String);

fn check(text: &str, what: &str, most: usize, rule: &str, fits: impl Fn(char) -> bool) -> Result<(), NameError> {
    if text.is_empty() || text.len() > most || !text.chars().all(fits) {
        return Err(NameError(format!("a {what} has 1 to {most} {rule}")));
    }
    Ok(())
}

/// What stands for a tenant in URLs: 1 to 40 of `a`–`z`, `0`–`9`, `-`; not `v2`, which stands elsewhere in URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSlug(String);

impl TenantSlug {
    /// The longest, in characters.
    pub const LONGEST: usize = 40;
}

impl FromStr for TenantSlug {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check(text, "tenant slug", Self::LONGEST, "lower-case letters, digits and hyphens", |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
        })?;
        if text == "v2" {
            return Err(NameError("a tenant slug cannot be \"v2\": it has a meaning of its own in URLs".to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What identifies a directory at the IdP (an Entra tenant ID, a PingFederate system ID): 1 to 40 letters, digits and
/// hyphens. Kept as typed, compared without case. No underscore: it stands in Base URLs, and Okta refuses those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryId(String);

impl DirectoryId {
    /// The longest, in characters.
    pub const LONGEST: usize = 40;
}

impl FromStr for DirectoryId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check(text, "Directory ID", Self::LONGEST, "letters, digits and hyphens", |c| {
            c.is_ascii_alphanumeric() || c == '-'
        })?;
        Ok(Self(text.to_owned()))
    }
}

/// What people call a directory, mostly its primary domain: lower-case letters, digits, `.`, `-`, `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryName(String);

impl DirectoryName {
    /// The longest that can be configured: a DNS name.
    pub const LONGEST: usize = 253;

    /// Reads a name of at most `most` characters (50 unless configured, never more than [`Self::LONGEST`]).
    ///
    /// # Errors
    /// [`NameError`] with the rule.
    pub fn parse(text: &str, most: usize) -> Result<Self, NameError> {
        let most = most.min(Self::LONGEST);
        check(text, "Directory Name", most, "lower-case letters, digits, dots, hyphens and underscores", |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_')
        })?;
        Ok(Self(text.to_owned()))
    }
}

macro_rules! text_of {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )+};
}

text_of!(TenantSlug, DirectoryId, DirectoryName);

/// The kinds of clients that the console offers, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientKind {
    /// Microsoft Entra ID.
    EntraId,
    /// PingFederate with its SCIM connector.
    PingFederate,
    /// Okta.
    Okta,
    /// CyberArk Identity.
    CyberArk,
    /// PingOne.
    PingOne,
    /// SASE 5G.
    Sase5g,
    /// Any other SCIM 2.0 client.
    Other,
}

impl ClientKind {
    /// All, in the console's order.
    pub const ALL: [Self; 7] =
        [Self::EntraId, Self::PingFederate, Self::Okta, Self::CyberArk, Self::PingOne, Self::Sase5g, Self::Other];

    /// The name in the API and at the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EntraId => "entra-id",
            Self::PingFederate => "ping-federate",
            Self::Okta => "okta",
            Self::CyberArk => "cyberark",
            Self::PingOne => "pingone",
            Self::Sase5g => "sase-5g",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ClientKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ClientKind {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.into_iter().map(Self::as_str).collect();
            NameError(format!("there is no client \"{text}\"; there are {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entra_tenant_id_and_a_ping_system_id_fit_a_directory_id() {
        for text in ["8f14e45f-ceea-467f-a8d2-1c9f0b6d3e11", &"A".repeat(40), "CyberArkSCIM"] {
            assert!(text.parse::<DirectoryId>().is_ok(), "{text}");
        }
        for text in ["", &"a".repeat(41), "a_b", "a.b", "ä", "a b"] {
            assert!(text.parse::<DirectoryId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_directory_name_is_a_lower_case_domain_of_the_configured_length() {
        assert!(DirectoryName::parse("contoso_1.example-x.com", 50).is_ok());
        assert!(DirectoryName::parse(&"a".repeat(50), 50).is_ok());
        assert!(DirectoryName::parse(&"a".repeat(51), 50).is_err());
        assert!(DirectoryName::parse(&"a".repeat(254), 10_000).is_err());
        for text in ["", "Contoso.com", "a b", "a/b"] {
            assert!(DirectoryName::parse(text, 50).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tenant_slug_never_reads_as_another_part_of_a_url() {
        assert!("acme-1".parse::<TenantSlug>().is_ok());
        for text in ["", "v2", "Acme", "a_b", "a/b", &"a".repeat(41)] {
            assert!(text.parse::<TenantSlug>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_client_kind_reads_back() {
        for kind in ClientKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("azure".parse::<ClientKind>().unwrap_err().to_string().contains("entra-id"));
    }
}
