//! SASE 5G: mobile identities. Every second user is a bare IMSI without name or mail; groups by PUT; who goes is deleted.

use serde_json::{Value, json};

use super::{Departure, Dialect, Habits, shapes::USER, shapes::core_profile};
use crate::{company::Person, http::Call};

pub(super) struct Sase5g;

/// A repeatable mobile number; a new one with each move.
fn number(person: &Person) -> String {
    format!("+1555{:07}", (person.bits + u128::from(person.moves)) % 10_000_000)
}

impl Dialect for Sase5g {
    fn habits(&self) -> Habits {
        Habits { departure: Departure::Delete, mobile: true, whole_lists: true, ..Habits::PLAIN }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/ServiceProviderConfig")]
    }

    fn user(&self, person: &Person) -> Value {
        if person.number % 2 == 1 {
            return json!({
                "schemas": [USER],
                "userName": person.user_name,
                "externalId": format!("imsi-{}", person.user_name),
                "active": person.active,
            });
        }
        let mut user = core_profile(person);
        user["userType"] = json!("MobileUser");
        user["phoneNumbers"] = json!([{ "type": "mobile", "value": number(person), "primary": true }]);
        user
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, changed},
        *,
    };
    use crate::company::Origin;

    #[test]
    fn every_second_user_is_a_bare_identity() {
        assert!(Sase5g.user(&anna()).get("phoneNumbers").is_some());
        let bare = Origin { seed: 3, domain: "sase-5g", mobile: true }.person(1, 0, false);
        let expected = json!({
            "schemas": [USER],
            "userName": "310410003000001",
            "externalId": "imsi-310410003000001",
            "active": true,
        });
        assert_eq!(Sase5g.user(&bare), expected);
    }

    #[test]
    fn groups_are_put_whole() {
        let calls = changed(&Sase5g, &["u1"], &[]);
        let body = calls[0].body.as_ref().unwrap();
        assert_eq!((calls[0].method, &body["members"]), ("PUT", &json!([{ "value": "u1" }, { "value": "u9" }])));
    }
}
