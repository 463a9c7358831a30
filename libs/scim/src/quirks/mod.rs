//! What real clients send beyond the RFCs, and how it is read: one named function for each leniency, and no rule of a
//! vendor anywhere else. Every use is counted; a strict directory refuses instead.
//!
//! The ids in brackets (E08, K11, …) name entries of the project's list of observed client behaviour.

pub(crate) mod filters;
pub(crate) mod members;
pub(crate) mod names;
pub(crate) mod patch;
pub(crate) mod put;
pub(crate) mod values;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::error::ScimError;

/// A deviation from the RFCs that a request made use of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quirk {
    /// Entra ID sends `Add`, `Replace`, `Remove` (E08).
    OperationLetterCase,
    /// Entra ID sends `"True"` and `"False"` for booleans, OneLogin `"true"` (E09, E29, L04).
    BooleanAsText,
    /// Entra ID compares a boolean with a text: `roles[primary eq "True"].value` (E39).
    BooleanLiteralAsText,
    /// Entra ID, JumpCloud and authentik remove with `path: members` and a list of whom (E17, J07, A04).
    RemoveListedValues,
    /// Entra ID adds to and replaces `emails[type eq "work"].value` of users that have none (E10, E39).
    ElementCreatedFromFilter,
    /// Entra ID with `aadOptscim062020` sends `name.givenName` as a key of a value object (E22).
    DottedKey,
    /// Entra ID with `aadOptscim062020` sends a URN with an attribute as a key of a value object (E23).
    UrnKey,
    /// Entra ID's older jobs write a dot after an extension's URN (E55).
    DotAfterUrn,
    /// Entra ID sends a manager's id where an object belongs (E13).
    ComplexAsText,
    /// Entra ID sends the manager in a list of one (E14).
    ComplexInList,
    /// OneLogin sends `emails` as one object (L05).
    ListAsSingle,
    /// Entra ID's collection sends a member as a bare id (P24 of its public requests).
    MemberAsText,
    /// Entra ID filters by `emails[type eq "work"].value eq "x"` (E04).
    FilterAfterElement,
    /// Entra ID asks for `manager eq "x"` without the extension's URN (E38).
    ShortExtensionName,
    /// Many clients send attributes that the schema does not have (E32, E41, K26, L04).
    UnknownAttribute,
    /// Entra ID, Okta and PAM360 send extensions that nobody registered (E31, K26, X13).
    UnmappedExtension,
    /// Entra ID lists `http://schemas.microsoft.com/2006/…/ADSCIM/2.0/Group` and misspelt URNs in `schemas` (E06, E41).
    UnknownSchema,
    /// OneLogin's template lists the core URN of SCIM 1.1 (L07).
    Scim1Schema,
    /// Some clients leave `schemas` out.
    MissingSchemas,
    /// Some clients leave `externalId` out of a PUT; it then keeps its value (K18).
    ExternalIdKept,
    /// Okta sends the group's own `id` in a PATCH value (K11). Allowed to strict clients too.
    OwnIdInPatch,
    /// The public Entra ID validator once sent a PATCH without operations (X18).
    NoOperations,
    /// A client of Entra ID's collection asks for `attributes=emails[type eq "work"]`.
    FilterInProjection,
    /// A client puts somebody into a group who is not in the directory, whose policy is to skip them. A policy, not a
    /// leniency: strict directories may have it too.
    UnknownMemberSkipped,
    /// Entra ID's older jobs write a text or boolean as `[{"$ref": null, "value": "…"}]` (E55).
    SimpleInList,
    /// Some clients write `/users` for `/Users` (X19).
    EndpointLetterCase,
}

