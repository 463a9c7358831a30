//! The wire shape of each client, a file each.
//!
//! [`Dialect`]'s own methods are what a plain RFC 7644 client sends; each client overrides what it does differently. What
//! is a mere choice stands in its [`Habits`].

mod authentik;
mod cyberark;
mod entra;
mod google;
mod habits;
mod jumpcloud;
mod okta;
mod onelogin;
mod other;
mod ping_federate;
mod pingone;
mod rippling;
mod sailpoint;
mod sase_5g;
mod shapes;

use serde_json::{Value, json};

pub use habits::GroupUpdates;
pub(crate) use habits::{Departure, Habits, Import};
pub(crate) use shapes::GROUP;
use shapes::{list_of, patch, profile};

use crate::{
    Client, SimulatorError,
    company::{Person, Team},
    http::{Call, filter, literal},
};

/// Somebody or some group, in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: String,
    /// A user's userName, a group's displayName.
    pub(crate) display: String,
    pub(crate) is_group: bool,
}

/// What changes in a group's list of members, in one request.
pub(crate) struct Change<'a> {
    pub(crate) added: &'a [Member],
    /// The server's ids.
    pub(crate) removed: &'a [String],
    /// Everybody afterwards; made only for those who send whole lists.
    pub(crate) all: &'a (dyn Fn() -> Vec<Member> + Sync),
}

pub(crate) trait Dialect: Send + Sync {
    /// The client's choices.
    fn habits(&self) -> Habits;

    /// What the client asks before an admin may save the connection. Every answer must be 2xx.
    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/ServiceProviderConfig"), Call::get("/Users?startIndex=1&count=1")]
    }

    /// Asks whether the user is there already.
    fn find_user(&self, person: &Person) -> Call {
        Call::get(format!("/Users?{}", filter(&format!("userName eq {}", literal(&person.user_name)), "+")))
    }

    /// The body of the user's POST.
    fn user(&self, person: &Person) -> Value;

    /// What must be readable afterwards; null where nothing may be.
    fn expected(&self, person: &Person) -> Value {
        self.user(person)
    }

    /// Pushes the whole profile, `active` included, over a user that was found.
    fn update(&self, id: &str, person: &Person) -> Vec<Call> {
        vec![self.put_user(id, person)]
    }

    /// Sends what changed of a known user.
    fn change(&self, id: &str, _before: &Person, after: &Person) -> Vec<Call> {
        self.update(id, after)
    }

    /// Switches the user `id` to what `person.active` says.
    fn switch(&self, id: &str, person: &Person) -> Vec<Call> {
        vec![self.put_user(id, person)]
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

    /// The body of the group's POST, and how many of its `members`, from the first on, are in it.
    fn team(&self, team: &Team, members: &[Member]) -> (Value, usize) {
        let group = json!({ "schemas": [GROUP], "displayName": team.name });
        if self.habits().whole_lists { (with(group, "members", list_of(members)), members.len()) } else { (group, 0) }
    }

    /// Changes who is in the group `id`. What is added and removed together fits `members_per_call`.
    fn change_members(&self, id: &str, team: &Team, change: &Change<'_>) -> Vec<Call> {
        if self.habits().whole_lists {
            return vec![self.put_group(id, team, &(change.all)())];
        }
        let mut operations = Vec::new();
        if !change.added.is_empty() {
            operations.push(json!({ "op": "add", "path": "members", "value": list_of(change.added) }));
        }
        for leaver in change.removed {
            let path = format!("members[value eq {}]", literal(leaver));
            operations.push(json!({ "op": "remove", "path": path }));
        }
        vec![patch("Groups", id, Value::Array(operations))]
    }

    /// Makes the members of a group that was found exactly `members`. `None`: by [`Dialect::change_members`].
    fn overwrite_members(&self, id: &str, team: &Team, members: &[Member]) -> Option<Vec<Call>> {
        self.habits().whole_lists.then(|| vec![self.put_group(id, team, members)])
    }

    /// Gives the group `id` the name of `team`.
    fn rename(&self, id: &str, team: &Team, all: &(dyn Fn() -> Vec<Member> + Sync)) -> Vec<Call> {
        if self.habits().whole_lists {
            return vec![self.put_group(id, team, &all())];
        }
        vec![patch("Groups", id, json!([{ "op": "replace", "path": "displayName", "value": team.name }]))]
    }

    /// The PUT of a group.
    fn put_group(&self, id: &str, team: &Team, members: &[Member]) -> Call {
        let group = json!({ "schemas": [GROUP], "id": id, "displayName": team.name });
        Call::send("PUT", format!("/Groups/{id}"), with(group, "members", list_of(members)))
    }
}

