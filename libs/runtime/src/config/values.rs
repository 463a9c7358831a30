//! Values of settings that need more than a text.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    str::FromStr,
};

use actix_web::http::Uri;
use ipnet::IpNet;
use rollcall_base::SecretText;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The address that clients know the service by, without a trailing slash: `https://scim.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PublicUrl(String);

/// The text is no address that could be put before a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be like \"https://scim.example.com\": http or https, a host, and neither user, query nor fragment")]
pub struct PublicUrlError;

impl PublicUrl {
    /// The address of a listener itself. One that listens everywhere is named by the loopback address.
    pub fn of_listener(address: SocketAddr, secure: bool) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self(format!("{}://{}", if secure { "https" } else { "http" }, SocketAddr::new(ip, address.port())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let uri: Uri = text.parse().map_err(|_| PublicUrlError)?;
        let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or(PublicUrlError)?;
        let sound = matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.query().is_none()
            && !text.contains('#')
            && !authority.as_str().contains('@');
        if sound { Ok(Self(text.trim_end_matches('/').to_owned())) } else { Err(PublicUrlError) }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A network in CIDR notation; a bare address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Network(IpNet);

impl Network {
    /// Whether `address` belongs to it. IPv4 addresses that arrive over an IPv6 socket count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self)
            .map_err(|_| "it must be a network such as \"10.0.0.0/8\" or an address such as \"10.1.2.3\"")
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The database's address. May hold a password, so printing it in any way hides that.
#[derive(Clone)]
pub struct DatabaseUrl(SecretText);

impl DatabaseUrl {
    /// Takes the text over.
    pub const fn new(text: String) -> Self {
        Self(SecretText::new(text))
    }

    /// The SQLite database in the file `path`.
    pub fn sqlite(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let path = path.display().to_string();
        // What has a meaning in a URL is escaped; the database driver turns it back.
        let path = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        Self::new(format!("sqlite://{path}"))
    }

    /// Whether the database is a file of this process and no server that others use too.
    pub fn is_embedded(&self) -> bool {
        self.expose().starts_with("sqlite:")
    }

    /// The text with its password, for connecting.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The text without its password.
    pub fn redacted(&self) -> String {
        let text = self.expose();
        let (before_query, query) = text.split_once('?').map_or((text, None), |(head, query)| (head, Some(query)));
        let mut shown = match before_query.split_once("://") {
            // A password may hold a raw '@' or '/', so that the last '@' is the one that ends it.
            Some((scheme, rest)) => match rest.rsplit_once('@') {
                Some((user, host)) => {
                    let user = user.split_once(':').map_or(user, |(user, _)| user);
                    format!("{scheme}://{user}:{HIDDEN}@{host}")
                }
                None => before_query.to_owned(),
            },
            None => before_query.to_owned(),
        };
        for (index, parameter) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = if name.to_ascii_lowercase().contains("pass") { HIDDEN } else { value };
            shown.push(if index == 0 { '?' } else { '&' });
            shown.push_str(&format!("{name}={value}"));
        }
        shown
    }
}

const HIDDEN: &str = "(hidden)";

impl PartialEq for DatabaseUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}
impl Eq for DatabaseUrl {}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_scheme_host_and_perhaps_a_path() {
        for (text, kept) in [
            ("https://scim.example.com", "https://scim.example.com"),
            ("http://10.0.0.1:8080/", "http://10.0.0.1:8080"),
            ("https://example.com/rollcall/", "https://example.com/rollcall"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().as_str(), kept);
        }
        for text in ["", "example.com", "ftp://a", "https://", "https://a?b", "https://a#b", "https://u:p@a", "/x"] {
            assert_eq!(text.parse::<PublicUrl>(), Err(PublicUrlError), "{text}");
        }
    }

    #[test]
    fn a_listener_on_all_addresses_is_named_by_one_that_can_be_reached() {
        let named = |address: &str| PublicUrl::of_listener(address.parse().unwrap(), false).0;
        assert_eq!(named("0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(named("[::]:80"), "http://[::1]:80");
        assert_eq!(named("192.0.2.1:80"), "http://192.0.2.1:80");
    }

    #[test]
    fn no_printed_form_of_a_database_url_shows_the_password() {
        for (text, shown) in [
            ("postgres://me:s3cret@db/x", "postgres://me:(hidden)@db/x"),
            ("postgres://me:s3cr/t@p@db/x?a=1", "postgres://me:(hidden)@db/x?a=1"),
            ("postgres://db/x?user=me&password=s3cret", "postgres://db/x?user=me&password=(hidden)"),
            ("sqlite:///var/lib/x.db", "sqlite:///var/lib/x.db"),
        ] {
            let url = DatabaseUrl::new(text.to_owned());
            assert_eq!(format!("{url:?}"), shown);
            assert_eq!(serde_json::to_value(&url).unwrap(), shown);
            assert_eq!(url.expose(), text);
        }
    }

    #[test]
    fn a_bare_address_is_a_network_of_one() {
        let one: Network = "10.1.2.3".parse().unwrap();
        assert!(one.contains("10.1.2.3".parse().unwrap()));
        assert!(one.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!one.contains("10.1.2.4".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