impl Quirk {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::OperationLetterCase,
        Self::BooleanAsText,
        Self::BooleanLiteralAsText,
        Self::RemoveListedValues,
        Self::ElementCreatedFromFilter,
        Self::DottedKey,
        Self::UrnKey,
        Self::DotAfterUrn,
        Self::ComplexAsText,
        Self::ComplexInList,
        Self::ListAsSingle,
        Self::MemberAsText,
        Self::FilterAfterElement,
        Self::ShortExtensionName,
        Self::UnknownAttribute,
        Self::UnmappedExtension,
        Self::UnknownSchema,
        Self::Scim1Schema,
        Self::MissingSchemas,
        Self::ExternalIdKept,
        Self::OwnIdInPatch,
        Self::NoOperations,
        Self::FilterInProjection,
        Self::UnknownMemberSkipped,
        Self::SimpleInList,
        Self::EndpointLetterCase,
    ];

    /// The one with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quirk| quirk.as_str() == name)
    }

    /// What the client did, in words for whoever looks after it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::OperationLetterCase => "PATCH operations were written with capital letters (Add, Replace, Remove).",
            Self::BooleanAsText => "True or false came as a text.",
            Self::BooleanLiteralAsText => "A filter compared a boolean with a text.",
            Self::RemoveListedValues => "A PATCH removed what its value lists, instead of naming it in the path.",
            Self::ElementCreatedFromFilter => {
                "A PATCH set a part of a value that was not there; the value was made from the path's filter."
            }
            Self::DottedKey => "A PATCH without a path had paths such as name.givenName as keys of its value.",
            Self::UrnKey => "A PATCH without a path had attributes with their schema's URN as keys of its value.",
            Self::DotAfterUrn => "A dot stood where a colon belongs, between a schema's URN and an attribute.",
            Self::ComplexAsText => "A bare text came in place of an object, such as a manager's id.",
            Self::ComplexInList => "A list of one came in place of an object, such as the manager.",
            Self::ListAsSingle => "One value came in place of a list, such as emails.",
            Self::MemberAsText => "A member came as a bare id in place of an object.",
            Self::FilterAfterElement => {
                "A filter compared behind the brackets: emails[type eq \"work\"].value eq \"…\"."
            }
            Self::ShortExtensionName => "A filter named an extension's attribute without the extension's URN.",
            Self::UnknownAttribute => {
                "Attributes came that no schema has; they were left out. Correct the client's mapping if they matter."
            }
            Self::UnmappedExtension => "An extension came that nobody registered; it was kept as it was sent.",
            Self::UnknownSchema => {
                "\"schemas\" listed URNs that are no schemas of this resource type; they were passed over."
            }
            Self::Scim1Schema => "\"schemas\" listed the URN of SCIM 1.1; it was read as that of SCIM 2.0.",
            Self::MissingSchemas => "\"schemas\" was missing or did not name the resource's own schema.",
            Self::ExternalIdKept => "A PUT left externalId out; it kept its value.",
            Self::OwnIdInPatch => "A PATCH's value had the resource's own id; it was passed over.",
            Self::NoOperations => "A PATCH had no operations; it changed nothing.",
            Self::FilterInProjection => {
                "\"attributes\" or \"excludedAttributes\" had a filter in a name; the filter was passed over."
            }
            Self::UnknownMemberSkipped => {
                "Somebody was put into a group who is not in the directory; they were left out, as the directory's policy says."
            }
            Self::SimpleInList => "A PATCH wrote a text or boolean as a list of one object with a value.",
            Self::EndpointLetterCase => "The URL had an endpoint in other letter case, such as /users.",
        }
    }

    /// The stable name, for counters and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OperationLetterCase => "operation_letter_case",
            Self::BooleanAsText => "boolean_as_text",
            Self::BooleanLiteralAsText => "boolean_literal_as_text",
            Self::RemoveListedValues => "remove_listed_values",
            Self::ElementCreatedFromFilter => "element_created_from_filter",
            Self::DottedKey => "dotted_key",
            Self::UrnKey => "urn_key",
            Self::DotAfterUrn => "dot_after_urn",
            Self::ComplexAsText => "complex_as_text",
            Self::ComplexInList => "complex_in_list",
            Self::ListAsSingle => "list_as_single",
            Self::MemberAsText => "member_as_text",
            Self::FilterAfterElement => "filter_after_element",
            Self::ShortExtensionName => "short_extension_name",
            Self::UnknownAttribute => "unknown_attribute",
            Self::UnmappedExtension => "unmapped_extension",
            Self::UnknownSchema => "unknown_schema",
            Self::Scim1Schema => "scim1_schema",
            Self::MissingSchemas => "missing_schemas",
            Self::ExternalIdKept => "external_id_kept",
            Self::OwnIdInPatch => "own_id_in_patch",
            Self::NoOperations => "no_operations",
            Self::FilterInProjection => "filter_in_projection",
            Self::UnknownMemberSkipped => "unknown_member_skipped",
            Self::SimpleInList => "simple_in_list",
            Self::EndpointLetterCase => "endpoint_letter_case",
        }
    }
}

/// How many names are remembered, and how many bytes of each, so that a hostile body cannot fill the memory.
const NAMES: usize = 64;
const NAME_BYTES: usize = 128;

#[derive(Debug, Clone, Default)]
struct Counts {
    quirks: BTreeMap<Quirk, u32>,
    unmapped: BTreeMap<String, u32>,
}

/// What was counted up to some moment.
#[derive(Debug, Clone, Default)]
pub struct Counted(Counts);

/// Whether quirks are allowed, and which were used. A clone counts into the same place.
#[derive(Debug, Clone)]
pub struct Leniency {
    strict: bool,
    counts: Arc<Mutex<Counts>>,
}

