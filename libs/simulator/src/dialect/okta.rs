//! Okta. A gallery app: PUT for profiles, PATCH without a path for activation, PATCH for group push. An app of the wizard:
//! PUT for everything. Both: a password and empty `groups` in every create, ids that look like `00u…`, imports by pages.

use serde_json::{Value, json};

use super::{
    Change, Departure, Dialect, Habits, Import, Member,
    shapes::{ENTERPRISE, GROUP, USER, displayed, hex, patch},
    with,
};
use crate::{
    company::{Person, Team},
    http::{Call, Manner, filter, literal},
};

/// So long a list is pushed whole over a group that was found.
const PUSHED_WHOLE: usize = 1_000;

pub(super) struct Okta {
    /// Made with the App Integration Wizard.
    pub(super) custom: bool,
}

/// An id as Okta makes them: 20 letters and digits that begin with the kind's three.
fn okta_id(kind: &str, bits: u128) -> String {
    format!("{kind}{}", hex(bits, 17))
}

fn lookup(endpoint: &str, attribute: &str, value: &str) -> Call {
    let filter = filter(&format!("{attribute} eq {}", literal(value)), "%20");
    Call::get(format!("/{endpoint}?{filter}&startIndex=1&count=100"))
}

impl Dialect for Okta {
    fn habits(&self) -> Habits {
        Habits {
            manner: Manner {
                accept: "application/scim+json",
                content_type: "application/scim+json; charset=utf-8",
                more: &[("accept-charset", "utf-8"), ("user-agent", "Okta SCIM Client 1.0.0")],
            },
            departure: Departure::Disable,
            managers: self.custom,
            whole_lists: self.custom,
            import: Some(Import { users: true, page: Some(100) }),
            ..Habits::PLAIN
        }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/Users?startIndex=1&count=2"), Call::get("/Groups?startIndex=1&count=100")]
    }

    fn find_user(&self, person: &Person) -> Call {
        lookup("Users", "userName", &person.user_name)
    }

    fn user(&self, person: &Person) -> Value {
        let mut user = json!({
            "schemas": [USER],
            "userName": person.user_name,
            "name": { "givenName": person.given, "familyName": person.family, "middleName": "" },
            "emails": [{ "primary": true, "value": person.user_name, "type": "work" }],
            "displayName": person.display_name(),
            "title": person.title,
            "locale": "en-US",
            "externalId": okta_id("00u", person.bits),
            "groups": [],
            "password": okta_id("", person.bits),
            "active": person.active,
        });
        if self.custom {
            user["schemas"] = json!([USER, ENTERPRISE]);
            user[ENTERPRISE] = json!({ "department": person.department, "costCenter": "42" });
            if let Some(manager) = &person.manager {
                user[ENTERPRISE]["manager"] = json!({ "value": manager.id, "displayName": manager.name });
            }
        }
        user
    }

    /// The manager's name is the server's to say.
    fn expected(&self, person: &Person) -> Value {
        let mut user = self.user(person);
        if let Some(manager) = &person.manager.as_ref().filter(|_| self.custom) {
            user[ENTERPRISE]["manager"] = json!({ "value": manager.id });
        }
        user
    }

    /// Okta reads the user first and pushes the profile over what it found.
    fn update(&self, id: &str, person: &Person) -> Vec<Call> {
        vec![Call::get(format!("/Users/{id}")), self.put_user(id, person)]
    }

    fn put_user(&self, id: &str, person: &Person) -> Call {
        let mut user = self.user(person);
        if let Some(user) = user.as_object_mut() {
            user.remove("password");
            user.insert("id".to_owned(), json!(id));
            user.insert("meta".to_owned(), json!({ "resourceType": "User" }));
        }
        user["emails"][0]["display"] = json!(person.user_name);
        Call::send("PUT", format!("/Users/{id}"), user)
    }

    fn switch(&self, id: &str, person: &Person) -> Vec<Call> {
        if self.custom {
            return self.update(id, person);
        }
        vec![patch("Users", id, json!([{ "op": "replace", "value": { "active": person.active } }]))]
    }

    fn find_team(&self, team: &Team) -> Option<Call> {
        Some(lookup("Groups", "displayName", &team.name))
    }

    fn team(&self, team: &Team, _members: &[Member]) -> (Value, usize) {
        (json!({ "schemas": [GROUP], "displayName": team.name, "members": [] }), 0)
    }

