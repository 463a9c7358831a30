//! What a name means for a resource type.

use std::sync::Arc;

use crate::{
    error::ScimError,
    quirks::{Leniency, names},
    schema::{Attribute, ResourceType, Schema},
};

/// What a name was found to be.
#[derive(Debug)]
pub(crate) enum Named<'r, 't> {
    /// An attribute, with the name of a sub-attribute if one was written.
    Attribute {
        /// The extension that it belongs to; none for core and common attributes.
        extension: Option<&'r Arc<Schema>>,
        /// The attribute.
        attribute: &'r Arc<Attribute>,
        /// What was written after its dot, not looked up.
        sub: Option<&'t str>,
    },
    /// A whole extension.
    Extension(&'r Arc<Schema>),
    /// The resource type's main schema.
    Core,
    /// Something under a URN that the resource type does not have: the URN and what follows it.
    Unregistered(&'t str, Option<&'t str>),
    /// A name that no schema has.
    Unknown,
}

/// Looks `text` up: the core schema's and the extensions' URNs in any case, then plain names.
pub(crate) fn named<'r, 't>(
    resource_type: &'r ResourceType,
    text: &'t str,
    leniency: &Leniency,
) -> Result<Named<'r, 't>, ScimError> {
    if !text.contains(':') {
        return Ok(plain(None, |name| resource_type.attribute(name), text));
    }
    if let Some(rest) = after_urn(&resource_type.schema.id, text, leniency)? {
        return Ok(match rest {
            None => Named::Core,
            Some(rest) => plain(None, |name| resource_type.attribute(name), rest),
        });
    }
    for extension in &resource_type.extensions {
        let schema = &extension.schema;
        if let Some(rest) = after_urn(&schema.id, text, leniency)? {
            return Ok(match rest {
                None => Named::Extension(schema),
                Some(rest) => plain(Some(schema), |name| schema.attribute(name), rest),
            });
        }
    }
    Ok(unregistered(resource_type, text))
}

fn plain<'r, 't>(
    extension: Option<&'r Arc<Schema>>,
    find: impl Fn(&str) -> Option<&'r Arc<Attribute>>,
    text: &'t str,
) -> Named<'r, 't> {
    let (name, sub) = match text.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (text, None),
    };
    find(name).map_or(Named::Unknown, |attribute| Named::Attribute { extension, attribute, sub })
}

/// What stands after `urn` in `text`: `None` if it does not begin with it, `Some(None)` if nothing follows.
#[allow(clippy::option_option)] // the three outcomes are what the caller asks
fn after_urn<'t>(urn: &str, text: &'t str, leniency: &Leniency) -> Result<Option<Option<&'t str>>, ScimError> {
    let Some((head, tail)) = text.split_at_checked(urn.len()) else { return Ok(None) };
    if !head.eq_ignore_ascii_case(urn) {
        return Ok(None);
    }
    if tail.is_empty() {
        return Ok(Some(None));
    }
    if let Some(rest) = tail.strip_prefix(':') {
        return Ok(Some(Some(rest)));
    }
    let Some(rest) = tail.strip_prefix('.') else { return Ok(None) };
    names::dot_after_urn(text, leniency)?;
    Ok(Some(Some(rest)))
}

/// Extensions' URNs end with the resource type's name by convention; what follows that is the attribute. Without it
/// the last colon divides.
fn unregistered<'t>(resource_type: &ResourceType, text: &'t str) -> Named<'static, 't> {
    let (urn, last) = text.rsplit_once(':').unwrap_or((text, ""));
    if last.eq_ignore_ascii_case(&resource_type.name) {
        return Named::Unregistered(text, None);
    }
    if let Some((head, rest)) = last.split_once('.')
        && head.eq_ignore_ascii_case(&resource_type.name)
    {
        return Named::Unregistered(&text[..text.len() - rest.len() - 1], Some(rest));
    }
    Named::Unregistered(urn, Some(last))
}

/// Whether a URN is one of an extension, by its convention (RFC 7643 §10.3.1).
pub(crate) fn is_extension_urn(urn: &str) -> bool {
    let urn = urn.to_ascii_lowercase();
    urn.starts_with("urn:") && urn.contains(":extension:")
}
