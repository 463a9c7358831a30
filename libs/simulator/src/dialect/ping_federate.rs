//! PingFederate's SCIM connector: users by PUT and never by PATCH, groups found by listing all of them. "Use PATCH for
//! group updates" sends one member at a time; without it the whole list is PUT. Up to five threads create at once.

use serde_json::{Value, json};

use super::{
    Dialect, Habits, Member, Team,
    shapes::{GROUP, list_of},
    with,
};
use crate::{company::Person, http::Call};

pub(super) struct PingFederate {
    /// "Use PATCH for group updates" is off.
    pub(super) puts: bool,
}

impl Dialect for PingFederate {
    fn habits(&self) -> Habits {
        Habits { threads: 5, most_threads: 5, whole_lists: self.puts, members_per_call: 1, ..Habits::PLAIN }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/Users?count=1&startIndex=1")]
    }

    fn user(&self, person: &Person) -> Value {
        super::profile(person)
    }

    fn find_team(&self, _team: &Team) -> Option<Call> {
        None
    }

    /// With PATCH the first member comes with the group; a list follows by PUT.
    fn team(&self, team: &Team, members: &[Member]) -> (Value, usize) {
        let group = json!({ "schemas": [GROUP], "displayName": team.name });
        match members.first() {
            Some(first) if !self.puts => (with(group, "members", list_of(std::slice::from_ref(first))), 1),
            _ => (group, 0),
        }
    }

    fn put_group(&self, id: &str, team: &Team, members: &[Member]) -> Call {
        let group = json!({ "schemas": [GROUP], "id": id, "displayName": team.name });
        let typed = members.iter().map(|member| json!({ "value": member.id, "type": "User" })).collect();
        Call::send("PUT", format!("/Groups/{id}"), with(group, "members", typed))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, changed, member, operations, sales},
        *,
    };

    const PATCHES: PingFederate = PingFederate { puts: false };
    const PUTS: PingFederate = PingFederate { puts: true };

    #[test]
    fn users_are_never_patched_and_groups_are_listed() {
        let mut calls = PATCHES.switch("u1", &anna());
        calls.extend(PATCHES.change("u1", &anna(), &anna()));
        assert!(calls.iter().all(|call| call.method == "PUT"));
        assert!(PATCHES.find_team(&sales()).is_none());
    }

    #[test]
    fn with_patch_a_group_comes_with_its_first_member_and_the_others_one_by_one() {
        let (group, sent) = PATCHES.team(&sales(), &[member("u1"), member("u2")]);
        assert_eq!((&group["members"], sent), (&json!([{ "value": "u1" }]), 1));
        assert_eq!(PATCHES.habits().members_per_call, 1);
        let calls = changed(&PATCHES, &["u2"], &[]);
        assert_eq!(*operations(&calls[0]), json!([{ "op": "add", "path": "members", "value": [{ "value": "u2" }] }]));
        let calls = changed(&PATCHES, &[], &["u1"]);
        assert_eq!(*operations(&calls[0]), json!([{ "op": "remove", "path": "members[value eq \"u1\"]" }]));
    }

    #[test]
    fn without_patch_the_whole_list_is_put() {
        let (group, sent) = PUTS.team(&sales(), &[member("u1")]);
        assert_eq!((group.get("members"), sent), (None, 0));
        let calls = changed(&PUTS, &["u1"], &["u2"]);
        let body = calls[0].body.as_ref().unwrap();
        let list = json!([{ "value": "u1", "type": "User" }, { "value": "u9", "type": "User" }]);
        assert_eq!((calls[0].method, &body["members"], &body["id"]), ("PUT", &list, &json!("g1")));
    }
}
