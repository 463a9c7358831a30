//! Whose wire shape can be spoken.

use std::{fmt, str::FromStr};

use rollcall_base::ClientKind;

/// A client, or one of the ways in which it can be set up. The seven kinds of the console have the same names here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// Microsoft Entra ID as it comes.
    EntraId,
    /// Microsoft Entra ID with `?aadOptscim062020` behind the Tenant URL.
    EntraIdOptscim,
    /// PingFederate's SCIM connector.
    PingFederate,
    /// Okta, an app of its gallery (OIN).
    Okta,
    /// Okta, an app that its admin made (App Integration Wizard).
    OktaCustom,
    /// CyberArk Identity.
    CyberArk,
    /// PingOne.
    PingOne,
    /// SASE 5G.
    Sase5g,
    /// A client that does what RFC 7644 says and nothing else.
    Other,
    /// OneLogin.
    OneLogin,
    /// JumpCloud.
    JumpCloud,
    /// Google Workspace.
    GoogleWorkspace,
    /// SailPoint.
    SailPoint,
    /// Rippling.
    Rippling,
    /// authentik.
    Authentik,
}

/// There is no such client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no client \"{name}\"; there are {}", Client::names())]
pub struct UnknownClient {
    name: String,
}

impl Client {
    /// All of them, the console's kinds first.
    pub const ALL: [Self; 15] = [
        Self::EntraId,
        Self::EntraIdOptscim,
        Self::PingFederate,
        Self::Okta,
        Self::OktaCustom,
        Self::CyberArk,
        Self::PingOne,
        Self::Sase5g,
        Self::Other,
        Self::OneLogin,
        Self::JumpCloud,
        Self::GoogleWorkspace,
        Self::SailPoint,
        Self::Rippling,
        Self::Authentik,
    ];

    /// The name at the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EntraId => "entra-id",
            Self::EntraIdOptscim => "entra-id-optscim",
            Self::PingFederate => "ping-federate",
            Self::Okta => "okta",
            Self::OktaCustom => "okta-custom",
            Self::CyberArk => "cyberark",
            Self::PingOne => "pingone",
            Self::Sase5g => "sase-5g",
            Self::Other => "other",
            Self::OneLogin => "onelogin",
            Self::JumpCloud => "jumpcloud",
            Self::GoogleWorkspace => "google-workspace",
            Self::SailPoint => "sailpoint",
            Self::Rippling => "rippling",
            Self::Authentik => "authentik",
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl From<ClientKind> for Client {
    fn from(kind: ClientKind) -> Self {
        match kind {
            ClientKind::EntraId => Self::EntraId,
            ClientKind::PingFederate => Self::PingFederate,
            ClientKind::Okta => Self::Okta,
            ClientKind::CyberArk => Self::CyberArk,
            ClientKind::PingOne => Self::PingOne,
            ClientKind::Sase5g => Self::Sase5g,
            ClientKind::Other => Self::Other,
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
        // A profile may be called otherwise; both ways of setting Entra ID up send the same.
        let name = match text {
            "okta-custom-app" => "okta-custom",
            "entra-id-own-app" => "entra-id",
            other => other,
        };
        let known = Self::ALL.into_iter().find(|client| client.as_str() == name);
        known.ok_or_else(|| UnknownClient { name: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_console_has_the_same_name_here() {
        for kind in ClientKind::ALL {
            assert_eq!(Client::from(kind).as_str(), kind.as_str());
        }
    }

    #[test]
    fn a_name_reads_back_and_another_is_answered_with_those_there_are() {
        for client in Client::ALL {
            assert_eq!(client.as_str().parse(), Ok(client));
        }
        assert_eq!("okta-custom-app".parse(), Ok(Client::OktaCustom), "the profile's name");
        assert_eq!("entra-id-own-app".parse(), Ok(Client::EntraId), "the profile's name");
        let error = "azure".parse::<Client>().unwrap_err().to_string();
        assert!(error.contains("\"azure\"") && error.contains("entra-id-optscim"), "{error}");
    }
}
