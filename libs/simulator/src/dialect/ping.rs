//! PingFederate's SCIM connector and PingOne: users by PUT and never by PATCH.

use serde_json::{Value, json};

use super::{Dialect, GROUP, Member, patch, profile};
use crate::{
    connection::{Call, filter, literal},
    people::{Person, Team},
};

/// PingFederate lists all groups and compares names; "Use PATCH for group updates" sends one member at a time.
pub(super) struct PingFederate;

impl Dialect for PingFederate {
    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/Users?count=1&startIndex=1".to_owned())]
    }

    fn user(&self, person: &Person) -> Value {
        profile(person)
    }

    fn switch(&self, id: &str, person: &Person) -> Call {
        self.put_user(id, person)
    }

    fn find_team(&self, _team: &Team) -> Option<Call> {
        None
    }

    fn add_members(&self, id: &str, _team: &Team, members: &[Member<'_>]) -> Vec<Call> {
        let add = |member: &Member<'_>| {
            patch("Groups", id, json!([{ "op": "add", "path": "members", "value": [{ "value": member.id }] }]))
        };
        members.iter().map(add).collect()
    }
}

/// PingOne's filter is the admin's text with the value in place of `%s`: `userName Eq "%s"`. Its membership handling is
/// Overwrite here, a PUT of the whole list.
pub(super) struct PingOne;

impl PingOne {
    fn put_group(id: &str, name: &str, members: &[Member<'_>]) -> Call {
        let members: Vec<Value> = members.iter().map(|member| json!({ "value": member.id })).collect();
        let group = json!({ "schemas": [GROUP], "id": id, "displayName": name, "members": members });
        Call::send("PUT", format!("/Groups/{id}"), group)
    }
}

impl Dialect for PingOne {
    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/Users?startIndex=1&count=1".to_owned())]
    }

    fn find_user(&self, person: &Person) -> Call {
        Call::get(format!("/Users?{}", filter(&format!("userName Eq {}", literal(&person.user_name)), "+")))
    }

    fn user(&self, person: &Person) -> Value {
        profile(person)
    }

    fn switch(&self, id: &str, person: &Person) -> Call {
        self.put_user(id, person)
    }

    fn add_members(&self, id: &str, team: &Team, members: &[Member<'_>]) -> Vec<Call> {
        vec![Self::put_group(id, &team.name, members)]
    }

    fn remove_member(&self, id: &str, team: &Team, _leaver: Member<'_>, staying: &[Member<'_>]) -> Call {
        Self::put_group(id, &team.name, staying)
    }

    fn rename(&self, id: &str, name: &str, members: &[Member<'_>]) -> Call {
        Self::put_group(id, name, members)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, sales},
        *,
    };

    #[test]
    fn users_are_never_patched() {
        for dialect in [&PingFederate as &dyn Dialect, &PingOne] {
            assert_eq!(dialect.switch("u1", &anna()).method, "PUT");
            assert!(dialect.update("u1", &anna()).iter().all(|call| call.method == "PUT"));
        }
    }

    #[test]
    fn pingfederate_compares_names_and_pingone_overwrites_members() {
        assert!(PingFederate.find_team(&sales()).is_none());
        let anna = anna();
        let calls = PingOne.add_members("g1", &sales(), &[Member { id: "u1", person: &anna }]);
        assert_eq!(calls[0].method, "PUT");
        assert_eq!(calls[0].body.as_ref().unwrap()["members"], json!([{ "value": "u1" }]));
    }
}
