//! Reading everything back.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::{
    SimulatorError, Step,
    connection::Call,
    run::{Counter, Run, Watcher},
};

/// Sent but not readable, or not ours to say.
const NOT_COMPARED: [&str; 5] = ["schemas", "id", "meta", "groups", "password"];

/// What the server shows other than what the client last said, a sentence each. Resources that are none of this run's are
/// left alone.
pub(crate) async fn differences(run: &Run, progress: Watcher<'_>) -> Result<Vec<String>, SimulatorError> {
    let total = run.company.people.len() + run.company.teams.len();
    let mut counter = Counter::start(Step::Verifying, total, progress);
    let mut found = Vec::new();
    let users = by_id(run.every("/Users", "").await?);
    for (person, id) in run.company.people.iter().zip(&run.user_ids) {
        let what = format!("user {id}");
        match users.get(id) {
            None => found.push(format!("{what} is in no page of /Users")),
            Some(user) => {
                compare(&what, &run.dialect.user(person), user, &mut found);
                compare_groups(run, person.number, &what, user, &mut found);
            }
        }
        counter.one_more();
    }
    for (team, id) in run.company.teams.iter().zip(&run.group_ids) {
        let what = format!("group {id}");
        let group = run.connection.send(&Call::get(format!("/Groups/{id}"))).await?;
        if group["displayName"] != team.name.as_str() {
            found.push(format!("{what}: displayName is {}, not {:?}", group["displayName"], team.name));
        }
        let members: BTreeSet<&str> = run.members(team).into_iter().map(|member| member.id).collect();
        compare_sets(&format!("{what}: members"), &members, &values(&group["members"]), &mut found);
        counter.one_more();
    }
    Ok(found)
}

/// The groups that the user shows, as far as they are this run's.
fn compare_groups(run: &Run, number: usize, what: &str, user: &Value, found: &mut Vec<String>) {
    let teams = run.company.teams.iter().zip(&run.group_ids);
    let member_of = teams.filter(|(team, _)| team.members.binary_search(&number).is_ok());
    let expected: BTreeSet<&str> = member_of.map(|(_, id)| id.as_str()).collect();
    let ours: BTreeSet<&str> = run.group_ids.iter().map(String::as_str).collect();
    let shown = values(&user["groups"]).intersection(&ours).copied().collect();
    compare_sets(&format!("{what}: groups"), &expected, &shown, found);
}

fn compare_sets(what: &str, expected: &BTreeSet<&str>, shown: &BTreeSet<&str>, found: &mut Vec<String>) {
    let missing = expected.difference(shown).count();
    let surplus = shown.difference(expected).count();
    if missing + surplus > 0 {
        found.push(format!("{what}: {missing} missing, {surplus} too many, of {}", expected.len()));
    }
}

fn compare(what: &str, expected: &Value, shown: &Value, found: &mut Vec<String>) {
    let Value::Object(expected) = expected else { return };
    for (name, value) in expected {
        if !NOT_COMPARED.contains(&name.as_str()) && !holds(value, &shown[name]) {
            found.push(format!("{what}: {name} is {}, not {value}", shown[name]));
        }
    }
}

/// Whether `shown` says all that `expected` does. Empty texts and lists mean unset; `shown` may say more.
fn holds(expected: &Value, shown: &Value) -> bool {
    match (expected, shown) {
        (Value::Object(expected), Value::Object(shown)) => {
            expected.iter().all(|(name, value)| holds(value, shown.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(expected), Value::Array(shown)) => {
            expected.len() == shown.len() && expected.iter().all(|one| shown.iter().any(|other| holds(one, other)))
        }
        (Value::String(text), Value::Null) => text.is_empty(),
        (Value::Array(list), Value::Null) => list.is_empty(),
        (expected, shown) => expected == shown,
    }
}

fn values(list: &Value) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().filter_map(|element| element["value"].as_str()).collect()
}

fn by_id(resources: Vec<Value>) -> HashMap<String, Value> {
    resources.into_iter().filter_map(|resource| Some((resource["id"].as_str()?.to_owned(), resource))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(expected: Value, shown: Value) -> usize {
        let mut found = Vec::new();
        compare("user 1", &expected, &shown, &mut found);
        found.len()
    }

    #[test]
    fn a_server_may_say_more_but_not_less_and_nothing_else() {
        let sent =
            json!({ "title": "x", "name": { "givenName": "A", "middleName": "" }, "emails": [{ "value": "a" }] });
        assert_eq!(found(sent.clone(), sent.clone()), 0);
        let more = json!({ "id": "1", "title": "x", "name": { "givenName": "A" }, "emails": [{ "value": "a", "type": "work" }] });
        assert_eq!(found(sent.clone(), more), 0);
        assert_eq!(found(sent.clone(), json!({ "title": "y", "name": { "givenName": "A" } })), 2);
        assert_eq!(found(sent, json!({})), 3);
    }

    #[test]
    fn what_cannot_be_read_back_is_not_compared() {
        assert_eq!(found(json!({ "password": "x", "groups": [], "schemas": ["s"], "roles": [] }), json!({})), 0);
        assert_eq!(found(json!({ "active": false }), json!({ "active": "False" })), 1);
    }

    #[test]
    fn lost_and_doubled_members_are_counted() {
        let mut found = Vec::new();
        compare_sets("group 1: members", &["a", "b"].into(), &["b", "c"].into(), &mut found);
        assert_eq!(found, ["group 1: members: 1 missing, 1 too many, of 2"]);
    }
}