impl Leniency {
    /// Quirks are allowed: the default of a directory.
    pub fn lenient() -> Self {
        Self { strict: false, counts: Arc::default() }
    }

    /// Quirks are errors.
    pub fn strict() -> Self {
        Self { strict: true, counts: Arc::default() }
    }

    /// Whether quirks are errors.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// The quirks used so far, and how often.
    pub fn used(&self) -> Vec<(Quirk, u32)> {
        self.counts().quirks.iter().map(|(quirk, count)| (*quirk, *count)).collect()
    }

    /// The names of attributes and extensions that were met and are in no schema, and how often. At most 64 names of
    /// at most 128 bytes.
    pub fn unmapped(&self) -> Vec<(String, u32)> {
        self.counts().unmapped.iter().map(|(name, count)| (name.clone(), *count)).collect()
    }

    /// Counts members that were left out by the directory's policy, as they are nobody.
    pub fn skipped_unknown_members(&self, times: usize) {
        if times > 0 {
            let mut counts = self.counts();
            let count = counts.quirks.entry(Quirk::UnknownMemberSkipped).or_default();
            *count = count.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
        }
    }

    /// What was counted so far.
    pub fn counted(&self) -> Counted {
        Counted(self.counts().clone())
    }

    /// Forgets what was counted since: for a step that is done again from its beginning.
    pub fn go_back_to(&self, counted: &Counted) {
        *self.counts() = counted.0.clone();
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counters stay right even if a thread died while it held them.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a quirk that strict directories allow too.
    fn note(&self, quirk: Quirk) {
        *self.counts().quirks.entry(quirk).or_default() += 1;
    }

    /// Counts a quirk that is met several times in one request once.
    fn note_once(&self, quirk: Quirk) {
        self.counts().quirks.entry(quirk).or_insert(1);
    }

    fn note_name(&self, name: &str) {
        let mut counts = self.counts();
        let known = counts.unmapped.len();
        let cut = name.floor_char_boundary(NAME_BYTES);
        match counts.unmapped.get_mut(&name[..cut]) {
            Some(count) => *count += 1,
            None if known < NAMES => {
                counts.unmapped.insert(name[..cut].to_owned(), 1);
            }
            None => {}
        }
    }

    /// Counts the quirk, or refuses it.
    fn allow(&self, quirk: Quirk, refusal: impl FnOnce() -> ScimError) -> Result<(), ScimError> {
        if self.strict {
            return Err(refusal());
        }
        self.note(quirk);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ScimType;

    fn refusal() -> ScimError {
        ScimError::bad_request(ScimType::InvalidValue, "no")
    }

    #[test]
    fn a_clone_counts_into_the_same_place() {
        let leniency = Leniency::lenient();
        leniency.clone().allow(Quirk::DottedKey, refusal).unwrap();
        leniency.allow(Quirk::DottedKey, refusal).unwrap();
        assert_eq!(leniency.used(), [(Quirk::DottedKey, 2)]);
    }

    #[test]
    fn a_step_that_is_done_again_is_counted_once() {
        let leniency = Leniency::lenient();
        leniency.allow(Quirk::UrnKey, refusal).unwrap();
        let before = leniency.counted();
        for _ in 0..3 {
            leniency.go_back_to(&before);
            leniency.allow(Quirk::DottedKey, refusal).unwrap();
            leniency.note_name("badge");
        }
        assert_eq!(leniency.used(), [(Quirk::DottedKey, 1), (Quirk::UrnKey, 1)]);
        assert_eq!(leniency.unmapped(), [("badge".to_owned(), 1)]);
    }

    #[test]
    fn a_strict_directory_refuses() {
        let leniency = Leniency::strict();
        assert_eq!(leniency.allow(Quirk::DottedKey, refusal), Err(refusal()));
        assert_eq!(leniency.used(), []);
    }

    #[test]
    fn every_quirk_is_listed_once_with_a_name_of_its_own() {
        let names: std::collections::BTreeSet<&str> = Quirk::ALL.iter().map(|quirk| quirk.as_str()).collect();
        assert_eq!(names.len(), Quirk::ALL.len());
        // The last of the enum is the last of the list: whoever adds one behind it is told here.
        assert_eq!(Quirk::ALL.len(), Quirk::EndpointLetterCase as usize + 1);
    }

    #[test]
    fn names_cannot_fill_the_memory() {
        let leniency = Leniency::lenient();
        for number in 0..1000 {
            leniency.note_name(&format!("{number}{}", "é".repeat(1000)));
        }
        assert_eq!(leniency.unmapped().len(), NAMES);
        assert!(leniency.unmapped().iter().all(|(name, _)| name.len() <= NAME_BYTES));
    }
}
