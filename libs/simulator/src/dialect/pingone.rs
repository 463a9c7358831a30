//! PingOne: the filter is the admin's text with the value in place of `%s`, `userName Eq "%s"`; users by PUT; group
//! membership handling Overwrite (a PUT of the whole list) or Merge (PATCH). Leavers are switched off, then removed.

use serde_json::Value;

use super::{Departure, Dialect, Habits, Team, profile};
use crate::{
    company::Person,
    http::{Call, filter, literal},
};

pub(super) struct PingOne {
    pub(super) merges: bool,
}

impl Dialect for PingOne {
    fn habits(&self) -> Habits {
        Habits { departure: Departure::DisableThenDelete, whole_lists: !self.merges, ..Habits::PLAIN }
    }

    fn connection_test(&self, _probe: u128) -> Vec<Call> {
        vec![Call::get("/Users?startIndex=1&count=1")]
    }

    fn find_user(&self, person: &Person) -> Call {
        Call::get(format!("/Users?{}", filter(&format!("userName Eq {}", literal(&person.user_name)), "+")))
    }

    fn user(&self, person: &Person) -> Value {
        profile(person)
    }

    fn find_team(&self, team: &Team) -> Option<Call> {
        let operator = if self.merges { "eq" } else { "Eq" };
        let text = format!("displayName {operator} {}", literal(&team.name));
        Some(Call::get(format!("/Groups?{}", filter(&text, "+"))))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{anna, changed, member, sales},
        *,
    };
    use serde_json::json;

    #[test]
    fn the_admins_operator_is_sent_as_typed() {
        let target = PingOne { merges: false }.find_user(&anna()).target;
        assert_eq!(target, "/Users?filter=userName+Eq+%22anna%40contoso.example%22");
    }

    #[test]
    fn overwrite_puts_the_list_and_merge_adds_to_it() {
        let overwrite = PingOne { merges: false };
        let (group, sent) = overwrite.team(&sales(), &[member("u1")]);
        assert_eq!((&group["members"], sent), (&json!([{ "value": "u1" }]), 1));
        assert_eq!(changed(&overwrite, &["u1"], &[])[0].method, "PUT");
        let merge = PingOne { merges: true };
        assert_eq!(merge.team(&sales(), &[member("u1")]).1, 0);
        assert_eq!(changed(&merge, &["u1"], &[])[0].method, "PATCH");
    }
}
