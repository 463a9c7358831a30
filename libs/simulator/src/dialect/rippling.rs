//! Rippling: looks people up by `externalId`, speaks plain JSON, and changes users by PATCH with the e-mail under
//! `emails[primary eq true].value`.

use serde_json::{Value, json};

use super::{Dialect, Habits, patch, profile, shapes::ENTERPRISE};
use crate::{
    company::Person,
    http::{Call, Manner, filter, literal},
};

pub(super) struct Rippling;

/// The number of the employment, which outlives names.
fn employment(person: &Person) -> String {
    format!("emp-{}", super::shapes::hex(person.bits, 16))
}

fn mapped(person: &Person) -> Vec<(String, Value)> {
    vec![
        ("userName".to_owned(), json!(person.user_name)),
        ("displayName".to_owned(), json!(person.display_name())),
        ("name.givenName".to_owned(), json!(person.given)),
        ("name.familyName".to_owned(), json!(person.family)),
        ("title".to_owned(), json!(person.title)),
        ("emails[primary eq true].value".to_owned(), json!(person.user_name)),
        (format!("{ENTERPRISE}:department"), json!(person.department)),
        ("active".to_owned(), json!(person.active)),
    ]
}

fn replace(id: &str, changes: Vec<(String, Value)>) -> Vec<Call> {
    if changes.is_empty() {
        return Vec::new();
    }
    let replace = |(path, value)| json!({ "op": "replace", "path": path, "value": value });
    let operations: Vec<Value> = changes.into_iter().map(replace).collect();
    vec![patch("Users", id, json!(operations))]
}

impl Dialect for Rippling {
    fn habits(&self) -> Habits {
        Habits {
            manner: Manner { accept: "application/json", content_type: "application/json", more: &[] },
            ..Habits::PLAIN
        }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/Users?startIndex=1&count=1")]
    }

    fn find_user(&self, person: &Person) -> Call {
        Call::get(format!("/Users?{}", filter(&format!("externalId eq {}", literal(&employment(person))), "+")))
    }

    fn user(&self, person: &Person) -> Value {
        let mut user = profile(person);
        user["externalId"] = json!(employment(person));
        user
    }

    fn update(&self, id: &str, person: &Person) -> Vec<Call> {
        replace(id, mapped(person))
    }

    fn change(&self, id: &str, before: &Person, after: &Person) -> Vec<Call> {
        let old = mapped(before);
        replace(id, mapped(after).into_iter().filter(|change| !old.contains(change)).collect())
    }

    fn switch(&self, id: &str, person: &Person) -> Vec<Call> {
        replace(id, vec![("active".to_owned(), json!(person.active))])
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, operations},
        *,
    };

    #[test]
    fn people_are_found_by_their_employment() {
        assert_eq!(Rippling.find_user(&anna()).target, "/Users?filter=externalId+eq+%22emp-123456789abcdef0%22");
    }

    #[test]
    fn what_changed_is_patched_and_the_mail_by_its_primary_flag() {
        let (before, mut after) = (anna(), anna());
        (after.title, after.user_name) = ("Lead", "anna.lead@contoso.example".to_owned());
        let calls = Rippling.change("u1", &before, &after);
        let expected = json!([
            { "op": "replace", "path": "userName", "value": "anna.lead@contoso.example" },
            { "op": "replace", "path": "title", "value": "Lead" },
            { "op": "replace", "path": "emails[primary eq true].value", "value": "anna.lead@contoso.example" },
        ]);
        assert_eq!(*operations(&calls[0]), expected);
        assert!(Rippling.change("u1", &before, &before).is_empty());
    }
}
