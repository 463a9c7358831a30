//! What a consumer is told of a user.

use rollcall_base::{Id, marker};
use rollcall_store::{GroupRef, KnownUser, UserKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How a name came to stand for a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownAs {
    /// It is the user's.
    Now,
    /// It was, before the user was renamed.
    Before,
}

/// A user and the groups they are in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FoundUser {
    id: Id<marker::Resource>,
    user_name: String,
    external_id: Option<String>,
    display_name: Option<String>,
    active: bool,
    groups: Vec<FoundGroup>,
    /// The keys of the names that the user had before. What an older version remembered has none.
    #[serde(default)]
    former_names: Vec<String>,
    /// The directory's generation before the answer was looked up.
    pub(super) generation: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FoundGroup {
    id: Id<marker::Resource>,
    display_name: Option<String>,
    external_id: Option<String>,
    direct: bool,
}

impl FoundUser {
    pub(super) fn new(user: KnownUser, groups: impl Iterator<Item = GroupRef>, generation: u64) -> Self {
        let document = &user.resource.document;
        Self {
            id: user.resource.id,
            user_name: document.user_name().unwrap_or_default().to_owned(),
            external_id: document.external_id().map(str::to_owned),
            display_name: document.display_name().map(str::to_owned),
            active: user.active,
            groups: groups
                .map(|group| FoundGroup {
                    id: group.id,
                    display_name: group.display,
                    external_id: group.external_id,
                    direct: group.direct,
                })
                .collect(),
            former_names: user.former_names,
            generation,
        }
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> u32 {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let own = self.user_name.len() + length(&self.external_id) + length(&self.display_name);
        let of_group =
            |group: &FoundGroup| size_of::<FoundGroup>() + length(&group.display_name) + length(&group.external_id);
        let names = self.former_names.iter().map(|name| size_of::<String>() + name.len()).sum::<usize>();
        let all = size_of::<Self>() + own + names + self.groups.iter().map(of_group).sum::<usize>();
        u32::try_from(all).unwrap_or(u32::MAX)
    }

    /// How the user is known by `key`; none if not at all.
    pub(super) fn known_as(&self, key: &UserKey) -> Option<KnownAs> {
        let now = match key {
            UserKey::Id(id) => self.id == *id,
            UserKey::ExternalId(id) => self.external_id.as_ref() == Some(id),
            UserKey::UserName(_) | UserKey::NameKey(_) => {
                UserKey::UserName(self.user_name.clone()).canonical() == key.canonical()
            }
        };
        let before = || match key.canonical() {
            UserKey::NameKey(name) => self.former_names.contains(&name),
            _ => false,
        };
        match now {
            true => Some(KnownAs::Now),
            false => before().then_some(KnownAs::Before),
        }
    }

    /// For the wire. What is not known is left out.
    pub(crate) fn to_json(&self) -> Value {
        let groups = self.groups.iter().map(|group| {
            let mut shown = json!({ "id": group.id.to_string(), "direct": group.direct });
            set(&mut shown, "displayName", group.display_name.as_deref());
            set(&mut shown, "externalId", group.external_id.as_deref());
            shown
        });
        let mut shown = json!({ "id": self.id.to_string(), "userName": self.user_name, "active": self.active });
        set(&mut shown, "externalId", self.external_id.as_deref());
        set(&mut shown, "displayName", self.display_name.as_deref());
        shown["groups"] = groups.collect();
        shown
    }
}

fn set(object: &mut Value, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        object[name] = value.into();
    }
}
