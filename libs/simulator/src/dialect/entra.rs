//! Microsoft Entra ID: look up, POST, then PATCH only. Operations with a capital letter, `active` as the texts "True" and
//! "False", one operation an attribute, `$ref: null` in members, and removal with a value list. With the flag
//! `aadOptscim062020` the operations are as the RFC says, and single values travel without a path under dotted keys.

use serde_json::{Map, Value, json};

use super::{
    Change, Departure, Dialect, Habits, Member,
    shapes::{ENTERPRISE, GROUP, guid, patch, profile},
};
use crate::{
    company::{Person, Team},
    http::{Call, Manner, filter, literal},
};

/// The schema that Entra's group POSTs name beside the core one.
const ADSCIM_GROUP: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
const WORK_MAIL: &str = "emails[type eq \"work\"].value";
/// So few changed members are asked for one by one before they are changed.
const PROBED: usize = 3;

pub(super) struct Entra {
    pub(super) optscim: bool,
}

/// What Entra maps of a person, and the path of each.
fn mapped(person: &Person) -> Vec<(String, Value)> {
    let enterprise = |name: &str| format!("{ENTERPRISE}:{name}");
    let mut mapped = vec![
        ("userName".to_owned(), json!(person.user_name)),
        ("displayName".to_owned(), json!(person.display_name())),
        ("title".to_owned(), json!(person.title)),
        ("name.givenName".to_owned(), json!(person.given)),
        ("name.familyName".to_owned(), json!(person.family)),
        ("name.formatted".to_owned(), json!(person.display_name())),
        (WORK_MAIL.to_owned(), json!(person.user_name)),
        (enterprise("department"), json!(person.department)),
        (enterprise("employeeNumber"), json!(person.employee_number())),
        ("externalId".to_owned(), json!(guid(person.bits))),
    ];
    if let Some(manager) = &person.manager {
        mapped.push((enterprise("manager"), json!(manager.id)));
    }
    mapped
}

impl Entra {
    fn active(&self, person: &Person) -> Value {
        match (self.optscim, person.active) {
            (true, active) => json!(active),
            (false, true) => json!("True"),
            (false, false) => json!("False"),
        }
    }

    /// One of the RFC's words, as this Entra writes it.
    fn op(&self, word: &'static str) -> &'static str {
        match (self.optscim, word) {
            (true, word) => word,
            (false, "add") => "Add",
            (false, "remove") => "Remove",
            (false, _) => "Replace",
        }
    }

    /// What has no value yet is added; the rest is replaced.
    fn operations(&self, changes: Vec<(String, Value)>) -> Vec<Value> {
        let by_path = |(path, value): (String, Value)| {
            let word = if path.starts_with(ENTERPRISE) || path == WORK_MAIL { "add" } else { "replace" };
            json!({ "op": self.op(word), "path": path, "value": value })
        };
        if !self.optscim {
            return changes.into_iter().map(by_path).collect();
        }
        // References and elements of lists have a path here too.
        let has_path = |path: &str| path == WORK_MAIL || path.ends_with(":manager");
        let (paths, plain): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(path, _)| has_path(path));
        let mut operations: Vec<Value> = paths.into_iter().map(by_path).collect();
        if !plain.is_empty() {
            operations.push(json!({ "op": "replace", "value": plain.into_iter().collect::<Map<_, _>>() }));
        }
        operations
    }

    fn references(&self, members: impl Iterator<Item = String>) -> Value {
        members
            .map(|id| if self.optscim { json!({ "value": id }) } else { json!({ "$ref": null, "value": id }) })
            .collect()
    }
}

impl Dialect for Entra {
    fn habits(&self) -> Habits {
        Habits {
            manner: Manner {
                accept: "application/scim+json",
                content_type: "application/scim+json; charset=utf-8",
                more: &[],
            },
            departure: Departure::DisableThenDelete,
            managers: true,
            nested: true,
            ..Habits::PLAIN
        }
    }

    /// Entra looks for a user that nobody has, named by a random GUID.
    fn connection_test(&self, probe: u128) -> Vec<Call> {
        vec![Call::get(format!("/Users?{}", filter(&format!("userName eq \"{}\"", guid(probe)), "+")))]
    }

