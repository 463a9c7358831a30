//! What the services of one installation share: a secret, and where the others are.

use std::{fmt, fs};

use rollcall_base::SecretText;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ConfigError, InternalConfig, PublicUrl};

/// Bytes. 32 random ones are beyond guessing; fewer are a password.
const SHORTEST: usize = 32;

/// The secret that services of one installation share. Printing it in any way hides it.
#[derive(Clone)]
pub struct InternalSecret(SecretText);

impl InternalSecret {
    /// The secret itself, to derive keys from.
    pub const fn secret(&self) -> &SecretText {
        &self.0
    }
}

const HIDDEN: &str = "(hidden)";

impl PartialEq for InternalSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose() == other.0.expose()
    }
}
impl Eq for InternalSecret {}

impl fmt::Debug for InternalSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for InternalSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

impl<'de> Deserialize<'de> for InternalSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretText::new(text)))
    }
}

/// Where a service can be reached: one address, or a list of those that do the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct PeerUrls(Vec<PublicUrl>);

impl PeerUrls {
    /// The addresses, in the order given.
    pub fn addresses(&self) -> &[PublicUrl] {
        &self.0
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "an address such as \"http://10.0.0.7:8081\", or a list of them")]
enum OneOrMore {
    One(PublicUrl),
    More(Vec<PublicUrl>),
}

impl<'de> Deserialize<'de> for PeerUrls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match OneOrMore::deserialize(deserializer)? {
            OneOrMore::One(url) => vec![url],
            OneOrMore::More(urls) => urls,
        }))
    }
}

/// The secret out of the setting or the file.
pub(super) fn secret(config: &InternalConfig) -> Result<Option<SecretText>, ConfigError> {
    let (name, secret) = match (&config.secret, &config.secret_file) {
        (Some(secret), _) => ("internal.secret", secret.secret().clone()),
        (None, Some(path)) => {
            let text = fs::read_to_string(path).map_err(|error| {
                invalid("internal.secret_file", format!("{} cannot be read: {error}", path.display()))
            })?;
            ("internal.secret_file", SecretText::new(text.trim().to_owned()))
        }
        (None, None) => return Ok(None),
    };
    if secret.expose().len() < SHORTEST {
        return Err(invalid(
            name,
            format!("it must have at least {SHORTEST} bytes; make one with `openssl rand -hex 32`"),
        ));
    }
    Ok(Some(secret))
}

fn invalid(name: &str, reason: String) -> ConfigError {
    ConfigError::Invalid { name: name.to_owned(), origin: "the configuration".to_owned(), reason }
}
