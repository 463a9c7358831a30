//! What a list is asked with.

use rollcall_scim::{Projection, ScimError, ScimType, messages::SearchRequest, schema::ResourceType};

use crate::Call;

/// The query parameters of a list, also of `/.search`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListRequest {
    pub(crate) filter: Option<String>,
    pub(crate) sort_by: Option<String>,
    pub(crate) descending: bool,
    pub(crate) start_index: Option<i64>,
    pub(crate) count: Option<i64>,
    pub(crate) cursor: Option<String>,
    pub(crate) attributes: Option<Vec<String>>,
    pub(crate) excluded_attributes: Option<Vec<String>>,
}

impl ListRequest {
    /// From decoded name–value pairs. Names in any case (some clients send `startindex`); others are ignored, among
    /// them Entra's `aadOptscim062020`.
    pub(crate) fn from_parameters(parameters: &[(String, String)]) -> Result<Self, ScimError> {
        let mut request = Self::default();
        for (name, value) in parameters {
            match name.to_ascii_lowercase().as_str() {
                // Of two filters one would be passed over, and the client take everybody for what fits.
                "filter" if request.filter.is_some() => {
                    return Err(ScimError::bad_request(
                        ScimType::InvalidFilter,
                        "The parameter filter is there twice. Join the two with \"and\".",
                    ));
                }
                "filter" => request.filter = Some(value.clone()),
                "sortby" => request.sort_by = Some(value.clone()).filter(|text| !text.is_empty()),
                "sortorder" => request.descending = descending(value)?,
                "startindex" => request.start_index = number("startIndex", value)?,
                "count" => request.count = number("count", value)?,
                "cursor" => request.cursor = Some(value.clone()),
                "attributes" => request.attributes = Some(names(value)),
                "excludedattributes" => request.excluded_attributes = Some(names(value)),
                _ => {}
            }
        }
        Ok(request)
    }

    /// What of a resource the client wants to see.
    pub(crate) fn projection(&self, call: &Call, kind: &ResourceType) -> Result<Projection, ScimError> {
        let (attributes, excluded) = (self.attributes.as_deref(), self.excluded_attributes.as_deref());
        Projection::from_lists(kind, attributes, excluded, &call.leniency)
    }
}

impl From<SearchRequest> for ListRequest {
    fn from(search: SearchRequest) -> Self {
        Self {
            filter: search.filter,
            sort_by: search.sort_by.filter(|text| !text.is_empty()),
            descending: search.descending,
            start_index: search.start_index,
            count: search.count,
            cursor: search.cursor,
            attributes: search.attributes,
            excluded_attributes: search.excluded_attributes,
        }
    }
}

fn names(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Nothing means what leaving the parameter out means: that is how forms are sent whose field is empty.
fn number(name: &str, value: &str) -> Result<Option<i64>, ScimError> {
    if value.trim().is_empty() {
        return Ok(None);
    }
    value.trim().parse().map(Some).map_err(|_| {
        ScimError::bad_request(ScimType::InvalidValue, format!("The parameter {name} takes a whole number."))
    })
}

fn descending(value: &str) -> Result<bool, ScimError> {
    match value.to_ascii_lowercase().as_str() {
        "ascending" | "" => Ok(false),
        "descending" => Ok(true),
        _ => Err(ScimError::bad_request(
            ScimType::InvalidValue,
            "The parameter sortOrder is \"ascending\" or \"descending\".",
        )),
    }
}
