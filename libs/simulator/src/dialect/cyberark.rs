//! CyberArk Identity: asks for discovery documents by name before it shows its settings, speaks plain JSON, users by PUT
//! that overwrites, groups from a list.

use serde_json::{Value, json};

use super::{
    Change, Dialect, Habits, Team,
    shapes::{ENTERPRISE, GROUP, USER, displayed, patch, profile},
};
use crate::{
    company::Person,
    http::{Call, Manner, literal},
};

pub(super) struct CyberArk;

impl Dialect for CyberArk {
    fn habits(&self) -> Habits {
        Habits {
            manner: Manner { accept: "application/json", content_type: "application/json", more: &[] },
            ..Habits::PLAIN
        }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        let targets = [
            "/Users?count=1".to_owned(),
            "/ServiceProviderConfig".to_owned(),
            "/ResourceTypes/User".to_owned(),
            "/ResourceTypes/Group".to_owned(),
            format!("/Schemas/{USER}"),
            format!("/Schemas/{GROUP}"),
            format!("/Schemas/{ENTERPRISE}"),
        ];
        targets.into_iter().map(Call::get).collect()
    }

    /// Who has changed jobs has no telephone any more: overwriting must take it away.
    fn user(&self, person: &Person) -> Value {
        let mut user = profile(person);
        if person.moves.is_multiple_of(2) {
            user["phoneNumbers"] = json!([{ "type": "mobile", "value": format!("555-{:04}", person.bits % 10_000) }]);
        }
        user
    }

    fn expected(&self, person: &Person) -> Value {
        let mut user = self.user(person);
        let phones = user["phoneNumbers"].take();
        user["phoneNumbers"] = phones; // null if there is none
        user
    }

    fn update(&self, id: &str, person: &Person) -> Vec<Call> {
        vec![Call::get(format!("/Users/{id}")), self.put_user(id, person)]
    }

    fn find_team(&self, _team: &Team) -> Option<Call> {
        None
    }

    fn change_members(&self, id: &str, _team: &Team, change: &Change<'_>) -> Vec<Call> {
        let mut operations = Vec::new();
        if !change.added.is_empty() {
            operations.push(json!({ "op": "add", "path": "members", "value": displayed(change.added) }));
        }
        for leaver in change.removed {
            operations.push(json!({ "op": "remove", "path": format!("members[value eq {}]", literal(leaver)) }));
        }
        vec![patch("Groups", id, json!(operations))]
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, changed, operations},
        *,
    };

    #[test]
    fn verify_asks_for_discovery_by_name() {
        let targets: Vec<String> = CyberArk.connection_test(0).into_iter().map(|call| call.target).collect();
        assert!(targets.contains(&"/ResourceTypes/User".to_owned()));
        assert!(targets.contains(&format!("/Schemas/{GROUP}")));
        assert_eq!(CyberArk.switch("u1", &anna())[0].method, "PUT");
    }

    #[test]
    fn what_cyberark_does_not_have_must_be_gone_after_a_put() {
        let mut anna = anna();
        assert!(CyberArk.expected(&anna)["phoneNumbers"].is_array());
        anna.moves = 1;
        assert!(CyberArk.user(&anna).get("phoneNumbers").is_none());
        assert_eq!(CyberArk.expected(&anna).get("phoneNumbers"), Some(&Value::Null));
    }

    #[test]
    fn members_come_with_what_they_are_called() {
        let calls = changed(&CyberArk, &["u1"], &[]);
        assert_eq!(operations(&calls[0])[0]["value"], json!([{ "value": "u1", "display": "anna@contoso.example" }]));
    }
}
