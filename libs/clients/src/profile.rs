//! A profile, as its file has it.

use std::str::FromStr;

use rollcall_base::ClientKind;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    check::{Repair, Shape},
    guide::GuideSource,
};

/// One client, in one way of setting it up.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Stable: in the API, at the command line, in a directory's record.
    pub name: String,
    /// For people.
    pub title: String,
    /// The kind that a directory of this profile is of. The kind's name is the name of its first profile.
    #[serde(deserialize_with = "read_kind", serialize_with = "write_kind")]
    pub kind: ClientKind,
    /// What this is for, in a sentence or two.
    pub summary: String,
    /// The two fields of a directory, as this client calls them.
    pub fields: Fields,
    /// What it sends, when, and how much at once.
    pub traffic: Traffic,
    /// What it does.
    pub supports: Vec<String>,
    /// What it does not do, or only so.
    pub limits: Vec<String>,
    #[serde(skip_serializing)]
    pub(crate) guide: GuideSource,
}

/// What is typed to make a directory.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// The Directory ID.
    pub directory_id: Field,
    /// The Directory Name.
    pub directory_name: Field,
    /// Whether a pair that was typed the wrong way round is exchanged.
    pub exchanges: bool,
}

/// One field of the form.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What the client calls it.
    pub label: String,
    /// An example.
    pub placeholder: String,
    /// Where to find it.
    pub find: String,
    /// What it looks like.
    pub shape: Shape,
    /// What is put right by itself, in this order.
    pub repairs: Vec<Repair>,
    /// What else is worth a warning.
    pub cautions: Vec<Caution>,
}

/// Something that is allowed and mostly a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caution {
    /// The domain of Okta's admin console, `acme-admin.okta.com`, where the organisation's is meant.
    OktaAdminDomain,
    /// An underscore, which Okta refuses in a Base URL.
    Underscore,
    /// The client has to be given the very same text.
    SameTextThere,
}

/// What a client sends.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Minutes between its cycles; none where it sends each change at once, or where nothing is documented.
    pub cadence_minutes: Option<u32>,
    /// The same in words.
    pub cadence: String,
    /// How many requests at once are recommended, where the client lets one choose.
    pub concurrency: Option<u32>,
    /// The same in words.
    pub concurrency_note: String,
    /// The leniencies of `rollcall_scim::quirks::Quirk` that it is known to need, by name.
    pub quirks: Vec<String>,
    /// Entries of the project's list of observed client behaviour.
    pub observed: Vec<String>,
    /// Whether it refuses a Base URL with an underscore.
    pub refuses_underscore: bool,
    /// The most characters that its field for the Base URL takes, if that is known.
    pub base_url_length: Option<usize>,
}

fn read_kind<'de, D: Deserializer<'de>>(from: D) -> Result<ClientKind, D::Error> {
    ClientKind::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
}

fn write_kind<S: Serializer>(kind: &ClientKind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.as_str())
}
