//! SASE 5G: mobile identities. Every second user is a bare IMSI without name or mail; groups by PUT.

use serde_json::{Value, json};

use super::{Dialect, GROUP, Member, USER, profile};
use crate::{
    connection::Call,
    people::{Person, Team},
};

pub(super) struct Sase5g;

impl Sase5g {
    fn put_group(id: &str, name: &str, members: &[Member<'_>]) -> Call {
        let members: Vec<Value> = members.iter().map(|member| json!({ "value": member.id })).collect();
        let group = json!({ "schemas": [GROUP], "id": id, "displayName": name, "members": members });
        Call::send("PUT", format!("/Groups/{id}"), group)
    }
}

/// A repeatable mobile number.
fn number(person: &Person) -> String {
    format!("+1555{:07}", person.bits % 10_000_000)
}

impl Dialect for Sase5g {
    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/ServiceProviderConfig".to_owned())]
    }

    fn user(&self, person: &Person) -> Value {
        if person.number % 2 == 1 {
            return json!({
                "schemas": [USER],
                "userName": person.user_name,
                "externalId": format!("imsi-31041{:010}", person.bits % 10_000_000_000),
                "active": person.active,
            });
        }
        let mut user = profile(person);
        user["userType"] = json!("MobileUser");
        user["phoneNumbers"] = json!([{ "type": "mobile", "value": number(person), "primary": true }]);
        user
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
    use super::{super::tests::anna, *};

    #[test]
    fn every_second_user_is_a_bare_identity() {
        let mut person = anna();
        assert!(Sase5g.user(&person).get("phoneNumbers").is_some());
        person.number = 1;
        let bare = Sase5g.user(&person);
        assert!(bare.get("name").is_none() && bare.get("emails").is_none());
    }
}
