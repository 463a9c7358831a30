//! authentik: creates without looking first, changes groups by a PATCH without a path that holds the whole group, adds and
//! removes members an operation each, finds what is there by listing groups without `count`.

use serde_json::{Value, json};

use super::{
    Change, Departure, Dialect, Habits, Import, Member, Team,
    shapes::{GROUP, core_profile, guid, patch},
};
use crate::{company::Person, http::Call};

pub(super) struct Authentik;

fn whole(team: &Team) -> Value {
    json!({ "schemas": [GROUP], "displayName": team.name, "externalId": guid(team.bits) })
}

impl Dialect for Authentik {
    fn habits(&self) -> Habits {
        Habits {
            departure: Departure::DisableThenDelete,
            creates_first: true,
            import: Some(Import { users: false, page: None }),
            ..Habits::PLAIN
        }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/ServiceProviderConfig")]
    }

    fn user(&self, person: &Person) -> Value {
        let mut user = core_profile(person);
        user["externalId"] = json!(guid(person.bits));
        user["locale"] = json!("en-US");
        user["title"] = json!(person.title);
        user
    }

    fn find_team(&self, _team: &Team) -> Option<Call> {
        None
    }

    fn team(&self, team: &Team, _members: &[Member]) -> (Value, usize) {
        (whole(team), 0)
    }

    fn change_members(&self, id: &str, _team: &Team, change: &Change<'_>) -> Vec<Call> {
        let one = |op: &str, id: &String| json!({ "op": op, "path": "members", "value": [{ "value": id }] });
        let added = change.added.iter().map(|member| one("add", &member.id));
        let operations: Vec<Value> = added.chain(change.removed.iter().map(|id| one("remove", id))).collect();
        vec![patch("Groups", id, json!(operations))]
    }

    fn rename(&self, id: &str, team: &Team, _all: &(dyn Fn() -> Vec<Member> + Sync)) -> Vec<Call> {
        let mut group = whole(team);
        group["id"] = json!(id);
        vec![patch("Groups", id, json!([{ "op": "replace", "value": group }])), Call::get(format!("/Groups/{id}"))]
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{changed, operations, sales},
        *,
    };

    #[test]
    fn members_come_and_go_an_operation_each() {
        let calls = changed(&Authentik, &["a", "b"], &["c"]);
        let expected = json!([
            { "op": "add", "path": "members", "value": [{ "value": "a" }] },
            { "op": "add", "path": "members", "value": [{ "value": "b" }] },
            { "op": "remove", "path": "members", "value": [{ "value": "c" }] },
        ]);
        assert_eq!(*operations(&calls[0]), expected);
    }

    #[test]
    fn a_rename_sends_the_whole_group_without_a_path() {
        let calls = Authentik.rename("g1", &sales(), &Vec::new);
        let group = json!({
            "schemas": [GROUP],
            "displayName": "sales",
            "externalId": "00000000-0000-0000-0000-000000000007",
            "id": "g1",
        });
        assert_eq!(*operations(&calls[0]), json!([{ "op": "replace", "value": group }]));
    }
}
