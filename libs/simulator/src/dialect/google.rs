//! Google Workspace's auto-provisioning: users only, found by userName, updated by PUT, suspended by PATCH and deleted
//! after a delay.

use serde_json::{Value, json};

use super::{Departure, Dialect, Habits, patch, shapes::ENTERPRISE, shapes::USER};
use crate::{
    company::Person,
    http::{Call, Manner, filter, literal},
};

pub(super) struct Google;

impl Dialect for Google {
    fn habits(&self) -> Habits {
        Habits {
            manner: Manner {
                accept: "application/scim+json",
                content_type: "application/scim+json; charset=utf-8",
                more: &[],
            },
            departure: Departure::DisableThenDelete,
            groups: false,
            ..Habits::PLAIN
        }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/Users?count=1")]
    }

    fn find_user(&self, person: &Person) -> Call {
        Call::get(format!("/Users?{}", filter(&format!("userName eq {}", literal(&person.user_name)), "%20")))
    }

    fn user(&self, person: &Person) -> Value {
        json!({
            "schemas": [USER, ENTERPRISE],
            "userName": person.user_name,
            "name": { "givenName": person.given, "familyName": person.family, "formatted": person.display_name() },
            "emails": [{ "value": person.user_name, "primary": true, "type": "work" }],
            "active": person.active,
            "externalId": format!("1{:020}", person.bits % 10_u128.pow(20)),
            ENTERPRISE: { "department": person.department },
        })
    }

    fn switch(&self, id: &str, person: &Person) -> Vec<Call> {
        vec![patch("Users", id, json!([{ "op": "replace", "path": "active", "value": person.active }]))]
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::anna, *};

    #[test]
    fn profiles_are_put_and_suspension_is_a_patch() {
        let change = Google.change("u1", &anna(), &anna()).remove(0);
        assert_eq!((change.method, change.body.unwrap()["id"].as_str()), ("PUT", Some("u1")));
        assert_eq!(Google.switch("u1", &anna())[0].method, "PATCH");
        assert_eq!(Google.connection_test(0)[0].target, "/Users?count=1");
        assert!(!Google.habits().groups);
    }
}
