//! Microsoft Entra ID: look up, POST, then PATCH only. Operations with a capital letter, `active` as the texts "True" and
//! "False", one operation an attribute, `$ref: null` in members, and removal with a value list.

use serde_json::{Value, json};

use super::{Dialect, ENTERPRISE, GROUP, Member, guid, patch, profile};
use crate::{
    connection::{Call, Manner, filter, literal},
    people::{Person, Team},
};

/// The schema that Entra's group POSTs name beside the core one.
const ADSCIM_GROUP: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";

pub(super) struct Entra;

fn flag(active: bool) -> &'static str {
    if active { "True" } else { "False" }
}

fn references(members: &[Member<'_>]) -> Value {
    members.iter().map(|member| json!({ "$ref": null, "value": member.id })).collect()
}

impl Dialect for Entra {
    fn manner(&self) -> Manner {
        Manner {
            accept: "application/scim+json",
            content_type: "application/scim+json; charset=utf-8",
            user_agent: None,
        }
    }

    /// Entra looks for a user that nobody has, named by a random GUID.
    fn connection_test(&self, probe: u128) -> Vec<Call> {
        vec![Call::get(format!("/Users?{}", filter(&format!("userName eq \"{}\"", guid(probe)), "+")))]
    }

    fn user(&self, person: &Person) -> Value {
        let mut user = profile(person);
        user["externalId"] = json!(guid(person.bits));
        user["name"]["formatted"] = json!(person.display_name());
        user["meta"] = json!({ "resourceType": "User" });
        user["roles"] = json!([]);
        user
    }

    fn update(&self, id: &str, person: &Person) -> Vec<Call> {
        let operations = json!([
            { "op": "Replace", "path": "displayName", "value": person.display_name() },
            { "op": "Replace", "path": "title", "value": person.title },
            { "op": "Replace", "path": "name.givenName", "value": person.given },
            { "op": "Replace", "path": "name.familyName", "value": person.family },
            { "op": "Replace", "path": "name.formatted", "value": person.display_name() },
            { "op": "Add", "path": "emails[type eq \"work\"].value", "value": person.user_name },
            { "op": "Add", "path": format!("{ENTERPRISE}:department"), "value": person.department },
            { "op": "Replace", "path": "active", "value": flag(person.active) },
        ]);
        vec![patch("Users", id, operations)]
    }

    fn switch(&self, id: &str, person: &Person) -> Call {
        patch("Users", id, json!([{ "op": "Replace", "path": "active", "value": flag(person.active) }]))
    }

    fn find_team(&self, team: &Team) -> Option<Call> {
        let filter = filter(&format!("displayName eq {}", literal(&team.name)), "+");
        Some(Call::get(format!("/Groups?excludedAttributes=members&{filter}")))
    }

    fn team(&self, team: &Team) -> Value {
        json!({
            "schemas": [GROUP, ADSCIM_GROUP],
            "externalId": guid(team.bits),
            "displayName": team.name,
            "meta": { "resourceType": "Group" },
        })
    }

    fn add_members(&self, id: &str, _team: &Team, members: &[Member<'_>]) -> Vec<Call> {
        let add = |chunk| patch("Groups", id, json!([{ "op": "Add", "path": "members", "value": references(chunk) }]));
        members.chunks(super::CHUNK).map(add).collect()
    }

    fn remove_member(&self, id: &str, _team: &Team, leaver: Member<'_>, _staying: &[Member<'_>]) -> Call {
        patch("Groups", id, json!([{ "op": "Remove", "path": "members", "value": references(&[leaver]) }]))
    }

    fn rename(&self, id: &str, name: &str, _members: &[Member<'_>]) -> Call {
        patch("Groups", id, json!([{ "op": "Replace", "path": "displayName", "value": name }]))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, sales},
        *,
    };

    #[test]
    fn a_leaver_is_switched_off_with_a_text() {
        let mut anna = anna();
        anna.active = false;
        let call = Entra.switch("u1", &anna);
        assert_eq!((call.method, call.target.as_str()), ("PATCH", "/Users/u1"));
        let operations = json!([{ "op": "Replace", "path": "active", "value": "False" }]);
        assert_eq!(call.body.unwrap()["Operations"], operations);
    }

    #[test]
    fn a_member_is_removed_by_value_list() {
        let (anna, sales) = (anna(), sales());
        let call = Entra.remove_member("g1", &sales, Member { id: "u1", person: &anna }, &[]);
        let operations = json!([{ "op": "Remove", "path": "members", "value": [{ "$ref": null, "value": "u1" }] }]);
        assert_eq!(call.body.unwrap()["Operations"], operations);
    }

    #[test]
    fn a_group_is_made_empty_and_looked_up_without_its_members() {
        assert!(Entra.team(&sales()).get("members").is_none());
        let find = Entra.find_team(&sales()).unwrap();
        assert_eq!(find.target, "/Groups?excludedAttributes=members&filter=displayName+eq+%22sales%22");
    }
}
