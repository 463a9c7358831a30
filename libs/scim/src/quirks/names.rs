//! Names and URNs that no schema has.

use super::{Leniency, Quirk};
use crate::error::{ScimError, ScimType};

fn not_in_schema(resource_type: &str, name: &str) -> ScimError {
    ScimError::bad_request(
        ScimType::InvalidPath,
        format!("{resource_type} has no attribute \"{name}\". Look the names up under /Schemas, or leave it out."),
    )
}

/// An attribute that the schema does not have is left out and counted by name (E32, E41, K26, L04).
pub(crate) fn unknown_attribute(resource_type: &str, name: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::UnknownAttribute, || not_in_schema(resource_type, name))?;
    leniency.note_name(name);
    Ok(())
}

/// An extension that nobody registered is kept as it was sent (E31, K26, X13).
pub(crate) fn unmapped_extension(resource_type: &str, urn: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::UnmappedExtension, || not_in_schema(resource_type, urn))?;
    leniency.note_name(urn);
    Ok(())
}

/// A URN in `schemas` that is not known is passed over (Entra ID's ADSCIM URN, E06; misspelt ones, E41).
pub(crate) fn unknown_schema(urn: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::UnknownSchema, || {
        ScimError::bad_request(
            ScimType::InvalidSyntax,
            format!("\"schemas\" names \"{urn}\", which is not a schema of this resource type. Leave it out."),
        )
    })?;
    leniency.note_name(urn);
    Ok(())
}

/// SCIM 1.1's core URN is read as the endpoint's (OneLogin's template, L07).
pub(crate) fn scim1_schema(urn: &str, leniency: &Leniency) -> Option<Result<(), ScimError>> {
    urn.eq_ignore_ascii_case("urn:scim:schemas:core:1.0").then(|| {
        leniency.allow(Quirk::Scim1Schema, || {
            ScimError::bad_request(
                ScimType::InvalidSyntax,
                "This is SCIM 2.0; the URN urn:scim:schemas:core:1.0 is of SCIM 1.1. Configure the client for SCIM 2.0.",
            )
        })
    })
}

/// A missing `schemas` is read as the endpoint's own.
pub(crate) fn missing_schemas(expected: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::MissingSchemas, || {
        ScimError::bad_request(ScimType::InvalidSyntax, format!("\"schemas\" is missing. Send [\"{expected}\"]."))
    })
}

/// A dot where the colon after an extension's URN belongs (Entra ID's older jobs, E55).
pub(crate) fn dot_after_urn(path: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::DotAfterUrn, || {
        ScimError::bad_request(
            ScimType::InvalidPath,
            format!("Between a schema's URN and the attribute stands a colon, not a dot: \"{path}\"."),
        )
    })
}

/// An extension's attribute without its URN (Entra ID asks for `manager eq "x"`, E38).
pub(crate) fn short_extension_name(urn: &str, name: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::ShortExtensionName, || {
        ScimError::bad_request(
            ScimType::InvalidFilter,
            format!("{name} is an attribute of an extension. Write {urn}:{name}."),
        )
    })
}

/// `/users` is read as `/Users` (X19). URLs are case-exact, so that a strict directory has nothing there.
pub(crate) fn endpoint_letter_case(leniency: &Leniency) -> bool {
    if leniency.is_strict() {
        return false;
    }
    leniency.note_once(Quirk::EndpointLetterCase);
    true
}

/// `attributes=emails[type eq "work"]` is read as `emails` (seen in Entra ID's public request collection).
pub(crate) fn filter_in_projection(selector: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::FilterInProjection, || {
        ScimError::bad_request(
            ScimType::InvalidPath,
            format!("\"attributes\" and \"excludedAttributes\" take names without filters: \"{selector}\"."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_counted_by_name_and_refused_if_strict() {
        let leniency = Leniency::lenient();
        unknown_attribute("User", "badgeColour", &leniency).unwrap();
        unmapped_extension("User", "urn:isvname:scim:schemas:extension:appname:1.0:User", &leniency).unwrap();
        assert_eq!(leniency.unmapped().len(), 2);
        assert_eq!(
            unknown_attribute("User", "badgeColour", &Leniency::strict()).unwrap_err().scim_type,
            Some(ScimType::InvalidPath)
        );
        assert!(unmapped_extension("User", "urn:x:extension:y", &Leniency::strict()).is_err());
    }

    #[test]
    fn entras_group_urn_of_2006_is_passed_over() {
        let urn = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
        assert_eq!(unknown_schema(urn, &Leniency::lenient()), Ok(()));
        assert!(unknown_schema(urn, &Leniency::strict()).is_err());
    }

    #[test]
    fn oneloginss_urn_of_scim_1_1_is_taken() {
        assert_eq!(scim1_schema("urn:scim:schemas:core:1.0", &Leniency::lenient()), Some(Ok(())));
        assert_eq!(scim1_schema("urn:other", &Leniency::lenient()), None);
        assert!(scim1_schema("urn:scim:schemas:core:1.0", &Leniency::strict()).unwrap().is_err());
    }

    #[test]
    fn an_endpoint_in_other_letters_is_found_unless_strict_and_counted_once() {
        let leniency = Leniency::lenient();
        assert!(endpoint_letter_case(&leniency) && endpoint_letter_case(&leniency));
        assert_eq!(leniency.used(), [(Quirk::EndpointLetterCase, 1)]);
        assert!(!endpoint_letter_case(&Leniency::strict()));
    }

    #[test]
    fn other_deviations_in_names_are_errors_only_if_strict() {
        for leniency in [Leniency::lenient(), Leniency::strict()] {
            let outcomes = [
                missing_schemas("urn:x", &leniency),
                dot_after_urn("urn:x:User.manager", &leniency),
                short_extension_name("urn:x:User", "manager", &leniency),
                filter_in_projection("emails[type eq \"work\"]", &leniency),
            ];
            assert!(outcomes.iter().all(|outcome| outcome.is_err() == leniency.is_strict()));
        }
    }
}
