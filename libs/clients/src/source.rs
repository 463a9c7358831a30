//! Where profiles come from: the files of `profiles/`, embedded.

use std::{collections::HashMap, sync::LazyLock};

use rollcall_base::ClientKind;
use toml::{Table, Value};

use crate::Profile;

/// What all profiles share: the steps in Rollcall, common symptoms, the glossary.
const COMMON: &str = include_str!("../profiles/common.toml");

/// In the order in which they are offered. What a file `extends` stands before it.
const FILES: [&str; 15] = [
    include_str!("../profiles/entra-id.toml"),
    include_str!("../profiles/entra-id-own-app.toml"),
    include_str!("../profiles/ping-federate.toml"),
    include_str!("../profiles/okta.toml"),
    include_str!("../profiles/okta-custom-app.toml"),
    include_str!("../profiles/cyberark.toml"),
    include_str!("../profiles/pingone.toml"),
    include_str!("../profiles/sase-5g.toml"),
    include_str!("../profiles/other.toml"),
    include_str!("../profiles/onelogin.toml"),
    include_str!("../profiles/jumpcloud.toml"),
    include_str!("../profiles/google-workspace.toml"),
    include_str!("../profiles/sailpoint.toml"),
    include_str!("../profiles/rippling.toml"),
    include_str!("../profiles/authentik.toml"),
];

/// A profile's file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is no TOML, or names what there is not, or lacks what there must be.
    #[error("the profile \"{name}\" cannot be read")]
    Unreadable {
        /// The profile's name, as far as it is known.
        name: String,
        /// What is the matter.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// It extends a profile that does not stand before it.
    #[error("the profile \"{name}\" extends \"{base}\", which does not stand before it")]
    NoBase {
        /// The profile's name.
        name: String,
        /// What it extends.
        base: String,
    },
    /// Its guide names a part that is nowhere.
    #[error("the guide of \"{name}\" names {part}, which is nowhere")]
    NoPart {
        /// The profile's name.
        name: String,
        /// What is missing.
        part: String,
    },
}

/// All profiles, in the order in which they are offered.
#[allow(clippy::expect_used)] // the files are part of the executable and a test reads them
pub fn profiles() -> &'static [Profile] {
    static PROFILES: LazyLock<Vec<Profile>> =
        LazyLock::new(|| read(COMMON, &FILES).expect("the embedded profiles are well formed"));
    &PROFILES
}

/// The profile of this name.
pub fn profile(name: &str) -> Option<&'static Profile> {
    profiles().iter().find(|profile| profile.name == name)
}

/// The first profile of a kind: what is meant when nothing more is said.
#[allow(clippy::expect_used)] // a test asks for each
pub fn profile_of(kind: ClientKind) -> &'static Profile {
    profile(kind.as_str()).expect("every kind has a profile of its name")
}

/// Reads profiles: each is `common`, with what it extends laid over it, with itself laid over that. Tables are joined,
/// everything else is replaced.
///
/// # Errors
/// [`ProfileError`] for the first that cannot be used.
pub fn read(common: &str, files: &[&str]) -> Result<Vec<Profile>, ProfileError> {
    let unreadable = |name: &str| {
        let name = name.to_owned();
        move |source| ProfileError::Unreadable { name, source: Box::new(source) }
    };
    let common: Table = common.parse().map_err(unreadable("common"))?;
    let mut read: HashMap<String, Table> = HashMap::new();
    let mut profiles = Vec::new();
    for file in files {
        let mut own: Table = file.parse().map_err(unreadable(file.lines().next().unwrap_or_default()))?;
        let name = own.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let base = own.remove("extends").map(|base| base.as_str().unwrap_or_default().to_owned());
        let mut whole = match base {
            Some(base) => read.get(&base).cloned().ok_or_else(|| ProfileError::NoBase { name: name.clone(), base })?,
            None => common.clone(),
        };
        lay(&mut whole, own);
        let profile: Profile = whole.clone().try_into().map_err(unreadable(&name))?;
        if let Some(part) = profile.guide.missing() {
            return Err(ProfileError::NoPart { name, part });
        }
        read.insert(name, whole);
        profiles.push(profile);
    }
    Ok(profiles)
}

fn lay(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => lay(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_profile_is_well_formed() {
        let profiles = read(COMMON, &FILES).unwrap();
        assert_eq!(profiles.len(), FILES.len());
    }

    #[test]
    fn every_kind_has_a_first_profile_and_every_name_is_there_once() {
        for kind in ClientKind::ALL {
            assert_eq!(profile_of(kind).kind, kind);
        }
        let mut names: Vec<&str> = profiles().iter().map(|profile| profile.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FILES.len());
    }

    #[test]
    fn a_file_with_a_name_that_nobody_reads_is_refused() {
        let unknown = format!("{}\n[surplus]\na = 1\n", FILES[0]);
        assert!(matches!(read(COMMON, &[&unknown]), Err(ProfileError::Unreadable { name, .. }) if name == "entra-id"));
        assert!(matches!(read(COMMON, &["not toml"]), Err(ProfileError::Unreadable { .. })));
    }

    #[test]
    fn what_is_extended_must_stand_before_and_what_a_guide_names_must_be_there() {
        assert!(matches!(read(COMMON, &[FILES[1]]), Err(ProfileError::NoBase { base, .. }) if base == "entra-id"));
        let text = FILES[0].replacen("symptoms = [", "symptoms = [\"no-such-thing\", ", 1);
        let error = read(COMMON, &[&text]).unwrap_err().to_string();
        assert!(error.contains("no-such-thing"), "{error}");
    }
}
