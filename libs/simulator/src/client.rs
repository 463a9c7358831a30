//! The clients that can be spoken for.

use std::{fmt, str::FromStr};

/// An identity provider whose traffic is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// Microsoft Entra ID.
    EntraId,
    /// PingFederate's SCIM connector.
    PingFederate,
    /// An Okta gallery app.
    Okta,
    /// CyberArk Identity.
    CyberArk,
    /// PingOne.
    PingOne,
    /// SASE 5G mobile identities.
    Sase5g,
    /// Any plain SCIM 2.0 client.
    Other,
}

/// The text names no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a client that can be simulated; the names are entra-id, ping-federate, okta, cyberark, pingone, sase-5g and other"
)]
pub struct UnknownClient(String);

impl Client {
    /// Every client, in the order in which the console shows them.
    pub const ALL: [Self; 7] =
        [Self::EntraId, Self::PingFederate, Self::Okta, Self::CyberArk, Self::PingOne, Self::Sase5g, Self::Other];

    /// The name on the command line.
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

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Client {
    type Err = UnknownClient;

    fn from_str(text: &str) -> Result<Self, UnknownClient> {
        Self::ALL.into_iter().find(|client| client.as_str() == text).ok_or_else(|| UnknownClient(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_another_is_refused_with_the_list() {
        for client in Client::ALL {
            assert_eq!(client.to_string().parse(), Ok(client));
        }
        let refusal = "entra".parse::<Client>().unwrap_err().to_string();
        assert!(refusal.contains("`entra`") && refusal.contains("entra-id"), "{refusal}");
    }
}
