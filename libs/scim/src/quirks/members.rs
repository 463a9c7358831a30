//! Members in other shapes than the RFC's.

use super::{Leniency, Quirk};
use crate::error::{ScimError, ScimType};

/// A member that is only an id (a request of Entra ID's public collection: add `members` with a text as value).
pub(crate) fn member_from_text(leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::MemberAsText, || {
        ScimError::bad_request(
            ScimType::InvalidValue,
            "A member is an object. Send {\"value\": \"<id>\"} instead of the bare id.",
        )
    })
}

/// One member where a list belongs.
pub(crate) fn members_from_single(leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::ListAsSingle, || {
        ScimError::bad_request(ScimType::InvalidValue, "members is a list. Send an array, also for one member.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_id_and_a_single_object_are_members_unless_strict() {
        assert_eq!(member_from_text(&Leniency::lenient()), Ok(()));
        assert_eq!(members_from_single(&Leniency::lenient()), Ok(()));
        assert!(member_from_text(&Leniency::strict()).is_err());
        assert!(members_from_single(&Leniency::strict()).is_err());
    }
}
