//! What gateways saw of credentials' use: told from time to time, never in a request's way.

use std::net::{IpAddr, Ipv4Addr};

use rollcall_access::Denial;
use rollcall_base::{Id, marker};
use serde::{Deserialize, Serialize};

use crate::throttle::network;

/// A gateway's report. Each entry stands for all requests that are alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uses {
    /// What it is known by if it is sent again. The version before has none, and counts twice what is sent twice.
    #[serde(default)]
    pub report: Option<Report>,
    /// Requests that were let through.
    pub good: Vec<GoodUses>,
    /// Requests that were not.
    pub refused: Vec<RefusedUses>,
}

/// What a report is known by. A gateway sends its reports one after the other, and each until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The process that reports.
    pub reporter: Id<marker::Reporter>,
    /// Its reports are 1, 2, 3 …
    pub seq: u64,
}

/// Requests with one credential from one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoodUses {
    /// The credential's directory.
    pub directory: Id<marker::Directory>,
    /// The credential.
    pub credential: Id<marker::Credential>,
    /// Where they came from.
    pub from: Source,
    /// They came from outside the credential's networks, which is only observed.
    pub outside: bool,
    /// Requests that look.
    pub reads: u32,
    /// Requests that change.
    pub writes: u32,
    /// When they came.
    pub span: Span,
}

/// Requests that were refused for one reason, from one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedUses {
    /// Why.
    pub reason: RefusedReason,
    /// The id in the token, if one could be read.
    pub credential: Option<Id<marker::Credential>>,
    /// The OAuth client that asked for an access token.
    #[serde(default)]
    pub client: Option<Id<marker::OAuthClient>>,
    /// Tenant and directory as the URL names them, if it does.
    pub url: Option<(String, String)>,
    /// Where they came from.
    pub from: Source,
    /// How many.
    pub times: u32,
    /// When they came.
    pub span: Span,
}

/// Where requests came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The client's address.
    pub address: IpAddr,
    /// What it calls itself, shortened: [`LONGEST_AGENT`].
    pub agent: String,
}

/// The first and the last of several moments, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first.
    pub first_at: i64,
    /// The last.
    pub last_at: i64,
}

/// How much of a User-Agent is kept, in characters.
pub const LONGEST_AGENT: usize = 120;

impl Source {
    /// An address and what stands in User-Agent, without what would disturb a terminal or a table.
    pub fn new(address: IpAddr, agent: &str) -> Self {
        let agent = agent.chars().filter(|c| !c.is_control()).take(LONGEST_AGENT).collect();
        Self { address: address.to_canonical(), agent }
    }

    /// Where uses are from that are too many to tell apart.
    pub fn unknown() -> Self {
        Self { address: Ipv4Addr::UNSPECIFIED.into(), agent: String::new() }
    }

    /// The same for a stranger: an IPv6 network of /64, which any subscriber has to himself, counts as one address.
    pub fn of_stranger(address: IpAddr, agent: &str) -> Self {
        Self { address: network(address), ..Self::new(address, agent) }
    }
}

impl Span {
    /// The moment `at`.
    pub const fn of(at: i64) -> Self {
        Self { first_at: at, last_at: at }
    }

