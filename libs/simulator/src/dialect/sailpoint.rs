//! SailPoint: reads every discovery document, aggregates accounts with their groups by pages, changes users by PATCH or by
//! option all by PUT.

use serde_json::{Value, json};

use super::{Dialect, Habits, Import, Member, Team, patch, profile, shapes::ENTERPRISE, shapes::USER};
use crate::{company::Person, http::Call};

pub(super) struct SailPoint {
    /// `HttpPatchSupport=false`.
    pub(super) puts: bool,
}

impl Dialect for SailPoint {
    fn habits(&self) -> Habits {
        Habits {
            whole_lists: self.puts,
            members_per_call: 1,
            import: Some(Import { users: true, page: Some(50) }),
            ..Habits::PLAIN
        }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        let targets =
            ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User", "/ResourceTypes/Group"];
        targets.into_iter().map(Call::get).chain([Call::get(format!("/Schemas/{USER}"))]).collect()
    }

    fn user(&self, person: &Person) -> Value {
        profile(person)
    }

    fn update(&self, id: &str, person: &Person) -> Vec<Call> {
        if self.puts {
            return vec![Call::get(format!("/Users/{id}")), self.put_user(id, person)];
        }
        let replace = |path: &str, value: Value| json!({ "op": "replace", "path": path, "value": value });
        let operations = json!([
            replace("userName", json!(person.user_name)),
            replace("displayName", json!(person.display_name())),
            replace("name.givenName", json!(person.given)),
            replace("name.familyName", json!(person.family)),
            replace("title", json!(person.title)),
            replace("emails", json!([{ "value": person.user_name, "type": "work", "primary": true }])),
            replace(&format!("{ENTERPRISE}:department"), json!(person.department)),
            replace(&format!("{ENTERPRISE}:employeeNumber"), json!(person.employee_number())),
            replace("active", json!(person.active)),
        ]);
        vec![patch("Users", id, operations)]
    }

    fn switch(&self, id: &str, person: &Person) -> Vec<Call> {
        if self.puts {
            return vec![self.put_user(id, person)];
        }
        vec![patch("Users", id, json!([{ "op": "replace", "path": "active", "value": person.active }]))]
    }

    fn team(&self, team: &Team, members: &[Member]) -> (Value, usize) {
        let group = json!({ "schemas": [super::shapes::GROUP], "displayName": team.name });
        match members.first() {
            Some(first) if !self.puts => {
                (super::with(group, "members", super::list_of(std::slice::from_ref(first))), 1)
            }
            _ => (group, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, changed, operations},
        *,
    };

    #[test]
    fn discovery_is_read_whole() {
        let targets: Vec<String> =
            SailPoint { puts: false }.connection_test(0).into_iter().map(|call| call.target).collect();
        for wanted in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User"] {
            assert!(targets.iter().any(|target| target == wanted), "{wanted}");
        }
    }

    #[test]
    fn users_are_patched_an_operation_an_attribute_and_by_option_put() {
        let calls = SailPoint { puts: false }.update("u1", &anna());
        assert_eq!(operations(&calls[0])[4], json!({ "op": "replace", "path": "title", "value": "Analyst" }));
        let calls = SailPoint { puts: true }.update("u1", &anna());
        assert_eq!(calls.iter().map(|call| call.method).collect::<Vec<_>>(), ["GET", "PUT"]);
        assert_eq!(changed(&SailPoint { puts: true }, &["u1"], &[])[0].method, "PUT");
    }
}
