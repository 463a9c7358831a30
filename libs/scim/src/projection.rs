//! Which attributes an answer shows: `attributes`, `excludedAttributes` and `returned` (RFC 7644 §3.9).

use serde_json::{Map, Value};

use crate::{
    error::ScimError,
    quirks::{Leniency, names},
    schema::{Attribute, ResourceType, Returned},
};

/// An attribute or sub-attribute that a client named: the URN of its extension, its name, its sub-attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Selector {
    urn: Option<String>,
    /// None for a whole extension.
    name: Option<String>,
    sub: Option<String>,
}

/// What a client asked to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    attributes: Option<Vec<Selector>>,
    excluded: Vec<Selector>,
    /// Attributes that are not `returned: default`.
    special: Vec<(Selector, Returned)>,
}

impl Projection {
    /// Reads the two query parameters: names divided by commas, in any case, with URNs and sub-attributes. Names that
    /// no schema has are passed over.
    ///
    /// # Errors
    /// 400 `invalidPath` for strict clients if a filter stands in it or a dot after a URN.
    pub fn parse(
        resource_type: &ResourceType,
        attributes: Option<&str>,
        excluded: Option<&str>,
        leniency: &Leniency,
    ) -> Result<Self, ScimError> {
        Self::from_lists(resource_type, attributes.map(split).as_deref(), excluded.map(split).as_deref(), leniency)
    }

    /// The same from lists, as a search request has them.
    ///
    /// # Errors
    /// As [`Projection::parse`].
    pub fn from_lists<S: AsRef<str>>(
        resource_type: &ResourceType,
        attributes: Option<&[S]>,
        excluded: Option<&[S]>,
        leniency: &Leniency,
    ) -> Result<Self, ScimError> {
        let read = |names: &[S]| -> Result<Vec<Selector>, ScimError> {
            let names = names.iter().map(|name| name.as_ref().trim()).filter(|name| !name.is_empty());
            names.map(|name| Selector::parse(resource_type, name, leniency)).collect()
        };
        // An empty parameter says nothing.
        let attributes = attributes.map(read).transpose()?.filter(|selectors| !selectors.is_empty());
        let excluded = excluded.map(read).transpose()?.unwrap_or_default();
        Ok(Self { attributes, excluded, special: special(resource_type) })
    }

    /// Everything that is returned by default.
    pub fn all(resource_type: &ResourceType) -> Self {
        Self { attributes: None, excluded: Vec::new(), special: special(resource_type) }
    }

    /// Whether the client named anything.
    pub fn is_default(&self) -> bool {
        self.attributes.is_none() && self.excluded.is_empty()
    }

    /// Whether the answer shows any of the core attribute `name`, so that what is not shown need not be read.
    pub fn wants(&self, resource_type: &ResourceType, name: &str) -> bool {
        resource_type.attribute(name).is_some() && self.shows(None, name)
    }

    /// Removes what is not to be shown from a full representation.
    pub fn apply(&self, resource: &mut Map<String, Value>) {
        let names: Vec<String> = resource.keys().cloned().collect();
        for name in names {
            let shown = match resource.get_mut(&name) {
                Some(Value::Object(block)) if name.contains(':') => {
                    block.retain(|attribute, value| {
                        self.shows(Some(&name), attribute) && self.trim(Some(&name), attribute, value)
                    });
                    !block.is_empty()
                }
                Some(value) => self.shows(None, &name) && self.trim(None, &name, value),
                None => true,
            };
            if !shown {
                resource.shift_remove(&name);
            }
        }
    }

    fn returned(&self, urn: Option<&str>, name: &str, sub: Option<&str>) -> Returned {
        let rule =
            self.special.iter().find(|(selector, _)| selector.is(urn, name) && same(selector.sub.as_deref(), sub));
        rule.map_or(Returned::Default, |(_, returned)| *returned)
    }

    /// Whether an attribute is shown, as a whole or in part.
    fn shows(&self, urn: Option<&str>, name: &str) -> bool {
        let excluded = self.excluded.iter().any(|selector| selector.sub.is_none() && selector.covers(urn, name));
        match (self.returned(urn, name, None), &self.attributes) {
            (Returned::Always, _) => true,
            (Returned::Never, _) => false,
            (Returned::Request, None) => false,
            (Returned::Default, None) => !excluded,
            (_, Some(selectors)) => !excluded && selectors.iter().any(|selector| selector.covers(urn, name)),
        }
    }

    /// Removes sub-attributes; whether anything is left.
    fn trim(&self, urn: Option<&str>, name: &str, value: &mut Value) -> bool {
        match value {
            Value::Array(items) => {
                let any = !items.is_empty();
                items.retain_mut(|item| self.trim(urn, name, item));
                !any || !items.is_empty()
            }
            Value::Object(parts) => {
                parts.retain(|sub, _| self.shows_sub(urn, name, sub));
                !parts.is_empty()
            }
            _ => true,
        }
    }

