//! Filters that the grammar does not have.

use super::{Leniency, Quirk};
use crate::error::{ScimError, ScimType};

/// `emails[type eq "work"].value eq "x"` is read as `emails[type eq "work" and value eq "x"]` (Entra ID, E04).
pub(crate) fn filter_after_element(path: &str, sub: &str, leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::FilterAfterElement, || {
        ScimError::bad_request(
            ScimType::InvalidFilter,
            format!("Nothing may follow {path}[…]. Put the comparison of {sub} inside the brackets with \"and\"."),
        )
    })
}

/// A boolean compared with a text: `primary eq "True"` (Entra ID, E39). `None`: the text is no boolean.
pub(crate) fn boolean_literal(path: &str, text: &str, leniency: &Leniency) -> Result<Option<bool>, ScimError> {
    let value = match text {
        text if text.eq_ignore_ascii_case("true") => true,
        text if text.eq_ignore_ascii_case("false") => false,
        _ => return Ok(None),
    };
    leniency.allow(Quirk::BooleanLiteralAsText, || {
        ScimError::bad_request(
            ScimType::InvalidFilter,
            format!("{path} is a boolean. Compare it with true or false, without quotation marks."),
        )
    })?;
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entra_compares_after_the_brackets() {
        assert_eq!(filter_after_element("emails", "value", &Leniency::lenient()), Ok(()));
        assert!(filter_after_element("emails", "value", &Leniency::strict()).is_err());
    }

    #[test]
    fn entra_compares_primary_with_a_text() {
        assert_eq!(boolean_literal("roles.primary", "True", &Leniency::lenient()), Ok(Some(true)));
        assert_eq!(boolean_literal("roles.primary", "1", &Leniency::lenient()), Ok(None));
        assert!(boolean_literal("roles.primary", "True", &Leniency::strict()).is_err());
    }
}
