//! Setup guides: what to do at the client, step by step, with a directory's own values in it.

mod fill;
mod markdown;
mod template;
mod values;

use serde::{Deserialize, Serialize};

pub(crate) use self::template::GuideSource;
pub use self::values::{TokenState, Values};
use crate::Profile;

/// A guide. Its texts are plain sentences with Markdown's `code` and **bold** in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guide {
    /// The profile's name.
    pub client: String,
    /// For people.
    pub title: String,
    /// What it is about.
    pub summary: String,
    /// What is special about this directory: read first.
    pub notices: Vec<String>,
    /// The directory's values.
    pub values: Vec<Value>,
    /// What to decide before anything is done.
    pub decisions: Vec<Decision>,
    /// What to do, in order.
    pub sections: Vec<Section>,
    /// What goes into which field of the client, under the client's names.
    pub pairings: Vec<Pairing>,
    /// Which attribute becomes which.
    pub mapping: Mapping,
    /// What must be true before it is done.
    pub checklist: Vec<String>,
    /// A test with one user and one group.
    pub trials: Vec<Trial>,
    /// What to do when something is wrong.
    pub troubleshooting: Vec<Symptom>,
    /// What the client does.
    pub supports: Vec<String>,
    /// What it does not do, or only so.
    pub limits: Vec<String>,
    /// When it sends.
    pub timing: Timing,
    /// The words that are used here.
    pub glossary: Vec<Term>,
}

/// A value of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// What it is called here.
    pub name: String,
    /// What it is. Of the token: where to get one, never the token.
    pub value: String,
}

/// A question to be answered first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// What is to be decided.
    pub question: String,
    /// What speaks for what.
    pub answers: Vec<String>,
}

/// Steps that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// What they are for.
    pub title: String,
    /// In order.
    pub steps: Vec<Step>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Where to click, as `A → B → C`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<String>,
    /// What to do there.
    #[serde(rename = "do")]
    pub action: String,
    /// What to know about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One field of the client and what goes into it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pairing {
    /// The field's name at the client.
    pub theirs: String,
    /// What it is here, where it is a value of the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<String>,
    /// What to enter or choose.
    pub value: String,
}

/// Attributes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What to change and what to leave.
    pub advice: Vec<String>,
    /// Of users.
    pub users: Vec<Row>,
    /// Of groups.
    pub groups: Vec<Row>,
}

/// One attribute's way.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// At the client.
    pub theirs: String,
    /// In SCIM.
    pub ours: String,
    /// What to know.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// One step of a test.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// What is tried.
    pub title: String,
    /// What to do at the client.
    #[serde(rename = "do")]
    pub action: String,
    /// What arrives here.
    pub watch: String,
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Symptom {
    /// What is seen.
    pub symptom: String,
    /// What is mostly behind it.
    pub cause: String,
    /// What to do.
    pub fix: String,
}

/// When the client sends, and how much at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timing {
    /// Minutes between cycles; none where each change is sent at once, or nothing is documented.
    pub cadence_minutes: Option<u32>,
    /// In words.
    pub cadence: String,
    /// Requests at once that are recommended, where the client lets one choose.
    pub concurrency: Option<u32>,
    /// In words.
    pub concurrency_note: String,
}

/// A word.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The word.
    pub term: String,
    /// What it means here.
    pub meaning: String,
}

impl Profile {
    /// The guide, with placeholders for a directory's values: to be [filled](Guide::fill).
    pub fn guide(&self) -> Guide {
        self.guide.guide(self)
    }

    /// The guide for one directory.
    pub fn guide_for(&self, values: &Values) -> Guide {
        let mut guide = self.guide().fill(values);
        guide.notices.extend(self.notices(values));
        guide
    }
}