    fn user(&self, person: &Person) -> Value {
        let mut user = profile(person);
        user["externalId"] = json!(guid(person.bits));
        user["name"]["formatted"] = json!(person.display_name());
        user["meta"] = json!({ "resourceType": "User" });
        user["roles"] = json!([]);
        if let Some(manager) = &person.manager {
            user[ENTERPRISE]["manager"] = json!(manager.id);
        }
        user
    }

    fn update(&self, id: &str, person: &Person) -> Vec<Call> {
        let mut operations = self.operations(mapped(person));
        operations.push(json!({ "op": self.op("replace"), "path": "active", "value": self.active(person) }));
        vec![patch("Users", id, json!(operations))]
    }

    /// The user is read, a new manager is asked for, and what differs is sent.
    fn change(&self, id: &str, before: &Person, after: &Person) -> Vec<Call> {
        let old = mapped(before);
        let changes: Vec<_> = mapped(after).into_iter().filter(|change| !old.contains(change)).collect();
        let mut calls = vec![Call::get(format!("/Users/{id}"))];
        if let Some(manager) = after.manager.as_ref().filter(|manager| before.manager.as_ref() != Some(manager)) {
            let probe = format!("id eq {} and manager eq {}", literal(id), literal(&manager.id));
            calls.push(Call::get(format!("/Users?{}&attributes=id", filter(&probe, "+"))));
        }
        if !changes.is_empty() {
            calls.push(patch("Users", id, json!(self.operations(changes))));
        }
        calls
    }

    fn switch(&self, id: &str, person: &Person) -> Vec<Call> {
        let switch = json!({ "op": self.op("replace"), "path": "active", "value": self.active(person) });
        vec![patch("Users", id, json!([switch]))]
    }

    fn find_team(&self, team: &Team) -> Option<Call> {
        let filter = filter(&format!("displayName eq {}", literal(&team.name)), "+");
        Some(Call::get(format!("/Groups?excludedAttributes=members&{filter}")))
    }

    /// Groups are made empty.
    fn team(&self, team: &Team, _members: &[Member]) -> (Value, usize) {
        let group = json!({
            "schemas": [GROUP, ADSCIM_GROUP],
            "externalId": guid(team.bits),
            "displayName": team.name,
            "meta": { "resourceType": "Group" },
        });
        (group, 0)
    }

    fn change_members(&self, id: &str, _team: &Team, change: &Change<'_>) -> Vec<Call> {
        let mut calls = Vec::new();
        let concerned = change.added.iter().map(|member| &member.id).chain(change.removed);
        if change.added.len() + change.removed.len() <= PROBED {
            for member in concerned {
                let probe = format!("id eq {} and members eq {}", literal(id), literal(member));
                calls.push(Call::get(format!("/Groups?excludedAttributes=members&{}", filter(&probe, "+"))));
            }
        }
        let mut operations = Vec::new();
        if !change.added.is_empty() {
            let value = self.references(change.added.iter().map(|member| member.id.clone()));
            operations.push(json!({ "op": self.op("add"), "path": "members", "value": value }));
        }
        if self.optscim {
            for leaver in change.removed {
                operations.push(json!({ "op": "remove", "path": format!("members[value eq {}]", literal(leaver)) }));
            }
        } else if !change.removed.is_empty() {
            let value = self.references(change.removed.iter().cloned());
            operations.push(json!({ "op": "Remove", "path": "members", "value": value }));
        }
        calls.push(patch("Groups", id, json!(operations)));
        calls
    }