/// `resource` with `value` as its attribute `name`.
fn with(mut resource: Value, name: &str, value: Value) -> Value {
    resource[name] = value;
    resource
}

/// How `client` speaks; `updates` is the admin's choice where there is one.
pub(crate) fn of(client: Client, updates: Option<GroupUpdates>) -> Result<Box<dyn Dialect>, SimulatorError> {
    let puts = updates == Some(GroupUpdates::Put);
    let dialect: Box<dyn Dialect> = match client {
        Client::PingFederate => return Ok(Box::new(ping_federate::PingFederate { puts })),
        Client::PingOne => return Ok(Box::new(pingone::PingOne { merges: updates == Some(GroupUpdates::Patch) })),
        Client::SailPoint => return Ok(Box::new(sailpoint::SailPoint { puts })),
        Client::EntraId => Box::new(entra::Entra { optscim: false }),
        Client::EntraIdOptscim => Box::new(entra::Entra { optscim: true }),
        Client::Okta => Box::new(okta::Okta { custom: false }),
        Client::OktaCustom => Box::new(okta::Okta { custom: true }),
        Client::CyberArk => Box::new(cyberark::CyberArk),
        Client::Sase5g => Box::new(sase_5g::Sase5g),
        Client::Other => Box::new(other::Other),
        Client::OneLogin => Box::new(onelogin::OneLogin),
        Client::JumpCloud => Box::new(jumpcloud::JumpCloud),
        Client::GoogleWorkspace => Box::new(google::Google),
        Client::Rippling => Box::new(rippling::Rippling),
        Client::Authentik => Box::new(authentik::Authentik),
    };
    match updates {
        None => Ok(dialect),
        Some(_) => Err(SimulatorError::Unlike {
            client,
            rule: "how groups are updated can be chosen at ping-federate, pingone and sailpoint only",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::{Manager, Origin};

    /// Somebody with every attribute.
    pub(super) fn anna() -> Person {
        let mut anna = Origin { seed: 1, domain: "contoso", mobile: false }.person(0, 0, false);
        (anna.given, anna.family, anna.user_name) = ("Anna", "Berg", "anna@contoso.example".to_owned());
        (anna.title, anna.department, anna.bits) = ("Analyst", "Sales", 0x1234_5678_9abc_def0_1122_3344_5566_7788);
        anna.manager = Some(Manager { id: "m1".to_owned(), name: "Mia Moss".to_owned() });
        anna
    }

    pub(super) fn sales() -> Team {
        Team { name: "sales".to_owned(), bits: 7 }
    }

    pub(super) fn member(id: &str) -> Member {
        Member { id: id.to_owned(), display: "anna@contoso.example".to_owned(), is_group: false }
    }

    /// What `dialect` sends when `added` come into a group of `added` and the member "u9", and `removed` go.
    pub(super) fn changed(dialect: &dyn Dialect, added: &[&str], removed: &[&str]) -> Vec<Call> {
        let added: Vec<Member> = added.iter().map(|id| member(id)).collect();
        let removed: Vec<String> = removed.iter().map(|id| (*id).to_owned()).collect();
        let all = || added.iter().cloned().chain([member("u9")]).collect();
        dialect.change_members("g1", &sales(), &Change { added: &added, removed: &removed, all: &all })
    }

    pub(super) fn operations(call: &Call) -> &Value {
        assert_eq!(call.method, "PATCH");
        &call.body.as_ref().unwrap()["Operations"]
    }

    #[test]
    fn only_some_clients_let_their_admin_choose_how_groups_are_updated() {
        for client in Client::ALL {
            assert!(of(client, None).is_ok());
            let chosen = of(client, Some(GroupUpdates::Put)).is_ok();
            assert_eq!(
                chosen,
                matches!(client, Client::PingFederate | Client::PingOne | Client::SailPoint),
                "{client}"
            );
        }
    }

    #[test]
    fn a_user_says_who_they_are_in_every_dialect() {
        for client in Client::ALL {
            let user = of(client, None).unwrap().user(&anna());
            assert_eq!(user["userName"], "anna@contoso.example", "{client}");
            assert!(user["schemas"].as_array().is_some_and(|schemas| !schemas.is_empty()), "{client}");
        }
    }
}
