//! JumpCloud: makes and deletes a test user and group while it is being activated; 24-digit external ids; PUT with empty
//! lists; members added by id alone and removed with a value list; imports.

use serde_json::{Value, json};

use super::{
    Change, Departure, Dialect, Habits, Import, Member, Team,
    shapes::{ENTERPRISE, GROUP, USER, hex, list_of, patch},
};
use crate::{company::Person, http::Call};

pub(super) struct JumpCloud;

impl Dialect for JumpCloud {
    fn habits(&self) -> Habits {
        Habits {
            departure: Departure::DisableThenDelete,
            rehearses: true,
            import: Some(Import { users: true, page: Some(100) }),
            ..Habits::PLAIN
        }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/Users")]
    }

    fn user(&self, person: &Person) -> Value {
        json!({
            "active": person.active,
            "addresses": [{ "country": "US", "locality": "Boulder", "postalCode": "80027", "primary": true, "type": "work" }],
            "displayName": person.display_name(),
            "emails": [{ "primary": true, "type": "work", "value": person.user_name }],
            "externalId": hex(person.bits, 24),
            "locale": "en-US",
            "name": { "familyName": person.family, "givenName": person.given },
            "phoneNumbers": [{ "primary": true, "type": "work", "value": "tel:+1-555-555-5555" }],
            "preferredLanguage": "en-US",
            "schemas": [USER, ENTERPRISE],
            "title": person.title,
            "userName": person.user_name,
        })
    }

    /// An update knows no addresses, and names the extension first.
    fn put_user(&self, id: &str, person: &Person) -> Call {
        let mut user = self.user(person);
        user["id"] = json!(id);
        user["addresses"] = json!([]);
        user["phoneNumbers"] = json!([]);
        user["schemas"] = json!([ENTERPRISE, USER]);
        user[ENTERPRISE] = json!({ "department": person.department });
        Call::send("PUT", format!("/Users/{id}"), user)
    }

    /// Whether the lists are there depends on whether the user was ever updated.
    fn expected(&self, person: &Person) -> Value {
        let mut user = self.user(person);
        if let Some(user) = user.as_object_mut() {
            user.remove("addresses");
            user.remove("phoneNumbers");
        }
        user
    }

    fn team(&self, team: &Team, _members: &[Member]) -> (Value, usize) {
        (json!({ "schemas": [GROUP], "displayName": team.name, "members": [] }), 0)
    }

    fn change_members(&self, id: &str, _team: &Team, change: &Change<'_>) -> Vec<Call> {
        let mut calls = Vec::new();
        if !change.added.is_empty() {
            let add = json!([{ "op": "add", "path": "members", "value": list_of(change.added) }]);
            calls.push(patch("Groups", id, add));
        }
        if !change.removed.is_empty() {
            let leavers: Value = change.removed.iter().map(|id| json!({ "value": id })).collect();
            calls.push(patch("Groups", id, json!([{ "op": "remove", "path": "members", "value": leavers }])));
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, changed, operations},
        *,
    };

    #[test]
    fn a_create_has_lists_and_an_update_empties_them() {
        let user = JumpCloud.user(&anna());
        assert_eq!(user["externalId"], "123456789abcdef011223344");
        assert_eq!(user["schemas"], json!([USER, ENTERPRISE]));
        let put = JumpCloud.put_user("u1", &anna()).body.unwrap();
        assert_eq!((&put["addresses"], &put["phoneNumbers"]), (&json!([]), &json!([])));
        assert_eq!(put["schemas"], json!([ENTERPRISE, USER]));
    }

    #[test]
    fn members_are_removed_with_a_value_list() {
        let calls = changed(&JumpCloud, &["u2"], &["u1"]);
        assert_eq!(operations(&calls[0])[0]["op"], "add");
        let expected = json!([{ "op": "remove", "path": "members", "value": [{ "value": "u1" }] }]);
        assert_eq!(*operations(&calls[1]), expected);
    }
}
