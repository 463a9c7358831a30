//! The addresses from which a credential may be used.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Address ranges (RFC 4632, RFC 4291 §2.3), at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networks(Arc<[IpNet]>);

/// How the ranges are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedNetworks {
    /// The ranges.
    pub networks: Networks,
    /// A use from elsewhere is noted and let through, for as long as it takes to find out that the list is right.
    pub observe: bool,
}

/// Whether a use came from where it may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From one of the ranges, or there are none.
    Inside,
    /// From elsewhere, which is only observed.
    Observed,
    /// From elsewhere.
    Outside,
}

/// The most ranges of one credential.
pub const MOST_NETWORKS: usize = 100;

/// The text is no list of address ranges.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworksError {
    /// One that cannot be read.
    #[error("\"{0}\" is no address range; write it as 203.0.113.0/24, 2001:db8::/32 or a single address")]
    Malformed(String),
    /// None.
    #[error("at least one address range is needed")]
    Empty,
    /// Too many.
    #[error("a credential has at most {MOST_NETWORKS} address ranges; put neighbours together")]
    TooMany,
}

impl Networks {
    /// Whether `address` is in one of them. IPv4 addresses that arrive over an IPv6 socket count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl AllowedNetworks {
    /// What a use from `address` is.
    pub fn origin(&self, address: IpAddr) -> Origin {
        match (self.networks.contains(address), self.observe) {
            (true, _) => Origin::Inside,
            (false, true) => Origin::Observed,
            (false, false) => Origin::Outside,
        }
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

impl FromStr for Networks {
    type Err = NetworksError;

    /// Ranges or single addresses between commas or spaces.
    fn from_str(text: &str) -> Result<Self, NetworksError> {
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        let read = |word: &str| {
            let network = word.parse::<IpNet>().or_else(|_| word.parse::<IpAddr>().map(IpNet::from));
            network.map(|network| network.trunc()).map_err(|_| NetworksError::Malformed(word.to_owned()))
        };
        let networks = words.map(read).collect::<Result<Vec<_>, _>>()?;
        match networks.len() {
            0 => Err(NetworksError::Empty),
            1..=MOST_NETWORKS => Ok(Self(networks.into())),
            _ => Err(NetworksError::TooMany),
        }
    }
}

impl Serialize for Networks {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_inside_by_its_range_and_however_it_arrives() {
        let networks: Networks = "203.0.113.7/24, 2001:db8::/32 198.51.100.4".parse().unwrap();
        assert_eq!(networks.to_string(), "203.0.113.0/24,2001:db8::/32,198.51.100.4/32");
        let allowed = AllowedNetworks { networks, observe: false };
        for inside in ["203.0.113.200", "::ffff:203.0.113.200", "2001:db8:1::5", "198.51.100.4"] {
            assert_eq!(allowed.origin(inside.parse().unwrap()), Origin::Inside, "{inside}");
        }
        for outside in ["203.0.114.1", "198.51.100.5", "2001:db9::1"] {
            assert_eq!(allowed.origin(outside.parse().unwrap()), Origin::Outside, "{outside}");
            let observed = AllowedNetworks { observe: true, ..allowed.clone() };
            assert_eq!(observed.origin(outside.parse().unwrap()), Origin::Observed, "{outside}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused_by_name() {
        assert_eq!("10.0.0.0/33".parse::<Networks>(), Err(NetworksError::Malformed("10.0.0.0/33".to_owned())));
        assert_eq!(" ,".parse::<Networks>(), Err(NetworksError::Empty));
        let many = vec!["10.0.0.1"; MOST_NETWORKS + 1].join(",");
        assert_eq!(many.parse::<Networks>(), Err(NetworksError::TooMany));
    }
}
