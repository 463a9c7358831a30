//! A client that does what RFC 7644 says: profiles by PUT, members by PATCH with a path, groups in groups with their type,
//! leavers switched off and deleted later.

use serde_json::{Value, json};

use super::{Departure, Dialect, Habits, Member, Team, patch, profile};
use crate::{
    company::Person,
    http::{Call, Manner, literal},
};

pub(super) struct Other;

impl Dialect for Other {
    fn habits(&self) -> Habits {
        Habits {
            manner: Manner {
                accept: "application/scim+json, application/json;q=0.9",
                content_type: "application/json; charset=UTF-8",
                more: &[],
            },
            departure: Departure::DisableThenDelete,
            managers: true,
            nested: true,
            ..Habits::PLAIN
        }
    }

    fn user(&self, person: &Person) -> Value {
        let mut user = profile(person);
        user["externalId"] = json!(person.employee_number());
        if let Some(manager) = &person.manager {
            user[super::shapes::ENTERPRISE]["manager"] = json!({ "value": manager.id });
        }
        user
    }

    fn switch(&self, id: &str, person: &Person) -> Vec<Call> {
        vec![patch("Users", id, json!([{ "op": "replace", "path": "active", "value": person.active }]))]
    }

    fn change_members(&self, id: &str, _team: &Team, change: &super::Change<'_>) -> Vec<Call> {
        let mut operations = Vec::new();
        if !change.added.is_empty() {
            operations.push(json!({ "op": "add", "path": "members", "value": typed(change.added) }));
        }
        for leaver in change.removed {
            operations.push(json!({ "op": "remove", "path": format!("members[value eq {}]", literal(leaver)) }));
        }
        vec![patch("Groups", id, Value::Array(operations))]
    }
}

fn typed(members: &[Member]) -> Value {
    let kind = |member: &Member| if member.is_group { "Group" } else { "User" };
    members.iter().map(|member| json!({ "value": member.id, "type": kind(member) })).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, changed, operations},
        *,
    };

    #[test]
    fn profiles_are_put_and_members_patched_by_path() {
        let update = Other.update("u1", &anna()).remove(0);
        assert_eq!((update.method, update.target.as_str()), ("PUT", "/Users/u1"));
        assert_eq!(update.body.unwrap()["id"], "u1");
        let calls = changed(&Other, &["u1"], &["u2"]);
        let both = json!([
            { "op": "add", "path": "members", "value": [{ "value": "u1", "type": "User" }] },
            { "op": "remove", "path": "members[value eq \"u2\"]" },
        ]);
        assert_eq!(*operations(&calls[0]), both);
    }

    #[test]
    fn a_group_in_a_group_says_what_it_is() {
        let group = Member { id: "g2".to_owned(), display: "inner".to_owned(), is_group: true };
        assert_eq!(typed(&[group]), json!([{ "value": "g2", "type": "Group" }]));
    }
}