    fn shows_sub(&self, urn: Option<&str>, name: &str, sub: &str) -> bool {
        let named = |selector: &Selector| selector.is(urn, name) && same(selector.sub.as_deref(), Some(sub));
        let excluded = self.excluded.iter().any(named);
        match (self.returned(urn, name, Some(sub)), &self.attributes) {
            (Returned::Always, _) => true,
            (Returned::Never, _) => false,
            (Returned::Request, None) => false,
            (Returned::Request, Some(selectors)) => !excluded && selectors.iter().any(named),
            (Returned::Default, None) => !excluded,
            (Returned::Default, Some(selectors)) => {
                let whole = |selector: &Selector| selector.sub.is_none() && selector.covers(urn, name);
                // Attributes that are always there are shown whole unless a part of them was asked for.
                let unasked = !selectors.iter().any(|selector| selector.covers(urn, name));
                !excluded && (unasked || selectors.iter().any(|selector| whole(selector) || named(selector)))
            }
        }
    }
}

fn same(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    }
}

impl Selector {
    fn parse(resource_type: &ResourceType, text: &str, leniency: &Leniency) -> Result<Self, ScimError> {
        use crate::path::{Named, named};

        let name = match text.split_once('[') {
            Some((name, rest)) => {
                names::filter_in_projection(text, leniency)?;
                let sub = rest.rsplit_once("].").map(|(_, sub)| sub);
                sub.map_or_else(|| name.to_owned(), |sub| format!("{name}.{sub}"))
            }
            None => text.to_owned(),
        };
        let split = |text: &str| match text.split_once('.') {
            Some((name, sub)) => (Some(name.to_owned()), Some(sub.to_owned())),
            None => (Some(text.to_owned()), None),
        };
        let found = match named(resource_type, &name, leniency)? {
            Named::Attribute { extension, attribute, sub } => Self {
                urn: extension.map(|schema| schema.id.clone()),
                name: Some(attribute.name.clone()),
                sub: sub.map(str::to_owned),
            },
            Named::Extension(schema) => Self { urn: Some(schema.id.clone()), name: None, sub: None },
            Named::Core => Self { urn: None, name: None, sub: None },
            Named::Unregistered(urn, attribute) => {
                let (name, sub) = attribute.map_or((None, None), split);
                Self { urn: Some(urn.to_owned()), name, sub }
            }
            Named::Unknown => {
                let (name, sub) = split(&name);
                let short = resource_type.extensions.iter().find_map(|extension| {
                    let attribute = extension.schema.attribute(name.as_deref()?)?;
                    Some((extension.schema.id.clone(), attribute.name.clone()))
                });
                match short {
                    Some((urn, attribute)) if names::short_extension_name(&urn, &attribute, leniency).is_ok() => {
                        Self { urn: Some(urn), name: Some(attribute), sub }
                    }
                    _ => Self { urn: None, name, sub },
                }
            }
        };
        Ok(found)
    }

    /// Whether it names this attribute, or a part of it.
    fn is(&self, urn: Option<&str>, name: &str) -> bool {
        same(self.urn.as_deref(), urn) && same(self.name.as_deref(), Some(name))
    }

    /// Whether it names this attribute, a part of it, or its whole schema.
    fn covers(&self, urn: Option<&str>, name: &str) -> bool {
        same(self.urn.as_deref(), urn) && self.name.as_deref().is_none_or(|own| own.eq_ignore_ascii_case(name))
    }
}

fn special(resource_type: &ResourceType) -> Vec<(Selector, Returned)> {
    let core = resource_type.common.iter().chain(&resource_type.schema.attributes).map(|attribute| (None, attribute));
    let extensions = resource_type.extensions.iter().flat_map(|extension| {
        extension.schema.attributes.iter().map(move |attribute| (Some(extension.schema.id.as_str()), attribute))
    });
    let mut found = Vec::new();
    for (urn, attribute) in core.chain(extensions) {
        let mut add = |part: &Attribute, sub: Option<&Attribute>| {
            if part.returned != Returned::Default {
                let selector = Selector {
                    urn: urn.map(str::to_owned),
                    name: Some(attribute.name.clone()),
                    sub: sub.map(|sub| sub.name.clone()),
                };
                found.push((selector, part.returned));
            }
        };
        add(attribute, None);
        for sub in &attribute.sub_attributes {
            add(sub, Some(sub));
        }
    }
    found
}

/// Divides at commas that are not inside brackets or quotation marks.
fn split(text: &str) -> Vec<String> {
    let (mut quoted, mut depth) = (false, 0_u32);
    let divides = |c: char| {
        match c {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && !quoted && depth == 0
    };
    text.split(divides).map(str::to_owned).collect()
}
