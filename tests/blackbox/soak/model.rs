//! What a client believes its resources to be, and how that differs from what the service shows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::lookups::Former;
use crate::directory::{ENTERPRISE, values};

/// What only the service sets; compared apart.
const SERVICE_SET: [&str; 5] = ["schemas", "id", "meta", "groups", "members"];

/// A user or group without what the service sets.
pub(super) type Document = Map<String, Value>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct User {
    pub(super) document: Document,
    pub(super) version: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) document: Document,
    pub(super) members: BTreeSet<String>,
    pub(super) version: u64,
}

/// All that one client made and did not delete, by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) users: BTreeMap<String, User>,
    pub(super) groups: BTreeMap<String, Group>,
    /// Lookups that must find nobody.
    pub(super) former: Former,
    /// What users were called before, by their ids.
    pub(super) renamed: BTreeMap<String, Vec<String>>,
}

impl User {
    pub(super) fn name(&self) -> &str {
        self.document["userName"].as_str().unwrap()
    }

    /// Sets an attribute; a version is written only if something changed.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Document)) {
        let before = self.document.clone();
        change(&mut self.document);
        self.version += u64::from(self.document != before);
    }

    /// Sets `attribute` of the enterprise extension.
    pub(super) fn change_enterprise(&mut self, attribute: &str, value: Value) {
        self.change(|document| {
            document.entry(ENTERPRISE).or_insert_with(|| json!({}))[attribute] = value;
        });
    }
}

impl Model {
    /// A user is gone, with all memberships: each group that had it has a new version.
    pub(super) fn delete_user(&mut self, id: &str) {
        if let Some(user) = self.users.remove(id) {
            self.gave_up(format!("/users/{id}"));
            self.gave_up_names(id, &user.document, &Document::new());
        }
        for group in self.groups.values_mut() {
            group.version += u64::from(group.members.remove(id));
        }
    }

    /// How `shown`, read at `base_url`, differs from what stands here; nothing if it is somebody else's.
    pub(super) fn difference(&self, base_url: &str, shown: &Value) -> Option<String> {
        let id = shown["id"].as_str().unwrap_or_default();
        let expected = if let Some(user) = self.users.get(id) {
            let groups = self.groups.iter().filter(|(_, group)| group.members.contains(id)).map(|(id, _)| id.clone());
            Facts { document: &user.document, groups: groups.collect(), members: Vec::new(), version: user.version }
        } else {
            let group = self.groups.get(id)?;
            let members = group.members.iter().cloned().collect();
            Facts { document: &group.document, groups: Vec::new(), members, version: group.version }
        };
        let endpoint = if self.users.contains_key(id) { "Users" } else { "Groups" };
        let mut document = shown.as_object().cloned().unwrap_or_default();
        document.retain(|name, _| !SERVICE_SET.contains(&name.as_str()));
        let location = format!("{base_url}/{endpoint}/{id}");
        let same = &document == expected.document
            && values(&shown["groups"]) == expected.groups
            && values(&shown["members"]) == expected.members
            && shown["meta"]["location"] == location
            && version(shown["meta"]["version"].as_str().unwrap_or_default()) == Some(expected.version);
        (!same).then(|| format!("{shown} is shown where {expected:?} should be"))
    }

    /// How a whole directory differs from what its clients believe; empty if it does not.
    pub(super) fn differences(models: &[&Self], base_url: &str, shown: &[Value]) -> Vec<String> {
        let mut missing: BTreeSet<&String> = models.iter().flat_map(|model| model.ids()).collect();
        let mut differences = Vec::new();
        for resource in shown {
            let id = resource["id"].as_str().unwrap_or_default().to_owned();
            match models.iter().find(|model| model.users.contains_key(&id) || model.groups.contains_key(&id)) {
                None => differences.push(format!("{resource} is in the directory, and nobody made it")),
                Some(_) if !missing.remove(&id) => differences.push(format!("{id} is listed twice")),
                Some(model) => differences.extend(model.difference(base_url, resource)),
            }
        }
        differences.extend(missing.iter().map(|id| format!("{id} was made and is not in the directory")));
        differences
    }

    fn ids(&self) -> impl Iterator<Item = &String> {
        self.users.keys().chain(self.groups.keys())
    }
}

#[derive(Debug)]
struct Facts<'a> {
    document: &'a Document,
    groups: Vec<String>,
    members: Vec<String>,
    version: u64,
}

/// The number in an entity tag `W/"3-0a1b"`; what follows the hyphen covers what the client cannot change.
pub(super) fn version(etag: &str) -> Option<u64> {
    etag.strip_prefix("W/\"")?.trim_end_matches('"').split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://h/scim/one/Dir-1/v2";

    fn model() -> Model {
        let document = |json: Value| json.as_object().unwrap().clone();
        let user = User { document: document(json!({ "userName": "ada", "title": "Countess" })), version: 3 };
        let members = BTreeSet::from(["u".to_owned()]);
        let group = Group { document: document(json!({ "displayName": "team" })), members, version: 2 };
        Model {
            users: [("u".to_owned(), user)].into(),
            groups: [("g".to_owned(), group)].into(),
            former: Former::new(),
            renamed: BTreeMap::new(),
        }
    }

    fn shown() -> [Value; 2] {
        let meta = |version: &str, path: &str| json!({ "version": version, "location": format!("{BASE}/{path}") });
        [
            json!({ "id": "u", "schemas": [], "title": "Countess", "userName": "ada", "groups": [{ "value": "g" }],
                "meta": meta("W/\"3-77\"", "Users/u") }),
            json!({ "id": "g", "displayName": "team", "members": [{ "value": "u" }], "meta": meta("W/\"2\"", "Groups/g") }),
        ]
    }

    fn differences(shown: &[Value]) -> usize {
        Model::differences(&[&Model::default(), &model()], BASE, shown).len()
    }

    #[test]
    fn a_directory_that_is_as_its_clients_left_it_has_no_differences() {
        assert_eq!(differences(&shown()), 0);
    }

    #[test]
    fn each_planted_difference_is_found() {
        let planted = |plant: &dyn Fn(&mut Value, &mut Value)| {
            let [mut user, mut group] = shown();
            plant(&mut user, &mut group);
            differences(&[user, group])
        };
        assert_eq!(planted(&|user, _| user["title"] = json!("Lady")), 1, "an attribute");
        assert_eq!(planted(&|user, _| user["nickName"] = json!("A")), 1, "an attribute more");
        assert_eq!(planted(&|_, group| group["members"] = json!([])), 1, "a member less");
        assert_eq!(planted(&|_, group| group["members"][0]["value"] = json!("x")), 1, "another member");
        assert_eq!(planted(&|user, _| user["groups"] = json!([])), 1, "a membership less");
        assert_eq!(planted(&|user, _| user["meta"]["version"] = json!("W/\"4\"")), 1, "a version");
        assert_eq!(planted(&|user, _| user["meta"]["location"] = json!("elsewhere")), 1, "a location");
        assert_eq!(differences(&shown()[..1]), 1, "a resource less");
        assert_eq!(planted(&|user, _| user["id"] = json!("x")), 2, "a resource that nobody made, and one that is gone");
        let [user, group] = shown();
        assert_eq!(differences(&[user.clone(), group, user]), 1, "a resource twice");
    }

    #[test]
    fn a_change_that_changes_nothing_is_no_version() {
        let mut user = model().users["u"].clone();
        user.change(|document| drop(document.insert("title".to_owned(), json!("Countess"))));
        assert_eq!(user.version, 3);
        user.change_enterprise("department", json!("Analysis"));
        assert_eq!(user.version, 4);
    }
}
