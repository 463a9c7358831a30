//! Where Redis is, as an operator writes it.

use std::{fmt, str::FromStr};

use percent_encoding::percent_decode_str;
use rollcall_base::SecretText;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// `redis://`, `redis+sentinel://` or `redis+cluster://`, each with `rediss` for TLS. May hold a password, so printing it
/// in any way hides that.
#[derive(Clone)]
pub struct RedisUrl {
    text: SecretText,
    pub(crate) shape: Shape,
    pub(crate) nodes: Vec<(String, u16)>,
    pub(crate) is_tls: bool,
    pub(crate) database: i64,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretText>,
}

/// How the nodes belong together.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// One server.
    Single,
    /// Sentinels that know the master of this name; and what they are told, if they ask who is there.
    Sentinel { master: String, user: Option<String>, password: Option<SecretText> },
    /// Some nodes of a cluster.
    Cluster,
}

/// Why a text is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// It begins with something else.
    #[error(
        "it must begin with redis://, redis+sentinel:// or redis+cluster:// (rediss for TLS), for example \
         \"redis://user:password@redis.example.com:6379/0\""
    )]
    Scheme,
    /// A host or a port is missing or wrong.
    #[error("its servers must be written host:port, several with commas between them; a port is 1 to 65535")]
    Nodes,
    /// One server means one.
    #[error("redis:// names one server; for several write redis+sentinel:// or redis+cluster://")]
    Several,
    /// Behind the servers stands something else than a number.
    #[error("behind the server may stand the number of a database and nothing else, for example redis://host:6379/0")]
    Database,
    /// The master's name is missing.
    #[error("behind the sentinels must stand the master's name, for example redis+sentinel://a:26379,b:26379/mymaster")]
    Master,
    /// A cluster has one database.
    #[error("a cluster has no numbered databases: nothing may stand behind its servers")]
    ClusterDatabase,
    /// An escape that is none, or a parameter that is not known.
    #[error(
        "user and password must be percent-encoded UTF-8, and the only parameters are sentinel_user and \
         sentinel_password of a redis+sentinel:// address"
    )]
    Malformed,
}

fn decoded(text: &str) -> Result<String, RedisUrlError> {
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| RedisUrlError::Malformed)
}

fn node(text: &str, default_port: u16) -> Result<(String, u16), RedisUrlError> {
    // An IPv6 address stands in brackets.
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(RedisUrlError::Nodes)?;
            (host, port.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(default_port), |port| port.parse().map_err(|_| RedisUrlError::Nodes))?;
    if host.is_empty() || port == 0 || host.contains(['/', '?', '#', '@']) {
        return Err(RedisUrlError::Nodes);
    }
    Ok((host.to_owned(), port))
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, RedisUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(RedisUrlError::Scheme)?;
        let (plain, is_tls) = match scheme.strip_prefix("rediss") {
            Some(kind) => (kind, true),
            None => (scheme.strip_prefix("redis").ok_or(RedisUrlError::Scheme)?, false),
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        // A password may hold a raw '@', so that the last one ends it; it may not hold a raw '/'.
        let (user, password, hosts) = match rest.rsplit_once('@') {
            Some((who, hosts)) => {
                let (user, password) = who.split_once(':').map_or((who, None), |(user, word)| (user, Some(word)));
                let user = Some(decoded(user)?).filter(|user| !user.is_empty());
                (user, password.map(decoded).transpose()?.map(SecretText::new), hosts)
            }
            None => (None, None, rest),
        };
        let (hosts, path) = hosts.split_once('/').unwrap_or((hosts, ""));
        let default_port = if plain == "+sentinel" { 26_379 } else { 6_379 };
        let nodes = hosts.split(',').map(|text| node(text, default_port)).collect::<Result<Vec<_>, _>>()?;
        let number = |text: &str| -> Result<i64, RedisUrlError> {
            text.parse::<u16>().map(i64::from).map_err(|_| RedisUrlError::Database)
        };
        let (shape, database) = match plain {
            "" if nodes.len() > 1 => return Err(RedisUrlError::Several),
            "" => (Shape::Single, if path.is_empty() { 0 } else { number(path)? }),
            "+cluster" if path.is_empty() => (Shape::Cluster, 0),
            "+cluster" => return Err(RedisUrlError::ClusterDatabase),
            "+sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, "0"));
                if master.is_empty() {
                    return Err(RedisUrlError::Master);
                }
                (sentinel(decoded(master)?, query)?, number(database)?)
            }
            _ => return Err(RedisUrlError::Scheme),
        };
        if query.is_some() && !matches!(shape, Shape::Sentinel { .. }) {
            return Err(RedisUrlError::Malformed);
        }
        Ok(Self { text: SecretText::new(text.to_owned()), shape, nodes, is_tls, database, user, password })
    }
}