    /// With each change of members Okta says the group's id and name again.
    fn change_members(&self, id: &str, team: &Team, change: &Change<'_>) -> Vec<Call> {
        if self.custom {
            return vec![self.put_group(id, team, &(change.all)())];
        }
        let path =
            |leaver: &String| json!({ "op": "remove", "path": format!("members[value eq {}]", literal(leaver)) });
        let mut operations: Vec<Value> = change.removed.iter().map(path).collect();
        if !change.added.is_empty() {
            operations.push(json!({ "op": "add", "path": "members", "value": displayed(change.added) }));
        }
        vec![self.name_again(id, team), patch("Groups", id, json!(operations))]
    }

    fn overwrite_members(&self, id: &str, team: &Team, members: &[Member]) -> Option<Vec<Call>> {
        if self.custom {
            return Some(vec![self.put_group(id, team, members)]);
        }
        let push = json!([{ "op": "replace", "path": "members", "value": displayed(members) }]);
        (members.len() <= PUSHED_WHOLE).then(|| vec![self.name_again(id, team), patch("Groups", id, push)])
    }

    fn rename(&self, id: &str, team: &Team, all: &(dyn Fn() -> Vec<Member> + Sync)) -> Vec<Call> {
        if self.custom { vec![self.put_group(id, team, &all())] } else { vec![self.name_again(id, team)] }
    }

    fn put_group(&self, id: &str, team: &Team, members: &[Member]) -> Call {
        let group = json!({ "schemas": [GROUP], "id": id, "displayName": team.name });
        Call::send("PUT", format!("/Groups/{id}"), with(group, "members", displayed(members)))
    }
}

impl Okta {
    fn name_again(&self, id: &str, team: &Team) -> Call {
        patch("Groups", id, json!([{ "op": "replace", "value": { "id": id, "displayName": team.name } }]))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, changed, member, operations, sales},
        *,
    };

    const GALLERY: Okta = Okta { custom: false };
    const CUSTOM: Okta = Okta { custom: true };

    #[test]
    fn activation_is_a_patch_without_a_path_and_from_the_wizard_a_put() {
        let call = GALLERY.switch("u1", &anna()).remove(0);
        assert_eq!(*operations(&call), json!([{ "op": "replace", "value": { "active": true } }]));
        let calls = CUSTOM.switch("u1", &anna());
        assert_eq!(calls.iter().map(|call| call.method).collect::<Vec<_>>(), ["GET", "PUT"]);
    }

    #[test]
    fn a_create_carries_a_password_and_an_update_does_not() {
        assert_eq!(GALLERY.user(&anna())["password"], "123456789abcdef01");
        assert_eq!(GALLERY.user(&anna())["externalId"], "00u123456789abcdef01");
        let put = GALLERY.update("u1", &anna()).remove(1).body.unwrap();
        assert!(put.get("password").is_none());
        assert_eq!((&put["id"], &put["groups"], &put["name"]["middleName"]), (&json!("u1"), &json!([]), &json!("")));
        assert_eq!(put["emails"][0]["display"], "anna@contoso.example");
    }

    #[test]
    fn lookups_use_percent_20_and_a_page() {
        let target = GALLERY.find_user(&anna()).target;
        assert_eq!(target, "/Users?filter=userName%20eq%20%22anna%40contoso.example%22&startIndex=1&count=100");
    }

    #[test]
    fn a_change_of_members_removes_by_path_and_adds_in_one_request_beside_the_name() {
        let calls = changed(&GALLERY, &["u2"], &["u1"]);
        let name = json!([{ "op": "replace", "value": { "id": "g1", "displayName": "sales" } }]);
        assert_eq!(*operations(&calls[0]), name);
        let both = json!([
            { "op": "remove", "path": "members[value eq \"u1\"]" },
            { "op": "add", "path": "members", "value": [{ "value": "u2", "display": "anna@contoso.example" }] },
        ]);
        assert_eq!(*operations(&calls[1]), both);
    }

    #[test]
    fn a_group_that_was_found_gets_the_whole_list() {
        let calls = GALLERY.overwrite_members("g1", &sales(), &[member("u1")]).unwrap();
        assert_eq!(operations(&calls[1])[0]["op"], "replace");
        assert_eq!(operations(&calls[1])[0]["path"], "members");
    }

    #[test]
    fn the_wizards_app_puts_whole_groups_with_displays() {
        let calls = changed(&CUSTOM, &["u1"], &[]);
        let body = calls[0].body.as_ref().unwrap();
        assert_eq!((calls[0].method, &body["displayName"]), ("PUT", &json!("sales")));
        assert_eq!(body["members"][0], json!({ "value": "u1", "display": "anna@contoso.example" }));
        assert_eq!(body["members"][1]["value"], "u9");
    }
}
