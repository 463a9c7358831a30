//! OneLogin: a body from a template that the admin edits (`"id": null`, `"active": "true"`, `manager.managerId`), an empty
//! `User-Agent`, group PATCHes with a trailing `?`, groups from a list, DELETE for leavers.

use serde_json::{Value, json};

use super::{
    Change, Departure, Dialect, Habits, Member, Team,
    shapes::{ENTERPRISE, USER, list_of, patch},
};
use crate::{
    company::Person,
    http::{Call, Manner, filter, literal},
};

pub(super) struct OneLogin;

impl OneLogin {
    fn find(user_name: &str) -> Call {
        Call::get(format!("/Users?{}", filter(&format!("userName eq {}", literal(user_name)), "%20")))
    }

    fn patch_group(id: &str, operations: Value) -> Call {
        let mut call = patch("Groups", id, operations);
        call.target.push('?');
        call
    }

    fn profile(person: &Person) -> Value {
        json!({
            "schemas": [USER, ENTERPRISE],
            "userName": person.user_name,
            "name": { "familyName": person.family, "givenName": person.given, "formatted": person.display_name() },
            "emails": [{ "value": person.user_name, "type": "work", "primary": true }],
            "title": person.title,
            "active": person.active,
            ENTERPRISE: { "department": person.department },
        })
    }
}

impl Dialect for OneLogin {
    fn habits(&self) -> Habits {
        Habits {
            manner: Manner {
                accept: "application/json",
                content_type: "application/scim+json",
                more: &[("user-agent", "")],
            },
            departure: Departure::Delete,
            managers: true,
            ..Habits::PLAIN
        }
    }

    /// Looks for somebody who is not there.
    fn connection_test(&self, probe: u128) -> Vec<Call> {
        vec![Self::find(&format!("nonexistent.{probe:x}@onelogin.example"))]
    }

    fn find_user(&self, person: &Person) -> Call {
        Self::find(&person.user_name)
    }

    fn user(&self, person: &Person) -> Value {
        let mut user = Self::profile(person);
        user["schemas"] = json!([USER]);
        user["id"] = Value::Null;
        user["meta"] = json!({ "resourceType": "User" });
        user["active"] = json!(person.active.to_string());
        if let Some(manager) = &person.manager {
            user[ENTERPRISE]["manager"] = json!({ "managerId": manager.id, "displayName": manager.name });
        }
        user
    }

    /// Of the template's manager nothing is known to SCIM.
    fn expected(&self, person: &Person) -> Value {
        Self::profile(person)
    }

    fn put_user(&self, id: &str, person: &Person) -> Call {
        let mut user = Self::profile(person);
        user["id"] = json!(id);
        Call::send("PUT", format!("/Users/{id}"), user)
    }

    fn find_team(&self, _team: &Team) -> Option<Call> {
        None
    }

    fn change_members(&self, id: &str, _team: &Team, change: &Change<'_>) -> Vec<Call> {
        let mut operations = Vec::new();
        if !change.added.is_empty() {
            operations.push(json!({ "op": "add", "path": "members", "value": list_of(change.added) }));
        }
        for leaver in change.removed {
            operations.push(json!({ "op": "remove", "path": format!("members[value eq {}]", literal(leaver)) }));
        }
        vec![Self::patch_group(id, json!(operations))]
    }

    fn rename(&self, id: &str, team: &Team, _all: &(dyn Fn() -> Vec<Member> + Sync)) -> Vec<Call> {
        vec![Self::patch_group(id, json!([{ "op": "replace", "path": "displayName", "value": team.name }]))]
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, changed},
        *,
    };

    #[test]
    fn a_create_is_the_admins_template() {
        let user = OneLogin.user(&anna());
        assert_eq!((&user["id"], &user["active"], &user["schemas"]), (&Value::Null, &json!("true"), &json!([USER])));
        assert_eq!(user[ENTERPRISE]["manager"], json!({ "managerId": "m1", "displayName": "Mia Moss" }));
        assert_eq!(OneLogin.expected(&anna())["active"], json!(true));
        assert_eq!(OneLogin.put_user("u1", &anna()).body.unwrap()["active"], json!(true));
    }

    #[test]
    fn the_user_agent_is_empty_and_a_group_patch_ends_with_a_question_mark() {
        assert_eq!(OneLogin.habits().manner.more, [("user-agent", "")]);
        assert_eq!(changed(&OneLogin, &["u1"], &[])[0].target, "/Groups/g1?");
    }
}
