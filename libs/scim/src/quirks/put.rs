//! What a PUT does not clear.

use super::{Leniency, Quirk};

/// Whether an `externalId` that a PUT leaves out keeps its value, so that the link to the client's own record is not
/// lost (K18). A strict directory clears it.
pub(crate) fn external_id_kept(leniency: &Leniency) -> bool {
    if leniency.is_strict() {
        return false;
    }
    leniency.note(Quirk::ExternalIdKept);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_omitted_external_id_stays_unless_strict() {
        assert!(external_id_kept(&Leniency::lenient()));
        assert!(!external_id_kept(&Leniency::strict()));
    }
}
