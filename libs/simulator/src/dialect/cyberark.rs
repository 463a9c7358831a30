//! CyberArk Identity: asks for discovery documents by name before it shows its settings, speaks plain JSON, users by PUT,
//! groups from a list.

use super::{Dialect, ENTERPRISE, GROUP, Member, Team, USER, patch};
use crate::{
    connection::{Call, Manner},
    people::Person,
};
use serde_json::{Value, json};

pub(super) struct CyberArk;

impl Dialect for CyberArk {
    fn manner(&self) -> Manner {
        Manner { accept: "application/json", content_type: "application/json", user_agent: None }
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

    fn user(&self, person: &Person) -> Value {
        super::profile(person)
    }

    fn switch(&self, id: &str, person: &Person) -> Call {
        self.put_user(id, person)
    }

    fn find_team(&self, _team: &Team) -> Option<Call> {
        None
    }

    fn add_members(&self, id: &str, _team: &Team, members: &[Member<'_>]) -> Vec<Call> {
        let add = |chunk: &[Member<'_>]| {
            let value: Vec<Value> =
                chunk.iter().map(|member| json!({ "value": member.id, "display": member.person.user_name })).collect();
            patch("Groups", id, json!([{ "op": "add", "path": "members", "value": value }]))
        };
        members.chunks(super::CHUNK).map(add).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::anna, *};

    #[test]
    fn verify_asks_for_discovery_by_name() {
        let targets: Vec<String> = CyberArk.connection_test(0).into_iter().map(|call| call.target).collect();
        assert!(targets.contains(&"/ResourceTypes/User".to_owned()));
        assert!(targets.contains(&format!("/Schemas/{GROUP}")));
        assert_eq!(CyberArk.switch("u1", &anna()).method, "PUT");
    }
}
