//! An Okta gallery app: PUT for profiles, PATCH without a path for activation, PATCH for group push, a password and empty
//! `groups` in every create, ids that look like `00u…`.

use serde_json::{Value, json};

use super::{Dialect, GROUP, Member, USER, patch};
use crate::{
    connection::{Call, Manner, filter, literal},
    people::{Person, Team},
};

pub(super) struct Okta;

/// An id as Okta makes them: 20 letters and digits that begin with the kind's three.
fn okta_id(kind: &str, bits: u128) -> String {
    format!("{kind}{}", &format!("{bits:032x}")[..17])
}

fn references(members: &[Member<'_>]) -> Value {
    members.iter().map(|member| json!({ "value": member.id, "display": member.person.user_name })).collect()
}

fn lookup(endpoint: &str, attribute: &str, value: &str) -> Call {
    let filter = filter(&format!("{attribute} eq {}", literal(value)), "%20");
    Call::get(format!("/{endpoint}?{filter}&startIndex=1&count=100"))
}

impl Dialect for Okta {
    fn manner(&self) -> Manner {
        Manner {
            accept: "application/scim+json",
            content_type: "application/scim+json; charset=utf-8",
            user_agent: Some("Okta SCIM Client 1.0.0"),
        }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![
            Call::get("/Users?startIndex=1&count=2".to_owned()),
            Call::get("/Groups?startIndex=1&count=100".to_owned()),
        ]
    }

    fn find_user(&self, person: &Person) -> Call {
        lookup("Users", "userName", &person.user_name)
    }

    fn user(&self, person: &Person) -> Value {
        json!({
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
        })
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
        Call::send("PUT", format!("/Users/{id}"), user)
    }

    fn switch(&self, id: &str, person: &Person) -> Call {
        patch("Users", id, json!([{ "op": "replace", "value": { "active": person.active } }]))
    }

    fn find_team(&self, team: &Team) -> Option<Call> {
        Some(lookup("Groups", "displayName", &team.name))
    }

    fn team(&self, team: &Team) -> Value {
        json!({ "schemas": [GROUP], "displayName": team.name, "members": [] })
    }

    /// Okta repeats the group's id and name with its members, in operations without a path.
    fn add_members(&self, id: &str, team: &Team, members: &[Member<'_>]) -> Vec<Call> {
        let add = |chunk| {
            let name = json!({ "id": id, "displayName": team.name });
            let operations = json!([
                { "op": "replace", "value": name },
                { "op": "add", "path": "members", "value": references(chunk) },
            ]);
            patch("Groups", id, operations)
        };
        members.chunks(super::CHUNK).map(add).collect()
    }

    fn rename(&self, id: &str, name: &str, _members: &[Member<'_>]) -> Call {
        patch("Groups", id, json!([{ "op": "replace", "value": { "id": id, "displayName": name } }]))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::anna, *};

    #[test]
    fn activation_is_a_patch_without_a_path() {
        let body = Okta.switch("u1", &anna()).body.unwrap();
        assert_eq!(body["Operations"], json!([{ "op": "replace", "value": { "active": true } }]));
    }

    #[test]
    fn a_create_carries_a_password_and_an_update_does_not() {
        assert!(Okta.user(&anna()).get("password").is_some());
        let calls = Okta.update("u1", &anna());
        assert_eq!(calls.iter().map(|call| call.method).collect::<Vec<_>>(), ["GET", "PUT"]);
        assert!(calls[1].body.as_ref().unwrap().get("password").is_none());
    }

    #[test]
    fn lookups_use_percent_20_and_a_page() {
        let target = Okta.find_user(&anna()).target;
        assert_eq!(target, "/Users?filter=userName%20eq%20%22anna%40contoso.example%22&startIndex=1&count=100");
    }
}