fn sentinel(master: String, query: Option<&str>) -> Result<Shape, RedisUrlError> {
    let (mut user, mut password) = (None, None);
    for parameter in query.into_iter().flat_map(|query| query.split('&')) {
        match parameter.split_once('=') {
            Some(("sentinel_user", value)) => user = Some(decoded(value)?),
            Some(("sentinel_password", value)) => password = Some(SecretText::new(decoded(value)?)),
            _ => return Err(RedisUrlError::Malformed),
        }
    }
    Ok(Shape::Sentinel { master, user, password })
}

impl RedisUrl {
    /// The text without its passwords.
    pub fn redacted(&self) -> String {
        const HIDDEN: &str = "(hidden)";
        let text = self.text.expose();
        let (text, query) = text.split_once('?').map_or((text, None), |(text, query)| (text, Some(query)));
        let mut shown = match (text.split_once("://"), &self.password) {
            (Some((scheme, rest)), Some(_)) => {
                let (who, hosts) = rest.rsplit_once('@').unwrap_or(("", rest));
                let user = who.split_once(':').map_or("", |(user, _)| user);
                format!("{scheme}://{user}:{HIDDEN}@{hosts}")
            }
            _ => text.to_owned(),
        };
        for (index, parameter) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = if name == "sentinel_password" { HIDDEN } else { value };
            shown.push(if index == 0 { '?' } else { '&' });
            shown.push_str(&format!("{name}={value}"));
        }
        shown
    }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text.expose() == other.text.expose()
    }
}
impl Eq for RedisUrl {}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl Serialize for RedisUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

impl<'de> Deserialize<'de> for RedisUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> RedisUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_three_shapes_are_read() {
        let single = parsed("redis://me:s%40cret@redis.example:6380/3");
        assert!(matches!(single.shape, Shape::Single));
        assert_eq!((single.is_tls, single.database), (false, 3));
        assert_eq!(single.nodes, [("redis.example".to_owned(), 6380)]);
        assert_eq!((single.user.as_deref(), single.password.as_ref().unwrap().expose()), (Some("me"), "s@cret"));
        let bare = parsed("rediss://[::1]");
        assert_eq!((bare.nodes, bare.is_tls), (vec![("::1".to_owned(), 6379)], true));
        let sentinel = parsed("redis+sentinel://:word@a,b:1/mymaster?sentinel_password=x");
        assert_eq!(sentinel.nodes, [("a".to_owned(), 26379), ("b".to_owned(), 1)]);
        let Shape::Sentinel { master, user, password } = sentinel.shape else { panic!("{:?}", sentinel.shape) };
        assert_eq!((master.as_str(), user, password.unwrap().expose()), ("mymaster", None, "x"));
        assert!(sentinel.user.is_none());
        assert!(matches!(parsed("rediss+cluster://a:1,b:2").shape, Shape::Cluster));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, error) in [
            ("redis.example:6379", RedisUrlError::Scheme),
            ("http://a", RedisUrlError::Scheme),
            ("redis+elastic://a", RedisUrlError::Scheme),
            ("redis://", RedisUrlError::Nodes),
            ("redis://a:0", RedisUrlError::Nodes),
            ("redis://a:65536", RedisUrlError::Nodes),
            ("redis://a,b", RedisUrlError::Several),
            ("redis://a/zero", RedisUrlError::Database),
            ("redis+sentinel://a:1", RedisUrlError::Master),
            ("redis+cluster://a/0", RedisUrlError::ClusterDatabase),
            ("redis://%ff@a", RedisUrlError::Malformed),
            ("redis://a?timeout=1", RedisUrlError::Malformed),
        ] {
            assert_eq!(text.parse::<RedisUrl>().unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn no_printed_form_shows_a_password() {
        for (text, shown) in [
            ("redis://me:s3cret@a:1/0", "redis://me:(hidden)@a:1/0"),
            ("redis://:s3c@ret@a:1", "redis://:(hidden)@a:1"),
            ("redis+sentinel://a:1/m?sentinel_password=s3cret", "redis+sentinel://a:1/m?sentinel_password=(hidden)"),
            ("redis+cluster://a:1,b:2", "redis+cluster://a:1,b:2"),
        ] {
            let url = parsed(text);
            assert_eq!(format!("{url:?}"), shown);
            assert_eq!(serde_json::to_value(&url).unwrap(), shown);
            let parts = format!("{:?} {:?}", url.shape, url.password);
            assert!(!parts.contains("s3c"), "{parts}");
        }
    }
}
