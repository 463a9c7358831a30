//! PATCH operations in other shapes than the RFC's.

use serde_json::Value;

use super::{Leniency, Quirk};
use crate::error::{ScimError, ScimType};

/// The operation's name in any case (Entra ID sends `Add`, `Replace`, `Remove`, E08).
pub(crate) fn operation_letter_case(sent: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::OperationLetterCase, || {
        ScimError::bad_request(
            ScimType::InvalidSyntax,
            format!("The operation \"{sent}\" is written in lower case: add, replace or remove."),
        )
    })
}

/// `remove` with a value removes what the value lists, not everything (Entra ID E17, JumpCloud J07, authentik A04).
pub(crate) fn remove_listed_values(attribute: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::RemoveListedValues, || {
        ScimError::bad_request(
            ScimType::InvalidSyntax,
            format!("\"remove\" takes no value. Name what to remove in the path: {attribute}[value eq \"…\"]."),
        )
    })
}

/// An element that a filter looks for and does not find is made from what the filter's `eq` says (Entra ID E10, E39).
pub(crate) fn element_created_from_filter(path: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::ElementCreatedFromFilter, || no_target(path))
}

/// The path's filter selects nothing.
pub(crate) fn no_target(path: &str) -> ScimError {
    ScimError::bad_request(
        ScimType::NoTarget,
        format!("\"{path}\" selects no value of this resource. Add the value first, or correct the filter."),
    )
}

/// `{"name.givenName": "x"}` in a value without path is read as a path (Entra ID with aadOptscim062020, E22).
pub(crate) fn dotted_key(key: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::DottedKey, || not_a_name(key))
}

/// `{"urn:…:User:department": "x"}` in a value without path is read as a path (Entra ID with aadOptscim062020, E23).
pub(crate) fn urn_key(key: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::UrnKey, || not_a_name(key))
}

fn not_a_name(key: &str) -> ScimError {
    ScimError::bad_request(
        ScimType::InvalidSyntax,
        format!("\"{key}\" is a path, not an attribute's name. Send it as the operation's path."),
    )
}

/// The resource's own id in a value passes; another does not (Okta, K11).
pub(crate) fn own_id_in_patch(sent: &str, id: &str, leniency: &Leniency) -> Result<(), ScimError> {
    if sent != id {
        return Err(ScimError::bad_request(
            ScimType::Mutability,
            "id is given by the service and cannot be changed. Leave it out.",
        ));
    }
    leniency.note(Quirk::OwnIdInPatch);
    Ok(())
}

/// One operation where the list of operations belongs (as OneLogin's single values, L05).
pub(crate) fn operations_from_single(single: Value, leniency: &Leniency) -> Result<Vec<Value>, ScimError> {
    leniency.allow(Quirk::ListAsSingle, || {
        ScimError::bad_request(
            ScimType::InvalidSyntax,
            "\"Operations\" is a list. Send an array, also for one operation.",
        )
    })?;
    Ok(vec![single])
}

/// A PATCH without operations changes nothing (X18).
pub(crate) fn no_operations(leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::NoOperations, || {
        ScimError::bad_request(ScimType::InvalidSyntax, "\"Operations\" is empty. Send at least one operation.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_do_in_a_patch_is_an_error_only_if_strict() {
        for leniency in [Leniency::lenient(), Leniency::strict()] {
            let outcomes = [
                operation_letter_case("Replace", &leniency),
                remove_listed_values("members", &leniency),
                element_created_from_filter("emails[type eq \"work\"].value", &leniency),
                dotted_key("name.givenName", &leniency),
                urn_key("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", &leniency),
                no_operations(&leniency),
            ];
            assert!(outcomes.iter().all(|outcome| outcome.is_err() == leniency.is_strict()));
        }
    }

    #[test]
    fn okta_sends_the_groups_own_id() {
        for leniency in [Leniency::lenient(), Leniency::strict()] {
            assert_eq!(own_id_in_patch("a", "a", &leniency), Ok(()));
            assert_eq!(own_id_in_patch("b", "a", &leniency).unwrap_err().scim_type, Some(ScimType::Mutability));
        }
    }
}