    fn rename(&self, id: &str, team: &Team, _all: &(dyn Fn() -> Vec<Member> + Sync)) -> Vec<Call> {
        let rename = json!({ "op": self.op("replace"), "path": "displayName", "value": team.name });
        vec![Call::get(format!("/Groups/{id}?excludedAttributes=members")), patch("Groups", id, json!([rename]))]
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, changed, operations, sales},
        *,
    };

    const ENTRA: Entra = Entra { optscim: false };
    const FLAGGED: Entra = Entra { optscim: true };

    #[test]
    fn a_create_names_the_enterprise_schema_and_carries_empty_roles_and_a_bare_manager() {
        let user = ENTRA.user(&anna());
        let expected = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "externalId": "12345678-9abc-def0-1122-334455667788",
            "userName": "anna@contoso.example",
            "active": true,
            "displayName": "Anna Berg",
            "emails": [{ "primary": true, "type": "work", "value": "anna@contoso.example" }],
            "meta": { "resourceType": "User" },
            "name": { "formatted": "Anna Berg", "familyName": "Berg", "givenName": "Anna" },
            "title": "Analyst",
            ENTERPRISE: { "department": "Sales", "employeeNumber": "E000001", "manager": "m1" },
            "roles": [],
        });
        assert_eq!(user, expected);
    }

    #[test]
    fn a_leaver_is_switched_off_with_a_text_and_with_the_flag_with_a_boolean() {
        let mut anna = anna();
        anna.active = false;
        let call = ENTRA.switch("u1", &anna).remove(0);
        assert_eq!(call.target, "/Users/u1");
        assert_eq!(*operations(&call), json!([{ "op": "Replace", "path": "active", "value": "False" }]));
        let call = FLAGGED.switch("u1", &anna).remove(0);
        assert_eq!(*operations(&call), json!([{ "op": "replace", "path": "active", "value": false }]));
    }

    #[test]
    fn a_rename_changes_name_and_mail_in_one_request() {
        let (before, mut after) = (anna(), anna());
        after.user_name = "anna.new@contoso.example".to_owned();
        let calls = ENTRA.change("u1", &before, &after);
        assert_eq!((calls.len(), calls[0].target.as_str()), (2, "/Users/u1"));
        let expected = json!([
            { "op": "Replace", "path": "userName", "value": "anna.new@contoso.example" },
            { "op": "Add", "path": "emails[type eq \"work\"].value", "value": "anna.new@contoso.example" },
        ]);
        assert_eq!(*operations(&calls[1]), expected);
    }

    #[test]
    fn with_the_flag_single_values_have_dotted_and_urn_keys_and_no_path() {
        let (before, mut after) = (anna(), anna());
        (after.family, after.department) = ("Moss", "Legal");
        after.user_name = "anna.moss@contoso.example".to_owned();
        let calls = FLAGGED.change("u1", &before, &after);
        let expected = json!([
            { "op": "add", "path": "emails[type eq \"work\"].value", "value": "anna.moss@contoso.example" },
            { "op": "replace", "value": {
                "userName": "anna.moss@contoso.example",
                "displayName": "Anna Moss",
                "name.familyName": "Moss",
                "name.formatted": "Anna Moss",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Legal",
            } },
        ]);
        assert_eq!(*operations(&calls[1]), expected);
    }

    #[test]
    fn a_new_manager_is_asked_for_and_sent_as_a_bare_id() {
        let (mut before, after) = (anna(), anna());
        before.manager = None;
        let calls = ENTRA.change("u1", &before, &after);
        assert_eq!(calls[1].target, "/Users?filter=id+eq+%22u1%22+and+manager+eq+%22m1%22&attributes=id");
        let expected = json!([{ "op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "m1" }]);
        assert_eq!(*operations(&calls[2]), expected);
    }

    #[test]
    fn a_member_is_removed_by_value_list_after_a_probe_and_with_the_flag_by_path() {
        let calls = changed(&ENTRA, &[], &["u1"]);
        let probe = "/Groups?excludedAttributes=members&filter=id+eq+%22g1%22+and+members+eq+%22u1%22";
        assert_eq!(calls[0].target, probe);
        let expected = json!([{ "op": "Remove", "path": "members", "value": [{ "$ref": null, "value": "u1" }] }]);
        assert_eq!(*operations(&calls[1]), expected);
        let calls = changed(&FLAGGED, &["u2"], &["u1"]);
        let expected = json!([
            { "op": "add", "path": "members", "value": [{ "value": "u2" }] },
            { "op": "remove", "path": "members[value eq \"u1\"]" },
        ]);
        assert_eq!(*operations(&calls[2]), expected);
    }

    #[test]
    fn several_members_go_in_one_operation_without_a_probe_each() {
        let calls = changed(&ENTRA, &["a", "b", "c", "d"], &[]);
        assert_eq!(calls.len(), 1);
        assert_eq!(operations(&calls[0])[0]["value"][3], json!({ "$ref": null, "value": "d" }));
    }

    #[test]
    fn a_group_is_made_empty_and_looked_up_without_its_members() {
        let (group, sent) = ENTRA.team(&sales(), &[]);
        assert_eq!((group["schemas"][1].as_str(), sent), (Some(ADSCIM_GROUP), 0));
        assert!(group.get("members").is_none());
        let find = ENTRA.find_team(&sales()).unwrap();
        assert_eq!(find.target, "/Groups?excludedAttributes=members&filter=displayName+eq+%22sales%22");
    }
}