    /// With `other`'s moments.
    pub fn extend(&mut self, other: Self) {
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $key:literal $explanation:literal,)+) => {
        /// Why a request was refused, as its directory's admin should know it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RefusedReason { $($(#[$doc])* $name,)+ }

        impl RefusedReason {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)+];

            /// A word that stays the same.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)+ }
            }

            /// What is the matter and what to do, for the admin.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => $explanation,)+ }
            }

            /// The reason that a word stands for.
            pub fn of_key(key: &str) -> Option<Self> {
                match key { $($key => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

reasons! {
    /// Nothing was sent.
    NoToken "no_token" "No token was sent. Enter the token in the client's settings.",
    /// The header is there several times.
    SeveralHeaders "several_headers" "The request carried several Authorization headers. Remove the additional one from the client's settings or from a proxy in between.",
    /// It is no text.
    Unreadable "unreadable" "The Authorization header holds bytes that are no text. Copy the token again.",
    /// The word Bearer is missing.
    NoScheme "no_scheme" "The token was sent without the word Bearer before it. Choose \"bearer token\" as the way to authenticate, or write \"Bearer \" before the token.",
    /// Another scheme.
    OtherScheme "other_scheme" "The client authenticates in another way (such as user name and password). Choose \"bearer token\" or \"OAuth 2.0 client credentials\".",
    /// Nothing after Bearer.
    Empty "empty" "The client sent an empty token. Enter the token in its settings.",
    /// One of ours that is damaged.
    Damaged "damaged" "A token of this service was sent that was cut, mistyped or pasted together with something else. Copy it again; if it is not at hand any more, issue a new one.",
    /// Entra's own JWT.
    EntraOwnToken "entra_own_token" "Entra ID sent a token of its own, which it does when Secret Token is empty. Paste this directory's token into Secret Token and save.",
    /// A JWT of somebody else.
    OtherJwt "other_jwt" "A token of another issuer was sent. Enter this directory's token in the client's settings.",
    /// Something else.
    Foreign "foreign" "What was sent is no token of this service. Enter this directory's token in the client's settings.",
    /// There is none with its id.
    Unknown "unknown" "The token has the right form but is none of this installation; perhaps it is of another one, such as a test system. Enter this directory's token.",
    /// Its secret is another.
    WrongSecret "wrong_secret" "A token with the id of one of yours but another secret was sent. If nobody put it together by mistake, somebody guesses.",
    /// Its year is over.
    Expired "expired" "The token has expired. Issue a new one and enter it in the client's settings.",
    /// Somebody revoked it.
    Revoked "revoked" "The token was revoked, and somebody still uses it. If that is your client, give it a new token.",
    /// Another one took its place.
    Retired "retired" "The token has retired after its rotation, and somebody still uses it. Enter the new token; until that is done the old one can be kept (rollcall token keep).",
    /// From elsewhere.
    OutsideNetworks "outside_networks" "The token was used from an address that is not among its networks. If that was your client, add the address to them (rollcall token networks; of an OAuth client's access token rollcall oauth-client networks).",
    /// Of another directory.
    OtherDirectory "other_directory" "A token of one directory was sent to the Base URL of another. Base URL and token must be of the same directory.",
    /// Archived.
    Archived "archived" "The directory is archived, and somebody still sends to it. That is for good: switch provisioning off at the client, or give it another directory.",
    /// Disabled.
    Disabled "disabled" "The directory is disabled, and its client still sends; it is answered 503 and tries again. Enable the directory (rollcall directory enable), or switch provisioning off at the client.",
    /// A change to a frozen directory.
    Frozen "frozen" "The directory is frozen, and its client sends changes; they are answered 503 and come again. Thaw the directory (rollcall directory thaw).",
    /// An OAuth client's time is over.
    ClientExpired "client_expired" "An OAuth client has expired and asks for access tokens. Create a new one and enter its id and secret in the client's settings.",
    /// Somebody revoked an OAuth client.
    ClientRevoked "client_revoked" "An OAuth client was revoked, and somebody still asks for access tokens with it. If that is your client, give it a new id and secret.",
    /// An OAuth client from elsewhere.
    ClientNetworks "client_networks" "An OAuth client asked for an access token from an address that is not among its networks. If that was your client, add the address to them (rollcall oauth-client networks).",
    /// An OAuth client wants more than it has.
    ClientScope "client_scope" "An OAuth client asked for scopes that it has not. Leave the field for scopes empty in the client's settings, or create a client that has them.",
    /// An OAuth client wants to go elsewhere.
    ClientResource "client_resource" "An OAuth client asked for an access token for another place than its directory. Enter this directory's Base URL as resource (audience), or leave that field empty.",
    /// OAuth client and secret do not fit.
    ClientSecret "client_secret" "An OAuth client was named with a secret that is not its. Copy the client secret again; if it is not at hand any more, create a new client.",
}

impl From<Denial> for RefusedReason {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Missing => Self::NoToken,
            Denial::Malformed => Self::Foreign,
            Denial::Unknown => Self::Unknown,
            Denial::WrongSecret => Self::WrongSecret,
            Denial::Expired => Self::Expired,
            Denial::Revoked => Self::Revoked,
            Denial::Retired => Self::Retired,
            Denial::OutsideNetworks => Self::OutsideNetworks,
            Denial::OtherDirectory => Self::OtherDirectory,
            Denial::Archived => Self::Archived,
        }
    }
}

impl RefusedReason {
    /// Whether the token's record exists, so that its directory's admin is concerned.
    pub(crate) const fn is_about_a_known_credential(self) -> bool {
        matches!(
            self,
            Self::WrongSecret
                | Self::Expired
                | Self::Revoked
                | Self::Retired
                | Self::OutsideNetworks
                | Self::OtherDirectory
                | Self::Archived
                | Self::Disabled
                | Self::Frozen
        )
    }

    /// Whether it is about a credential or an OAuth client that exists: strangers cannot make up any number of these.
    pub const fn is_about_what_exists(self) -> bool {
        self.is_about_a_known_credential()
            || matches!(
                self,
                Self::ClientExpired
                    | Self::ClientRevoked
                    | Self::ClientNetworks
                    | Self::ClientScope
                    | Self::ClientResource
                    | Self::ClientSecret
            )
    }

    /// Whether the token was good, and only the directory does not serve: its client was heard of.
    pub(crate) const fn is_of_a_good_token(self) -> bool {
        matches!(self, Self::Archived | Self::Disabled | Self::Frozen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own_that_leads_back_to_it() {
        for reason in RefusedReason::ALL {
            assert_eq!(RefusedReason::of_key(reason.key()), Some(*reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.key());
        }
        assert_eq!(RefusedReason::of_key("bad_luck"), None);
    }

    #[test]
    fn a_source_holds_no_control_characters_and_not_without_end() {
        let source = Source::new("::ffff:192.0.2.1".parse().unwrap(), &format!("a\n\u{1b}[31m{}", "b".repeat(500)));
        assert_eq!(source.address, "192.0.2.1".parse::<IpAddr>().unwrap());
        assert!(source.agent.starts_with("a[31mb") && source.agent.chars().count() == LONGEST_AGENT);
    }

    #[test]
    fn a_strangers_network_counts_as_one_address() {
        let of = |text: &str| Source::of_stranger(text.parse().unwrap(), "").address.to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("192.0.2.77"), "192.0.2.77");
    }
}
