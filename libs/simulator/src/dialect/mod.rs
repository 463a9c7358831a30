//! The wire shape of each client.
//!
//! [`Dialect`]'s own methods are what a plain RFC 7644 client sends; each client overrides what it does differently.

mod cyberark;
mod entra;
mod okta;
mod ping;
mod sase_5g;

use serde_json::{Value, json};

use crate::{
    Client,
    connection::{Call, Manner, filter, literal},
    people::{Person, Team},
};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const SCIM_JSON: &str = "application/scim+json";
/// Members in one PATCH, for clients that batch them.
const CHUNK: usize = 100;

/// A person with the id that the server gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) id: &'a str,
    pub(crate) person: &'a Person,
}

pub(crate) trait Dialect: Send + Sync {
    /// Headers that every request has.
    fn manner(&self) -> Manner {
        Manner { accept: SCIM_JSON, content_type: SCIM_JSON, user_agent: None }
    }

    /// What the client asks before an admin may save the connection. Every answer must be 2xx.
    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/ServiceProviderConfig".to_owned()), Call::get("/Users?startIndex=1&count=1".to_owned())]
    }

    /// Asks whether the user is there already.
    fn find_user(&self, person: &Person) -> Call {
        Call::get(format!("/Users?{}", filter(&format!("userName eq {}", literal(&person.user_name)), "+")))
    }

    /// The body of the user's POST, and what must be readable afterwards.
    fn user(&self, person: &Person) -> Value {
        let mut user = profile(person);
        user["externalId"] = json!(person.employee_number());
        user
    }

    /// Pushes the whole profile, `active` included, over the user `id`.
    fn update(&self, id: &str, person: &Person) -> Vec<Call> {
        vec![self.put_user(id, person)]
    }

    /// Switches the user `id` to what `person.active` says.
    fn switch(&self, id: &str, person: &Person) -> Call {
        patch("Users", id, json!([{ "op": "replace", "path": "active", "value": person.active }]))
    }

    /// The PUT of a user.
    fn put_user(&self, id: &str, person: &Person) -> Call {
        let mut user = self.user(person);
        user["id"] = json!(id);
        Call::send("PUT", format!("/Users/{id}"), user)
    }

    /// Asks whether the group is there already. `None`: the client lists all groups and compares names.
    fn find_team(&self, team: &Team) -> Option<Call> {
        Some(Call::get(format!("/Groups?{}", filter(&format!("displayName eq {}", literal(&team.name)), "+"))))
    }

    /// The body of the group's POST; members follow by [`Dialect::add_members`].
    fn team(&self, team: &Team) -> Value {
        json!({ "schemas": [GROUP], "displayName": team.name })
    }

    /// Puts `members` into the group `id`.
    fn add_members(&self, id: &str, _team: &Team, members: &[Member<'_>]) -> Vec<Call> {
        let add = |chunk: &[Member<'_>]| {
            let value: Vec<Value> = chunk.iter().map(|member| json!({ "value": member.id })).collect();
            patch("Groups", id, json!([{ "op": "add", "path": "members", "value": value }]))
        };
        members.chunks(CHUNK).map(add).collect()
    }

    /// Takes `leaver` out of the group `id`; `staying` are the others.
    fn remove_member(&self, id: &str, _team: &Team, leaver: Member<'_>, _staying: &[Member<'_>]) -> Call {
        let path = format!("members[value eq {}]", literal(leaver.id));
        patch("Groups", id, json!([{ "op": "remove", "path": path }]))
    }

    /// Gives the group `id` another name.
    fn rename(&self, id: &str, name: &str, _members: &[Member<'_>]) -> Call {
        patch("Groups", id, json!([{ "op": "replace", "path": "displayName", "value": name }]))
    }
}

/// A client that does nothing of its own.
struct Plain;

impl Dialect for Plain {}

/// How `client` speaks.
pub(crate) fn of(client: Client) -> Box<dyn Dialect> {
    match client {
        Client::EntraId => Box::new(entra::Entra),
        Client::Okta => Box::new(okta::Okta),
        Client::PingFederate => Box::new(ping::PingFederate),
        Client::PingOne => Box::new(ping::PingOne),
        Client::CyberArk => Box::new(cyberark::CyberArk),
        Client::Sase5g => Box::new(sase_5g::Sase5g),
        Client::Other => Box::new(Plain),
    }
}

/// What most clients map by default.
fn profile(person: &Person) -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": person.user_name,
        "name": { "givenName": person.given, "familyName": person.family },
        "displayName": person.display_name(),
        "title": person.title,
        "emails": [{ "value": person.user_name, "type": "work", "primary": true }],
        "active": person.active,
        ENTERPRISE: { "department": person.department, "employeeNumber": person.employee_number() },
    })
}

fn patch(endpoint: &str, id: &str, operations: Value) -> Call {
    Call::send("PATCH", format!("/{endpoint}/{id}"), json!({ "schemas": [PATCH_OP], "Operations": operations }))
}

/// A GUID, the external id of Microsoft and of others who copy it.
fn guid(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Company;

    pub(super) fn anna() -> Person {
        let mut company = Company::new(1, 1, 1, "contoso");
        let mut anna = company.people.remove(0);
        (anna.given, anna.family, anna.user_name) = ("Anna", "Berg", "anna@contoso.example".to_owned());
        anna
    }

    pub(super) fn sales() -> Team {
        Team { name: "sales".to_owned(), bits: 7, members: vec![0] }
    }

    #[test]
    fn a_plain_client_puts_profiles_and_patches_members_by_path() {
        let (anna, sales) = (anna(), sales());
        let update = Plain.update("u1", &anna).remove(0);
        assert_eq!((update.method, update.target.as_str()), ("PUT", "/Users/u1"));
        assert_eq!(update.body.unwrap()["id"], "u1");
        let member = Member { id: "u1", person: &anna };
        let remove = Plain.remove_member("g1", &sales, member, &[]).body.unwrap();
        assert_eq!(remove["Operations"], json!([{ "op": "remove", "path": "members[value eq \"u1\"]" }]));
    }

    #[test]
    fn members_go_in_batches() {
        let (anna, sales) = (anna(), sales());
        let members = vec![Member { id: "u1", person: &anna }; CHUNK + 1];
        assert_eq!(Plain.add_members("g1", &sales, &members).len(), 2);
        assert!(Plain.add_members("g1", &sales, &[]).is_empty());
    }
}
